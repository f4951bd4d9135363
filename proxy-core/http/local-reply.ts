import { grpcStatusOfHttp, isGrpcContentType } from '../base/grpc.ts';
import { type HeaderList, headerValue, removeHeader, setHeader } from '../base/headers.ts';
import type { RequestHead, ResponseHead } from '../base/stream-info.ts';
import type { ReplyDraft } from './local-reply-config.ts';

const PLAIN_TEXT = 'text/plain';

/** What a local reply is made of before the connection manager adds its own headers. */
export interface LocalReply {
  readonly head: ResponseHead;
  /** Bytes to send, empty for HEAD, gRPC and empty bodies. */
  readonly body: string;
}

/** `application/grpc` and `application/grpc+…`. */
export function isGrpcRequest(head: RequestHead | null): boolean {
  if (head === null) return false;
  return isGrpcContentType(headerValue(head.headers, 'content-type'));
}

/** Percent-encoding of `grpc-message` (gRPC over HTTP/2 specification): printable ASCII but `%` stays. `text` is latin1. */
export function grpcMessage(text: string): string {
  let result = '';
  for (const byte of Buffer.from(text, 'latin1')) {
    result +=
      byte >= 32 && byte <= 126 && byte !== 37
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return result;
}

/**
 * Envoy: Http::Utility::prepareLocalReply. `extra` headers come first, and a content type among them stays; gRPC
 * requests get the status in headers instead of a body. `body` is latin1. Takes `extra` over. `rewrite`: the
 * configuration's say (`local_reply_config`).
 */
export function localReply(
  request: RequestHead | null,
  status: number,
  body: string,
  extra: HeaderList | null,
  grpcStatus: number | null,
  rewrite: ((draft: ReplyDraft) => void) | null = null,
): LocalReply {
  const headers: HeaderList = extra ?? [];
  const draft: ReplyDraft = { status, body, contentType: PLAIN_TEXT, headers };
  rewrite?.(draft);
  return finishReply(request, draft, grpcStatus);
}

function finishReply(
  request: RequestHead | null,
  { status, body, contentType, headers }: ReplyDraft,
  grpcStatus: number | null,
): LocalReply {
  if (isGrpcRequest(request)) {
    setHeader(headers, 'content-type', 'application/grpc');
    if (headerValue(headers, 'grpc-status') === undefined) {
      headers.push('grpc-status', String(grpcStatus ?? grpcStatusOfHttp(status)));
    }
    if (body !== '') headers.push('grpc-message', grpcMessage(body.replace(/\n$/, '')));
    removeHeader(headers, 'content-length');
    return { head: { status: 200, headers }, body: '' };
  }
  if (body === '') {
    removeHeader(headers, 'content-length');
    removeHeader(headers, 'content-type');
  } else {
    setHeader(headers, 'content-length', String(body.length));
    // A content type among the headers stays unless a format has one of its own.
    if (contentType !== PLAIN_TEXT || headerValue(headers, 'content-type') === undefined) {
      setHeader(headers, 'content-type', contentType);
    }
  }
  return { head: { status, headers }, body: request?.method === 'HEAD' ? '' : body };
}
