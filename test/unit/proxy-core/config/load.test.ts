import { describe, expect, test } from 'vitest';
import { loadConfig, loadMessage } from '../../../../proxy-core/config/load.ts';
import { MessageReader } from '../../../../proxy-core/config/reader.ts';
import { BASE, changed, errors, load, summary } from './base-config.ts';

const CLUSTER = 'envoy.config.cluster.v3.Cluster';
const BOOTSTRAP = 'envoy.config.bootstrap.v3.Bootstrap';

function readerOf(text: string, type: string): MessageReader {
  const { root, diagnostics } = loadMessage(text, 'm.yaml', type);
  expect(diagnostics.filter((one) => one.severity === 'error')).toEqual([]);
  if (root === null) throw new Error('nothing read');
  return new MessageReader(root);
}

describe('values as compilation gets them', () => {
  test('scalars, durations, wrappers, enums', () => {
    const reader = readerOf(
      `name: c
connectTimeout: 0.25s
lb_policy: least_request
per_connection_buffer_limit_bytes: { value: 0x400 }
circuit_breakers: { thresholds: { max_connections: "17" } }
metadata: { filter_metadata: { a: { b: [1, yes, null, 1.5] } } }
`,
      CLUSTER,
    );
    expect(reader.string('name')).toBe('c');
    expect(reader.duration('connect_timeout')).toBe(250);
    expect(reader.enumeration('lb_policy')).toBe('LEAST_REQUEST');
    expect(reader.number('per_connection_buffer_limit_bytes')).toBe(1024);
    const [thresholds] = reader.message('circuit_breakers')?.messages('thresholds') ?? [];
    expect(thresholds?.number('max_connections')).toBe(17);
    const metadata = reader.message('metadata')?.scalarMap('filter_metadata');
    expect(metadata?.get('a')).toEqual({ b: [1, true, null, '1.5'] });
  });

  test('an Any is the message in it, with paths in the spelling of the file', () => {
    const { root } = load(BASE);
    const filter = new MessageReader(root!)
      .message('static_resources')
      ?.messages('listeners')[0]
      ?.messages('filter_chains')[0]
      ?.messages('filters')[0];
    const hcm = filter?.message('typed_config');
    expect(hcm?.type).toBe(
      'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    );
    expect(hcm?.pathOf('stat_prefix')).toBe(
      'static_resources.listeners[0].filter_chains[0].filters[0].typed_config.stat_prefix',
    );
    expect(hcm?.rangeOf('stat_prefix')).toEqual({
      file: 'test.yaml',
      line: 19,
      column: 24,
      endLine: 19,
      endColumn: 36,
    });
  });

  test('a TypedStruct is the message that it names', () => {
    const reader = readerOf(
      `name: a
typed_config:
  "@type": type.googleapis.com/xds.type.v3.TypedStruct
  type_url: type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer
  value: { max_request_bytes: 5 }
`,
      'envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter',
    );
    expect(reader.message('typed_config')?.number('max_request_bytes')).toBe(5);
  });

  test('an alias stands at both of its places', () => {
    const reader = readerOf('connect_timeout: &t 3s\nname: c\ndns_refresh_rate: *t\n', CLUSTER);
    expect(reader.duration('connect_timeout')).toBe(3000);
    expect(reader.duration('dns_refresh_rate')).toBe(3000);
    expect(reader.pathOf('dns_refresh_rate')).toBe('dns_refresh_rate');
  });

  test('JSON numbers keep their fraction, which YAML takes as text', () => {
    expect(errors(loadConfig({ file: 'a.json', text: '{"stats_flush_interval":"1s"}' }))).toEqual([]);
    expect(
      errors(loadMessage('{"name":"c","load_assignment":{"cluster_name":1.5}}', 'c.json', CLUSTER)),
    ).toEqual(['1:47 config.wrong-type']);
  });
});

describe('all mistakes at once, each with what was meant', () => {
  const text = `static_resources:
  listener:
  - name: a
  clusters:
  - name: c
    conect_timeout: 1s
    connect_timeout: 2sec
    lb_policy: ROUND-ROBIN
    type: STRICTDNS
  - connect_timeout: 0s
    hosts: []
`;
  test('places, codes and suggestions', () => {
    const found = load(text).diagnostics.map(
      (one) =>
        `${one.range.line}:${one.range.column} ${one.path} ${one.code} → ${one.fix?.text ?? one.suggestion ?? ''}`,
    );
    expect(found).toEqual([
      '2:3 static_resources.listener config.unknown-field → listeners',
      '6:5 static_resources.clusters[0].conect_timeout config.unknown-field → connect_timeout',
      '7:22 static_resources.clusters[0].connect_timeout config.bad-duration → 2s',
      '8:16 static_resources.clusters[0].lb_policy config.unknown-enum → ROUND_ROBIN',
      '9:11 static_resources.clusters[0].type config.unknown-enum → STRICT_DNS',
      '11:5 static_resources.clusters[1].hosts config.unknown-field → load_assignment:\n      cluster_name: ""\n      endpoints:\n        - lb_endpoints: []',
      '10:5 static_resources.clusters[1].name config.required → ',
      '10:22 static_resources.clusters[1].connect_timeout config.out-of-range → ',
    ]);
  });

  test('a hundred errors are a hundred diagnostics', () => {
    const clusters = Array.from({ length: 100 }, (_, i) => `  - { name: c${i}, connect_timeout: ${i} }`).join(
      '\n',
    );
    expect(errors(load(`static_resources:\n  clusters:\n${clusters}\n`))).toHaveLength(100);
  });

  test.each([
    [
      'v2 type',
      changed('http.router.v3.Router', 'http.rooter.v3.Router'),
      'envoy.extensions.filters.http.router.v3.Router',
    ],
    [
      'v2 name of a type',
      changed('envoy.extensions.filters.http.router.v3.Router', 'envoy.config.filter.http.router.v2.Router'),
      'envoy.extensions.filters.http.router.v3.Router',
    ],
    [
      'field of the message below',
      changed('                route:\n', '                timeout: 1s\n                route:\n'),
      'route.timeout',
    ],
    ['v2 field', changed('prefix: /inventory', 'regex: /inventory.*'), 'safe_regex'],
    ['number where text is wanted', changed('stat_prefix: ingress_http', 'stat_prefix: 12'), '"12"'],
    ['minutes', changed('connect_timeout: 1s', 'connect_timeout: 1m'), '60s'],
    ['milliseconds', changed('connect_timeout: 1s', 'connect_timeout: 500ms'), '0.5s'],
  ])('%s', (_, config, suggestion) => {
    expect(load(config).diagnostics.map((one) => one.suggestion)).toEqual([suggestion]);
  });
});

describe('what Envoy takes and will surprise', () => {
  test.each([
    [
      'duplicate key',
      changed('    lb_policy: ROUND_ROBIN', '    lb_policy: ROUND_ROBIN\n    lb_policy: RANDOM'),
      ['warning 40:5 config.duplicate-key'],
    ],
    [
      'two spellings',
      changed('    type: STATIC', '    connectTimeout: 2s\n    type: STATIC'),
      ['warning 38:5 config.duplicate-key'],
    ],
    ['second document', `${BASE}---\na: 1\n`, ['warning 47:1 config.second-document']],
    [
      'empty message',
      changed('    type: STATIC', '    http2_protocol_options:\n    type: STATIC'),
      ['warning 38:5 config.empty-value'],
    ],
    ['one value for a list', changed('domains: ["*"]', 'domains: "*"'), ['warning 25:24 config.single-item']],
    [
      'deprecated field',
      changed('    type: STATIC', '    http2_protocol_options: {}\n    type: STATIC'),
      ['warning 38:5 config.deprecated-field'],
    ],
  ])('%s', (_, text, expected) => {
    expect(summary(load(text))).toEqual(expected);
  });

  test('of a duplicate key the last one counts', () => {
    const { root } = loadMessage('name: a\nname: b\n', 'm.yaml', CLUSTER);
    expect(new MessageReader(root!).string('name')).toBe('b');
  });

  test('unknown fields become warnings when asked for', () => {
    const loaded = loadConfig({ file: 'a.yaml', text: 'foo: 1\n', allowUnknownStaticFields: true });
    expect(summary(loaded)).toEqual(['warning 1:1 config.unknown-field']);
  });
});

describe('the command line over the file', () => {
  test('--config-yaml: scalars replace, lists are appended, errors name their text', () => {
    const loaded = loadConfig({
      file: 'a.yaml',
      text: 'node: { id: one, cluster: c }\nstatic_resources: { clusters: [{ name: a }] }\n',
      merge: 'node: { id: two }\nstatic_resources: { clusters: [{ name: b }, { nme: c }] }\n',
    });
    const root = new MessageReader(loaded.root!);
    expect(root.message('node')?.string('id')).toBe('two');
    expect(root.message('node')?.string('cluster')).toBe('c');
    const clusters = root.message('static_resources')?.messages('clusters') ?? [];
    expect(clusters.map((cluster) => cluster.string('name'))).toEqual(['a', 'b', undefined]);
    const [error] = loaded.diagnostics;
    expect([loaded.diagnostics.length, error?.range.file, error?.range.line]).toEqual([
      1,
      '--config-yaml',
      2,
    ]);
  });

  test('--service-node and --service-cluster', () => {
    const loaded = loadConfig({
      file: 'a.yaml',
      text: 'node: { id: one }\n',
      serviceNode: 'x',
      serviceCluster: 'y',
    });
    const node = new MessageReader(loaded.root!).message('node');
    expect([node?.string('id'), node?.string('cluster')]).toEqual(['x', 'y']);
  });
});

describe('limits', () => {
  const cases: [string, string, string][] = [
    [
      'ten megabytes of random bytes',
      Buffer.from(Array.from({ length: 10 << 20 }, (_, i) => (i * 7919) >> 3)).toString('utf8'),
      'config.unreadable',
    ],
    ['ten megabytes of one line', 'garbage '.repeat(1_310_720), 'config.unreadable'],
    ['ten megabytes of pairs', 'a: b\n'.repeat(2_097_152), 'config.unreadable'],
    ['six megabytes of pairs', 'a: b\n'.repeat(1_258_291), 'config.unreadable'],
    ['brackets without end', '['.repeat(200_000), 'config.too-deep'],
    [
      'deep indentation',
      Array.from({ length: 2000 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'),
      'config.too-deep',
    ],
    ['depth of 120', `admin: ${'{a: '.repeat(120)}1${'}'.repeat(120)}`, 'config.too-deep'],
  ];
  test.each(cases)('%s: one clear error within two seconds', (_, text, code) => {
    load('{}');
    const started = performance.now();
    const loaded = load(text);
    expect(performance.now() - started).toBeLessThan(2000);
    expect(loaded.diagnostics.filter((one) => one.code === code)).toHaveLength(1);
  });

  test('aliases that multiply stop at the budget', () => {
    const lines = ['a: &a [x, x, x, x, x, x, x, x, x, x]'];
    for (const [from, to] of ['ab', 'bc', 'cd', 'de', 'ef', 'fg', 'gh'])
      lines.push(`${to}: &${to} [${`*${from}, `.repeat(9)}*${from}]`);
    lines.push('node: { metadata: { v: *h } }');
    expect(errors(load(lines.join('\n'))).filter((line) => line.includes('too-large'))).toHaveLength(1);
  });

  test('an alias inside its own anchor', () => {
    expect(errors(load('node: { metadata: &m { v: *m } }\n'))).toEqual(['1:27 config.syntax']);
  });
});

test('a byte order mark before the text', () => {
  expect(load(`\ufeff${BASE}`).diagnostics).toEqual([]);
  expect(loadConfig({ file: 'a.json', text: '\ufeff{"foo": 1}' }).diagnostics[0]?.range.column).toBe(3);
});

test('unknown message type', () => {
  expect(errors(loadMessage('{}', 'm.yaml', `${BOOTSTRAP}X`))).toEqual(['1:1 config.unknown-type']);
});
