/**
 * How the contract travels. Both transports carry these messages: the WebSocket as JSON text, Electron IPC as cloned
 * values. In the desktop app the preload script offers an `AppClient` as `window.attache`; in a browser that is
 * absent, and the page opens `ws://<its own host>/ws?token=<token>`.
 */
import type { CallError, CallName, EventName, Events } from './contract.ts';

/** Where the headless server takes WebSockets. */
export const SOCKET_PATH = '/ws';

/**
 * The page is opened as `http://127.0.0.1:PORT/#token=…`; it keeps the token in sessionStorage under this name, removes
 * it from the address bar and sends it as the query parameter of this name when it opens the WebSocket.
 */
export const TOKEN_PARAMETER = 'token';

/** WebSocket close code when the token is missing or wrong: trying again is of no use. */
export const CLOSE_BAD_TOKEN = 4401;

/** Client to app. Ids are the client's own, each used once. */
export interface CallMessage {
  readonly id: number;
  readonly call: CallName;
  /** Absent when the call takes none. */
  readonly args?: unknown;
}

/** App to client: the answer of a call. `result` is absent for calls that answer nothing. */
export type AnswerMessage =
  | { readonly id: number; readonly result?: unknown; readonly error?: undefined }
  /** The client rejects its promise with exactly this plain object (an Error would lose `code` on the way). */
  | { readonly id: number; readonly error: CallError };

/** App to client: a push. */
export type EventMessage = {
  readonly [N in EventName]: { readonly event: N; readonly payload: Events[N] };
}[EventName];

export type ServerMessage = AnswerMessage | EventMessage;
