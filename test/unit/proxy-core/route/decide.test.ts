import { describe, expect, test } from 'vitest';
import { decideRoute } from '../../../../proxy-core/route/decide.ts';
import { compileTable, input, oneHost, recordingNarrator } from './support.ts';

const DOMAINS = `
name: local
virtual_hosts:
- {name: exact, domains: [shop.test, "shop.test:8443"], routes: [{match: {prefix: /}, route: {cluster: a}}]}
- {name: suffix, domains: ["*.shop.test"], routes: [{match: {prefix: /}, route: {cluster: a}}]}
- {name: long-suffix, domains: ["*.api.shop.test", "*-eu.test"], routes: [{match: {prefix: /}, route: {cluster: a}}]}
- {name: prefix, domains: ["shop.*"], routes: [{match: {prefix: /}, route: {cluster: a}}]}
- {name: empty, domains: [empty.test], routes: [{match: {path: /only}, route: {cluster: a}}]}
- {name: any, domains: ["*"], routes: [{match: {prefix: /}, route: {cluster: a}}]}
`;

describe('virtual host by domain', () => {
  const { table, reported } = compileTable(DOMAINS);
  test('compiles without a word', () => expect(reported).toEqual([]));
  test.each([
    ['shop.test', 'exact'],
    ['SHOP.TEST', 'exact'],
    ['shop.test:8443', 'exact'],
    ['shop.test:80', 'prefix'],
    ['x.shop.test', 'suffix'],
    ['.shop.test', 'any'],
    ['x.api.shop.test', 'long-suffix'],
    ['cart-eu.test', 'long-suffix'],
    ['shop.example', 'prefix'],
    ['shop.', 'any'],
    ['other', 'any'],
  ])('%s → %s', (authority, name) => {
    expect(decideRoute(table, input('/x', [], { authority }))?.virtualHost.name).toBe(name);
  });
  test('a host that matched without a route is not tried elsewhere', () => {
    expect(decideRoute(table, input('/x', [], { authority: 'empty.test' }))).toBeNull();
  });
  test('the port is left out when asked for', () => {
    const ignoring = compileTable(`${DOMAINS}\nignore_port_in_host_matching: true`).table;
    for (const [authority, name] of [
      ['shop.test:80', 'exact'],
      ['shop.test:', 'prefix'],
      ['[::1]:80', 'any'],
    ]) {
      expect(
        decideRoute(ignoring, input('/x', [], { authority: authority as string }))?.virtualHost.name,
      ).toBe(name);
    }
  });
  test('tells why a domain won', () => {
    const virtualHost = recordingNarrator();
    decideRoute(table, input('/', [], { authority: 'x.shop.test' }), {
      virtualHost,
      route: recordingNarrator(),
    });
    expect(virtualHost.candidates.map((c) => `${c.result} ${c.name}: ${c.reason}`)).toEqual([
      'lost exact: host is `x.shop.test`, none of its domains fits',
      'won suffix: `*.shop.test` is the longest suffix wildcard that fits',
      'lost long-suffix: host is `x.shop.test`, none of its domains fits',
      'lost prefix: host is `x.shop.test`, none of its domains fits',
      'lost empty: host is `x.shop.test`, none of its domains fits',
      'lost any: `*` fits too, but `*` comes last',
    ]);
  });
});

