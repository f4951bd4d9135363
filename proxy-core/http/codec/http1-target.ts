import type { RequestHead } from '../../base/stream-info.ts';
import { Http1Errors, Http1Violation } from './http1-errors.ts';

const SLASH = 47;
/** Host and port; an IPv6 address stands in brackets. */
const CONNECT_TARGET = /^(?:[^/?#:[\]]+|\[[^/?#[\]]+\]):[0-9]{1,5}$/;
/** What follows the host of an absolute URL. */
const PORT = /:([0-9]*)$/;

export interface TargetOptions {
  readonly allowAbsoluteUrl: boolean;
  readonly refuseHttpsTarget: boolean;
}

/**
 * Turns the request target into authority and path (RFC 9112 section 3.2). Origin form passes; absolute form gives
 * both; CONNECT takes authority form only. Throws Http1Violation.
 */
export function parseTarget(head: RequestHead, hasHost: boolean, options: TargetOptions): void {
  const target = head.path;
  if (head.method === 'CONNECT') {
    if (!CONNECT_TARGET.test(target) || Number(target.slice(target.lastIndexOf(':') + 1)) > 65_535) {
      throw new Http1Violation(Http1Errors.url);
    }
    head.authority = target;
    head.path = '';
    return;
  }
  if (target.charCodeAt(0) !== SLASH) {
    if (target === '*') {
      if (head.method !== 'OPTIONS') throw new Http1Violation(Http1Errors.url);
    } else if (options.allowAbsoluteUrl) {
      absolute(head, target, options.refuseHttpsTarget);
      return;
    }
  }
  if (hasHost) checkAuthority(head.authority);
}

function absolute(head: RequestHead, target: string, refuseHttps: boolean): void {
  const colon = target.indexOf('://');
  if (colon <= 0) throw new Http1Violation(Http1Errors.codec);
  const scheme = target.slice(0, colon).toLowerCase();
  if (scheme !== 'http' && scheme !== 'https') throw new Http1Violation(Http1Errors.scheme);
  if (scheme === 'https' && refuseHttps) throw new Http1Violation(Http1Errors.httpsOnPlaintext);
  const start = colon + 3;
  let end = start;
  while (end < target.length) {
    const char = target[end];
    if (char === '/' || char === '?' || char === '#') break;
    end++;
  }
  if (end === start) throw new Http1Violation(Http1Errors.url);
  head.authority = target.slice(start, end);
  if (Number(PORT.exec(head.authority)?.[1] ?? 0) > 65_535) throw new Http1Violation(Http1Errors.url);
  checkAuthority(head.authority);
  head.scheme = scheme;
  const path = target.slice(end);
  head.path = path === '' ? '/' : path;
}

/** Characters that an authority may hold (RFC 3986 section 3.2), as Envoy's authorityIsValid takes them. */
const AUTHORITY = new Uint8Array(256);
for (const char of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$%&'()*+,;=:[]@") {
  AUTHORITY[char.charCodeAt(0)] = 1;
}

function checkAuthority(authority: string): void {
  for (let i = 0; i < authority.length; i++) {
    if (AUTHORITY[authority.charCodeAt(i)] !== 1) throw new Http1Violation(Http1Errors.authority);
  }
}
