import type { HeaderList } from '../../../base/headers.ts';
import type { RequestHead, ResponseHead } from '../../../base/stream-info.ts';
import type { FieldBlock } from './header-block.ts';

/** Why a message is malformed (RFC 9113, section 8.1.1), as Envoy's response code details name it. */
export type MessageError =
  | 'http2.violation.of.messaging.rule'
  | 'http2.invalid.header.field'
  | 'http2.too_many_headers'
  | 'http2.unexpected_underscore';

const MESSAGING: MessageError = 'http2.violation.of.messaging.rule';
const FIELD: MessageError = 'http2.invalid.header.field';

/** Lower-case token characters: what a field name may hold (section 8.2.1). */
const NAME = new Uint8Array(256);
for (const char of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz") NAME[char.charCodeAt(0)] = 1;

export function validName(name: string): boolean {
  if (name === '') return false;
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    if (code > 255 || NAME[code] === 0) return false;
  }
  return true;
}

/** No NUL, CR, LF, and no blank at either end (section 8.2.1). */
export function validValue(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code < 32 ? code !== 9 : code === 127) return false;
  }
  if (value === '') return true;
  const first = value.charCodeAt(0);
  const last = value.charCodeAt(value.length - 1);
  return first !== 32 && first !== 9 && last !== 32 && last !== 9;
}

/** Fields of one connection only, which HTTP/2 forbids (section 8.2.2). */
function connectionSpecific(name: string, value: string): boolean {
  switch (name) {
    case 'connection':
    case 'keep-alive':
    case 'proxy-connection':
    case 'transfer-encoding':
    case 'upgrade':
      return true;
    case 'te':
      return value.toLowerCase() !== 'trailers';
    default:
      return false;
  }
}

export interface ReadRequest {
  readonly head: RequestHead;
  /** Declared content-length, -1 when there is none. */
  readonly contentLength: number;
  /** How many fields were left out for an underscore in their name. */
  readonly droppedUnderscores: number;
}

/** A request head from its fields, or what is wrong with it. Cookie crumbs are joined (section 8.2.3). */
export function readRequest(
  block: FieldBlock,
  allowConnectProtocol: boolean,
  underscores: 'allow' | 'drop' | 'reject',
): ReadRequest | MessageError {
  if (block.tooLarge) return 'http2.too_many_headers';
  const head: RequestHead = { method: '', authority: '', path: '', scheme: '', protocol: '', headers: [] };
  const seen = { method: false, authority: false, path: false, scheme: false, protocol: false };
  const { fields } = block;
  let host: string | null = null;
  let cookieAt = -1;
  let contentLength = -1;
  let regular = false;
  let droppedUnderscores = 0;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    const value = fields[i + 1] as string;
    if (name.charCodeAt(0) === 58) {
      if (regular || !validValue(value)) return FIELD;
      const key = name.slice(1) as keyof typeof seen;
      if (!(key in seen) || seen[key]) return FIELD;
      seen[key] = true;
      head[key] = value;
      continue;
    }
    regular = true;
    if (!validName(name) || !validValue(value)) return FIELD;
    if (connectionSpecific(name, value)) return FIELD;
    if (underscores !== 'allow' && name.includes('_')) {
      if (underscores === 'reject') return 'http2.unexpected_underscore';
      droppedUnderscores++;
      continue;
    }
    if (name === 'host') {
      host = host === null ? value : `${host},${value}`;
    } else if (name === 'cookie' && cookieAt >= 0) {
      head.headers[cookieAt] = `${head.headers[cookieAt]}; ${value}`;
    } else {
      if (name === 'cookie') cookieAt = head.headers.length + 1;
      if (name === 'content-length') {
        if (contentLength >= 0 || !/^\d{1,15}$/.test(value)) return FIELD;
        contentLength = Number(value);
      }
      head.headers.push(name, value);
    }
  }
  if (!seen.method || !validName(head.method.toLowerCase())) return MESSAGING;
  if (seen.protocol && (!allowConnectProtocol || head.method !== 'CONNECT')) return MESSAGING;
  if (head.method === 'CONNECT' && !seen.protocol) {
    if (seen.path || seen.scheme || !seen.authority) return MESSAGING;
  } else if (!seen.path || !seen.scheme) {
    return MESSAGING;
  } else if (head.path === '') {
    return FIELD;
  } else if (head.path.charCodeAt(0) !== 47 && !(head.method === 'OPTIONS' && head.path === '*')) {
    return MESSAGING;
  }
  if (!seen.authority) {
    if (host === null) return MESSAGING;
    head.authority = host;
  }
  return { head, contentLength, droppedUnderscores };
}

export interface ReadResponse {
  readonly head: ResponseHead;
  readonly contentLength: number;
}

/** A response head from its fields; null when it is malformed. */
export function readResponse(block: FieldBlock): ReadResponse | null {
  if (block.tooLarge) return null;
  const headers: HeaderList = [];
  const { fields } = block;
  let status = -1;
  let contentLength = -1;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    const value = fields[i + 1] as string;
    if (name.charCodeAt(0) === 58) {
      if (name !== ':status' || status >= 0 || headers.length > 0 || !/^\d{3}$/.test(value)) return null;
      status = Number(value);
      continue;
    }
    if (!validName(name) || !validValue(value) || connectionSpecific(name, value)) return null;
    if (name === 'content-length') {
      if (contentLength >= 0 || !/^\d{1,15}$/.test(value)) return null;
      contentLength = Number(value);
    }
    headers.push(name, value);
  }
  return status < 0 ? null : { head: { status, headers }, contentLength };
}

/** Trailers; null when they are malformed (section 8.1: no pseudo-headers). */
export function readTrailers(block: FieldBlock): HeaderList | null {
  if (block.tooLarge) return null;
  const { fields } = block;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    const value = fields[i + 1] as string;
    if (!validName(name) || !validValue(value) || connectionSpecific(name, value)) return null;
  }
  return fields;
}

/** The fields of a request, pseudo-headers in Envoy's order. */
export function requestFields(head: RequestHead): HeaderList {
  const fields: HeaderList = [];
  if (head.authority !== '') fields.push(':authority', head.authority);
  if (head.method === 'CONNECT' && head.protocol === '') {
    fields.push(':method', head.method);
  } else {
    fields.push(
      ':path',
      head.path,
      ':method',
      head.method,
      ':scheme',
      head.scheme === '' ? 'http' : head.scheme,
    );
    if (head.protocol !== '') fields.push(':protocol', head.protocol);
  }
  appendFields(fields, head.headers);
  return fields;
}

/** Trailers as they may leave over HTTP/2. */
export function trailerFields(trailers: HeaderList): HeaderList {
  const fields: HeaderList = [];
  appendFields(fields, trailers);
  return fields;
}

export function responseFields(head: ResponseHead): HeaderList {
  const fields: HeaderList = [':status', String(head.status).padStart(3, '0')];
  appendFields(fields, head.headers);
  return fields;
}

/** Fields of one hop stay behind: they may have come from an HTTP/1 peer. */
function appendFields(fields: HeaderList, headers: HeaderList): void {
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    const value = headers[i + 1] as string;
    if (!connectionSpecific(name, value)) fields.push(name, value);
  }
}
