import type { CallError } from '../../electron/ipc/contract.ts';

/** A call that the app refused or that could not reach it. `code` is stable, `message` is for people. */
export class CallFailed extends Error {
  readonly code: string;

  constructor(error: CallError) {
    super(error.message);
    this.name = 'CallFailed';
    this.code = error.code;
  }
}

/** Whatever a transport threw, as one kind of error. */
export function asCallFailed(error: unknown): CallFailed {
  if (error instanceof CallFailed) return error;
  if (typeof error === 'object' && error !== null && 'message' in error) {
    const code = 'code' in error && typeof error.code === 'string' ? error.code : 'transport.failed';
    return new CallFailed({ code, message: String(error.message) });
  }
  return new CallFailed({ code: 'transport.failed', message: String(error) });
}

/** What to tell people about a failure. */
export function failureText(error: unknown): string {
  return asCallFailed(error).message;
}
