import { type HeaderList, headerValue } from '../base/headers.ts';
import type { RequestHead, ResponseHead } from '../base/stream-info.ts';

/** What a local reply is made of before the connection manager adds its own headers. */
export interface LocalReply {
  readonly head: ResponseHead;
  /** Bytes to send, empty for HEAD, gRPC and empty bodies. */
  readonly body: string;
}

/** HTTP status → gRPC status (Envoy: Grpc::Utility::httpToGrpcStatus). */
export function grpcStatusOf(status: number): number {
  switch (status) {
    case 400:
      return 13;
    case 401:
      return 16;
    case 403:
      return 7;
    case 404:
      return 12;
    case 429:
    case 502:
    case 503:
    case 504:
      return 14;
    default:
      return 2;
  }
}

/** `application/grpc` and `application/grpc+…`. */
export function isGrpcRequest(head: RequestHead | null): boolean {
  if (head === null) return false;
  const type = headerValue(head.headers, 'content-type');
  return (
    type?.startsWith('application/grpc') === true &&
    (type.length === 16 || type.charCodeAt(16) === 43) /* + */
  );
}

/** Percent-encoding of `grpc-message` (gRPC over HTTP/2 specification): printable ASCII but `%` stays. */
export function grpcMessage(text: string): string {
  let result = '';
  for (const byte of Buffer.from(text, 'utf8')) {
    result +=
      byte >= 32 && byte <= 126 && byte !== 37
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return result;
}

/**
 * Envoy: Http::Utility::prepareLocalReply. `extra` headers come behind content-length and content-type; gRPC requests
 * get the status in headers instead of a body. `body` is latin1.
 */
export function localReply(
  request: RequestHead | null,
  status: number,
  body: string,
  extra: HeaderList | null,
  grpcStatus: number | null,
): LocalReply {
  if (isGrpcRequest(request)) {
    const headers: HeaderList = [
      'content-type',
      'application/grpc',
      'grpc-status',
      String(grpcStatus ?? grpcStatusOf(status)),
    ];
    if (body !== '') headers.push('grpc-message', grpcMessage(body));
    if (extra !== null) headers.push(...extra);
    return { head: { status: 200, headers }, body: '' };
  }
  const headers: HeaderList =
    body === '' ? [] : ['content-length', String(body.length), 'content-type', 'text/plain'];
  if (extra !== null) headers.push(...extra);
  return { head: { status, headers }, body: request?.method === 'HEAD' ? '' : body };
}