describe('path specifiers', () => {
  test.each([
    ['prefix: /pr', '/prx', true],
    ['prefix: /pr', '/p', false],
    ['prefix: /pr', '/PR', false],
    ['prefix: /pr, case_sensitive: false', '/PRx', true],
    ['prefix: inventory', '/inventory', false],
    ['prefix: ""', '/anything', true],
    ['path: /a', '/a', true],
    ['path: /a', '/a?b=1', true],
    ['path: /a', '/a#frag', true],
    ['path: /a', '/a/', false],
    ['path: /A, case_sensitive: false', '/a', true],
    ['path: "/a?b=1"', '/a?b=1', false],
    ['path_separated_prefix: /sep', '/sep', true],
    ['path_separated_prefix: /sep', '/sep/x', true],
    ['path_separated_prefix: /sep', '/sep?x', true],
    ['path_separated_prefix: /sep', '/sepx', false],
    ['safe_regex: {regex: "/r/[0-9]+"}', '/r/12?q=x', true],
    ['safe_regex: {regex: "/r/[0-9]+"}', '/r/12/x', false],
    ['safe_regex: {regex: "/r"}', '/r2', false],
    ['connect_matcher: {}', '/x', false],
  ])('%s takes %s: %s', (match, path, taken) => {
    const { table } = compileTable(oneHost(`- {match: {${match}}, route: {cluster: a}}`));
    expect(decideRoute(table, input(path)) !== null).toBe(taken);
  });

  const template = (text: string): string => `
- match:
    path_match_policy:
      name: t
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig
        path_template: ${text}
  route: {cluster: a}`;
  test.each([
    ['/t/{a}/x/{b=**}', '/t/1/x/2/3', true],
    ['/t/{a}/x/{b=**}', '/t/1/x/', true],
    ['/t/{a}/x/{b=**}', '/t/1/x', false],
    ['/t/{a}/x/{b=**}', '/t/1/2/x/', false],
    ['/t/*', '/t/1?q', true],
    ['/v.1/{a}', '/vx1/b', false],
  ])('template %s takes %s: %s', (text, path, taken) => {
    const { table, reported } = compileTable(oneHost(template(text)));
    expect(reported).toEqual([]);
    expect(decideRoute(table, input(path)) !== null).toBe(taken);
  });

  test('CONNECT goes to connect_matcher, with or without a path', () => {
    const { table } = compileTable(
      oneHost(
        '- {match: {prefix: ""}, route: {cluster: a}}\n- {match: {connect_matcher: {}}, route: {cluster: b}}',
      ),
    );
    expect(decideRoute(table, input('', [], { method: 'CONNECT' }))?.index).toBe(1);
  });
  test('path parameters are left out when asked for', () => {
    const yaml = oneHost(
      '- {match: {path: /a}, route: {cluster: a}}',
      '',
      'ignore_path_parameters_in_path_matching: true',
    );
    expect(decideRoute(compileTable(yaml).table, input('/a;v=1?x'))).not.toBeNull();
  });
});

describe('header matchers', () => {
  const one = ['x', '1'];
  test.each<[string, string[], boolean]>([
    ['{name: x}', one, true],
    ['{name: x}', [], false],
    ['{name: X, string_match: {exact: "1"}}', one, true],
    ['{name: x, string_match: {exact: "1"}}', ['x', '1', 'x', '2'], false],
    ['{name: x, string_match: {exact: "1,2"}}', ['x', '1', 'x', '2'], true],
    ['{name: x, string_match: {exact: "1"}, invert_match: true}', ['x', '2'], true],
    ['{name: x, string_match: {exact: "1"}, invert_match: true}', [], false],
    [
      '{name: x, string_match: {exact: "1"}, invert_match: true, treat_missing_header_as_empty: true}',
      [],
      true,
    ],
    ['{name: x, string_match: {exact: ""}}', ['x', ''], true],
    ['{name: x, string_match: {exact: ""}}', one, false],
    ['{name: x, exact_match: ""}', one, true],
    ['{name: x, exact_match: "1"}', one, true],
    ['{name: x, prefix_match: "1"}', ['x', '12'], true],
    ['{name: x, suffix_match: "1"}', ['x', '12'], false],
    ['{name: x, contains_match: "2"}', ['x', '123'], true],
    ['{name: x, safe_regex_match: {regex: "1+"}}', ['x', '111'], true],
    ['{name: x, string_match: {safe_regex: {regex: "1"}}}', ['x', '11'], false],
    ['{name: x, string_match: {prefix: AB, ignore_case: true}}', ['x', 'abc'], true],
    ['{name: x, present_match: false}', [], true],
    ['{name: x, present_match: false}', one, false],
    ['{name: x, present_match: true, invert_match: true}', [], true],
    ['{name: x, range_match: {start: -5, end: 10}}', ['x', '-5'], true],
    ['{name: x, range_match: {start: -5, end: 10}}', ['x', '10'], false],
    ['{name: x, range_match: {start: 1, end: 10}}', ['x', '1.5'], false],
    ['{name: x, range_match: {start: 10, end: 1}}', ['x', '5'], false],
    ['{name: ":method", string_match: {exact: GET}}', [], true],
    ['{name: ":path", string_match: {suffix: "?q=1"}}', [], true],
    ['{name: ":authority", string_match: {exact: shop.test}}', [], true],
    ['{name: host, string_match: {exact: shop.test}}', [], true],
  ])('%s with %j: %s', (matcher, headers, taken) => {
    const { table } = compileTable(
      oneHost(`- {match: {prefix: /, headers: [${matcher}]}, route: {cluster: a}}`),
    );
    expect(decideRoute(table, input('/x?q=1', headers)) !== null).toBe(taken);
  });
});

