import { type HeaderList, headerValue } from '../../base/headers.ts';
import type { RequestHead, ResponseHead, StreamInfo } from '../../base/stream-info.ts';
import type { FormatError, Operator, OperatorDefinition } from './operator.ts';
import { plain } from './operator.ts';

/** A header of a request as Envoy's header map gives it: pseudo-headers and Host are fields of the head. */
export function requestHeader(head: RequestHead, name: string): string | undefined {
  switch (name) {
    case ':path':
      return head.path === '' ? undefined : head.path;
    case ':method':
      return head.method;
    case ':authority':
    case 'host':
      return head.withoutAuthority === true ? undefined : head.authority;
    case ':scheme':
      return head.scheme === '' ? undefined : head.scheme;
    case ':protocol':
      return head.protocol === '' ? undefined : head.protocol;
    default:
      return headerValue(head.headers, name);
  }
}

export function responseHeader(head: ResponseHead, name: string): string | undefined {
  return name === ':status' ? String(head.status) : headerValue(head.headers, name);
}

interface HeaderNames {
  readonly main: string;
  /** Empty when there is none. */
  readonly alternative: string;
}

/** `A` or `A?B`, in lower case. */
function headerNames(args: string): HeaderNames | FormatError {
  const parts = args.split('?');
  if (parts.length > 2) return { error: `More than 1 alternative header specified in token: ${args}` };
  return { main: (parts[0] as string).toLowerCase(), alternative: (parts[1] ?? '').toLowerCase() };
}

function headerOperator(
  name: string,
  read: (info: StreamInfo, header: string) => string | undefined,
): OperatorDefinition {
  return {
    args: 'required',
    length: true,
    compile: (args): Operator | FormatError => {
      if (args === '') return { error: `${name} requires parameters` };
      const names = headerNames(args);
      if ('error' in names) return names;
      const { main, alternative } = names;
      if (alternative === '') return (info) => read(info, main) ?? null;
      return (info) => read(info, main) ?? read(info, alternative) ?? null;
    },
  };
}

const fromRequest = (info: StreamInfo, name: string): string | undefined =>
  info.requestHead === null ? undefined : requestHeader(info.requestHead, name);
const fromResponse = (info: StreamInfo, name: string): string | undefined =>
  info.responseHead === null ? undefined : responseHeader(info.responseHead, name);
const fromTrailers = (info: StreamInfo, name: string): string | undefined =>
  info.responseTrailers === null ? undefined : headerValue(info.responseTrailers, name);

function listBytes(headers: HeaderList): number {
  let bytes = 0;
  for (const text of headers) bytes += text.length;
  return bytes;
}

function requestBytes(head: RequestHead): number {
  let bytes = listBytes(head.headers);
  if (head.authority !== '') bytes += 10 + head.authority.length;
  if (head.path !== '') bytes += 5 + head.path.length;
  if (head.method !== '') bytes += 7 + head.method.length;
  if (head.scheme !== '') bytes += 7 + head.scheme.length;
  if (head.protocol !== '') bytes += 9 + head.protocol.length;
  return bytes;
}

export const HEADER_OPERATORS: Readonly<Record<string, OperatorDefinition>> = {
  REQ: headerOperator('REQ', fromRequest),
  RESP: headerOperator('RESP', fromResponse),
  TRAILER: headerOperator('TRAILER', fromTrailers),
  REQUEST_HEADERS_BYTES: plain((info) => (info.requestHead === null ? 0 : requestBytes(info.requestHead))),
  RESPONSE_HEADERS_BYTES: plain((info) =>
    info.responseHead === null ? 0 : listBytes(info.responseHead.headers) + 10,
  ),
  RESPONSE_TRAILERS_BYTES: plain((info) =>
    info.responseTrailers === null ? 0 : listBytes(info.responseTrailers),
  ),
};
