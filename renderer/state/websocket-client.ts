import type {
  AppClient,
  CallError,
  CallName,
  Calls,
  EventName,
  Events,
} from '../../electron/ipc/contract.ts';
import { CallFailed } from './call-failed.ts';

/** The app refused the token (electron/ipc/wire.ts): trying again is of no use. */
const CLOSE_BAD_TOKEN = 4401;

/** The part of WebSocket that is used, so that tests can hand in their own. */
export interface SocketLike {
  send(data: string): void;
  close(): void;
  onopen: (() => void) | null;
  onclose: ((event: { readonly code: number }) => void) | null;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
}

export interface WebSocketClientOptions {
  readonly open: () => SocketLike;
  /** Milliseconds before each try again; the last one repeats. */
  readonly backoff?: readonly number[];
  /** Called once when the app says that the token of this page is not (or no longer) valid. */
  readonly onRefused?: () => void;
  readonly setTimeout?: (run: () => void, milliseconds: number) => void;
}

interface Pending {
  readonly frame: string;
  readonly resolve: (value: never) => void;
  readonly reject: (error: CallFailed) => void;
  sent: boolean;
}

const BACKOFF = [250, 500, 1000, 2000, 4000];

/**
 * The browser transport: JSON frames `{id, call, args}`, answered by `{id, result}` or `{id, error}`, and pushed
 * `{event, payload}`. Calls made while the socket is away wait for it; calls that were under way are refused with
 * `transport.lost`, because nobody knows whether they took effect.
 */
export function createWebSocketClient(options: WebSocketClientOptions): AppClient {
  const backoff = options.backoff ?? BACKOFF;
  const later = options.setTimeout ?? ((run, milliseconds) => void setTimeout(run, milliseconds));
  const pending = new Map<number, Pending>();
  const listeners = new Map<string, Set<(payload: never) => void>>();
  const connectionListeners = new Set<(connected: boolean) => void>();
  let socket: SocketLike | null = null;
  let open = false;
  let nextId = 1;
  let failures = 0;

  function connect(): void {
    const current = options.open();
    socket = current;
    current.onopen = () => {
      open = true;
      failures = 0;
      for (const call of pending.values()) send(call);
      announce(true);
    };
    current.onmessage = (event) => {
      if (typeof event.data === 'string') receive(event.data);
    };
    current.onclose = (event) => {
      if (socket !== current) return;
      socket = null;
      if (event.code === CLOSE_BAD_TOKEN) {
        open = false;
        refuseSent();
        options.onRefused?.();
        return;
      }
      if (open) {
        open = false;
        refuseSent();
        announce(false);
      } else if (failures === 0) {
        announce(false);
      }
      const delay = backoff[Math.min(failures, backoff.length - 1)] ?? 1000;
      failures += 1;
      later(connect, delay);
    };
  }

  function send(call: Pending): void {
    if (!open || socket === null || call.sent) return;
    call.sent = true;
    socket.send(call.frame);
  }

  function refuseSent(): void {
    for (const [id, call] of pending) {
      if (!call.sent) continue;
      pending.delete(id);
      call.reject(new CallFailed({ code: 'transport.lost', message: 'The connection to Attaché was lost.' }));
    }
  }

  function receive(text: string): void {
    const frame = JSON.parse(text) as Partial<{
      id: number;
      result: unknown;
      error: CallError;
      event: string;
      payload: unknown;
    }>;
    if (frame.event !== undefined) {
      for (const listener of listeners.get(frame.event) ?? []) listener(frame.payload as never);
      return;
    }
    const call = frame.id === undefined ? undefined : pending.get(frame.id);
    if (call === undefined || frame.id === undefined) return;
    pending.delete(frame.id);
    if (frame.error !== undefined) call.reject(new CallFailed(frame.error));
    else call.resolve(frame.result as never);
  }

  function announce(connected: boolean): void {
    for (const listener of connectionListeners) listener(connected);
  }

  connect();

  return {
    call<N extends CallName>(name: N, args: Calls[N]['args']): Promise<Calls[N]['result']> {
      return new Promise<Calls[N]['result']>((resolve, reject) => {
        const id = nextId++;
        const call: Pending = {
          frame: JSON.stringify({ id, call: name, args }),
          resolve,
          reject,
          sent: false,
        };
        pending.set(id, call);
        send(call);
      });
    },
    on<N extends EventName>(name: N, listener: (payload: Events[N]) => void): () => void {
      const set = listeners.get(name) ?? new Set();
      listeners.set(name, set);
      set.add(listener as (payload: never) => void);
      return () => set.delete(listener as (payload: never) => void);
    },
    onConnection(listener) {
      connectionListeners.add(listener);
      return () => connectionListeners.delete(listener);
    },
  };
}

const TOKEN_KEY = 'attache-token';

/**
 * The token of this page: `?token=` or `#token=` of the address, which is then cleaned so that it does not stay in
 * the history; afterwards from sessionStorage, so that a reload keeps working.
 */
export function takeToken(location: Location, history: History, storage: Storage): string {
  const query = new URLSearchParams(location.search);
  const hash = new URLSearchParams(location.hash.replace(/^#\/?\??/, ''));
  const token = query.get('token') ?? hash.get('token');
  if (token === null) return storage.getItem(TOKEN_KEY) ?? '';
  storage.setItem(TOKEN_KEY, token);
  query.delete('token');
  const search = query.toString();
  const rest = hash.has('token') ? '' : location.hash;
  history.replaceState(null, '', `${location.pathname}${search === '' ? '' : `?${search}`}${rest}`);
  return token;
}

export function createBrowserClient(onRefused: () => void): AppClient {
  const token = takeToken(window.location, window.history, window.sessionStorage);
  const url = new URL('ws', window.location.href.replace(/[?#].*$/, '').replace(/[^/]*$/, ''));
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  url.searchParams.set('token', token);
  return createWebSocketClient({ open: () => new WebSocket(url) as SocketLike, onRefused });
}
