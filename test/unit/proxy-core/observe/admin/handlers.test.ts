import { describe, expect, test } from 'vitest';
import { adminHandlers, handleAdmin } from '../../../../../proxy-core/observe/admin/handlers.ts';
import { parseParams } from '../../../../../proxy-core/observe/admin/params.ts';
import type { AdminResponse } from '../../../../../proxy-core/observe/admin/types.ts';
import { readMessage } from '../../route/support.ts';
import { cluster, FakeBackend, host } from './backend.ts';

const HANDLERS = adminHandlers();
const TEXT = 'text/plain; charset=UTF-8';

function ask(url: string, backend = new FakeBackend(), method = 'GET'): AdminResponse {
  const mark = url.indexOf('?');
  return handleAdmin(
    HANDLERS,
    {
      method,
      path: mark < 0 ? url : url.slice(0, mark),
      params: parseParams(mark < 0 ? '' : url.slice(mark + 1)),
    },
    backend,
  );
}

function askJson(url: string, backend = new FakeBackend()): unknown {
  const answer = ask(url, backend);
  expect(answer.contentType).toBe('application/json');
  return JSON.parse(answer.body);
}

describe('dispatch', () => {
  test.each(['/nope', '/Ready', '/ready/', '/stats/'])('%s is no command', (url) => {
    const answer = ask(url);
    expect(answer.status).toBe(404);
    expect(answer.body).toMatch(
      /^invalid path\. admin commands are:\n {2}\/: Admin home page\n {2}\/certs: print certs on machine\n/,
    );
  });

  test.each([
    '/reset_counters',
    '/reopen_logs',
    '/quitquitquit',
    '/logging',
    '/healthcheck/fail',
    '/drain_listeners',
  ])('GET %s is refused and does nothing', (url) => {
    const backend = new FakeBackend();
    expect(ask(url, backend)).toEqual({
      status: 405,
      contentType: TEXT,
      body: 'Method GET not allowed, POST required.',
    });
    expect(backend.done).toEqual([]);
  });

  test('lookups of statistics are counted while that is switched on', () => {
    const backend = new FakeBackend();
    expect(ask('/stats/recentlookups', backend).body).toMatch(
      /^Lookup tracking is not enabled\. .*total: 0\n$/s,
    );
    ask('/stats/recentlookups/enable', backend, 'POST');
    backend.stats.counter('a.b');
    backend.stats.counter('a.b');
    backend.stats.gauge('c');
    expect(ask('/stats/recentlookups', backend).body).toBe(
      '   Count Lookup\n       1 c\n       2 a.b\n\ntotal: 3\n',
    );
    ask('/stats/recentlookups/clear', backend, 'POST');
    expect(ask('/stats/recentlookups', backend).body).toBe('   Count Lookup\n\ntotal: 0\n');
    ask('/stats/recentlookups/disable', backend, 'POST');
    expect(ask('/stats/recentlookups', backend).body).toMatch(/^Lookup tracking is not enabled/);
  });

  test('reading takes any method', () => {
    expect(ask('/ready', undefined, 'POST').status).toBe(200);
  });

  test('/help lists each command once, by path, with its parameters', () => {
    const { body } = ask('/help');
    const paths = [...body.matchAll(/^ {2}(\/\S*?)(?: \(POST\))?: /gm)].map((m) => m[1]);
    expect(paths).toEqual([...paths].sort());
    expect(new Set(paths).size).toBe(paths.length);
    expect(body).toContain(
      '  /listeners: print listener info\n      format: File format to use; One of (text, json)\n',
    );
    expect(body).toContain('  /reset_counters (POST): reset all counters to zero\n');
  });

  test('/ links every command', () => {
    const { body, contentType } = ask('/');
    expect(contentType).toBe('text/html; charset=UTF-8');
    expect(body).toContain('<a href="stats/prometheus">');
    expect(body).toContain('<form action="quitquitquit" method="post">');
  });

  test('a further command joins table, help and dispatch', () => {
    const handlers = adminHandlers([
      { path: '/x', help: 'extra', handle: () => ({ status: 200, contentType: TEXT, body: 'hi' }) },
    ]);
    const request = { method: 'GET', path: '/x', params: new Map() };
    expect(handleAdmin(handlers, request, new FakeBackend()).body).toBe('hi');
    expect(handleAdmin(handlers, { ...request, path: '/help' }, new FakeBackend()).body).toContain(
      '  /x: extra\n',
    );
  });
});

