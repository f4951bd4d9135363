import type { HeaderList } from '../../base/headers.ts';
import type { RequestHead } from '../../base/stream-info.ts';
import { Http1Errors, Http1Violation } from './http1-errors.ts';
import { type HeadFacts, type HeadRules, listHasToken, parseHeaderLines } from './http1-head.ts';
import type { RequestLine } from './http1-request-line.ts';
import { parseTarget, type TargetOptions } from './http1-target.ts';

/** A request's head, and what it says of framing and of its connection. */
export interface ParsedRequest {
  readonly head: RequestHead;
  readonly chunked: boolean;
  /** The client asks to close after this exchange, or speaks HTTP/1.0 without keep-alive. */
  readonly peerCloses: boolean;
  /** Upgrade or CONNECT: what follows is not a body. */
  readonly tunnel: boolean;
}

export interface RequestHeadOptions extends TargetOptions {
  readonly allowChunkedLength: boolean;
}

const FORWARDED: ReadonlySet<string> = new Set(['x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto']);

/**
 * Parses a whole head: its request line was read, its header lines stand in `text` from `lines` on. Leaves in `facts`
 * what framing needs (the length, the Host line). Throws Http1Violation.
 */
export function parseRequestHead(
  line: RequestLine,
  text: string,
  lines: number,
  rules: HeadRules,
  facts: HeadFacts,
  options: RequestHeadOptions,
): ParsedRequest {
  facts.reset();
  const headers: HeaderList = [];
  if (line.version !== '') parseHeaderLines(text, lines, rules, headers, facts);
  const { connection } = facts;
  // A Host that Connection names goes with the other headers that it names.
  if (connection !== null && facts.host !== null && listHasToken(connection, 'host')) facts.host = null;
  const { host } = facts;
  if (connection !== null && namesRefused(connection)) throw new Http1Violation(Http1Errors.connectionHeader);
  const head: RequestHead = {
    method: line.method,
    authority: host ?? '',
    path: line.target,
    scheme: 'http',
    protocol: '',
    headers,
  };
  if (facts.keys !== null) head.keys = facts.keys;
  parseTarget(head, host !== null, options);
  const isConnect = line.method === 'CONNECT';
  const chunked =
    facts.transferEncoding !== null && isChunked(facts.transferEncoding, facts, headers, options);
  if (isConnect && chunked) throw new Http1Violation(Http1Errors.transferEncoding);
  if (isConnect && facts.contentLength > 0) throw new Http1Violation(Http1Errors.bodyDisallowed);
  return {
    head,
    chunked,
    peerCloses: connection === null ? line.version !== '1.1' : closes(connection, line.version !== '1.1'),
    tunnel: isConnect || (connection !== null && asksUpgrade(connection, facts.upgrade)),
  };
}

function closes(connection: string, otherwise: boolean): boolean {
  if (listHasToken(connection, 'close')) return true;
  return listHasToken(connection, 'keep-alive') ? false : otherwise;
}

function asksUpgrade(connection: string, upgrade: string | null): boolean {
  return upgrade !== null && listHasToken(connection, 'upgrade') && upgrade.toLowerCase() !== 'h2c';
}

/** Names in Connection must not take away what others rely on (pseudo-headers too), nor cost much. */
function namesRefused(connection: string): boolean {
  if (connection.length <= 10 && !connection.includes(':')) return false;
  const tokens = connection.split(',');
  if (tokens.length >= 10) return true;
  for (const token of tokens) {
    const name = token.trim().toLowerCase();
    if (FORWARDED.has(name) || name.startsWith(':')) return true;
  }
  return false;
}

/** Transfer-Encoding is there: it must be `chunked` alone, and no length beside it unless that is allowed. */
function isChunked(
  encoding: string,
  facts: HeadFacts,
  headers: HeaderList,
  options: RequestHeadOptions,
): true {
  const known = encoding.toLowerCase() === 'chunked';
  if (facts.contentLength >= 0 && !(known && options.allowChunkedLength)) {
    throw new Http1Violation(Http1Errors.lengthAndChunked);
  }
  if (!known) throw new Http1Violation(Http1Errors.transferEncoding);
  if (facts.contentLength >= 0) {
    for (let i = 0; i < headers.length; i += 2) {
      if (headers[i] === 'content-length') headers.splice(i, 2);
    }
  }
  return true;
}