describe('the other conditions', () => {
  test.each<[string, string, string[], boolean]>([
    ['query_parameters: [{name: a}]', '/?a', [], true],
    ['query_parameters: [{name: a}]', '/?b=a', [], false],
    ['query_parameters: [{name: a, present_match: true}]', '/?b&a=', [], true],
    ['query_parameters: [{name: a, string_match: {exact: "1"}}]', '/?a=1&a=2', [], true],
    ['query_parameters: [{name: a, string_match: {exact: "2"}}]', '/?a=1&a=2', [], false],
    ['query_parameters: [{name: a, string_match: {exact: "1"}}]', '/?a=%31', [], false],
    ['query_parameters: [{name: a}]', '/?A=1', [], false],
    ['grpc: {}', '/', ['content-type', 'application/grpc'], true],
    ['grpc: {}', '/', ['content-type', 'application/grpc+proto'], true],
    ['grpc: {}', '/', ['content-type', 'application/grpc-web'], false],
    ['tls_context: {presented: true}', '/', [], false],
    ['tls_context: {presented: false}', '/', [], true],
  ])('%s with %s %j: %s', (condition, path, headers, taken) => {
    const { table } = compileTable(oneHost(`- {match: {prefix: /, ${condition}}, route: {cluster: a}}`));
    expect(decideRoute(table, input(path, headers)) !== null).toBe(taken);
  });

  const metadata = new Map([['ns', { k: { v: 'one' }, num: 5, b: true, l: ['x', 'z'], nil: null }]]);
  test.each<[string, boolean]>([
    ['path: [{key: k}, {key: v}], value: {string_match: {prefix: "on"}}', true],
    ['path: [{key: k}, {key: v}], value: {string_match: {exact: two}}', false],
    ['path: [{key: k}, {key: v}], value: {string_match: {exact: two}}, invert: true', true],
    ['path: [{key: num}], value: {double_match: {range: {start: 1, end: 5}}}', false],
    ['path: [{key: num}], value: {double_match: {exact: 5}}', true],
    ['path: [{key: b}], value: {bool_match: true}', true],
    ['path: [{key: nil}], value: {null_match: {}}', true],
    ['path: [{key: l}], value: {list_match: {one_of: {string_match: {exact: z}}}}', true],
    ['path: [{key: k}], value: {present_match: true}', true],
    ['path: [{key: gone}], value: {present_match: true}', false],
    [
      'path: [{key: num}], value: {or_match: {value_matchers: [{bool_match: true}, {double_match: {exact: 5}}]}}',
      true,
    ],
  ])('dynamic metadata %s: %s', (condition, taken) => {
    const yaml = oneHost(
      `- {match: {prefix: /, dynamic_metadata: [{filter: ns, ${condition}}]}, route: {cluster: a}}`,
    );
    expect(decideRoute(compileTable(yaml).table, input('/', [], {}, { metadata })) !== null).toBe(taken);
  });
  test('tells the metadata that did not fit', () => {
    const yaml = oneHost(
      '- {match: {prefix: /, dynamic_metadata: [{filter: ns, path: [{key: num}], value: {bool_match: true}}]}, route: {cluster: a}}',
    );
    const route = recordingNarrator();
    decideRoute(compileTable(yaml).table, input('/', [], {}, { metadata }), {
      virtualHost: recordingNarrator(),
      route,
    });
    expect(route.candidates[0]?.reason).toBe('dynamic metadata `ns:num` was `5`, another value wanted');
  });

  const half = oneHost(
    '- {match: {prefix: /, runtime_fraction: {default_value: {numerator: 50}, runtime_key: k}}, route: {cluster: a}}',
  );
  test.each<[number, unknown, boolean]>([
    [149, undefined, true],
    [150, undefined, false],
    [150, 100, true],
    [10, 0, false],
    [2499, { numerator: 2500, denominator: 'TEN_THOUSAND' }, true],
    [2500, { numerator: 2500, denominator: 'TEN_THOUSAND' }, false],
  ])('fraction: draw %d with runtime %j: %s', (random, value, taken) => {
    const runtime = new Map(value === undefined ? [] : [['k', value]]);
    const { table } = compileTable(half);
    expect(decideRoute(table, input('/', [], {}, { random, runtime })) !== null).toBe(taken);
  });
});