describe('parameters', () => {
  test.each([
    [
      'a=1&b',
      [
        ['a', '1'],
        ['b', ''],
      ],
    ],
    ['filter=a%2Bb+c', [['filter', 'a+b+c']]],
    ['x=%zz%4', [['x', '%zz%4']]],
    ['x=1&x=2', [['x', '2']]],
    ['', []],
    ['k=a=b&', [['k', 'a=b']]],
    ['k=%C3%A9', [['k', 'é']]],
  ])('%s', (query, expected) => {
    expect([...parseParams(query)]).toEqual(expected);
  });
});

describe('actions', () => {
  test.each([
    ['/reopen_logs', ['reopen']],
    ['/healthcheck/fail', ['fail true']],
    ['/healthcheck/ok', ['fail false']],
    ['/drain_listeners?graceful&skip_exit', ['drain {"graceful":true,"skipExit":true,"inboundOnly":false}']],
    ['/drain_listeners?inboundonly', ['drain {"graceful":false,"skipExit":false,"inboundOnly":true}']],
    ['/runtime_modify?a=1&b=', ['runtime a,1;b,']],
  ])('POST %s', (url, done) => {
    const backend = new FakeBackend();
    expect(ask(url, backend, 'POST')).toMatchObject({ status: 200, body: 'OK\n' });
    expect(backend.done).toEqual(done);
  });

  test('/quitquitquit quits after its answer', () => {
    const backend = new FakeBackend();
    const answer = ask('/quitquitquit', backend, 'POST');
    expect(backend.done).toEqual([]);
    answer.after?.();
    expect(backend.done).toEqual(['quit']);
  });

  test('/reset_counters zeroes counters', () => {
    const backend = new FakeBackend();
    backend.stats.counter('a').inc();
    ask('/reset_counters', backend, 'POST');
    expect(backend.stats.counter('a').value).toBe(0);
  });

  test('/runtime_modify without keys', () => {
    expect(ask('/runtime_modify', undefined, 'POST')).toMatchObject({
      status: 400,
      body: 'usage: /runtime_modify?key1=value1&key2=value2&keyN=valueN\n       or send the parameters as form values\nuse an empty value to remove a previously added override',
    });
  });
});

describe('/ready', () => {
  test.each([
    ['LIVE', 200],
    ['DRAINING', 503],
    ['PRE_INITIALIZING', 503],
    ['INITIALIZING', 503],
  ] as const)('%s is %i', (state, status) => {
    const backend = new FakeBackend();
    backend.info = { ...backend.info, state };
    expect(ask('/ready', backend)).toEqual({ status, contentType: TEXT, body: `${state}\n` });
  });
});

describe('/logging', () => {
  test('shows', () => {
    expect(ask('/logging', undefined, 'POST').body).toBe('active loggers:\n  admin: info\n  http: info\n\n');
  });

  test.each([
    ['level=debug', 'debug', 'debug'],
    ['http=trace', 'info', 'trace'],
    ['paths=http:error,admin:off', 'off', 'error'],
    ['level=', 'info', 'info'],
  ])('?%s', (query, admin, http) => {
    const { status, body } = ask(`/logging?${query}`, new FakeBackend(), 'POST');
    expect(status).toBe(200);
    expect(body).toBe(`active loggers:\n  admin: ${admin}\n  http: ${http}\n\n`);
  });

  test.each([
    ['foo=debug', 'unknown logger name'],
    ['level=loud', 'unknown logger level'],
    ['level=debug&http=info', 'invalid number of parameters'],
    ['paths=http:debug,foo:debug', 'unknown logger name'],
  ])('?%s is refused and changes nothing', (query, error) => {
    const backend = new FakeBackend();
    const { status, body } = ask(`/logging?${query}`, backend, 'POST');
    expect(status).toBe(400);
    expect(body).toMatch(
      new RegExp(`^error: ${error}\n\nusage: /logging\\?<name>=<level> \\(change single level\\)\n`),
    );
    expect([...backend.levels.values()]).toEqual(['info', 'info']);
  });
});

