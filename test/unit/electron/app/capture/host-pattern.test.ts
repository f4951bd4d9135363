import { describe, expect, test } from 'vitest';
import { ADDRESS_REGEX, patternRegex } from '../../../../../electron/app/capture/host-pattern.ts';
import { AttacheError } from '../../../../../proxy-core/index.ts';

/** RE2's `(?i)` is a flag in JavaScript. */
function matches(regex: string, authority: string): boolean {
  return new RegExp(`^(?:${regex.replace('(?i)', '')})$`, 'i').test(authority);
}

describe('patternRegex', () => {
  test.each<[string, readonly string[], readonly string[]]>([
    [
      'api.example.com',
      ['api.example.com:443', 'API.Example.com:8443'],
      ['xapi.example.com:443', 'api.example.com.evil.test:443', 'apixexample.com:443', 'api.example.com'],
    ],
    ['api.example.com:8443', ['api.example.com:8443'], ['api.example.com:443', 'api.example.com:84430']],
    [
      '*.example.com',
      ['a.example.com:443', 'a.b.example.com:443'],
      ['example.com:443', 'aexample.com:443', '.example.com:443'],
    ],
    ['api.*.example.com', ['api.eu.example.com:443'], ['api.example.com:443', 'api.a.b.example.com:443']],
    [
      'api-*.example.com',
      ['api-1.example.com:443', 'api-.example.com:443'],
      ['api.example.com:443', 'api-1.x.example.com:443'],
    ],
    ['*', ['a.b:443', 'localhost:1'], ['localhost']],
    ['*:443', ['a.b:443'], ['a.b:80']],
    ['localhost', ['localhost:443'], ['localhost.test:443']],
    [' API.Test ', ['api.test:443'], []],
  ])('%s', (pattern, inside, outside) => {
    const regex = patternRegex(pattern);
    for (const authority of inside) expect([authority, matches(regex, authority)]).toEqual([authority, true]);
    for (const authority of outside)
      expect([authority, matches(regex, authority)]).toEqual([authority, false]);
  });

  test.each([
    '',
    'https://api.test',
    'api.test/x',
    '127.0.0.1',
    '[::1]',
    'a..b',
    'api.test:99999',
    '.*',
    'a(b',
    '-a.test',
  ])('no pattern: %s', (pattern) => {
    expect(() => patternRegex(pattern)).toThrow(AttacheError);
  });
});

test.each([
  ['127.0.0.1:443', true],
  ['[::1]:443', true],
  ['10.0.0.1.test:443', false],
  ['a.b:443', false],
])('address %s: %s', (authority, is) => {
  expect(matches(ADDRESS_REGEX, authority)).toBe(is);
});
