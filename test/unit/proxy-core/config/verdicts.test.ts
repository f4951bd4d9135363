import { describe, expect, test } from 'vitest';
import { BASE, changed, errors, load } from './base-config.ts';

/**
 * Verdicts of real Envoy on small changes to a working bootstrap. `accept` must have no error; a rejected row names
 * line, column and code of each error, so that nothing is reported twice.
 */
type Row = readonly [name: string, text: string, expected: 'accept' | readonly string[]];

const HCM_TYPE =
  '"@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
const ROUTER_TYPE = '"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router';
const ROUTER_CONFIG = `            typed_config:\n              ${ROUTER_TYPE}\n`;

const cluster = (line: string): string =>
  changed('    lb_policy: ROUND_ROBIN', `    lb_policy: ROUND_ROBIN\n    ${line}`);
const timeout = (value: string): string => changed('connect_timeout: 1s', `connect_timeout: ${value}`);
const port = (value: string): string => changed('port_value: 8080', `port_value: ${value}`);
const statPrefix = (value: string): string => changed('stat_prefix: ingress_http', `stat_prefix: ${value}`);
const remote = (value: string): string =>
  changed('use_remote_address: false', `use_remote_address: ${value}`);
const policy = (value: string): string => changed('lb_policy: ROUND_ROBIN', `lb_policy: ${value}`);
const type = (value: string): string => changed('type: STATIC', `type: ${value}`);
const domains = (value: string): string => changed('domains: ["*"]', `domains: ${value}`);
const match = (lines: string): string => changed('                  prefix: /inventory', lines);
const route = (lines: string): string => changed('                  cluster: inventory_service', lines);
const headers = (text: string): string =>
  match(`                  prefix: /inventory\n                  headers: [${text}]`);
const hcm = (line: string): string => changed('          use_remote_address: false', `          ${line}`);
const top = (lines: string): string => `${BASE}${lines}\n`;
const accessLog = (text: string): string => hcm(`access_log: [${text}]`);
const FILE_LOG = 'type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog';

const yaml: Row[] = [
  ['empty file', '', ['1:1 config.unreadable']],
  ['only comment', '# nothing\n', ['1:1 config.unreadable']],
  ['document is a plain word', 'hello\n', ['1:1 config.unreadable']],
  ['document is a list', '- a\n- b\n', ['1:1 config.unreadable']],
  ['a tab before a key', changed('    socket_address: {', '\tsocket_address: {'), ['3:1 config.syntax']],
  ['`domains: ["*"` without `]`', domains('["*"'), ['26:15 config.syntax']],
  [
    '`name:inventory_route`',
    changed('name: inventory_route', 'name:inventory_route'),
    ['22:13 config.syntax'],
  ],
  ['the same key twice', cluster('lb_policy: RANDOM'), 'accept'],
  ['`static_resources` twice', `static_resources: {}\n${BASE}`, 'accept'],
  ['`domains: [*]`', domains('[*]'), ['25:25 config.syntax']],
  ['a second YAML document', `${BASE}---\nfoo: bar\n`, 'accept'],
  ['a leading ---', `---\n${BASE}`, 'accept'],
  ['a top-level `x-anchors:` block', `x-anchors: { a: 1 }\n${BASE}`, ['1:1 config.unknown-field']],
  [
    'anchor and alias',
    changed('connect_timeout: 1s', 'connect_timeout: &t 1s\n    dns_refresh_rate: *t'),
    'accept',
  ],
  ['merge key', cluster('<<: { type: STATIC }'), ['40:5 config.unknown-field']],
  ['node id n', changed('id: n1', 'id: n'), ['5:7 config.wrong-type']],
  ['exact: y', headers('{ name: a, string_match: { exact: y } }'), ['29:63 config.wrong-type']],
];

