import { describe, expect, it } from 'vitest';
import { failures, one, run } from './support.ts';

const ROUTES = `
virtual_hosts:
- name: shop
  domains: [shop.test]
  virtual_clusters:
  - { name: reads, headers: [{ name: ":method", string_match: { exact: GET } }, { name: ":path", string_match: { prefix: /inventory } }] }
  request_headers_to_add: [{ header: { key: x-shop, value: "yes" } }]
  routes:
  - match: { prefix: /beta, runtime_fraction: { runtime_key: beta, default_value: { numerator: 30 } } }
    route: { cluster: beta }
  - match: { prefix: /dark, runtime_fraction: { runtime_key: dark, default_value: { numerator: 0 } } }
    route: { cluster: dark }
  - match: { prefix: /tagged, dynamic_metadata: [{ filter: tags, path: [{ key: color }], value: { string_match: { exact: red } } }] }
    route: { cluster: red }
  - match: { prefix: /inventory }
    route: { cluster: inventory, prefix_rewrite: /v2, host_rewrite_literal: stock.test, timeout: 3s }
    metadata: { filter_metadata: { team: { name: stock } } }
    response_headers_to_add: [{ header: { key: x-from, value: stock } }]
  - match: { prefix: /split }
    route: { weighted_clusters: { clusters: [{ name: old, weight: 80 }, { name: new, weight: 20 }] } }
  - match: { path: /moved }
    redirect: { path_redirect: /there, response_code: FOUND }
  - match: { path: /ping }
    direct_response: { status: 200, body: { inline_string: pong } }
  - match: { prefix: /secure }
    redirect: { https_redirect: true }
`;

