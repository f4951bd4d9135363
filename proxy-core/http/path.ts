import type { HttpConnectionManagerConfig } from './connection-manager-config.ts';

/** What normalisation made of a path: forward it, answer 400, or redirect the client to it (307). */
export interface NormalizedPath {
  readonly path: string;
  readonly action: 'continue' | 'reject' | 'redirect';
}

/**
 * Envoy: ConnectionManagerUtility::maybeNormalizePath. First escaped slashes (`%2F`, `%5C`), then dot segments and
 * unreserved escapes, then repeated slashes. The query is untouched. `config` must ask for at least one of them.
 */
export function normalizePath(path: string, config: HttpConnectionManagerConfig): NormalizedPath {
  const question = path.indexOf('?');
  const query = question < 0 ? '' : path.slice(question);
  let result = question < 0 ? path : path.slice(0, question);
  let redirect = false;
  if (config.escapedSlashes !== 'KEEP_UNCHANGED') {
    const unescaped = unescapeSlashes(result);
    if (unescaped !== result) {
      if (config.escapedSlashes === 'REJECT_REQUEST') return { path: unescaped + query, action: 'reject' };
      redirect = config.escapedSlashes === 'UNESCAPE_AND_REDIRECT';
      result = unescaped;
    }
  }
  if (config.normalizePath) {
    const canonical = canonicalPath(result);
    if (canonical === null) return { path: result + query, action: 'reject' };
    result = canonical;
  }
  if (config.mergeSlashes) result = mergeSlashes(result);
  return { path: result + query, action: redirect ? 'redirect' : 'continue' };
}

export function normalizesPath(config: HttpConnectionManagerConfig): boolean {
  return config.normalizePath || config.mergeSlashes || config.escapedSlashes !== 'KEEP_UNCHANGED';
}

function unescapeSlashes(path: string): string {
  if (!path.includes('%')) return path;
  return path.replace(/%2f/gi, '/').replace(/%5c/gi, '\\');
}

export function mergeSlashes(path: string): string {
  return path.includes('//') ? path.replace(/\/{2,}/g, '/') : path;
}

/** RFC 3986 section 6.2.2 as googleurl does it: null when the path holds `%00`. Backslashes become slashes. */
export function canonicalPath(path: string): string | null {
  if (/%00/.test(path)) return null;
  const decoded = decodeUnreserved(path.replaceAll('\\', '/'));
  if (!decoded.includes('/.')) return decoded;
  const segments: string[] = [];
  const parts = decoded.split('/');
  parts.shift();
  parts.forEach((part, index) => {
    const last = index === parts.length - 1;
    if (part === '.') {
      if (last) segments.push('');
    } else if (part === '..') {
      segments.pop();
      if (last) segments.push('');
    } else segments.push(part);
  });
  return `/${segments.join('/')}`;
}

/**
 * Escapes of unreserved characters become those characters. A `%` that began no escape must not begin one now:
 * `%5%32` becomes `%2552`, not `%52` (googleurl: CheckForNestedEscapes).
 */
function decodeUnreserved(path: string): string {
  if (!path.includes('%')) return path;
  let result = '';
  let lonePercent = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < path.length; ) {
    const char = path[i] as string;
    if (char !== '%') {
      result += char;
      i++;
      continue;
    }
    const triplet = path.slice(i, i + 3);
    if (!isEscape(triplet)) {
      lonePercent = result.length;
      result += char;
      i++;
      continue;
    }
    i += 3;
    const meant = String.fromCharCode(Number.parseInt(triplet.slice(1), 16));
    if (!/[A-Za-z0-9\-._~]/.test(meant)) {
      result += triplet;
      continue;
    }
    result += meant;
    if (lonePercent < result.length - 3) continue;
    const behind = result.slice(lonePercent + 1);
    const pair = behind.length === 1 ? behind + (path[i] ?? '') : behind;
    if (isEscape(`%${pair}`)) result = `${result.slice(0, lonePercent)}%25${behind}`;
  }
  return result;
}

function isEscape(text: string): boolean {
  return /^%[0-9a-fA-F]{2}$/.test(text);
}

/** `strip_any_host_port`, `strip_matching_host_port`, `strip_trailing_host_dot`. */
export function normalizeAuthority(
  authority: string,
  config: HttpConnectionManagerConfig,
  listenerPort: number,
): string {
  let result = authority;
  if (config.stripPort !== 'none') {
    const colon = result.lastIndexOf(':');
    const bracket = result.lastIndexOf(']');
    if (colon > bracket && colon >= 0 && /^\d+$/.test(result.slice(colon + 1))) {
      const port = Number(result.slice(colon + 1));
      if (config.stripPort === 'any' || port === listenerPort) result = result.slice(0, colon);
    }
  }
  if (config.stripTrailingHostDot) {
    const colon = result.lastIndexOf(':');
    const hostEnd = colon > result.lastIndexOf(']') ? colon : result.length;
    if (hostEnd > 0 && result[hostEnd - 1] === '.')
      result = result.slice(0, hostEnd - 1) + result.slice(hostEnd);
  }
  return result;
}
