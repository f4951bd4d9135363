import { describe, expect, test } from 'vitest';
import { bootstrap, cluster } from '../../../integration/support.ts';
import { compile, summary } from './rig.ts';

const CLUSTER = cluster('service', ['127.0.0.1:9']);

describe('a bootstrap', () => {
  test('becomes listeners, clusters, admin, node, runtime and statistics', () => {
    const { bootstrap: compiled, diagnostics } =
      compile(`admin: { address: { socket_address: { address: 127.0.0.1, port_value: 9901 } } }
node: { id: me, cluster: shop }
layered_runtime: { layers: [{ name: base, static_layer: { a: { b: 5 } } }, { name: over, static_layer: { a.b: 6 } }, { name: admin, admin_layer: {} }] }
stats_flush_interval: 1s
stats_config: { stats_tags: [{ tag_name: shop, fixed_value: north }, { tag_name: part, regex: '^cluster\\.((\\w+?)_)' }] }
${bootstrap({ clusters: CLUSTER })}`);
    expect(diagnostics).toEqual([]);
    expect(compiled?.listeners.map((each) => each.name)).toEqual(['main']);
    expect(compiled?.clusters.map((each) => each.name)).toEqual(['service']);
    expect(compiled?.admin).toMatchObject({ ip: '127.0.0.1', port: 9901 });
    expect(compiled?.node).toEqual({ id: 'me', cluster: 'shop' });
    expect([...(compiled?.runtime ?? [])]).toEqual([['a.b', 6]]);
    expect(compiled?.runtimeLayers.map(({ name, values }) => [name, values.get('a.b')])).toEqual([
      ['base', 5],
      ['over', 6],
      ['admin', undefined],
    ]);
    expect(compiled?.stats.flushInterval).toBe(1000);
    expect(compiled?.stats.tags.map((tag) => [tag.name, tag.fixedValue])).toEqual([
      ['shop', 'north'],
      ['part', null],
    ]);
    expect(compiled?.stats.tags[1]?.match('cluster.north_shop.x')).toEqual({
      remove: 'north_',
      value: 'north',
    });
    expect(compiled?.stats.tags[1]?.match('http.north_shop.x')).toBeNull();
  });

  test.each<[string, string, string[]]>([
    ['nothing at all', '{}', []],
    ['no admin', bootstrap({ clusters: CLUSTER }), []],
    [
      'two admin layers',
      'layered_runtime: { layers: [{ name: a, admin_layer: {} }, { name: b, admin_layer: {} }] }',
      ['error runtime.admin-layers 1'],
    ],
    [
      'layers of one name',
      'layered_runtime: { layers: [{ name: a, static_layer: {} }, { name: a, static_layer: {} }] }',
      ['error runtime.duplicate-layer 1'],
    ],
    [
      'a tag without rule',
      'stats_config: { stats_tags: [{ tag_name: nope }] }',
      ['error stats.unknown-tag 1'],
    ],
    ['a default tag by name', 'stats_config: { stats_tags: [{ tag_name: envoy.cluster_name }] }', []],
    [
      'a bad tag regex',
      'stats_config: { stats_tags: [{ tag_name: a, regex: "(" }] }',
      ['error stats.bad-regex 1'],
    ],
    ['default tags off', 'stats_config: { use_all_default_tags: false }', ['notice stats.default-tags 1']],
    ['a field that nothing reads', 'flags_path: /x', ['notice config.not-emulated 1']],
  ])('%s', (_, text, expected) => {
    expect(summary(compile(text))).toEqual(expected);
  });

  test('all errors come at once, in the order of the file, without notices', () => {
    const text = bootstrap({ clusters: CLUSTER + cluster('service', ['nowhere:9']) }).replace(
      'prefix: /',
      'prefix: "", path: /a',
    );
    const { bootstrap: compiled, diagnostics } = compile(`flags_path: /x\n${text}`);
    expect(compiled).toBeNull();
    const lines = diagnostics.map((each) => each.range.line);
    expect(lines).toEqual([...lines].sort((a, b) => a - b));
    expect(diagnostics.filter((each) => each.severity === 'error').length).toBeGreaterThanOrEqual(2);
    expect(diagnostics.filter((each) => each.severity === 'notice')).toEqual([]);
  });
});

describe('listeners without a name', () => {
  const listener = (
    address: string,
  ): string => `  - address: { socket_address: { address: 127.0.0.1, port_value: ${address} } }
    filter_chains: [{}]
`;
  const names = (...ports: string[]): (string | undefined)[] =>
    compile(`static_resources:\n  listeners:\n${ports.map(listener).join('')}`).bootstrap?.listeners.map(
      (each) => each.name,
    ) ?? [];

  test.each([
    [
      ['8001', '8002'],
      ['listener_127.0.0.1:8001', 'listener_127.0.0.1:8002'],
    ],
    [
      ['8002', '8001'],
      ['listener_127.0.0.1:8002', 'listener_127.0.0.1:8001'],
    ],
    [
      ['0', '0'],
      ['listener_127.0.0.1:0', 'listener_127.0.0.1:0_2'],
    ],
  ])('at ports %j are %j, each time', (ports, expected) => {
    expect(names(...ports)).toEqual(expected);
    expect(names(...ports)).toEqual(expected);
  });
});
