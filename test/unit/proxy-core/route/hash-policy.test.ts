import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import xxhash from 'xxhash-wasm';
import { xxHash64, xxHash64Text } from '../../../../proxy-core/base/xxhash64.ts';
import { decideRoute } from '../../../../proxy-core/route/decide.ts';
import { hashRequest } from '../../../../proxy-core/route/hash-policy.ts';
import { compileTable, input, oneHost, streamInfo } from './support.ts';

const rotate = (h: bigint): bigint => BigInt.asUintN(64, (h << 1n) | (h >> 63n));

function hash(policies: string, headers: string[] = [], path = '/p?u=7') {
  const request = input(path, headers);
  const yaml = oneHost(`- {match: {prefix: /}, route: {cluster: a, hash_policy: [${policies}]}}`);
  const route = decideRoute(compileTable(yaml).table, request);
  if (route === null) throw new Error('no route');
  return hashRequest(route, request.head, streamInfo({ requestHead: request.head }));
}

describe('hash policies', () => {
  const h = xxHash64Text;
  test.each<[string, string[], bigint | null]>([
    ['{header: {header_name: X-User}}', ['x-user', 'bob'], h('bob')],
    ['{header: {header_name: x-user}}', [], null],
    ['{header: {header_name: x-user}}', ['x-user', 'b', 'x-user', 'a'], h('b', h('a'))],
    [
      '{header: {header_name: x-user, regex_rewrite: {pattern: {regex: "(.).*"}, substitution: "\\\\1"}}}',
      ['x-user', 'bob'],
      h('b'),
    ],
    ['{header: {header_name: ":path"}}', [], h('/p?u=7')],
    ['{query_parameter: {name: u}}', [], h('7')],
    ['{query_parameter: {name: none}}', [], null],
    ['{connection_properties: {source_ip: true}}', [], h('8.8.8.8')],
    ['{connection_properties: {}}', [], null],
    ['{cookie: {name: sid}}', ['cookie', 'a=b; sid="q1"'], h('q1')],
    ['{cookie: {name: sid}}', [], null],
    ['{header: {header_name: a}}, {header: {header_name: b}}', ['a', '1', 'b', '2'], rotate(h('1')) ^ h('2')],
    ['{header: {header_name: a}}, {header: {header_name: b}}', ['b', '2'], h('2')],
    ['{header: {header_name: a}, terminal: true}, {header: {header_name: b}}', ['a', '1', 'b', '2'], h('1')],
    ['{header: {header_name: a}, terminal: true}, {header: {header_name: b}}', ['b', '2'], h('2')],
  ])('%s with %j', (policies, headers, wanted) => {
    expect(hash(policies, headers)).toEqual({ hash: wanted, setCookie: null });
  });
  test.each<[string, RegExp]>([
    ['{cookie: {name: sid, ttl: 10s, path: /p}}', /^sid="[0-9a-f]{16}"; Max-Age=10; Path=\/p; HttpOnly$/],
    ['{cookie: {name: sid, ttl: 0s}}', /^sid="[0-9a-f]{16}"; HttpOnly$/],
    [
      '{cookie: {name: sid, ttl: 0s, attributes: [{name: SameSite, value: Lax}]}}',
      /^sid="[0-9a-f]{16}"; SameSite=Lax; HttpOnly$/,
    ],
  ])('%s makes a cookie', (policies, cookie) => {
    const made = hash(policies);
    expect(made.setCookie).toMatch(cookie);
    const value = /"([0-9a-f]{16})"/.exec(made.setCookie ?? '')?.[1] ?? '';
    expect(made.hash).toBe(h(value));
    // The same client comes back with it and gets the same host.
    expect(hash(policies, ['cookie', `sid="${value}"`])).toEqual({ hash: made.hash, setCookie: null });
  });
});

describe('xxHash64', () => {
  test.each<[string, string]>([
    ['', 'ef46db3751d8e999'],
    ['a', 'd24ec4f1a98c6e5b'],
    ['abc', '44bc2cf5ad770999'],
  ])('of `%s` is %s', (text, hex) => expect(xxHash64Text(text).toString(16)).toBe(hex));
  test('agrees with the reference on any bytes and seed', async () => {
    const { h64Raw } = await xxhash();
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        (bytes, seed) => {
          expect(xxHash64(bytes, seed)).toBe(h64Raw(bytes, seed));
        },
      ),
    );
  });
});
