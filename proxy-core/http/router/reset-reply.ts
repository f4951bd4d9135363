import { assertNever } from '../../base/errors.ts';
import type { ResponseFlag } from '../../base/stream-info.ts';
import type { ResetReason } from '../codec/codec.ts';

export interface ResetReply {
  readonly status: number;
  readonly body: string;
  readonly flag: ResponseFlag;
  /** The part between braces of the response code details. */
  readonly detail: string;
}

/** What a client is told when an upstream request died before its response (reference section 18). */
export function resetReply(reason: ResetReason, transportDetail: string, retried: boolean): ResetReply {
  const words = resetWords(reason);
  const start = retried
    ? 'upstream connect error or disconnect/reset before headers. retried and the latest reset reason: '
    : 'upstream connect error or disconnect/reset before headers. reset reason: ';
  const transport = transportDetail === '' ? '' : `, transport failure reason: ${transportDetail}`;
  const detail = `${words}${transportDetail === '' ? '' : `|${transportDetail}`}`.replaceAll(' ', '_');
  return {
    status: reason === 'protocol-error' ? 502 : 503,
    body: `${start}${words}${transport}`,
    flag: resetFlag(reason),
    detail,
  };
}

/** Envoy: Http::Utility::resetReasonToString. */
export function resetWords(reason: ResetReason): string {
  switch (reason) {
    case 'local-reset':
      return 'local reset';
    case 'local-refused-stream':
      return 'local refused stream reset';
    case 'remote-reset':
      return 'remote reset';
    case 'remote-refused-stream':
      return 'remote refused stream reset';
    case 'connection-failure':
      return 'remote connection failure';
    case 'connection-timeout':
      return 'connection timeout';
    case 'connection-termination':
      return 'connection termination';
    case 'overflow':
      return 'overflow';
    case 'protocol-error':
      return 'protocol error';
    default:
      return assertNever(reason);
  }
}

function resetFlag(reason: ResetReason): ResponseFlag {
  switch (reason) {
    case 'local-reset':
    case 'local-refused-stream':
      return 'LR';
    case 'remote-reset':
    case 'remote-refused-stream':
      return 'UR';
    case 'connection-failure':
    case 'connection-timeout':
      return 'UF';
    case 'connection-termination':
      return 'UC';
    case 'overflow':
      return 'UO';
    case 'protocol-error':
      return 'UPE';
    default:
      return assertNever(reason);
  }
}
