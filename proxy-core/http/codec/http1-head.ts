import type { HeaderList } from '../../base/headers.ts';
import type { CodecError } from './codec.ts';
import { HeaderRole, headerName } from './header-names.ts';
import { Http1Errors, Http1Violation } from './http1-errors.ts';
import { type PreserveCase, ReceivedKeys } from './http1-header-keys.ts';

let parses = 0;

/** What HTTP/1 framing needs to know of a head, gathered in the one pass over its lines. Reused per connection. */
export class HeadFacts {
  /** Header lines seen, Host and framing headers included. */
  count = 0;
  /** -1: no Content-Length. */
  contentLength = -1;
  transferEncoding: string | null = null;
  host: string | null = null;
  connection: string | null = null;
  upgrade: string | null = null;
  expect: string | null = null;
  /** How names were spelled; null unless the rules ask for it. */
  keys: ReceivedKeys | null = null;
  /** Number of this parse, unlike that of any other. */
  parse = 0;

  reset(): void {
    this.parse = ++parses;
    this.count = 0;
    this.contentLength = -1;
    this.transferEncoding = null;
    this.host = null;
    this.connection = null;
    this.upgrade = null;
    this.expect = null;
    this.keys = null;
  }
}

export interface HeadRules {
  readonly maxHeaders: number;
  readonly underscores: 'allow' | 'drop' | 'reject';
  readonly tooMany: CodecError;
  /** Requests: repeated lines of the names that Envoy holds inline become one. */
  readonly joinRepeated: boolean;
  readonly preserveCase: PreserveCase | null;
}

const LF = 10;
const CR = 13;
const SP = 32;
const HT = 9;

/**
 * Where the blank line that ends a head begins and ends, looking at `text` from `from` (some bytes back from what is
 * new). Lines may end with LF alone. -1 when it is not there yet; otherwise the position behind the blank line.
 */
export function findHeadEnd(text: string, from: number): number {
  let position = text.indexOf('\n', from);
  while (position >= 0) {
    const next = text.charCodeAt(position + 1);
    if (next === LF) return position + 2;
    if (next === CR && text.charCodeAt(position + 2) === LF) return position + 3;
    position = text.indexOf('\n', position + 1);
  }
  return -1;
}

/**
 * Parses header lines (RFC 9112 section 5) from `position` up to the blank line that `findHeadEnd` found, appends
 * them to `headers` and notes framing in `facts`. Throws Http1Violation.
 */
export function parseHeaderLines(
  text: string,
  position: number,
  rules: HeadRules,
  headers: HeaderList,
  facts: HeadFacts,
): number {
  if (rules.preserveCase !== null) facts.keys = new ReceivedKeys(rules.preserveCase.others);
  for (;;) {
    const lineFeed = text.indexOf('\n', position);
    let end = lineFeed > position && text.charCodeAt(lineFeed - 1) === CR ? lineFeed - 1 : lineFeed;
    if (end === position) return lineFeed + 1;
    const colon = text.indexOf(':', position);
    if (colon <= position || colon >= end) throw new Http1Violation(Http1Errors.codec);
    const name = headerName(text.slice(position, colon));
    if (name === null) throw new Http1Violation(Http1Errors.codec);
    if (facts.keys !== null) facts.keys.note(name.name, text.slice(position, colon));
    let start = colon + 1;
    let next = lineFeed + 1;
    let value: string;
    const following = text.charCodeAt(next);
    if (following === SP || following === HT) {
      // Obsolete line folding (RFC 9112 section 5.2): only the line ends go, as in Envoy.
      value = text.slice(start, end);
      while (text.charCodeAt(next) === SP || text.charCodeAt(next) === HT) {
        start = next;
        next = text.indexOf('\n', next) + 1;
        end = text.charCodeAt(next - 2) === CR ? next - 2 : next - 1;
        value += text.slice(start, end);
      }
      value = trimmed(value, 0, value.length);
    } else {
      let code = text.charCodeAt(start);
      while (start < end && (code === SP || code === HT)) code = text.charCodeAt(++start);
      code = text.charCodeAt(end - 1);
      while (end > start && (code === SP || code === HT)) code = text.charCodeAt(--end - 1);
      value = text.slice(start, end);
    }
    if (!isFieldValue(value)) value = repairedValue(value);
    position = next;
    if (++facts.count > rules.maxHeaders) throw new Http1Violation(rules.tooMany);
    if (name.underscore && rules.underscores !== 'allow') {
      if (rules.underscores === 'reject') throw new Http1Violation(Http1Errors.underscore);
      continue;
    }
    switch (name.role) {
      case HeaderRole.None:
        if (name.joined && rules.joinRepeated) {
          if (name.seenBy === facts.parse) {
            headers[name.seenAt] = `${headers[name.seenAt] as string},${value}`;
            continue;
          }
          name.seenBy = facts.parse;
          name.seenAt = headers.length + 1;
        }
        break;
      case HeaderRole.Host:
        facts.host = facts.host === null ? value : `${facts.host},${value}`;
        continue;
      case HeaderRole.ContentLength:
        if (facts.contentLength >= 0) throw new Http1Violation(Http1Errors.codec);
        facts.contentLength = parseLength(value);
        break;
      case HeaderRole.TransferEncoding:
        facts.transferEncoding =
          facts.transferEncoding === null ? value : `${facts.transferEncoding},${value}`;
        break;
      case HeaderRole.Connection:
        facts.connection = facts.connection === null ? value : `${facts.connection},${value}`;
        break;
      case HeaderRole.Upgrade:
        facts.upgrade = value;
        break;
      case HeaderRole.Expect:
        facts.expect = value;
        break;
    }
    headers.push(name.name, value);
  }
}

function trimmed(text: string, start: number, end: number): string {
  while (start < end && (text.charCodeAt(start) === SP || text.charCodeAt(start) === HT)) start++;
  while (end > start && (text.charCodeAt(end - 1) === SP || text.charCodeAt(end - 1) === HT)) end--;
  return text.slice(start, end);
}

/** No control bytes but HT in a value, and no DEL (RFC 9110 section 5.5). */
function isFieldValue(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if ((code < SP && code !== HT) || code === 127) return false;
  }
  return true;
}

/** Carriage returns that end no line leave a value, as in Envoy; any other control byte refuses the message. */
function repairedValue(value: string): string {
  const repaired = value.replaceAll('\r', '');
  if (!isFieldValue(repaired)) throw new Http1Violation(Http1Errors.invalidCharacters);
  return trimmed(repaired, 0, repaired.length);
}

/** Digits only, at most 15 of them: more than any body that fits in a number. */
function parseLength(value: string): number {
  if (value === '' || value.length > 15) throw new Http1Violation(Http1Errors.codec);
  let length = 0;
  for (let i = 0; i < value.length; i++) {
    const digit = value.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) throw new Http1Violation(Http1Errors.codec);
    length = length * 10 + digit;
  }
  return length;
}

/** True when a comma-separated list holds `token` (given in lower case), in any case. */
export function listHasToken(list: string, token: string): boolean {
  if (list.length === token.length) return list === token || list.toLowerCase() === token;
  if (list.length < token.length) return false;
  for (const item of list.split(',')) {
    if (item.trim().toLowerCase() === token) return true;
  }
  return false;
}