const names: Row[] = [
  ['unknown top-level key', top('foo: 1'), ['47:1 config.unknown-field']],
  ['`filter_chain`', changed('    filter_chains:', '    filter_chain:'), ['14:5 config.unknown-field']],
  ['`stat_prefx`', changed('stat_prefix:', 'stat_prefx:'), ['19:11 config.unknown-field']],
  [
    '`timeut`',
    route('                  cluster: c\n                  timeut: 1s'),
    ['31:19 config.unknown-field'],
  ],
  ['connectTimeout', changed('connect_timeout', 'connectTimeout'), 'accept'],
  ['both spellings', cluster('connectTimeout: 2s'), 'accept'],
  ['connect-timeout', changed('connect_timeout', 'connect-timeout'), ['37:5 config.unknown-field']],
  ['Connect_timeout', changed('connect_timeout', 'Connect_timeout'), ['37:5 config.unknown-field']],
  ['round_robin', policy('round_robin'), 'accept'],
  ['lb_policy: 0', policy('0'), 'accept'],
  ['lb_policy: 77', policy('77'), ['39:16 config.unknown-enum']],
  ['RANDOMIZE', policy('RANDOMIZE'), ['39:16 config.unknown-enum']],
  ['type: static', type('static'), 'accept'],
  ['STRICTDNS', type('STRICTDNS'), ['38:11 config.unknown-enum']],
  ['timeout 1', timeout('1'), ['37:22 config.bad-duration']],
  ['timeout 0.5', timeout('0.5'), ['37:22 config.bad-duration']],
  ['500ms', timeout('500ms'), ['37:22 config.bad-duration']],
  ['.25s', timeout('.25s'), ['37:22 config.bad-duration']],
  ['1m', timeout('1m'), ['37:22 config.bad-duration']],
  ['-1s', timeout('-1s'), ['37:22 config.bad-duration']],
  ['0s', timeout('0s'), ['37:22 config.out-of-range']],
  ['{seconds: 1}', timeout('{ seconds: 1 }'), 'accept'],
  ['{nanos: 250000000}', timeout('{ nanos: 250000000 }'), 'accept'],
  ['ten decimals', timeout('0.1234567891s'), ['37:22 config.bad-duration']],
  ['999999999999999s', timeout('999999999999999s'), ['37:22 config.bad-duration']],
  ['"1 s"', timeout('"1 s"'), ['37:22 config.bad-duration']],
  ['"8080"', port('"8080"'), 'accept'],
  ['70000', port('70000'), ['13:21 config.out-of-range']],
  ['-1', port('-1'), ['13:21 config.out-of-range']],
  ['8080.0', port('8080.0'), ['13:21 config.wrong-type']],
  ['8080.5', port('8080.5'), ['13:21 config.wrong-type']],
  ['eighty', port('eighty'), ['13:21 config.wrong-type']],
  ['port 0', port('0'), 'accept'],
  ['no port', changed('        port_value: 8080\n', ''), ['12:9 config.required']],
  ['octal', port('010000'), 'accept'],
  ['hex', port('0x1F90'), 'accept'],
  ['8e3', port('8e3'), ['13:21 config.wrong-type']],
  ['bool "true"', remote('"true"'), 'accept'],
  ['bool yes', remote('yes'), 'accept'],
  ['bool on', remote('on'), 'accept'],
  ['bool 1', remote('1'), ['20:31 config.wrong-type']],
  ['stat_prefix 123', statPrefix('123'), ['19:24 config.wrong-type']],
  ['stat_prefix true', statPrefix('true'), ['19:24 config.wrong-type']],
  ['stat_prefix null', statPrefix('null'), ['18:11 config.required']],
  ['stat_prefix nothing', statPrefix(''), ['18:11 config.required']],
  ['no stat_prefix', changed('          stat_prefix: ingress_http\n', ''), ['18:11 config.required']],
  ['stat_prefix ""', statPrefix('""'), ['19:24 config.required']],
  ['stat_prefix 1.5', statPrefix('1.5'), 'accept'],
];

