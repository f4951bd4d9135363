import { describe, expect, test } from 'vitest';
import { compileTable, oneHost } from './support.ts';

const route = (action: string): string => oneHost(`- {match: {prefix: /}, route: {${action}}}`);
const match = (text: string): string => oneHost(`- {match: {${text}}, route: {cluster: a}}`);
const add = (option: string): string =>
  oneHost('- {match: {prefix: /}, route: {cluster: a}}', `request_headers_to_add: [${option}]`);
const FILLER = 'x'.repeat(4097);

describe('errors, in the words of Envoy', () => {
  test.each<[string, string, string]>([
    ['unknown cluster', route('cluster: nope'), "route: unknown cluster 'nope'"],
    [
      'unknown weighted cluster',
      route('weighted_clusters: {clusters: [{name: nope, weight: 1}]}'),
      "route: unknown weighted cluster 'nope'",
    ],
    [
      'all weights 0',
      route('weighted_clusters: {clusters: [{name: a, weight: 0}]}'),
      'Sum of weights in the weighted_cluster must be greater than 0.',
    ],
    [
      'no weight',
      route('weighted_clusters: {clusters: [{name: a}, {name: b, weight: 1}]}'),
      `Field 'weight' is missing in: name: "a"`,
    ],
    [
      'unknown shadow cluster',
      route('cluster: a, request_mirror_policies: [{cluster: nope}]'),
      "route: unknown shadow cluster 'nope'",
    ],
    [
      'mirror by name and header',
      route('cluster: a, request_mirror_policies: [{cluster: a, cluster_header: x}]'),
      "Only one of cluster 'a' or cluster_header 'x' in request mirror policy can be specified",
    ],
    [
      'mirror to nothing',
      route('cluster: a, request_mirror_policies: [{}]'),
      'Exactly one of cluster or cluster_header in request mirror policy need to be specified',
    ],
    ['open bracket', match('safe_regex: {regex: "/[a"}'), 'missing ]: [a'],
    ['look-ahead', match('safe_regex: {regex: "(?!a)"}'), 'invalid perl operator: (?!'],
    ['back-reference', match('safe_regex: {regex: "(a)\\\\1"}'), 'invalid escape sequence: \\1'],
    ['repetition', match('safe_regex: {regex: "[a-z]{1,1001}"}'), 'invalid repetition size: {1,1001}'],
    [
      'program size',
      match('safe_regex: {regex: "/[a-z]{1,1000}"}'),
      "regex '/[a-z]{1,1000}' RE2 program size of 2004 > max program size of 100 set for the error level threshold. Increase configured max program size if necessary.",
    ],
    [
      'ignore_case on a regex',
      match('prefix: /, headers: [{name: x, string_match: {safe_regex: {regex: a}, ignore_case: true}}]'),
      'ignore_case has no effect for safe_regex.',
    ],
    [
      'two rewrites',
      route('cluster: a, prefix_rewrite: /x, regex_rewrite: {pattern: {regex: a}, substitution: b}'),
      'Specify only one of prefix_rewrite, regex_rewrite or path_rewrite_policy',
    ],
    [
      'body too long',
      oneHost(`- {match: {prefix: /}, direct_response: {status: 200, body: {inline_string: ${FILLER}}}}`),
      'response body size is 4097 bytes; maximum is 4096',
    ],
    [
      'body file missing',
      oneHost('- {match: {prefix: /}, direct_response: {status: 200, body: {filename: /nonexistent}}}'),
      'file /nonexistent does not exist',
    ],
    [
      'back-off upside down',
      route(
        'cluster: a, retry_policy: {retry_on: 5xx, retry_back_off: {base_interval: 2s, max_interval: 1s}}',
      ),
      'retry_policy.max_interval must greater than or equal to the base_interval',
    ],
    [
      'host predicate by name only',
      route('cluster: a, retry_policy: {retry_host_predicate: [{name: foo}]}'),
      "Didn't find a registered implementation for 'foo' with type URL: ''",
    ],
    [
      'add :path',
      add('{header: {key: ":path", value: x}}'),
      ':-prefixed or host headers may not be modified: `:path`',
    ],
    [
      'add host',
      add('{header: {key: Host, value: x}}'),
      ':-prefixed or host headers may not be modified: `host`',
    ],
    [
      'remove host',
      oneHost('- {match: {prefix: /}, route: {cluster: a}, request_headers_to_remove: [host]}'),
      ':-prefixed or host headers may not be removed: `host`',
    ],
    ['unknown operator', add('{header: {key: x, value: "%FOO%"}}'), 'Not supported field in StreamInfo: FOO'],
    [
      'stray percent',
      add('{header: {key: x, value: "50% off"}}'),
      "Incorrect configuration: 50% off. Couldn't find valid command at position 2",
    ],
    [
      'append and append_action',
      add('{header: {key: x, value: z}, append: true, append_action: ADD_IF_ABSENT}'),
      "Both append and append_action are set and it's not allowed",
    ],
    [
      'second star',
      'name: r\nvirtual_hosts: [{name: v, domains: ["*"]}, {name: w, domains: ["*"]}]',
      'Only a single wildcard domain is permitted in route r',
    ],
    [
      'a domain twice',
      'name: r\nvirtual_hosts: [{name: v, domains: [a.test, A.test]}]',
      'Only unique values for domains are permitted. Duplicate entry of domain a.test in route r',
    ],
    [
      'a wildcard twice',
      'name: r\nvirtual_hosts: [{name: v, domains: ["*.a"]}, {name: w, domains: ["*.A"]}]',
      'Only unique values for domains are permitted. Duplicate entry of domain *.a in route r',
    ],
  ])('%s', (_name, yaml, message) => {
    const errors = compileTable(yaml).reported.filter((r) => r.severity === 'error');
    expect(errors.map((r) => r.message)).toEqual([message]);
    expect(errors[0]?.path).not.toBe('');
  });

  test('a template with an open bracket', () => {
    const yaml = oneHost(`
- match:
    path_match_policy:
      name: t
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig
        path_template: /a/{b
  route: {cluster: a}`);
    expect(compileTable(yaml).reported.map((r) => r.message)).toEqual([
      'path_match_policy.path_template /a/{b is invalid: Unmatched variable bracket in "{b"',
    ]);
  });

  test('a prefix rewrite beside a template', () => {
    const yaml = oneHost(`
- match:
    path_match_policy:
      name: t
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig
        path_template: /a/{b}
  route: {cluster: a, prefix_rewrite: /c}`);
    expect(compileTable(yaml).reported.map((r) => r.message)).toEqual([
      'Cannot use prefix_rewrite with matcher extension',
    ]);
  });

  test('the position is that of the value', () => {
    const yaml = 'name: r\nvirtual_hosts:\n- name: v\n  domains:\n  - a.test\n  - b.test\n  - a.test';
    expect(compileTable(yaml).reported).toMatchObject([{ code: 'route.duplicate-domain', line: 7 }]);
  });

  test('all at once', () => {
    const yaml = oneHost(`
- {match: {prefix: /a}, route: {cluster: nope}}
- {match: {safe_regex: {regex: "["}}, route: {cluster: nope2}}`);
    expect(compileTable(yaml).reported.map((r) => r.code)).toEqual([
      'route.unknown-cluster',
      'route.regex',
      'route.unknown-cluster',
    ]);
  });
});