describe('runRouteTest', () => {
  it.each([
    ['a cluster', '/inventory/1', '{ cluster_name: inventory, virtual_host_name: shop }'],
    ['no route', '/nowhere', '{ cluster_name: "", virtual_host_name: "", path_redirect: "" }'],
    ['a rewrite', '/inventory/1?a=1', '{ path_rewrite: /v2/1?a=1, host_rewrite: stock.test }'],
    ['a timeout', '/inventory/1', '{ timeout: 3s }'],
    ['the default timeout', '/split', '{ timeout: 15s }'],
    ['a virtual cluster', '/inventory/1', '{ virtual_cluster_name: reads }'],
    ['the rest of them', '/split', '{ virtual_cluster_name: other }'],
    ['route metadata', '/inventory/1', '{ route_metadata: [{ namespace: team, key: name, value: stock }] }'],
    [
      'a redirect',
      '/moved',
      '{ path_redirect: "http://shop.test/there", code_redirect: 302, cluster_name: "" }',
    ],
    ['to https', '/secure/x', '{ path_redirect: "https://shop.test/secure/x", code_redirect: 301 }'],
    ['an answer', '/ping', '{ path_redirect: "http://shop.test/ping", code_redirect: 200 }'],
    [
      'request headers',
      '/inventory/1',
      '{ request_header_matches: [{ name: x-shop, string_match: { exact: "yes" } }, { name: ":path", string_match: { prefix: /v2 } }] }',
    ],
    [
      'response headers',
      '/inventory/1',
      '{ response_header_matches: [{ name: x-from, string_match: { exact: stock } }, { name: x-none, present_match: true, invert_match: true }] }',
    ],
    ['the body of an answer', '/ping', '{ response_header_fields: [{ key: content-length, value: "4" }] }'],
    ['an absent header', '/ping', '{ response_header_fields: [{ key: location, value: "" }] }'],
  ])('finds %s', (_what, path, validate) => {
    expect(failures(ROUTES, one(path, validate))).toEqual([]);
  });

  it.each([
    ['the draw picks a weighted cluster', '/split', '{ cluster_name: old }', 'random_value: 79'],
    ['the next draw picks the next', '/split', '{ cluster_name: new }', 'random_value: 80'],
    ['the draw wraps', '/split', '{ cluster_name: old }', 'random_value: 100'],
    ['a fraction with its key', '/beta', '{ cluster_name: beta }', 'runtime: beta, random_value: 29'],
    ['a draw beyond it', '/beta', '{ cluster_name: "" }', 'runtime: beta, random_value: 30'],
    ['a fraction without its key', '/beta', '{ cluster_name: "" }', 'random_value: 0'],
    ['a fraction of 0 with its key', '/dark', '{ cluster_name: dark }', 'runtime: dark'],
    ['a fraction of 0 and a draw', '/dark', '{ cluster_name: "" }', 'runtime: dark, random_value: 1'],
    [
      'metadata',
      '/tagged',
      '{ cluster_name: red }',
      'dynamic_metadata: [{ metadata_namespace: tags, value: { color: red } }]',
    ],
    [
      'the first metadata of a namespace',
      '/tagged',
      '{ cluster_name: red }',
      'dynamic_metadata: [{ metadata_namespace: tags, value: { color: red } }, { metadata_namespace: tags, value: { color: blue } }]',
    ],
    [
      'metadata that is overwritten',
      '/tagged',
      '{ cluster_name: "" }',
      'dynamic_metadata: [{ metadata_namespace: tags, value: { color: red } }, { metadata_namespace: tags, allow_overwrite: true, value: { color: blue } }]',
    ],
    ['tls', '/ping', '{ path_redirect: "https://shop.test/ping" }', 'ssl: true'],
  ])('takes %s', (_what, path, validate, input) => {
    expect(failures(ROUTES, one(path, validate, input))).toEqual([]);
  });

  it.each([
    ['/inventory/1', '{ cluster_name: other }', 'cluster_name: other → inventory'],
    ['/moved', '{ code_redirect: 301 }', 'code_redirect: 301 → 302'],
    ['/inventory/1', '{ code_redirect: 301 }', 'code_redirect: 301 → 0'],
    [
      '/ping',
      '{ response_header_matches: [{ name: content-length, range_match: { start: 5, end: 9 } }] }',
      'response_header_matches: header `content-length` from 5 to below 9 → `content-length: 4`',
    ],
    [
      '/ping',
      '{ request_header_matches: [{ name: x-none, string_match: { exact: a } }] }',
      'request_header_matches: header `x-none` exact `a` → no header `x-none`',
    ],
  ])('%s does not pass as %s', (path, validate, expected) => {
    expect(failures(ROUTES, one(path, validate))).toEqual([expected]);
  });

  it('tells why a request went elsewhere, and which routes no test takes', () => {
    const { report } = run(ROUTES, one('/inventory/1', '{ cluster_name: beta }'));
    expect(report?.results[0]?.steps.map(({ kind, subject }) => `${kind} ${subject}`)).toEqual([
      'virtual-host shop',
      'route prefix /inventory',
    ]);
    expect(report?.coverage).toMatchObject({ routes: 8, covered: 0 });
    const passing = run(ROUTES, one('/inventory/1', '{ cluster_name: inventory }')).report;
    expect(passing?.results[0]?.steps).toEqual([]);
    expect(passing?.coverage.covered).toBe(1);
    expect(passing?.coverage.missing.map(({ route }) => route)).not.toContain('prefix /inventory');
  });

  it('takes the route table of a bootstrap', () => {
    const manager = `
      '@type': type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
      stat_prefix: s
      http_filters: [{ name: envoy.filters.http.router, typed_config: { '@type': type.googleapis.com/envoy.extensions.filters.http.router.v3.Router } }]
      route_config: { name: NAME, virtual_hosts: [{ name: v, domains: ['*'], routes: [{ match: { prefix: / }, direct_response: { status: 200 } }] }] }`;
    const listener = (name: string, port: number) => `
  - name: ${name}
    address: { socket_address: { address: 127.0.0.1, port_value: ${port} } }
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:${manager.replace('NAME', name).replaceAll('\n', '\n    ')}`;
    const single = `static_resources:\n  listeners:${listener('a', 1)}\n`;
    const test = one('/', '{ code_redirect: 200 }');
    expect(failures(single, test)).toEqual([]);
    const both = run(`${single}${listener('b', 2).slice(1)}\n`, test);
    expect(both.report).toBeNull();
    expect(both.diagnostics.at(-1)?.message).toBe(
      'routes.yaml has 2 route tables (a, b): name one with --route-config.',
    );
  });
});