describe('/listeners', () => {
  test('as text', () => {
    expect(ask('/listeners').body).toBe('main::0.0.0.0:8080\nmain::[::1]:8081\n');
  });

  test('as JSON', () => {
    expect(askJson('/listeners?format=json')).toEqual({
      listener_statuses: [
        {
          name: 'main',
          local_address: { socket_address: { address: '0.0.0.0', port_value: 8080 } },
          additional_local_addresses: [{ socket_address: { address: '::1', port_value: 8081 } }],
        },
      ],
    });
  });
});

describe('/clusters', () => {
  test('as text, in Envoy’s order', () => {
    const backend = new FakeBackend();
    backend.clusterList = [
      cluster({
        outlier: {
          successRateAverage: -1,
          successRateEjectionThreshold: 98.76543219,
          localOriginSuccessRateAverage: -1,
          localOriginSuccessRateEjectionThreshold: -1,
        },
        hosts: [
          host(9001, { healthFlags: '/failed_outlier_check' }),
          host(80, { address: { ip: '::1', port: 80 } }),
        ],
      }),
    ];
    const lines = ask('/clusters', backend).body.split('\n');
    expect(lines.slice(0, 16)).toEqual([
      'inventory_service::observability_name::inventory_service',
      'inventory_service::outlier::success_rate_average::-1',
      'inventory_service::outlier::success_rate_ejection_threshold::98.7654',
      'inventory_service::outlier::local_origin_success_rate_average::-1',
      'inventory_service::outlier::local_origin_success_rate_ejection_threshold::-1',
      'inventory_service::default_priority::max_connections::1024',
      'inventory_service::default_priority::max_pending_requests::1024',
      'inventory_service::default_priority::max_requests::1024',
      'inventory_service::default_priority::max_retries::3',
      'inventory_service::high_priority::max_connections::1024',
      'inventory_service::high_priority::max_pending_requests::1024',
      'inventory_service::high_priority::max_requests::1024',
      'inventory_service::high_priority::max_retries::3',
      'inventory_service::added_via_api::false',
      'inventory_service::127.0.0.1:9001::cx_active::1',
      'inventory_service::127.0.0.1:9001::cx_connect_fail::0',
    ]);
    expect(lines).toContain('inventory_service::127.0.0.1:9001::health_flags::/failed_outlier_check');
    expect(lines).toContain('inventory_service::[::1]:80::rq_success::13');
    expect(lines[lines.length - 2]).toBe('inventory_service::[::1]:80::local_origin_success_rate::-1');
  });

  test('as JSON: zero values are left out', () => {
    const backend = new FakeBackend();
    backend.clusterList = [
      cluster({
        addedViaApi: true,
        hosts: [host(9001, { healthFlags: '/failed_outlier_check/degraded_eds_health', priority: 1 })],
      }),
    ];
    const answer = askJson('/clusters?format=json', backend) as {
      cluster_statuses: Record<string, unknown>[];
    };
    expect(answer.cluster_statuses[0]).toMatchObject({
      name: 'inventory_service',
      added_via_api: true,
      circuit_breakers: { thresholds: [{ max_retries: 3 }, { priority: 'HIGH' }] },
    });
    expect((answer.cluster_statuses[0] as { host_statuses: unknown[] }).host_statuses[0]).toEqual({
      address: { socket_address: { address: '127.0.0.1', port_value: 9001 } },
      stats: [
        { name: 'cx_connect_fail' },
        { value: '1', name: 'cx_total' },
        { name: 'rq_error' },
        { value: '13', name: 'rq_success' },
        { name: 'rq_timeout' },
        { value: '13', name: 'rq_total' },
        { type: 'GAUGE', value: '1', name: 'cx_active' },
        { type: 'GAUGE', name: 'rq_active' },
      ],
      health_status: { failed_outlier_check: true, eds_health_status: 'DEGRADED' },
      weight: 1,
      priority: 1,
      locality: {},
    });
  });

  test('an unknown format is text', () => {
    expect(ask('/clusters?format=xml').contentType).toBe(TEXT);
  });
});