describe('accepted without an error', () => {
  test.each<[string, string]>([
    ['unknown cluster, validate_clusters false', `${route('cluster: nope')}validate_clusters: false`],
    ['a header names the cluster', route('cluster_header: x-cluster')],
    ['google_re2', match('safe_regex: {google_re2: {}, regex: "/a.*"}')],
    [
      'a larger program by google_re2',
      match('safe_regex: {google_re2: {max_program_size: 9000}, regex: "/[a-z]{1,1000}"}'),
    ],
    [
      'group that is not there',
      route('cluster: a, regex_rewrite: {pattern: {regex: a}, substitution: "\\\\1"}'),
    ],
    ['empty redirect', oneHost('- {match: {prefix: /}, redirect: {}}')],
    ['%% in a header', add('{header: {key: x, value: "50%% off"}}')],
    ['virtual host without routes', 'name: r\nvirtual_hosts: [{name: v, domains: [x]}]'],
    ['nothing at all', 'name: r'],
    ['the same virtual host name twice', 'virtual_hosts: [{name: v, domains: [x]}, {name: v, domains: [z]}]'],
  ])('%s', (_name, yaml) => {
    const { reported, load } = compileTable(yaml);
    expect(reported.filter((r) => r.severity === 'error')).toEqual([]);
    expect(load.filter((d) => d.severity === 'error')).toEqual([]);
  });
});

