import { describe, expect, it } from 'vitest';
import { analyseRouteTable } from '../../../../proxy-core/route/analysis.ts';
import { compileTable, oneHost } from './support.ts';

describe('analyseRouteTable', () => {
  const overlaps = (...domains: readonly string[]) => {
    const hosts = domains.map(
      (domain, i) =>
        `- { name: h${i}, domains: ["${domain}"], routes: [{ match: { prefix: / }, route: { cluster: a } }] }`,
    );
    const { table } = compileTable(`name: r\nvirtual_hosts:\n${hosts.join('\n')}\n`);
    return analyseRouteTable(table).map(({ message }) =>
      message.replace(/^(`.*?`) lies within (`.*?`).*$/, '$1 in $2'),
    );
  };

  it.each([
    ['an exact domain in a suffix', ['*.shop.test', 'api.shop.test'], ['`api.shop.test` in `*.shop.test`']],
    ['an exact domain in a prefix', ['api.*', 'api.shop.test'], ['`api.shop.test` in `api.*`']],
    ['a suffix in a suffix', ['*.shop.test', '*.api.shop.test'], ['`*.api.shop.test` in `*.shop.test`']],
    ['the end of a suffix itself', ['*.shop.test', 'shop.test'], []],
    ['everything else in *', ['*', 'api.shop.test'], []],
    ['strangers', ['*.shop.test', 'other.test'], []],
    ['a prefix beside a suffix', ['*.test', 'api.*'], []],
  ])('overlaps: %s', (_what, domains, expected) => expect(overlaps(...domains)).toEqual(expected));

  it('tells who wins and that the other is not asked', () => {
    const { table } = compileTable(`name: r
virtual_hosts:
- { name: wide, domains: ["*.shop.test"], routes: [{ match: { prefix: / }, route: { cluster: a } }] }
- { name: narrow, domains: [API.shop.test], routes: [{ match: { prefix: / }, route: { cluster: a } }] }
`);
    expect(analyseRouteTable(table)[0]).toMatchObject({
      code: 'route.domains-overlap',
      message:
        '`api.shop.test` lies within `*.shop.test` of virtual host wide. narrow wins, because its domain is exact; without a route there the answer is 404, wide is not asked.',
      source: { line: 4 },
    });
  });

  it.each([
    ['- { match: { prefix: /api }, route: { cluster: a, prefix_rewrite: / } }', '`/api/x` becomes `//x`.'],
    ['- { match: { prefix: /api/ }, route: { cluster: a, prefix_rewrite: / } }', '`/api/x` becomes `/x`.'],
    ['- { match: { path: /api }, redirect: { prefix_rewrite: /v2 } }', '`/api` becomes `/v2`.'],
    [
      '- { match: { prefix: /a }, route: { cluster: a, regex_rewrite: { pattern: { regex: "^/a/(.*)$" }, substitution: "/b/\\\\1" } } }',
      '`/a/x` becomes `/b/x`.',
    ],
  ])('tells what a rewrite makes: %s', (routes, expected) => {
    const { table } = compileTable(oneHost(routes));
    expect(analyseRouteTable(table).map(({ message }) => message)).toEqual([expected]);
  });
});
