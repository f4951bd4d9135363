import { describe, expect, test } from 'vitest';
import { compile } from '../core/rig.ts';
import { directResponse, ECHO, networkFilter, tcpBootstrap, tcpProxy } from './tcp-rig.ts';

const PROXY = tcpProxy('cluster: nope');
const RBAC = networkFilter('rbac.v3.RBAC', 'stat_prefix: r, rules: {}');
const LIMIT = networkFilter('connection_limit.v3.ConnectionLimit', 'stat_prefix: l, max_connections: 1');
const SLEEPY = networkFilter('zookeeper_proxy.v3.ZooKeeperProxy', 'stat_prefix: z');

function messages(filters: string): string[] {
  return compile(tcpBootstrap({ filters }))
    .diagnostics.filter((each) => each.severity === 'error')
    .map((each) => each.message);
}

describe('the order of network filters, in Envoy’s words', () => {
  test.each([
    [
      'a terminal filter in the middle',
      `${PROXY}, ${ECHO}`,
      [
        'Error: terminal filter named t of type envoy.filters.network.tcp_proxy must be the last filter in a network filter chain.',
      ],
    ],
    [
      'one that is not terminal at the end',
      RBAC,
      [
        'Error: non-terminal filter named f of type envoy.filters.network.rbac is the last filter in a network filter chain.',
      ],
    ],
    [
      'one that is not emulated at the end',
      SLEEPY,
      [
        'Error: non-terminal filter named f of type envoy.filters.network.zookeeper_proxy is the last filter in a network filter chain.',
      ],
    ],
    ['several before the last', `${RBAC}, ${LIMIT}, ${PROXY}`, []],
    ['no cluster of that name', PROXY, []],
    ['none', '', []],
  ])('%s', (_title, filters, expected) => {
    expect(messages(filters)).toEqual(expected);
  });
});

test.each([
  [`${LIMIT}, ${directResponse('x')}`, 'tcp', ['f'], []],
  [
    tcpProxy('weighted_clusters: { clusters: [{ name: a, weight: 1 }, { name: b, weight: 2 }] }'),
    'tcp',
    [],
    ['a', 'b'],
  ],
  [`${SLEEPY}, ${PROXY}`, 'tcp', [], ['nope']],
  ['', 'empty', [], undefined],
])('what %# compiles to', (filters, kind, names, clusters) => {
  const chain = compile(tcpBootstrap({ filters })).bootstrap?.listeners[0]?.filterChains[0];
  expect(chain?.kind).toBe(kind);
  expect(chain?.filters.map((each) => each.name)).toEqual(names);
  expect(chain?.terminal?.clusters).toEqual(clusters);
});

test.each([
  [SLEEPY, 'filters[0].typed_config'],
  [
    tcpProxy('cluster: a, tunneling_config: { hostname: h, propagate_response_headers: true }'),
    'tunneling_config.propagate_response_headers',
  ],
])('what is not emulated is told: %#', (filter, path) => {
  const last = filter === SLEEPY ? `, ${ECHO}` : '';
  const { diagnostics } = compile(tcpBootstrap({ filters: filter + last }));
  expect(diagnostics.filter((each) => each.severity !== 'error' && each.path.endsWith(path))).toHaveLength(1);
});

test('filter state of connections is missed, and a warning tells', () => {
  const value =
    '{ object_key: mine, factory_key: envoy.string, format_string: { text_format_source: { inline_string: x } } }';
  const filter = networkFilter('set_filter_state.v3.Config', `on_new_connection: [${value}]`);
  const { diagnostics } = compile(tcpBootstrap({ filters: `${filter}, ${ECHO}` }));
  const told = diagnostics.filter((each) => each.severity === 'warning').map((each) => each.message);
  expect(told).toContain(
    'Connections carry no filter state here: what goes by it finds none. The HTTP filter of the same name is emulated, for requests.',
  );
});