describe('surprises are warnings', () => {
  test.each<[string, string, string, string]>([
    ['prefix without slash', match('prefix: inventory'), 'route.path-never-matches', 'prefix'],
    ['path without slash', match('path: inventory'), 'route.path-never-matches', 'path'],
    ['path with query', match('path: "/a?b=1"'), 'route.path-never-matches', 'path'],
    [
      'domain with a scheme',
      'virtual_hosts: [{name: v, domains: ["http://a.test"]}]',
      'route.domain-never-matches',
      'domains',
    ],
    [
      'domain with a path',
      'virtual_hosts: [{name: v, domains: ["a.test/foo"]}]',
      'route.domain-never-matches',
      'domains',
    ],
    [
      'star in the middle',
      'virtual_hosts: [{name: v, domains: ["a.*.test"]}]',
      'route.domain-never-matches',
      'domains',
    ],
    [
      'empty range',
      match('prefix: /, headers: [{name: x, range_match: {start: 10, end: 1}}]'),
      'route.empty-range',
      'range_match',
    ],
    [
      'double slash',
      oneHost('- {match: {prefix: /a}, route: {cluster: a, prefix_rewrite: /}}'),
      'route.rewrite-double-slash',
      'prefix_rewrite',
    ],
    [
      'unknown retry word',
      route('cluster: a, retry_policy: {retry_on: "5xx,banana"}'),
      'route.retry-on',
      'retry_on',
    ],
    [
      'status codes without their word',
      route('cluster: a, retry_policy: {retry_on: 5xx, retriable_status_codes: [418]}'),
      'route.retriable-status-codes',
      'retriable_status_codes',
    ],
    [
      'a group that is not there',
      route('cluster: a, regex_rewrite: {pattern: {regex: a}, substitution: "\\\\1"}'),
      'route.regex-group',
      'substitution',
    ],
    [
      'total weight ignored',
      route('weighted_clusters: {total_weight: 100, clusters: [{name: a, weight: 50}]}'),
      'route.total-weight',
      'total_weight',
    ],
    [
      'shadowed by a shorter prefix',
      oneHost('- {match: {prefix: /a}, route: {cluster: a}}\n- {match: {prefix: /ab}, route: {cluster: b}}'),
      'route.shadowed',
      'match',
    ],
    [
      'shadowed by the same path',
      oneHost(
        '- {match: {path: /a}, route: {cluster: a}}\n- {match: {path: /a, headers: [{name: x}]}, route: {cluster: b}}',
      ),
      'route.shadowed',
      'match',
    ],
    [
      'regex behind a catch-all',
      oneHost(
        '- {match: {prefix: /}, route: {cluster: a}}\n- {match: {safe_regex: {regex: "/a"}}, route: {cluster: b}}',
      ),
      'route.shadowed',
      'match',
    ],
  ])('%s', (_name, yaml, code, field) => {
    const found = compileTable(yaml).reported;
    expect(found).toMatchObject([{ severity: 'warning', code }]);
    expect(found[0]?.path.replace(/\[\d+\]$/, '')).toMatch(new RegExp(`${field}$`));
  });

  test.each<[string, string]>([
    [
      'a condition before the path',
      '- {match: {prefix: /a, headers: [{name: x}]}, route: {cluster: a}}\n- {match: {prefix: /ab}, route: {cluster: b}}',
    ],
    [
      'the longer prefix first',
      '- {match: {prefix: /ab}, route: {cluster: a}}\n- {match: {prefix: /a}, route: {cluster: b}}',
    ],
    [
      'an exact path before its prefix',
      '- {match: {path: /a}, route: {cluster: a}}\n- {match: {prefix: /a}, route: {cluster: b}}',
    ],
    [
      'another case',
      '- {match: {prefix: /a}, route: {cluster: a}}\n- {match: {prefix: /ab, case_sensitive: false}, route: {cluster: b}}',
    ],
    [
      'CONNECT behind a catch-all',
      '- {match: {prefix: /}, route: {cluster: a}}\n- {match: {connect_matcher: {}}, route: {cluster: b}}',
    ],
    ['equal endings', '- {match: {prefix: /a/}, route: {cluster: a, prefix_rewrite: /}}'],
  ])('no warning: %s', (_name, routes) => {
    expect(compileTable(oneHost(routes)).reported).toEqual([]);
  });
});

