import { describe, expect, test } from 'vitest';
import { selectCluster } from '../../../../proxy-core/route/cluster-choice.ts';
import { decideRoute } from '../../../../proxy-core/route/decide.ts';
import { finalizeResponse, redirectResponse } from '../../../../proxy-core/route/response.ts';
import { finalizeRequest } from '../../../../proxy-core/route/rewrite.ts';
import type { RouteInput } from '../../../../proxy-core/route/types.ts';
import { compileTable, input, oneHost, recordingNarrator, streamInfo } from './support.ts';

/** Decides, chooses and finalizes; the head as it would go upstream. */
function forward(yaml: string, request: RouteInput) {
  const { table } = compileTable(yaml);
  const route = decideRoute(table, request);
  if (route === null) throw new Error('no route');
  const choice = selectCluster(route, request);
  if (choice === null) throw new Error('no cluster');
  finalizeRequest(route, choice, request.head, streamInfo({ requestHead: request.head }));
  return request.head;
}

describe('path rewriting', () => {
  test.each<[string, string, string, string]>([
    ['prefix: /pr', 'prefix_rewrite: /echo', '/prx?q=1', '/echox?q=1'],
    ['prefix: /pr/', 'prefix_rewrite: /', '/pr/rest', '/rest'],
    ['prefix: /pr', 'prefix_rewrite: /', '/pr/rest', '//rest'],
    ['prefix: /PR, case_sensitive: false', 'prefix_rewrite: /e', '/pr/Rest', '/e/Rest'],
    ['path: /a', 'prefix_rewrite: /b', '/a?q=1', '/b?q=1'],
    ['path: /a', 'prefix_rewrite: "/echo/new?z=1"', '/a?q=1', '/echo/new?z=1?q=1'],
    ['path_separated_prefix: /s', 'prefix_rewrite: /t', '/s/x', '/t/x'],
    ['safe_regex: {regex: "/r.*"}', 'prefix_rewrite: /t', '/rest/x?q', '/t?q'],
    [
      'prefix: /',
      'regex_rewrite: {pattern: {regex: "/v([0-9])/(.*)"}, substitution: "/\\\\2/\\\\1"}',
      '/v1/x?a=/v2/',
      '/x/1?a=/v2/',
    ],
    ['prefix: /', 'regex_rewrite: {pattern: {regex: a}, substitution: "$b"}', '/aa?a', '/$b$b?a'],
    ['prefix: /', 'regex_rewrite: {pattern: {regex: a}, substitution: "[\\\\1]"}', '/a?q', '/a?q'],
    ['prefix: /', 'regex_rewrite: {pattern: {regex: nothing}, substitution: x}', '/a?q', '/a?q'],
  ])('%s with %s: %s → %s', (match, rewrite, path, wanted) => {
    const head = forward(oneHost(`- {match: {${match}}, route: {cluster: a, ${rewrite}}}`), input(path));
    expect(head.path).toBe(wanted);
    expect(head.headers.slice(-2)).toEqual(['x-envoy-original-path', path]);
  });

  test('by template', () => {
    const yaml = oneHost(`
- match:
    path_match_policy:
      name: t
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig
        path_template: /t/{a}/x/{b=**}
  route:
    cluster: a
    path_rewrite_policy:
      name: t
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig
        path_template_rewrite: /{b}/{a}`);
    expect(forward(yaml, input('/t/1/x/2/3?q=1')).path).toBe('/2/3/1?q=1');
  });

  test('nothing configured changes nothing', () => {
    const request = input('/a?b', ['x', '1']);
    const before = structuredClone(request.head);
    expect(forward(oneHost('- {match: {prefix: /}, route: {cluster: a}}'), request)).toEqual(before);
  });
});