describe('the story of a decision', () => {
  const { table } = compileTable(
    oneHost(`
- {name: health, match: {path: /healthz}, direct_response: {status: 200}}
- {match: {prefix: /inventory, headers: [{name: x-canary, string_match: {exact: "1"}}]}, route: {cluster: b}}
- {match: {prefix: /inventory, query_parameters: [{name: v, string_match: {prefix: "2"}}]}, route: {cluster: b}}
- {match: {prefix: /inventory, runtime_fraction: {default_value: {numerator: 10}}}, route: {cluster: b}}
- {name: inventory, match: {prefix: /inventory}, route: {cluster: a}}
- {match: {prefix: /cart}, route: {cluster: c}}
- {match: {prefix: /}, route: {cluster: c}}`),
  );
  test('names the first failed condition with the values compared', () => {
    const route = recordingNarrator();
    const request = input('/inventory/1?v=1', ['x-canary', '0'], {}, { random: 77 });
    const found = decideRoute(table, request, { virtualHost: recordingNarrator(), route });
    expect(found?.name).toBe('inventory');
    expect(route.candidates.map((c) => `${c.index} ${c.result}: ${c.reason}`)).toEqual([
      '1 lost: path is `/inventory/1`, exact `/healthz` wanted',
      '2 lost: header `x-canary` was `0`, exact `1` wanted',
      '3 lost: query parameter `v` was `1`, prefix `2` wanted',
      '4 lost: the draw was 77 of 100, below 10 wanted',
      '5 won: is the first that matches',
      '6 not-tried: would not have matched: path is `/inventory/1`, prefix `/cart` wanted',
      '7 not-tried: would have matched too',
    ]);
    expect(route.candidates.map((c) => c.condition)[1]).toBe('prefix /inventory and header x-canary exact 1');
    expect(route.candidates[1]?.source?.line).toBe(9);
  });
});

describe('require_tls', () => {
  const yaml = (mode: string): string =>
    oneHost('- {match: {prefix: /}, route: {cluster: a}}', `require_tls: ${mode}`);
  test.each<[string, string, boolean, 'redirect' | 'cluster']>([
    ['ALL', 'http', true, 'redirect'],
    ['ALL', 'https', false, 'cluster'],
    ['EXTERNAL_ONLY', 'http', false, 'redirect'],
    ['EXTERNAL_ONLY', 'http', true, 'cluster'],
    ['NONE', 'http', false, 'cluster'],
  ])('%s by %s, internal %s: %s', (mode, proto, internal, kind) => {
    const request = input('/', [], { headers: ['x-forwarded-proto', proto] }, { internal });
    expect(decideRoute(compileTable(yaml(mode)).table, request)?.action.kind).toBe(kind);
  });
});
