import { describe, expect, test } from 'vitest';
import { unreadFields } from '../../../../proxy-core/config/unread.ts';
import { LOWER_CASE, PROPER_CASE } from '../../../../proxy-core/http/codec/http1-header-keys.ts';
import { clusterYaml, compile, compiled } from './support.ts';

const NAME =
  'load_assignment: {cluster_name: c, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: localhost, port_value: 1}}}}]}]}';
const TWO = NAME.replace(
  '}]}]}',
  '}, {endpoint: {address: {socket_address: {address: localhost, port_value: 2}}}}]}]}',
);
const OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

function options(body: string): string {
  return `typed_extension_protocol_options: {${OPTIONS}: {"@type": type.googleapis.com/${OPTIONS}, ${body}}}`;
}

describe("Envoy's verdicts", () => {
  test.each<[string, string, string | null]>([
    ['no type', 'name: c', null],
    ['no load_assignment, STRICT_DNS', 'name: c\ntype: STRICT_DNS', null],
    ['STATIC with a name', `name: c\n${NAME}`, 'endpoint.malformed-ip'],
    ['STATIC with a bad IP', `name: c\n${NAME.replace('localhost', '127.0.0.256')}`, 'endpoint.malformed-ip'],
    ['STRICT_DNS with an IP', `name: c\ntype: STRICT_DNS\n${NAME.replace('localhost', '127.0.0.1')}`, null],
    ['LOGICAL_DNS with one endpoint', `name: c\ntype: LOGICAL_DNS\n${NAME}`, null],
    ['LOGICAL_DNS with two', `name: c\ntype: LOGICAL_DNS\n${TWO}`, 'cluster.logical-dns-endpoints'],
    ['EDS without config', 'name: c\ntype: EDS', 'cluster.eds-without-config'],
    ['ORIGINAL_DST with ROUND_ROBIN', 'name: c\ntype: ORIGINAL_DST', 'cluster.lb-policy-for-original-dst'],
    ['ORIGINAL_DST with CLUSTER_PROVIDED', 'name: c\ntype: ORIGINAL_DST\nlb_policy: CLUSTER_PROVIDED', null],
    ['CLUSTER_PROVIDED on STATIC', 'name: c\nlb_policy: CLUSTER_PROVIDED', 'cluster.lb-policy-not-provided'],
    [
      'an empty endpoint',
      'name: c\nload_assignment: {cluster_name: c, endpoints: [{lb_endpoints: [{endpoint: {}}]}]}',
      'endpoint.no-address',
    ],
    ['the same endpoint twice', clusterYaml([1, 1]), null],
    ['only priority 3', clusterYaml([1]).replace('- lb_endpoints', '- priority: 3\n    lb_endpoints'), null],
    [
      'RING_HASH with maglev settings',
      'name: c\nlb_policy: RING_HASH\nmaglev_lb_config: {table_size: 4}',
      null,
    ],
    [
      'ring: minimum above maximum',
      'name: c\nlb_policy: RING_HASH\nring_hash_lb_config: {minimum_ring_size: 2048, maximum_ring_size: 1024}',
      'cluster.ring-size',
    ],
    [
      'maglev table not prime',
      'name: c\nlb_policy: MAGLEV\nmaglev_lb_config: {table_size: 65536}',
      'cluster.maglev-table-size',
    ],
    [
      'outlier: max below base',
      'name: c\noutlier_detection: {base_ejection_time: 10s, max_ejection_time: 5s}',
      'cluster.outlier-max-below-base',
    ],
    ['outlier: consecutive_5xx 0', 'name: c\noutlier_detection: {consecutive_5xx: 0}', null],
    ['circuit_breakers: {}', 'name: c\ncircuit_breakers: {}', null],
    [
      'two thresholds of one priority',
      'name: c\ncircuit_breakers: {thresholds: [{max_requests: 1}, {max_requests: 2}]}',
      null,
    ],
    [
      'unknown protocol options',
      'name: c\ntyped_extension_protocol_options: {foo: {"@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, explicit_http_config: {http_protocol_options: {}}}}',
      'cluster.unknown-protocol-options',
    ],
    ['auto_config without TLS', `name: c\n${options('auto_config: {}')}`, 'cluster.auto-without-tls'],
    [
      'hostname hashing on STATIC',
      'name: c\ncommon_lb_config: {consistent_hashing_lb_config: {use_hostname_for_hashing: true}}',
      'cluster.hostname-hashing-static',
    ],
    [
      'expected_statuses with start = end',
      'name: c\nhealth_checks: [{timeout: 1s, interval: 1s, unhealthy_threshold: 1, healthy_threshold: 1, http_health_check: {path: /, expected_statuses: [{start: 200, end: 200}]}}]',
      'cluster.health-check-status-range',
    ],
    [
      'TCP check with text that is not hex',
      'name: c\nhealth_checks: [{timeout: 1s, interval: 1s, unhealthy_threshold: 1, healthy_threshold: 1, tcp_health_check: {send: {text: xyz}}}]',
      'cluster.health-check-hex',
    ],
    [
      'gRPC check without HTTP/2',
      'name: c\nhealth_checks: [{timeout: 1s, interval: 1s, unhealthy_threshold: 1, healthy_threshold: 1, grpc_health_check: {}}]',
      'cluster.health-check-grpc-http1',
    ],
    [
      'gRPC check with HTTP/2',
      'name: c\nhttp2_protocol_options: {}\nhealth_checks: [{timeout: 1s, interval: 1s, unhealthy_threshold: 1, healthy_threshold: 1, grpc_health_check: {}}]',
      null,
    ],
  ])('%s', (_name, yaml, code) => {
    const errors = compile(yaml).diagnostics.filter((d) => d.severity === 'error');
    expect(errors.map((d) => d.code)).toEqual(code === null ? [] : [code]);
  });

  test('all errors come at once', () => {
    const { diagnostics } = compile(
      `name: c\nlb_policy: MAGLEV\nmaglev_lb_config: {table_size: 4}\noutlier_detection: {max_ejection_time: 1s}\n${NAME}`,
    );
    expect(
      diagnostics
        .filter((d) => d.severity === 'error')
        .map((d) => d.code)
        .sort(),
    ).toEqual(['cluster.maglev-table-size', 'cluster.outlier-max-below-base', 'endpoint.malformed-ip']);
  });
});