describe('host rewriting', () => {
  test.each<[string, string[], string]>([
    ['host_rewrite_literal: up.test', [], 'up.test'],
    ['host_rewrite_header: X-Host', ['x-host', 'from-header'], 'from-header'],
    ['host_rewrite_header: x-host', [], 'shop.test'],
    ['host_rewrite_path_regex: {pattern: {regex: "^/(.+)/.+$"}, substitution: "\\\\1.test"}', [], 'abc.test'],
  ])('%s with %j: %s', (rewrite, headers, host) => {
    const head = forward(
      oneHost(`- {match: {prefix: /}, route: {cluster: a, ${rewrite}}}`),
      input('/abc/d?x', headers),
    );
    expect(head.authority).toBe(host);
  });
  test('the old host goes to x-forwarded-host', () => {
    const yaml = oneHost(
      '- {match: {prefix: /}, route: {cluster: a, host_rewrite_literal: up.test, append_x_forwarded_host: true}}',
    );
    expect(forward(yaml, input('/')).headers.slice(-2)).toEqual(['x-forwarded-host', 'shop.test']);
    expect(forward(yaml, input('/', ['x-forwarded-host', 'first.test'])).headers.slice(-2)).toEqual([
      'x-forwarded-host',
      'first.test,shop.test',
    ]);
  });
});

describe('header mutation', () => {
  const levels = (wins: boolean): string => `
name: r
most_specific_header_mutations_wins: ${wins}
request_headers_to_add: [{header: {key: o, value: config}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}, {header: {key: x, value: config}}]
virtual_hosts:
- name: v
  domains: ["*"]
  request_headers_to_add: [{header: {key: o, value: vhost}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}, {header: {key: x, value: vhost}}]
  routes:
  - match: {prefix: /}
    request_headers_to_add: [{header: {key: o, value: route}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}, {header: {key: x, value: route}}]
    route:
      weighted_clusters:
        clusters:
        - {name: a, weight: 1, request_headers_to_add: [{header: {key: x, value: cluster}}]}
        - {name: b, weight: 3, host_rewrite_literal: b.test}
`;
  const values = (headers: readonly string[], name: string): string[] =>
    headers.filter((_, i) => i % 2 === 1 && headers[i - 1] === name);
  test('most specific first, so the least specific has the last word', () => {
    const { headers } = forward(levels(false), input('/'));
    expect(values(headers, 'x')).toEqual(['cluster', 'route', 'vhost', 'config']);
    expect(values(headers, 'o')).toEqual(['config']);
  });
  test('the other way round when asked for', () => {
    const { headers } = forward(levels(true), input('/'));
    expect(values(headers, 'x')).toEqual(['cluster', 'config', 'vhost', 'route']);
    expect(values(headers, 'o')).toEqual(['route']);
  });
  test('a weighted cluster can set the host', () => {
    expect(forward(levels(false), input('/', [], {}, { random: 3 })).authority).toBe('b.test');
  });

  test.each<[string, string[], string[]]>([
    ['{header: {key: X, value: new}}', ['x', '1'], ['x', '1', 'x', 'new']],
    ['{header: {key: x, value: new}, append: false}', ['x', '1', 'x', '2'], ['x', 'new']],
    ['{header: {key: x, value: new}, append_action: ADD_IF_ABSENT}', ['x', '1'], ['x', '1']],
    ['{header: {key: x, value: new}, append_action: ADD_IF_ABSENT}', [], ['x', 'new']],
    ['{header: {key: x, value: new}, append_action: OVERWRITE_IF_EXISTS}', [], []],
    ['{header: {key: x, value: new}, append_action: OVERWRITE_IF_EXISTS}', ['x', '1'], ['x', 'new']],
    [
      '{header: {key: x, value: new}}, {header: {key: z, value: two}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}',
      [],
      ['z', 'two', 'x', 'new'],
    ],
    ['{header: {key: x, value: "a%REQ(nope)%b"}}', [], ['x', 'ab']],
    ['{header: {key: x, value: "%REQ(nope)%"}}', [], []],
    ['{header: {key: x, value: "%REQ(nope)%"}, keep_empty_value: true}', [], ['x', '']],
    ['{header: {key: x, value: "50%% off %REQ(:path)%"}}', [], ['x', '50% off /p?q']],
    ['{header: {key: x, value: "%REQ(z)%"}}, {header: {key: z, value: later}}', [], ['z', 'later']],
  ])('%s on %j', (options, headers, wanted) => {
    const yaml = oneHost(
      '- {match: {prefix: /}, route: {cluster: a}}',
      `request_headers_to_add: [${options}]`,
    );
    expect(forward(yaml, input('/p?q', headers)).headers.slice(2)).toEqual(wanted);
  });

  test('removes come first', () => {
    const yaml = oneHost(
      '- {match: {prefix: /}, route: {cluster: a}}',
      'request_headers_to_remove: [X]\nrequest_headers_to_add: [{header: {key: x, value: "new %REQ(x)%"}}]',
    );
    expect(forward(yaml, input('/', ['x', '1'])).headers.slice(2)).toEqual(['x', 'new ']);
  });

  test('responses: weighted cluster, route, virtual host', () => {
    const yaml = oneHost(
      `- {match: {prefix: /}, response_headers_to_add: [{header: {key: x, value: route}}], route: {weighted_clusters: {clusters: [{name: a, weight: 1, response_headers_to_remove: [gone], response_headers_to_add: [{header: {key: x, value: "%RESPONSE_CODE%"}}]}]}}}`,
      'response_headers_to_add: [{header: {key: x, value: vhost}}]',
    );
    const request = input('/');
    const route = decideRoute(compileTable(yaml).table, request);
    if (route === null) throw new Error('no route');
    const response = { status: 200, headers: ['gone', '1'] };
    finalizeResponse(route, selectCluster(route, request), response, streamInfo({ responseHead: response }));
    expect(response.headers).toEqual(['x', '200', 'x', 'route', 'x', 'vhost']);
  });
});

