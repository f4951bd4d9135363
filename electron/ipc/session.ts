/** What a transport needs of the app, and what the app needs of a transport. Transports know nothing else. */
import type { CallError, CallName, Calls } from './contract.ts';
import { checkCall } from './payloads.ts';
import type { EventMessage } from './wire.ts';

/** One window or one browser tab, as the app sees it. */
export interface ClientPort {
  /** Sends a push; never throws, a port that is gone swallows it. */
  send(message: EventMessage): void;
  /** True while what was sent piles up: the app then holds back and sends only the newest of each kind later. */
  congested(): boolean;
}

/** The app's side of one client. Lives until the transport closes it. */
export interface AppSession {
  call<N extends CallName>(name: N, args: Calls[N]['args']): Promise<Calls[N]['result']>;
  close(): void;
}

export interface AppServer {
  connect(port: ClientPort): AppSession;
}

export type Answer = { readonly result: unknown } | { readonly error: CallError };

/** Checks a call that arrived, runs it, and turns whatever happens into an answer. Never rejects. */
export async function answerCall(session: AppSession, name: unknown, args: unknown): Promise<Answer> {
  const checked = checkCall(name, args);
  if ('error' in checked) return checked;
  try {
    return { result: await session.call(checked.call.name, checked.call.args) };
  } catch (error) {
    return { error: callErrorOf(error) };
  }
}

/** Errors of the project carry a stable `code`; so do the system's (`EACCES`). */
export function callErrorOf(error: unknown): CallError {
  if (!(error instanceof Error)) return { code: 'internal', message: String(error) };
  const code = (error as { code?: unknown }).code;
  return { code: typeof code === 'string' ? code : 'internal', message: error.message };
}