const shapes: Row[] = [
  [
    'listeners as one object',
    `static_resources:\n  listeners: { name: a, address: { socket_address: { address: 127.0.0.1, port_value: 1 } } }\n`,
    'accept',
  ],
  ['domains "*"', domains('"*"'), 'accept'],
  [
    'address as a list',
    changed('address:\n      socket_address:', 'address:\n    - socket_address:').replace(
      '        address: 127.0.0.1\n        port_value: 8080',
      '        address: 127.0.0.1\n        port_value: 8080',
    ),
    ['11:5 config.wrong-type'],
  ],
  ['domains nothing', domains(''), ['24:15 config.required']],
  ['domains []', domains('[]'), ['25:24 config.out-of-range']],
  ['domains [""]', domains('[""]'), 'accept'],
  ['unknown @type', changed('.router.v3', '.rooter.v3'), ['34:24 config.unknown-type']],
  [
    '@type without prefix',
    changed(
      'type.googleapis.com/envoy.extensions.filters.http.router',
      'envoy.extensions.filters.http.router',
    ),
    ['34:24 config.bad-type-url'],
  ],
  [
    '@type with another prefix',
    changed(
      'type.googleapis.com/envoy.extensions.filters.http.router',
      'foo.bar/envoy.extensions.filters.http.router',
    ),
    'accept',
  ],
  [
    'v2 HCM',
    changed(
      'envoy.extensions.filters.network.http_connection_manager.v3',
      'envoy.config.filter.network.http_connection_manager.v2',
    ),
    ['18:20 config.unknown-type'],
  ],
  [
    'router @type on a network filter',
    changed(HCM_TYPE, ROUTER_TYPE),
    [
      '19:11 config.unknown-field',
      '20:11 config.unknown-field',
      '21:11 config.unknown-field',
      '31:11 config.unknown-field',
    ],
  ],
  ['v2 config', changed(ROUTER_CONFIG, '            config: {}\n'), ['33:13 config.unknown-field']],
  ['name foo, right @type', changed('name: envoy.filters.http.router', 'name: foo'), 'accept'],
  [
    'filter without name',
    changed(`- name: envoy.filters.http.router\n            typed_config`, '- typed_config'),
    ['32:13 config.required'],
  ],
  [
    'old name',
    changed('name: envoy.filters.network.http_connection_manager', 'name: envoy.http_connection_manager'),
    'accept',
  ],
  [
    'unknown name without typed_config',
    changed(ROUTER_CONFIG, '').replace('http.router', 'http.rooter'),
    ['32:19 config.missing-typed-config'],
  ],
  ['v2 hosts', cluster('hosts: []'), ['40:5 config.unknown-field']],
  ['v2 tls_context', cluster('tls_context: {}'), ['40:5 config.unknown-field']],
  ['http2_protocol_options {}', cluster('http2_protocol_options: {}'), 'accept'],
  ['http2_protocol_options null', cluster('http2_protocol_options:'), 'accept'],
];

const topLevel: Row[] = [
  ['no listeners', 'static_resources: {}', 'accept'],
  ['no static_resources', 'admin: {}', 'accept'],
  ['access_log_path', 'admin: { access_log_path: /dev/null }', 'accept'],
  [
    'resource_api_version V2',
    'dynamic_resources: { lds_config: { path_config_source: { path: /x }, resource_api_version: V2 } }',
    'accept',
  ],
  ['runtime (v2)', top('runtime: {}'), ['47:1 config.unknown-field']],
  [
    'tags both',
    'stats_config: { stats_tags: [{ tag_name: a, fixed_value: b, regex: c }] }',
    ['1:61 config.oneof'],
  ],
  ['overload_manager empty', 'overload_manager: {}', ['1:19 config.required']],
  ['stats_flush_interval 0', 'stats_flush_interval: 0s', ['1:23 config.out-of-range']],
  [
    'stats sink by name only',
    'stats_sinks: [{ name: envoy.stat_sinks.foo }]',
    ['1:23 config.missing-typed-config'],
  ],
  ['hidden field', top('hidden_envoy_deprecated_runtime: {}'), ['47:1 config.unknown-field']],
  ['watchdog', 'watchdog: {}', 'accept'],
  ['use_tcp_for_dns_lookups', 'use_tcp_for_dns_lookups: true', 'accept'],
];