describe('/server_info, /certs, /memory, /runtime and the rest', () => {
  test('/server_info has Envoy’s shape', () => {
    expect(askJson('/server_info')).toMatchObject({
      version: 'abc/0.1.0/Clean/RELEASE/OpenSSL',
      state: 'LIVE',
      uptime_current_epoch: '3s',
      hot_restart_version: '11.104',
      command_line_options: { mode: 'Serve' },
      node: {
        id: 'n',
        cluster: 'c',
        user_agent_name: 'envoy',
        user_agent_build_version: { version: { major_number: 0, minor_number: 1, patch: 0 } },
      },
    });
  });

  test('/certs', () => {
    expect(askJson('/certs')).toMatchObject({
      certificates: [
        {
          ca_cert: [],
          cert_chain: [
            {
              path: '/c.crt',
              serial_number: '45fa',
              subject_alt_names: [{ dns: 'a.test' }],
              days_until_expiration: '10',
              valid_from: '2026-11-22T15:26:44Z',
            },
          ],
        },
      ],
    });
  });

  test('/memory gives six numbers as strings', () => {
    const values = Object.values(askJson('/memory') as Record<string, string>);
    expect(values).toHaveLength(6);
    expect(values.every((value) => /^\d+$/.test(value))).toBe(true);
  });

  test('/runtime', () => {
    const backend = new FakeBackend();
    backend.runtimeView = {
      layers: ['s', 'adm'],
      entries: new Map([['a', { finalValue: '1', layerValues: ['1', ''] }]]),
    };
    expect(askJson('/runtime', backend)).toEqual({
      layers: ['s', 'adm'],
      entries: { a: { final_value: '1', layer_values: ['1', ''] } },
    });
    expect(ask('/runtime').body).toBe('{\n "layers": [],\n "entries": {}\n}\n');
  });

  test.each([
    ['/hot_restart_version', '11.104'],
    ['/init_dump', '{}'],
  ])('%s', (url, body) => {
    expect(ask(url).body).toBe(body);
  });
});

describe('/stats', () => {
  test.each([
    ['/stats?filter=^a', TEXT, 'a.x: 1\n'],
    ['/stats?filter=^a&format=json', 'application/json', '{"stats":[{"name":"a.x","value":1}]}'],
    ['/stats?filter=^a&format=prometheus', TEXT, '# TYPE envoy_a_x counter\nenvoy_a_x{} 1\n'],
    ['/stats/prometheus?filter=^a&type=Gauges', TEXT, '# TYPE envoy_a_x counter\nenvoy_a_x{} 1\n'],
  ])('%s', (url, contentType, body) => {
    const backend = new FakeBackend();
    backend.stats.counter('a.x').inc();
    backend.stats.gauge('b.y').set(2);
    expect(ask(url, backend)).toEqual({ status: 200, contentType, body });
  });

  test('?format=html shows names as text', () => {
    const backend = new FakeBackend();
    backend.stats.counter('<script>').inc();
    expect(ask('/stats?format=html', backend).body).toContain('&#60;script&#62;: 1');
  });
});