describe('cluster choice', () => {
  const weighted = oneHost(
    '- {match: {prefix: /}, route: {weighted_clusters: {runtime_key_prefix: w, header_name: x-draw, clusters: [{name: a, weight: 1}, {name: b, weight: 3}, {cluster_header: x-c, weight: 1}]}}}',
  );
  const choose = (yaml: string, request: RouteInput) => {
    const route = decideRoute(compileTable(yaml).table, request);
    return route === null ? null : selectCluster(route, request);
  };
  test.each<[string, RouteInput, string | null]>([
    ['draw 0', input('/'), 'a'],
    ['draw 1', input('/', [], {}, { random: 1 }), 'b'],
    ['draw 3', input('/', [], {}, { random: 3 }), 'b'],
    ['draw 5 wraps', input('/', [], {}, { random: 5 }), 'a'],
    ['draw 4 by header', input('/', ['x-c', 'named'], {}, { random: 4 }), 'named'],
    ['draw 4 without its header', input('/', [], {}, { random: 4 }), null],
    ['the header replaces the draw', input('/', ['x-draw', '2']), 'b'],
    ['a header that is no number does not', input('/', ['x-draw', 'two']), 'a'],
    ['the runtime overrides weights', input('/', [], {}, { runtime: new Map([['w.a', 0]]) }), 'b'],
  ])('weighted, %s: %s', (_name, request, cluster) =>
    expect(choose(weighted, request)?.cluster ?? null).toBe(cluster),
  );
  test('by header', () => {
    const yaml = oneHost('- {match: {prefix: /}, route: {cluster_header: X-C}}');
    expect(choose(yaml, input('/', ['x-c', 'q']))).toEqual({ cluster: 'q', weightedIndex: -1 });
    expect(choose(yaml, input('/'))).toBeNull();
  });
  test('tells the draw and the shares', () => {
    const request = input('/', [], {}, { random: 7 });
    const route = decideRoute(compileTable(weighted).table, request);
    const narrator = recordingNarrator();
    if (route !== null) selectCluster(route, request, narrator);
    expect(narrator.candidates.map((c) => `${c.result} ${c.name}: ${c.reason}`)).toEqual([
      'lost a: the draw was 2, its share is 0 to 0',
      'won b: the draw was 2, its share is 1 to 3',
      'lost named by header x-c: the draw was 2, its share is 4 to 4',
    ]);
  });
});

