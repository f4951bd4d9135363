import { describe, expect, it } from 'vitest';
import { type RecordedRoute, writeRouteTests } from '../../../../proxy-core/route-test/write.ts';
import { run } from './support.ts';

const ROUTES = `
virtual_hosts:
- name: shop
  domains: ["*"]
  routes:
  - match: { prefix: /canary, headers: [{ name: x-canary, string_match: { exact: "1" } }] }
    route: { cluster: canary }
  - match: { prefix: /split }
    route: { weighted_clusters: { clusters: [{ name: old, weight: 80 }, { name: new, weight: 20 }] } }
  - match: { path: /ping }
    direct_response: { status: 204 }
  - match: { prefix: / }
    route: { cluster: stable }
`;

const base: RecordedRoute = {
  method: 'GET',
  authority: 'shop.test:8080',
  path: '/',
  tls: false,
  internal: false,
  random: 0,
  headers: [],
  virtualHost: 'shop',
  cluster: 'stable',
  answer: null,
  drawn: false,
};

describe('writeRouteTests', () => {
  it('writes tests that pass where they were recorded', () => {
    const text = writeRouteTests([
      base,
      { ...base, path: '/canary/"x"', headers: ['x-canary', '1'], cluster: 'canary' },
      { ...base, path: '/split', random: 99, drawn: true, cluster: 'new' },
      { ...base, path: '/ping', virtualHost: '', cluster: '', answer: 204 },
      { ...base, path: '/a', method: 'POST', tls: true, internal: true },
    ]);
    const { report } = run(ROUTES, text);
    expect(report?.results.map(({ failures }) => failures)).toEqual([[], [], [], [], []]);
    expect(report?.coverage).toMatchObject({ routes: 4, covered: 4 });
  });

  it('writes each kind of request once', () => {
    const text = writeRouteTests([base, { ...base, random: 7 }, { ...base, path: '/b' }]);
    expect(text.match(/test_name/g)).toHaveLength(2);
  });

  it('keeps secrets and what only clients care about out', () => {
    const headers = ['authorization', 'Bearer x', 'cookie', 'a=b', 'user-agent', 'c', 'x-canary', '1'];
    expect(writeRouteTests([{ ...base, headers }])).toMatch(
      /^ {4}additional_request_headers:\n {4}- .*x-canary.*\n {2}validate/m,
    );
  });

  it('of nothing makes an empty list', () => expect(writeRouteTests([])).toBe('tests: []\n'));
});