const routes: Row[] = [
  [
    'weighted clusters',
    route(
      '                  weighted_clusters: { clusters: [{ name: a, weight: 1 }, { name: b, weight: 2 }] }',
    ),
    'accept',
  ],
  [
    'redirect with a line break',
    route('                  cluster: a\n                  host_rewrite_literal: "a\\nb"'),
    ['31:41 config.bad-format'],
  ],
  [
    'weighted clusters []',
    route('                  weighted_clusters: { clusters: [] }'),
    ['30:50 config.out-of-range'],
  ],
  [
    'only match',
    changed('                route:\n                  cluster: inventory_service\n', ''),
    ['27:17 config.required'],
  ],
  [
    'without match',
    changed('match:\n                  prefix: /inventory\n                route:', 'route:'),
    ['27:17 config.required'],
  ],
  [
    'match {}',
    changed('match:\n                  prefix: /inventory', 'match: {}'),
    ['27:24 config.required'],
  ],
  [
    'route and redirect',
    changed('                route:\n', '                redirect: {}\n                route:\n'),
    ['30:17 config.oneof'],
  ],
  [
    'prefix and path',
    match('                  prefix: /a\n                  path: /b'),
    ['29:19 config.oneof'],
  ],
  [
    'cluster and weighted',
    route(
      '                  cluster: a\n                  weighted_clusters: { clusters: [{ name: a, weight: 1 }] }',
    ),
    ['31:19 config.oneof'],
  ],
  ['prefix without slash', match('                  prefix: inventory'), 'accept'],
  ['empty prefix', match('                  prefix: ""'), 'accept'],
  [
    'path_separated_prefix /a/',
    match('                  path_separated_prefix: /a/'),
    ['28:42 config.bad-format'],
  ],
  [
    'path_separated_prefix a',
    match('                  path_separated_prefix: a'),
    ['28:42 config.bad-format'],
  ],
  [
    'path_separated_prefix /',
    match('                  path_separated_prefix: /'),
    ['28:42 config.bad-format'],
  ],
  ['empty regex', match('                  safe_regex: { regex: "" }'), ['28:40 config.required']],
  ['google_re2', match('                  safe_regex: { google_re2: {}, regex: /a }'), 'accept'],
  ['safe_regex as text', match('                  safe_regex: "/a.*"'), ['28:31 config.wrong-type']],
  ['v2 regex', match('                  regex: /a.*'), ['28:19 config.unknown-field']],
  ['exact_match', headers('{ name: a, exact_match: v }'), 'accept'],
  ['header without name', headers('{ exact_match: v }'), ['29:31 config.required']],
  ['header with only a name', headers('{ name: a }'), 'accept'],
  ['exact ""', headers('{ name: a, string_match: { exact: "" } }'), 'accept'],
  ['string_match {}', headers('{ name: a, string_match: {} }'), ['29:54 config.required']],
  ['string_match prefix ""', headers('{ name: a, string_match: { prefix: "" } }'), ['29:64 config.required']],
  [
    'cookies',
    match('                  prefix: /\n                  cookies: []'),
    ['29:19 config.unknown-field'],
  ],
  [
    'timeout beside match',
    changed('                route:\n', '                timeout: 1s\n                route:\n'),
    ['29:17 config.unknown-field'],
  ],
  [
    'retry_policy beside match',
    changed('                route:\n', '                retry_policy: {}\n                route:\n'),
    ['29:17 config.unknown-field'],
  ],
  [
    'vhost without name',
    changed('- name: main\n              domains', '- domains'),
    ['24:15 config.required'],
  ],
  ['vhost without routes', `${BASE.split('              routes:')[0]}`, 'accept'],
];