describe('redirects', () => {
  test.each<[string, string, string, string, string]>([
    ['{}', 'http', 'x.test', '/a?b', 'http://x.test/a?b'],
    ['{https_redirect: true}', 'http', 'x.test:80', '/a', 'https://x.test/a'],
    ['{https_redirect: true}', 'http', 'x.test:8080', '/a', 'https://x.test:8080/a'],
    ['{https_redirect: true}', 'http', '[::1]:80', '/a', 'https://[::1]/a'],
    ['{https_redirect: true}', 'http', '[::1]', '/a', 'https://[::1]/a'],
    ['{scheme_redirect: http}', 'https', 'x.test:443', '/a', 'http://x.test/a'],
    ['{scheme_redirect: ftp}', 'http', 'x.test', '/a', 'ftp://x.test/a'],
    ['{host_redirect: y.test}', 'http', 'x.test:8080', '/a', 'http://y.test/a'],
    ['{port_redirect: 8443}', 'http', 'x.test:8080', '/a', 'http://x.test:8443/a'],
    ['{host_redirect: y.test, port_redirect: 1}', 'http', 'x.test', '/a', 'http://y.test:1/a'],
    ['{path_redirect: /new}', 'http', 'x.test', '/a?b', 'http://x.test/new?b'],
    ['{path_redirect: "/new?z"}', 'http', 'x.test', '/a?b', 'http://x.test/new?z'],
    ['{path_redirect: "/new?z", strip_query: true}', 'http', 'x.test', '/a?b', 'http://x.test/new?z'],
    ['{path_redirect: /new, strip_query: true}', 'http', 'x.test', '/a?b', 'http://x.test/new'],
    [
      '{regex_rewrite: {pattern: {regex: "/(.*)$"}, substitution: "new"}}',
      'http',
      'x.test',
      '/a?b',
      'http://x.test/new?b',
    ],
    [
      '{regex_rewrite: {pattern: {regex: "/(.*)$"}, substitution: ""}}',
      'http',
      'x.test',
      '/a?b',
      'http://x.test/a?b',
    ],
    ['{strip_query: true}', 'http', 'x.test', '/a?b', 'http://x.test/a'],
    ['{prefix_rewrite: /z}', 'http', 'x.test', '/a/b?c', 'http://x.test/z/b?c'],
    [
      '{regex_rewrite: {pattern: {regex: b}, substitution: z}}',
      'http',
      'x.test',
      '/a/b?b',
      'http://x.test/a/z?b',
    ],
  ])('%s of %s://%s%s → %s', (redirect, proto, authority, path, location) => {
    const request = input(path, [], { authority, headers: ['x-forwarded-proto', proto] });
    const route = decideRoute(
      compileTable(oneHost(`- {match: {prefix: /a}, redirect: ${redirect}}`)).table,
      request,
    );
    if (route === null) throw new Error('no route');
    expect(redirectResponse(route, request.head)).toMatchObject({ status: 301, location });
  });
  test('a rewrite changes the path that is logged', () => {
    const request = input('/a/b');
    const route = decideRoute(
      compileTable(oneHost('- {match: {prefix: /a}, redirect: {prefix_rewrite: /z}}')).table,
      request,
    );
    if (route !== null) redirectResponse(route, request.head);
    expect(request.head.path).toBe('/z/b');
    expect(request.head.headers.slice(-2)).toEqual(['x-envoy-original-path', '/a/b']);
  });
  test.each<[string, number]>([
    ['MOVED_PERMANENTLY', 301],
    ['FOUND', 302],
    ['SEE_OTHER', 303],
    ['TEMPORARY_REDIRECT', 307],
    ['PERMANENT_REDIRECT', 308],
  ])('%s is %d', (word, status) => {
    const yaml = oneHost(`- {match: {prefix: /}, redirect: {response_code: ${word}}}`);
    expect(decideRoute(compileTable(yaml).table, input('/'))?.action).toMatchObject({
      kind: 'redirect',
      status,
    });
  });
});

describe('direct responses', () => {
  const answer = (text: string) => {
    const request = input('/a');
    const { table } = compileTable(oneHost(`- {match: {prefix: /}, direct_response: ${text}}`));
    const route = decideRoute(table, request);
    const found = route === null ? null : redirectResponse(route, request.head);
    return found === null ? null : { ...found, body: new TextDecoder().decode(found.body) };
  };
  test.each<[string, { status: number; location: string | null; body: string }]>([
    ['{status: 200, body: {inline_string: hello}}', { status: 200, location: null, body: 'hello' }],
    ['{status: 200, body: {inline_bytes: aGk=}}', { status: 200, location: null, body: 'hi' }],
    ['{status: 200, body: {filename: /body.txt}}', { status: 200, location: null, body: 'from a file' }],
    ['{status: 201}', { status: 201, location: 'http://shop.test/a', body: '' }],
    ['{status: 302}', { status: 302, location: 'http://shop.test/a', body: '' }],
    ['{status: 404}', { status: 404, location: null, body: '' }],
  ])('%s', (text, wanted) => expect(answer(text)).toEqual(wanted));
});