describe('/config_dump', () => {
  function dumping(): FakeBackend {
    const backend = new FakeBackend();
    const bootstrap = readMessage(
      `node: {id: n1}
admin: {address: {socket_address: {address: 127.0.0.1, port_value: 9901}}}
static_resources:
  clusters:
  - name: a
    type: STATIC
    lb_policy: ROUND_ROBIN
    connect_timeout: 0.25s
    max_requests_per_connection: 0
    transport_socket:
      name: tls
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
        common_tls_context:
          tls_certificates:
          - certificate_chain: {filename: /a.crt}
            private_key: {filename: /a.key}
  - {name: b}
`,
      'envoy.config.bootstrap.v3.Bootstrap',
    ).reader;
    const clusters = bootstrap.message('static_resources')?.messages('clusters') ?? [];
    backend.dump = {
      bootstrap: { message: bootstrap.node, updated: 0 },
      clusters: clusters.map((reader) => ({ message: reader.node, updated: 1000 })),
      listeners: [],
      routes: [],
      secrets: [],
    };
    return backend;
  }

  test('the dumps in Envoy’s order; defaults left out, keys redacted, durations and types in proto JSON', () => {
    const { configs } = askJson('/config_dump', dumping()) as { configs: Record<string, unknown>[] };
    expect(
      configs.map((config) => String(config['@type']).replace('type.googleapis.com/envoy.admin.v3.', '')),
    ).toEqual([
      'BootstrapConfigDump',
      'ClustersConfigDump',
      'ListenersConfigDump',
      'ScopedRoutesConfigDump',
      'RoutesConfigDump',
      'SecretsConfigDump',
    ]);
    expect(configs[0]).toMatchObject({
      bootstrap: { node: { id: 'n1' } },
      last_updated: '1970-01-01T00:00:00.000Z',
    });
    expect(configs[1]?.['static_clusters']).toEqual([
      {
        cluster: {
          '@type': 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
          name: 'a',
          type: 'STATIC',
          connect_timeout: '0.250s',
          max_requests_per_connection: 0,
          transport_socket: {
            name: 'tls',
            typed_config: {
              '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
              common_tls_context: {
                tls_certificates: [
                  { certificate_chain: { filename: '/a.crt' }, private_key: { filename: '[redacted]' } },
                ],
              },
            },
          },
        },
        last_updated: '1970-01-01T00:00:01.000Z',
      },
      {
        cluster: { '@type': 'type.googleapis.com/envoy.config.cluster.v3.Cluster', name: 'b' },
        last_updated: '1970-01-01T00:00:01.000Z',
      },
    ]);
  });

  test('?include_eds', () => {
    const { configs } = askJson('/config_dump?include_eds', dumping()) as {
      configs: Record<string, unknown>[];
    };
    expect(configs[2]).toMatchObject({
      '@type': 'type.googleapis.com/envoy.admin.v3.EndpointsConfigDump',
      static_endpoint_configs: [
        {
          endpoint_config: {
            cluster_name: 'inventory_service',
            endpoints: [{ lb_endpoints: [{ health_status: 'HEALTHY', load_balancing_weight: 1 }] }],
          },
        },
      ],
    });
  });

  test('?resource= with ?mask=', () => {
    expect(askJson('/config_dump?resource=static_clusters&mask=cluster.name', dumping())).toEqual({
      configs: ['a', 'b'].map((name) => ({
        '@type': 'type.googleapis.com/envoy.admin.v3.ClustersConfigDump.StaticCluster',
        cluster: { '@type': 'type.googleapis.com/envoy.config.cluster.v3.Cluster', name },
      })),
    });
  });

  test('?name_regex=', () => {
    const { configs } = askJson('/config_dump?resource=static_clusters&name_regex=b', dumping()) as {
      configs: unknown[];
    };
    expect(configs).toHaveLength(1);
    expect(askJson('/config_dump?resource=static_clusters&name_regex=zz', dumping())).toEqual({});
  });

  test('?mask= keeps the dumps whose fields it names', () => {
    expect(askJson('/config_dump?mask=bootstrap.node.id', dumping())).toEqual({
      configs: [
        {
          '@type': 'type.googleapis.com/envoy.admin.v3.BootstrapConfigDump',
          bootstrap: { node: { id: 'n1' } },
        },
      ],
    });
  });

  test.each([
    ['resource=nope', 404, 'nope not found in config dump'],
    ['mask=nope', 400, 'FieldMask nope could not be successfully applied to any configs.'],
    [
      'resource=bootstrap',
      400,
      'bootstrap is not a repeated field. Use ?mask=bootstrap to get only this field',
    ],
  ])('?%s', (query, status, body) => {
    expect(ask(`/config_dump?${query}`, dumping())).toEqual({ status, contentType: 'text/plain', body });
  });

  test('a bad name_regex', () => {
    const answer = ask('/config_dump?name_regex=(', dumping());
    expect(answer.status).toBe(400);
    expect(answer.body).toMatch(/^INVALID_ARGUMENT: Error while parsing name_regex from \(: /);
  });
});
