import type { AppClient } from '../../electron/ipc/contract.ts';
import { asCallFailed } from './call-failed.ts';

declare global {
  interface Window {
    /** Put there by the preload of the desktop app. */
    readonly attache?: AppClient;
  }
}

/** The desktop transport: the bridge as it is, with failures in one shape. */
export function createBridgeClient(bridge: AppClient): AppClient {
  return {
    call: async (name, args) => {
      try {
        return await bridge.call(name, args);
      } catch (error) {
        throw asCallFailed(error);
      }
    },
    on: (name, listener) => bridge.on(name, listener),
    onConnection: (listener) => bridge.onConnection(listener),
  };
}
