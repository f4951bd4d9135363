import { describe, expect, test } from 'vitest';
import type { HttpConnectionManagerConfig } from '../../../../proxy-core/http/connection-manager-config.ts';
import { canonicalPath, normalizeAuthority, normalizePath } from '../../../../proxy-core/http/path.ts';

type Settings = Partial<
  Pick<
    HttpConnectionManagerConfig,
    'normalizePath' | 'mergeSlashes' | 'escapedSlashes' | 'stripPort' | 'stripTrailingHostDot'
  >
>;
const config = (settings: Settings): HttpConnectionManagerConfig =>
  ({
    normalizePath: false,
    mergeSlashes: false,
    escapedSlashes: 'KEEP_UNCHANGED',
    stripPort: 'none',
    stripTrailingHostDot: false,
    ...settings,
  }) as HttpConnectionManagerConfig;

describe('paths', () => {
  test.each<[string, Settings, string, string]>([
    ['/x/../dr?a=/../b', { normalizePath: true }, '/dr?a=/../b', 'continue'],
    ['/x/..//%64r', { normalizePath: true, mergeSlashes: true }, '/dr', 'continue'],
    ['/a/./b/.', { normalizePath: true }, '/a/b/', 'continue'],
    ['/../../a', { normalizePath: true }, '/a', 'continue'],
    ['/a\\b', { normalizePath: true }, '/a/b', 'continue'],
    ['/a%00', { normalizePath: true }, '/a%00', 'reject'],
    ['/a%3Db', { normalizePath: true }, '/a%3Db', 'continue'],
    ['/a//b///c?d//e', { mergeSlashes: true }, '/a/b/c?d//e', 'continue'],
    ['/a%2Fb', { escapedSlashes: 'REJECT_REQUEST' }, '/a/b', 'reject'],
    ['/a%2fb%5Cc', { escapedSlashes: 'UNESCAPE_AND_FORWARD' }, '/a/b\\c', 'continue'],
    ['/a%2Fb', { escapedSlashes: 'UNESCAPE_AND_REDIRECT' }, '/a/b', 'redirect'],
    ['/ab?c=%2F', { escapedSlashes: 'REJECT_REQUEST' }, '/ab?c=%2F', 'continue'],
  ])('%s with %o', (path, settings, result, action) => {
    expect(normalizePath(path, config(settings))).toEqual({ path: result, action });
  });
});

describe('a percent sign that begins no escape', () => {
  test.each([
    ['/%5%32', '/%2552'],
    ['/%%32%35', '/%2525'],
    ['/a%%341', '/a%2541'],
    ['/%2%65/x', '/%252e/x'],
    ['/%%32%65%2e/y', '/%252e./y'],
    ['/%%%34%31', '/%%2541'],
    ['/%e%34', '/%25e4'],
    ['/%%3541', '/%25541'],
    ['/a/%zz/../b', '/a/b'],
    ['/%', '/%'],
    ['/%5%3', '/%5%3'],
  ])('%s becomes %s, as a real Envoy makes it', (path, expected) => {
    expect(canonicalPath(path)).toBe(expected);
  });
});

describe('authorities', () => {
  test.each<[string, Settings, string]>([
    ['A.test:8080', { stripPort: 'any' }, 'A.test'],
    ['a.test:81', { stripPort: 'matching' }, 'a.test:81'],
    ['a.test:80', { stripPort: 'matching' }, 'a.test'],
    ['[::1]:80', { stripPort: 'any' }, '[::1]'],
    ['[::1]', { stripPort: 'any' }, '[::1]'],
    ['a.test.:80', { stripTrailingHostDot: true }, 'a.test:80'],
    ['a.test.', { stripTrailingHostDot: true }, 'a.test'],
  ])('%s with %o', (authority, settings, result) => {
    expect(normalizeAuthority(authority, config(settings), 80)).toBe(result);
  });
});
