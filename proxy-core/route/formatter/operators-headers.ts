import { type HeaderList, headerValue } from '../../base/headers.ts';
import type { RequestHead, ResponseHead, StreamInfo } from '../../base/stream-info.ts';
import { queryParameter } from '../query-matcher.ts';
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

function withoutQuery(text: string | undefined): string | undefined {
  const question = text?.indexOf('?') ?? -1;
  return question < 0 ? text : text?.slice(0, question);
}

/** `%REQ_WITHOUT_QUERY(…)%` is there only with its formatter extension. */
const REQ_WITHOUT_QUERY: OperatorDefinition = {
  args: 'required',
  length: true,
  compile: (args, options) => {
    if (options.extensions?.has('req_without_query') !== true) {
      return { error: 'Not supported field in StreamInfo: REQ_WITHOUT_QUERY' };
    }
    const names = headerNames(args);
    if ('error' in names) return names;
    const { main, alternative } = names;
    return (info) => {
      const value =
        fromRequest(info, main) ?? (alternative === '' ? undefined : fromRequest(info, alternative));
      return withoutQuery(value) ?? null;
    };
  },
};

type PathSource = 'ORIG' | 'PATH' | 'ORIG_OR_PATH';

function pathOf(info: StreamInfo, source: PathSource): string | undefined {
  const original = source === 'PATH' ? undefined : fromRequest(info, 'x-envoy-original-path');
  return original ?? (source === 'ORIG' ? undefined : fromRequest(info, ':path'));
}

/** `%PATH(WQ|NQ:ORIG|PATH|ORIG_OR_PATH)%`: with or without query, of which path. Envoy 1.36. */
const PATH: OperatorDefinition = {
  args: 'optional',
  length: true,
  compile: (args) => {
    const [query = '', source = 'ORIG_OR_PATH'] = args === '' ? [] : args.split(':');
    if (query !== '' && query !== 'WQ' && query !== 'NQ') {
      return { error: `Invalid PATH option: '${query}', only 'WQ'/'NQ' are allowed` };
    }
    if (source !== 'ORIG' && source !== 'PATH' && source !== 'ORIG_OR_PATH') {
      return { error: `Invalid PATH option: '${source}', only 'ORIG'/'PATH'/'ORIG_OR_PATH' are allowed` };
    }
    return query === 'NQ'
      ? (info) => withoutQuery(pathOf(info, source)) ?? null
      : (info) => pathOf(info, source) ?? null;
  },
};

/** Percent escapes as the bytes that they stand for; a broken one stays. */
function decoded(text: string): string {
  if (!text.includes('%')) return text;
  return text.replace(/%([0-9a-fA-F]{2})/g, (_all, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/** `%QUERY_PARAM(name)%`: the first value, decoded. Envoy 1.36. */
const QUERY_PARAM: OperatorDefinition = {
  args: 'required',
  length: true,
  compile: (args) => {
    if (args === '') return { error: 'QUERY_PARAM requires parameters' };
    return (info) => {
      const path = fromRequest(info, ':path') ?? '';
      const question = path.indexOf('?');
      const value = question < 0 ? undefined : queryParameter(path.slice(question + 1), args);
      return value === undefined ? null : decoded(value);
    };
  },
};

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
  REQ_WITHOUT_QUERY,
  PATH,
  QUERY_PARAM,
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
