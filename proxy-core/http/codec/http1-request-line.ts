import { isToken } from './header-names.ts';
import { Http1Errors, Http1Violation } from './http1-errors.ts';

/** Methods that Envoy's HTTP/1 parser knows (balsa_parser.cc); any other is a malformed request line. */
const METHODS: ReadonlySet<string> = new Set(
  (
    'ACL BIND CHECKOUT CONNECT COPY DELETE GET HEAD LINK LOCK MERGE MKACTIVITY MKCALENDAR MKCOL MOVE M-SEARCH ' +
    'NOTIFY OPTIONS PATCH POST PROPFIND PROPPATCH PURGE PUT REBIND REPORT SEARCH SOURCE SUBSCRIBE TRACE UNBIND ' +
    'UNLINK UNLOCK UNSUBSCRIBE'
  ).split(' '),
);

const SP = 32;

function isBlank(code: number): boolean {
  return code === SP || code === 9;
}

/** A parsed request line; `version` is the text behind `HTTP/`, empty for HTTP/0.9 without one. */
export interface RequestLine {
  readonly method: string;
  readonly target: string;
  readonly version: string;
}

/**
 * Parses the line in `text[start, end)` without its line end. Blanks may repeat, be tabs, and stand at the end (RFC 9112
 * section 3). Throws Http1Violation.
 * @param anyMethod Take methods that Envoy does not know, too.
 */
export function parseRequestLine(text: string, start: number, end: number, anyMethod = false): RequestLine {
  if (text.charCodeAt(end - 1) <= SP) {
    while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  }
  const tab = text.indexOf('\t', start);
  if (tab >= 0 && tab < end) {
    return parseRequestLine(text.slice(start, end).replaceAll('\t', ' '), 0, end - start, anyMethod);
  }
  const methodEnd = text.indexOf(' ', start);
  if (methodEnd < 0 || methodEnd >= end) throw new Http1Violation(Http1Errors.codec);
  const method = text.slice(start, methodEnd);
  if (!METHODS.has(method) && !(anyMethod && isToken(method))) throw new Http1Violation(Http1Errors.codec);
  let targetStart = methodEnd + 1;
  while (text.charCodeAt(targetStart) === 32 && targetStart < end) targetStart++;
  let targetEnd = text.indexOf(' ', targetStart);
  let version = '';
  if (targetEnd < 0 || targetEnd >= end) {
    targetEnd = end;
  } else {
    let versionStart = targetEnd + 1;
    while (text.charCodeAt(versionStart) === 32 && versionStart < end) versionStart++;
    // The fast path is the one version that everybody sends.
    if (end - versionStart === 8 && text.startsWith('HTTP/1.1', versionStart)) version = '1.1';
    else version = parseVersion(text, versionStart, end);
  }
  if (targetEnd === targetStart) throw new Http1Violation(Http1Errors.codec);
  for (let i = targetStart; i < targetEnd; i++) {
    const code = text.charCodeAt(i);
    if (code < 32 || code === 127) throw new Http1Violation(Http1Errors.invalidCharacters);
    if (code > 127) throw new Http1Violation(Http1Errors.codec);
  }
  return { method, target: text.slice(targetStart, targetEnd), version };
}

function parseVersion(text: string, start: number, end: number): string {
  const digit = (i: number): boolean => text.charCodeAt(i) >= 48 && text.charCodeAt(i) <= 57;
  if (
    end - start !== 8 ||
    !text.startsWith('HTTP/', start) ||
    !digit(start + 5) ||
    text.charCodeAt(start + 6) !== 46 ||
    !digit(start + 7)
  ) {
    throw new Http1Violation(Http1Errors.codec);
  }
  return text.slice(start + 5, end);
}

/** True while what came of a request line may still become one: a prefix of a known method, or one and a blank. */
export function plausibleStart(text: string, anyMethod = false): boolean {
  const blank = text.search(/[ \t]/);
  if (anyMethod) return isToken(blank >= 0 ? text.slice(0, blank) : text);
  if (blank >= 0) return METHODS.has(text.slice(0, blank));
  for (const method of METHODS) if (method.startsWith(text)) return true;
  return false;
}
