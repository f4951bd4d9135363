import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Decision } from '../../../../../proxy-core/index.ts';
import { applied, bootstrap, boundPort, cluster } from '../../../../integration/support.ts';
import { CoreRig } from '../../core/rig.ts';
import { filter } from './filter-rig.ts';

const DESCRIPTOR = join(import.meta.dirname, 'transcoder/shop.binpb');
const LIBRARY = 'type.googleapis.com/envoy.extensions.compression.gzip.compressor.v3.Gzip';
const UNPACK = 'type.googleapis.com/envoy.extensions.compression.gzip.decompressor.v3.Gzip';
const SESSION =
  'type.googleapis.com/envoy.extensions.http.stateful_session.header.v3.HeaderBasedSessionState';
const FILTERS = [
  filter(
    'compressor',
    'Compressor',
    `compressor_library: { name: l, typed_config: { "@type": ${LIBRARY} } }`,
  ),
  filter(
    'decompressor',
    'Decompressor',
    `decompressor_library: { name: l, typed_config: { "@type": ${UNPACK} } }`,
  ),
  filter('set_metadata', 'Config', 'metadata: [{ metadata_namespace: one, value: { a: 1 } }]'),
  filter(
    'header_to_metadata',
    'Config',
    'request_rules: [{ header: x-version, on_header_present: { metadata_namespace: envoy.lb, key: version } }]',
  ),
  filter(
    'set_filter_state',
    'Config',
    `on_request_headers: [${[
      'object_key: path, factory_key: envoy.string, format_string: { text_format_source: { inline_string: "%REQ(:path)%" } }',
      'object_key: path, factory_key: envoy.string, read_only: true, format_string: { text_format_source: { inline_string: x } }',
      'object_key: port, factory_key: envoy.upstream.dynamic_port, format_string: { text_format_source: { inline_string: "%REQ(x-port)%" } }',
      'object_key: none, factory_key: envoy.string, skip_if_empty: true, format_string: { omit_empty_values: true, text_format_source: { inline_string: "%REQ(x-none)%" } }',
    ]
      .map((each) => `{ ${each} }`)
      .join(', ')}]`,
  ),
  filter('bandwidth_limit', 'BandwidthLimit', 'stat_prefix: b, enable_mode: RESPONSE, limit_kbps: 64'),
  filter(
    'stateful_session',
    'StatefulSession',
    `session_state: { name: envoy.http.stateful_session.header, typed_config: { "@type": ${SESSION}, name: x-session } }`,
  ),
  filter('admission_control', 'AdmissionControl', 'success_criteria: {}'),
  filter(
    'adaptive_concurrency',
    'AdaptiveConcurrency',
    'gradient_controller_config: { concurrency_limit_params: { concurrency_update_interval: 1s }, min_rtt_calc_params: { interval: 60s } }',
  ),
  filter(
    'grpc_json_transcoder',
    'GrpcJsonTranscoder',
    `proto_descriptor: ${DESCRIPTOR}, services: [shop.v1.Shop]`,
  ),
  filter('grpc_stats', 'FilterConfig', 'stats_for_all_methods: true'),
];

let rig: CoreRig;
let port = 0;

beforeAll(async () => {
  rig = new CoreRig();
  const text = bootstrap({
    routes: `              - { name: grpc, match: { prefix: /shop.v1.Shop/ }, route: { cluster: service } }
              - { name: plain, match: { prefix: / }, route: { cluster: service } }`,
    clusters: cluster('service', ['127.0.0.1:1']),
  }).replace(
    '          http_filters:\n',
    `          http_filters:\n${FILTERS.map((each) => `          ${each}`).join('\n')}\n`,
  );
  await applied(rig.core, text);
  port = boundPort(rig.core);
});

afterAll(() => rig.close());

function explain(path: string, headers: [string, string][] = []): Decision {
  return rig.core.explain({ method: 'GET', url: `http://127.0.0.1:${port}${path}`, headers });
}

const told = (decision: Decision): string =>
  (decision.steps.find((step) => step.kind === 'http-filters')?.notes ?? [])
    .map((note) => note.text)
    .join('\n');

describe('filters tell what they would do', () => {
  test.each<[string, [string, string][]]>([
    ['Compressor: the client sent no `accept-encoding`', []],
    ['Compressor: `accept-encoding: gzip` takes gzip', [['accept-encoding', 'gzip']]],
    ['Compressor: `accept-encoding: br` does not take gzip', [['accept-encoding', 'br']]],
    ['Decompressor: asks upstream for gzip too', []],
    ['Metadata `one`: {"a":1}', []],
    ['Metadata `envoy.lb`: `version` is "v2", from header `x-version`', [['x-version', 'v2']]],
    ['Metadata: header `x-version` is missing, nothing is written', []],
    ['Filter state `path`: `/nothing` (envoy.string)', []],
    ['Filter state `path` is there already and stays: only what is never read-only can be replaced', []],
    ['Filter state `port`: `80` (envoy.upstream.dynamic_port)', [['x-port', '80']]],
    ['Filter state `port` is left alone: `eighty` is no envoy.upstream.dynamic_port', [['x-port', 'eighty']]],
    ['Filter state `none` is left alone: the value is empty', []],
    ['Bandwidth limit: the response body at 64 KiB per second', []],
    ['Stateful session: header `x-session` names no host', []],
    ['Stateful session: header `x-session` asks for 127.0.0.1:1', [['x-session', 'MTI3LjAuMC4xOjE=']]],
    ['Admission control: 0 of the last 0 requests succeeded', []],
    ['Adaptive concurrency: 0 of 3 requests at once', []],
    ['gRPC-JSON: Could not resolve /nothing to a method. The request is passed on as it is', []],
  ])('%s', (text, headers) => {
    expect(told(explain('/nothing', headers))).toContain(text);
  });

  test('a request that becomes a gRPC call is routed and counted as one', () => {
    const decision = explain('/v1/items/7?page_size=5');
    expect(told(decision)).toContain(
      'gRPC-JSON: calls `/shop.v1.Shop/GetItem` with `id` = `7`, `page_size` = `5`',
    );
    expect(told(decision)).toContain('counted under `cluster.<cluster>.grpc.shop.v1.Shop.GetItem.`');
    expect(decision.outcome).toMatchObject({ route: 'grpc', cluster: 'service' });
    expect(explain('/elsewhere').outcome).toMatchObject({ route: 'plain' });
  });
});