const others: Row[] = [
  [
    'access log filter empty',
    accessLog(`{ name: a, filter: {}, typed_config: { "@type": ${FILE_LOG}, path: /x } }`),
    ['20:43 config.required'],
  ],
  [
    'status filter op GTE',
    accessLog(
      `{ name: a, filter: { status_code_filter: { comparison: { op: GTE, value: { default_value: 1, runtime_key: a } } } }, typed_config: { "@type": ${FILE_LOG}, path: /x } }`,
    ),
    ['20:85 config.unknown-enum'],
  ],
  [
    'bad response flag',
    accessLog(
      `{ name: a, filter: { response_flag_filter: { flags: [ZZ] } }, typed_config: { "@type": ${FILE_LOG}, path: /x } }`,
    ),
    ['20:77 config.out-of-range'],
  ],
  ['path shorthand', accessLog('{ path: /x }'), ['20:26 config.unknown-field']],
  [
    'cluster no name',
    changed('  - name: inventory_service\n    connect_timeout', '  - connect_timeout'),
    ['36:5 config.required'],
  ],
  ['cluster no type', changed('    type: STATIC\n', ''), 'accept'],
  ['cluster no connect_timeout', changed('    connect_timeout: 1s\n', ''), 'accept'],
  ['no cluster_name', changed('      cluster_name: inventory_service\n', ''), ['41:7 config.required']],
  [
    'endpoint weight 0',
    changed('- endpoint:', '- load_balancing_weight: 0\n          endpoint:'),
    ['44:34 config.out-of-range'],
  ],
  [
    'endpoint weight object',
    changed('- endpoint:', '- load_balancing_weight: { value: 3 }\n          endpoint:'),
    'accept',
  ],
  [
    'priority 129',
    changed('      - lb_endpoints:', '      - priority: 129\n        lb_endpoints:'),
    ['43:19 config.out-of-range'],
  ],
  [
    'least_request choice 1',
    cluster('least_request_lb_config: { choice_count: 1 }'),
    ['40:46 config.out-of-range'],
  ],
  [
    'health check without thresholds',
    cluster('health_checks: [{ timeout: 1s, interval: 1s, tcp_health_check: {} }]'),
    ['40:23 config.required', '40:23 config.required'],
  ],
  [
    'health check without type',
    cluster('health_checks: [{ timeout: 1s, interval: 1s, unhealthy_threshold: 1, healthy_threshold: 1 }]'),
    ['40:23 config.required'],
  ],
  [
    'health check without path',
    cluster(
      'health_checks: [{ timeout: 1s, interval: 1s, unhealthy_threshold: 1, healthy_threshold: 1, http_health_check: {} }]',
    ),
    ['40:115 config.required'],
  ],
  [
    'outlier percent 101',
    cluster('outlier_detection: { max_ejection_percent: 101 }'),
    ['40:48 config.out-of-range'],
  ],
  ['outlier interval 0', cluster('outlier_detection: { interval: 0s }'), ['40:36 config.out-of-range']],
  ['outlier consecutive_5xx 0', cluster('outlier_detection: { consecutive_5xx: 0 }'), 'accept'],
  ['outlier {}', cluster('outlier_detection: {}'), 'accept'],
  [
    'stdev float',
    cluster('outlier_detection: { success_rate_stdev_factor: 1.9 }'),
    ['40:53 config.wrong-type'],
  ],
  [
    'breaker priority LOW',
    cluster('circuit_breakers: { thresholds: [{ priority: LOW }] }'),
    ['40:50 config.unknown-enum'],
  ],
  [
    'retry budget 200',
    cluster('circuit_breakers: { thresholds: [{ retry_budget: { budget_percent: { value: 200 } } }] }'),
    ['40:81 config.out-of-range'],
  ],
  ['dns_lookup_family lower', cluster('dns_lookup_family: v4_only'), 'accept'],
  [
    'sni of 256 bytes',
    cluster(
      `transport_socket: { name: t, typed_config: { "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, sni: ${'a'.repeat(256)} } }`,
    ),
    ['40:146 config.out-of-range'],
  ],
  [
    'transport_socket name only',
    cluster('transport_socket: { name: tls }'),
    ['40:31 config.missing-typed-config'],
  ],
  [
    'listener address empty',
    changed('        address: 127.0.0.1\n', '        address: ""\n'),
    ['12:18 config.required'],
  ],
  ['listener no name', changed('- name: main_http_listener\n    address', '- address'), 'accept'],
  [
    'listener filter unknown',
    changed('    filter_chains:', '    listener_filters: [{ name: foo }]\n    filter_chains:'),
    ['14:32 config.missing-typed-config'],
  ],
  [
    'traffic_direction IN',
    changed('    filter_chains:', '    traffic_direction: IN\n    filter_chains:'),
    ['14:24 config.unknown-enum'],
  ],
  [
    'listener tls_context (v2)',
    changed('    - filters:', '    - tls_context: {}\n      filters:'),
    ['15:7 config.unknown-field'],
  ],
];

describe.each([
  ['YAML and the document', yaml],
  ['names, enums, scalars', names],
  ['shapes, @type, names', shapes],
  ['top level', topLevel],
  ['routes', routes],
  ['access logs, clusters, listeners', others],
] as const)('%s', (_, rows) => {
  test.each(rows)('%s', (_, text, expected) => {
    expect(errors(load(text))).toEqual(expected === 'accept' ? [] : expected);
  });
});

test('the base itself has nothing to report', () => {
  expect(load(BASE).diagnostics).toEqual([]);
});
