import type { AppClient } from '../../electron/ipc/contract.ts';
import { createBridgeClient } from './bridge-client.ts';
import { createBrowserClient } from './websocket-client.ts';

let current: AppClient | null = null;

/** The one client of this window. Set once by main.tsx (or a test) before anything renders. */
export function setClient(client: AppClient): void {
  current = client;
}

export function getClient(): AppClient {
  if (current === null) throw new Error('setClient comes first');
  return current;
}

/** `onRefused` is called when the app does not take the token of this page. */
export function createClient(onRefused: () => void): AppClient {
  return window.attache === undefined ? createBrowserClient(onRefused) : createBridgeClient(window.attache);
}