describe('what comes out', () => {
  test('defaults', () => {
    expect(compiled('name: c')).toMatchObject({
      type: 'STATIC',
      statName: 'c',
      lbPolicy: 'ROUND_ROBIN',
      connectTimeout: 5000,
      perConnectionBufferLimit: 1048576,
      upstreamProtocol: 'HTTP1',
      idleTimeout: 3600000,
      maxRequestsPerConnection: 0,
      maxStreamDuration: 0,
      headerKeyFormat: LOWER_CASE,
      transportSocket: null,
      endpoints: [],
      outlier: null,
      circuitBreakers: {
        default: { maxConnections: 1024, maxPendingRequests: 1024, maxRequests: 1024, maxRetries: 3 },
        high: { maxConnections: 1024, maxPendingRequests: 1024, maxRequests: 1024, maxRetries: 3 },
      },
      loadBalancing: { panicThreshold: 50, overprovisioningFactor: 140, updateMergeWindow: 1000 },
      dns: { lookupFamily: 'AUTO', refreshRate: 5000, failureRefreshRate: null },
    });
  });

  test.each([
    ['', {}],
    ['', { interval: 10000, baseEjectionTime: 30000, maxEjectionTime: 300000, maxEjectionPercent: 10 }],
    ['', { consecutive5xx: 5, consecutiveGatewayFailure: 5, consecutiveLocalOriginFailure: 5 }],
    ['', { successRateMinimumHosts: 5, successRateRequestVolume: 100, successRateStdevFactor: 1900 }],
    [
      '',
      {
        failurePercentageThreshold: 85,
        failurePercentageMinimumHosts: 5,
        failurePercentageRequestVolume: 50,
      },
    ],
    ['base_ejection_time: 400s', { maxEjectionTime: 400000 }],
    [
      'enforcing_consecutive_5xx: 7',
      { enforcing: expect.objectContaining({ consecutive_5xx: 7, consecutive_gateway_failure: 0 }) },
    ],
  ])('outlier_detection {%s}: %o', (settings, expected) => {
    expect(compiled(`name: c\noutlier_detection: {${settings}}`).outlier).toMatchObject(expected);
  });

  test('the static runtime overrules the panic threshold', () => {
    const runtime = new Map<string, unknown>([['upstream.healthy_panic_threshold', 0]]);
    const { cluster } = compile('name: c', runtime);
    expect(cluster?.loadBalancing.panicThreshold).toBe(0);
  });

  test.each([
    ['', 'HTTP1'],
    ['http2_protocol_options: {}', 'HTTP2'],
    ['http2_protocol_options:', 'HTTP1'],
    ['protocol_selection: USE_DOWNSTREAM_PROTOCOL', 'DOWNSTREAM'],
    [options('explicit_http_config: {http_protocol_options: {}}'), 'HTTP1'],
    [options('explicit_http_config: {http2_protocol_options: {}}'), 'HTTP2'],
    [options('use_downstream_protocol_config: {http_protocol_options: {}}'), 'DOWNSTREAM'],
    [
      `${options('auto_config: {}')}\ntransport_socket: {name: tls, typed_config: {"@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext}}`,
      'AUTO',
    ],
    [`http2_protocol_options: {}\n${options('explicit_http_config: {http_protocol_options: {}}')}`, 'HTTP1'],
  ])('%s: %s', (yaml, protocol) => {
    expect(compiled(`name: c\n${yaml}`).upstreamProtocol).toBe(protocol);
  });

  test.each([
    ['common_http_protocol_options: {idle_timeout: 3s}', { idleTimeout: 3000 }],
    ['common_http_protocol_options: {idle_timeout: 0s}', { idleTimeout: 0 }],
    ['max_requests_per_connection: 7', { maxRequestsPerConnection: 7 }],
    [
      options(
        'common_http_protocol_options: {max_requests_per_connection: 8, max_stream_duration: 2s}, explicit_http_config: {http_protocol_options: {header_key_format: {proper_case_words: {}}, enable_trailers: true}}',
      ),
      {
        maxRequestsPerConnection: 8,
        maxStreamDuration: 2000,
        headerKeyFormat: PROPER_CASE,
        enableTrailers: true,
      },
    ],
  ])('%s: %o', (yaml, expected) => {
    expect(compiled(`name: c\n${yaml}`)).toMatchObject(expected);
  });

  test('endpoints carry locality, priority, weight, health and hostname', () => {
    const yaml = `name: c
load_assignment:
  cluster_name: c
  endpoints:
  - priority: 1
    locality: {region: r, zone: z, sub_zone: s}
    load_balancing_weight: 4
    lb_endpoints:
    - {load_balancing_weight: 3, health_status: TIMEOUT, endpoint: {hostname: h, address: {socket_address: {address: "::1", port_value: 5}}}}
    - {endpoint: {address: {pipe: {path: /tmp/s}}}}
`;
    const locality = { region: 'r', zone: 'z', subZone: 's', weight: 4 };
    expect(compiled(yaml).endpoints).toMatchObject([
      { address: '::1', port: 5, hostname: 'h', weight: 3, priority: 1, health: 'UNHEALTHY', locality },
      { address: '/tmp/s', port: -1, hostname: '', weight: 1, priority: 1, health: 'HEALTHY', locality },
    ]);
  });

  test('what is not emulated stays unread', () => {
    const { node } = compile(
      'name: c\nlrs_report_endpoint_metrics: [a]\nmaglev_lb_config: {}\nhealth_checks: [{timeout: 1s, interval: 1s, unhealthy_threshold: 1, healthy_threshold: 1, tcp_health_check: {}}]',
    );
    expect(
      unreadFields(node)
        .map((d) => d.path)
        .sort(),
    ).toEqual(['lrs_report_endpoint_metrics', 'maglev_lb_config']);
  });

  test.each([
    ['name: c\nconnect_timeout: 1s', 'connect_timeout: 1s\n\n\nname: "c" # again', true],
    ['name: c\nconnect_timeout: 1s', 'name: c\nconnectTimeout: 1.0s', true],
    ['name: c\nconnect_timeout: 1s', 'name: c\nconnect_timeout: 2s', false],
    [clusterYaml([1, 2]), clusterYaml([2, 1]), false],
  ])('fingerprints tell %j and %j apart or not', (a, b, same) => {
    expect(compiled(a).fingerprint === compiled(b).fingerprint).toBe(same);
  });

  test('the fingerprint of the settings leaves the endpoints out', () => {
    const [a, b] = [compiled(clusterYaml([1])), compiled(clusterYaml([2]))];
    expect(a.fingerprint).not.toBe(b.fingerprint);
    expect(a.settingsFingerprint).toBe(b.settingsFingerprint);
  });
});