describe('what a route becomes', () => {
  const action = (text: string, virtualHost = '') => {
    const compiled = compileTable(
      oneHost(`- {match: {prefix: /}, route: {cluster: a, ${text}}}`, virtualHost),
    );
    const found = compiled.table.virtualHosts[0]?.routes[0]?.action;
    if (found?.kind !== 'cluster') throw new Error('no cluster action');
    return found;
  };
  test.each<[string, number]>([
    ['', 15_000],
    ['timeout: 0s', 0],
    ['timeout: 0.25s', 250],
    ['max_stream_duration: {max_stream_duration: 5s}', 0],
    ['timeout: 1s, max_stream_duration: {}', 0],
  ])('timeout of `%s` is %d ms', (text, timeout) => expect(action(text).timeout).toBe(timeout));
  test.each<[string, number]>([
    ['', 503],
    ['cluster_not_found_response_code: NOT_FOUND', 404],
    ['cluster_not_found_response_code: INTERNAL_SERVER_ERROR', 500],
  ])('status of `%s` without its cluster is %d', (text, status) =>
    expect(action(text).clusterNotFoundStatus).toBe(status),
  );

  test('the virtual host retries when the route has no policy of its own', () => {
    const inherited = action('', 'retry_policy: {retry_on: "5xx, reset", num_retries: 4}').retryPolicy;
    expect([...(inherited?.on ?? [])]).toEqual(['5xx', 'reset']);
    expect(inherited?.numRetries).toBe(4);
    const own = action(
      'retry_policy: {retry_on: reset}',
      'retry_policy: {retry_on: 5xx, num_retries: 4}',
    ).retryPolicy;
    expect(own).toMatchObject({ numRetries: 1, baseInterval: 25, maxInterval: 250 });
    expect([...(own?.on ?? [])]).toEqual(['reset']);
  });
  test('upgrades by type in lower case', () => {
    const found = action(
      'upgrade_configs: [{upgrade_type: WebSocket}, {upgrade_type: CONNECT, enabled: false}]',
    );
    expect([...found.upgrades]).toEqual([
      ['websocket', true],
      ['connect', false],
    ]);
  });
  test('internal redirects follow 302 once by default', () => {
    expect(action('').internalRedirect).toBeNull();
    expect(action('internal_redirect_policy: {}').internalRedirect).toMatchObject({
      maxRedirects: 1,
      statuses: new Set([302]),
    });
    const more = action(
      'internal_redirect_policy: {max_internal_redirects: 3, redirect_response_codes: [301, 200]}',
    );
    expect(more.internalRedirect).toMatchObject({ maxRedirects: 3, statuses: new Set([301]) });
  });
  test('per-filter configuration goes through the compiler that was handed in', () => {
    const yaml = oneHost(`
- match: {prefix: /}
  route: {cluster: a}
  typed_per_filter_config:
    buffer: {"@type": type.googleapis.com/envoy.extensions.filters.http.buffer.v3.BufferPerRoute, disabled: true}`);
    const { table } = compileTable(
      yaml,
      {},
      { perFilter: (name, reader) => `${name}:${String(reader.bool('disabled'))}` },
    );
    expect([...(table.virtualHosts[0]?.routes[0]?.perFilterConfig ?? [])]).toEqual([
      ['buffer', 'buffer:true'],
    ]);
  });
  test.each<[string, string]>([
    ['route: {cluster: a}', 'cluster a'],
    ['route: {cluster_header: X-C}', 'cluster named by header x-c'],
    [
      'route: {weighted_clusters: {clusters: [{name: a, weight: 1}, {name: b, weight: 3}]}}',
      'clusters a 25 %, b 75 %',
    ],
    ['redirect: {https_redirect: true, response_code: FOUND}', 'redirect 302 to https'],
    ['direct_response: {status: 204}', 'answer 204'],
  ])('%s reads `%s`', (text, wanted) => {
    const { table } = compileTable(oneHost(`- {match: {prefix: /}, ${text}}`));
    expect(table.virtualHosts[0]?.routes[0]?.actionText).toBe(wanted);
  });
});
