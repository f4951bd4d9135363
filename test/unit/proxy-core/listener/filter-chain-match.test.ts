import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../../../proxy-core/config/load.ts';
import { compileBootstrap } from '../../../../proxy-core/core/compile.ts';
import type { Candidate } from '../../../../proxy-core/facade/decision.ts';
import {
  type ChainInput,
  chooseFilterChain,
  type FilterChainMatch,
  MATCH_ANY,
  matchJson,
  matchText,
} from '../../../../proxy-core/listener/filter-chain-match.ts';
import type { ListenerConfig } from '../../../../proxy-core/listener/index.ts';
import { StatsStore } from '../../../../proxy-core/observe/stats/store.ts';

function compiled(
  matches: Record<string, object | null>,
  fallback = false,
): {
  listener: ListenerConfig | undefined;
  errors: string[];
} {
  const filters = [
    {
      name: 'http',
      typed_config: {
        '@type':
          'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
        stat_prefix: 'h',
        route_config: {},
        http_filters: [
          {
            name: 'router',
            typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
          },
        ],
      },
    },
  ];
  const text = JSON.stringify({
    static_resources: {
      listeners: [
        {
          name: 'l',
          address: { socket_address: { address: '127.0.0.1', port_value: 8443 } },
          filter_chains: Object.entries(matches).map(([name, match]) => ({
            name,
            filters,
            ...(match === null ? {} : { filter_chain_match: match }),
          })),
          ...(fallback ? { default_filter_chain: { name: 'default', filters } } : {}),
        },
      ],
    },
  });
  const { bootstrap, diagnostics } = compileBootstrap(loadConfig({ text, file: 'envoy.yaml' }), {
    stats: new StatsStore(),
    logFiles: null,
    serving: true,
  });
  return {
    listener: bootstrap?.listeners[0],
    errors: diagnostics.filter((each) => each.severity === 'error').map((each) => each.message),
  };
}

const PLAIN: ChainInput = {
  transportProtocol: 'raw_buffer',
  serverName: '',
  applicationProtocols: [],
  local: { ip: '127.0.0.1', port: 8443 },
  remote: { ip: '127.0.0.1', port: 50000 },
  direct: { ip: '127.0.0.1', port: 50000 },
};
const tls = (serverName: string, ...applicationProtocols: string[]): Partial<ChainInput> => ({
  transportProtocol: 'tls',
  serverName,
  applicationProtocols,
});
const from = (ip: string, port = 50000): Partial<ChainInput> => ({
  remote: { ip, port },
  direct: { ip, port },
});
const cidr = (address_prefix: string, prefix_len: number) => ({ address_prefix, prefix_len });

describe("the chain, in Envoy's order (reference 2.2)", () => {
  const names = {
    exact: { server_names: ['a.test'] },
    wide: { server_names: ['*.test'] },
    longer: { server_names: ['*.wild.test'] },
    none: null,
  };
  const local = { local: { ip: '10.1.2.3', port: 8443 } };
  test.each<[string, Record<string, object | null>, Partial<ChainInput>, string | null]>([
    ['no match at all', { any: null }, {}, 'any'],
    ['exact name', names, tls('a.test'), 'exact'],
    ['wildcard', names, tls('b.test'), 'wide'],
    ['longer wildcard', names, tls('a.wild.test'), 'longer'],
    ['wildcard over two labels', names, tls('a.b.test'), 'wide'],
    [
      'the name itself is not in its wildcard',
      { w: { server_names: ['*.wild.test'] } },
      tls('wild.test'),
      null,
    ],
    ['no name given', names, tls(''), 'none'],
    ['name in upper case in the configuration', { x: { server_names: ['A.Test'] } }, tls('a.test'), 'x'],
    [
      'port before name',
      { port: { destination_port: 8443 }, name: { server_names: ['a.test'] } },
      tls('a.test'),
      'port',
    ],
    [
      'no way back from a level',
      { portAndName: { destination_port: 8443, server_names: ['x'] }, any: null },
      tls('a.test'),
      null,
    ],
    [
      'transport protocol',
      { tls: { transport_protocol: 'tls' }, raw: { transport_protocol: 'raw_buffer' } },
      {},
      'raw',
    ],
    ['unknown transport protocol', { odd: { transport_protocol: 'https' } }, tls(''), null],
    [
      "ALPN in the client's order",
      { h1: { application_protocols: ['http/1.1'] }, h2: { application_protocols: ['h2'] } },
      tls('', 'h2', 'http/1.1'),
      'h2',
    ],
    ['ALPN that nobody wants', { h2: { application_protocols: ['h2'] }, any: null }, tls('', 'spdy'), 'any'],
    [
      'longest destination',
      { a: { prefix_ranges: [cidr('10.0.0.0', 8)] }, b: { prefix_ranges: [cidr('10.1.0.0', 16)] } },
      local,
      'b',
    ],
    ['source type external', { ext: { source_type: 'EXTERNAL' }, any: null }, from('127.0.0.2'), 'ext'],
    [
      'source type local',
      { ext: { source_type: 'EXTERNAL' }, same: { source_type: 'SAME_IP_OR_LOOPBACK' } },
      {},
      'same',
    ],
    [
      'source type before source address',
      { ext: { source_type: 'EXTERNAL' }, net: { source_prefix_ranges: [cidr('192.0.2.0', 24)] } },
      from('192.0.2.9'),
      'ext',
    ],
    [
      'longest source',
      {
        a: { source_prefix_ranges: [cidr('192.0.0.0', 8)] },
        b: { source_prefix_ranges: [cidr('192.0.2.0', 24)] },
      },
      from('192.0.2.9'),
      'b',
    ],
    ['source port', { p: { source_ports: [7, 8] }, any: null }, from('127.0.0.1', 8), 'p'],
    [
      'direct source',
      { d: { direct_source_prefix_ranges: [cidr('192.0.2.0', 24)] }, any: null },
      from('192.0.2.9'),
      'd',
    ],
  ])('%s', (_name, matches, input, expected) => {
    const { listener, errors } = compiled(matches);
    expect(errors).toEqual([]);
    const chosen = chooseFilterChain(listener as ListenerConfig, { ...PLAIN, ...input }, null);
    expect(chosen?.name ?? null).toBe(expected);
  });

  test('the default chain takes what nobody else does', () => {
    const { listener } = compiled({ a: { server_names: ['a.test'] } }, true);
    expect(chooseFilterChain(listener as ListenerConfig, PLAIN, null)?.name).toBe('default');
  });
});

test('the same function tells why', () => {
  const { listener } = compiled({
    a: { server_names: ['a.test'] },
    b: { server_names: ['*.test'] },
    c: null,
  });
  const told: Candidate[] = [];
  const narrator = { candidate: (each: Candidate) => told.push(each), note: () => {} };
  chooseFilterChain(listener as ListenerConfig, { ...PLAIN, ...tls('x.test') }, narrator);
  expect(told.map(({ name, result, condition, reason }) => [name, result, condition, reason])).toEqual([
    ['a', 'lost', 'server name `a.test`', 'server name is `x.test`'],
    ['b', 'won', 'server name `*.test`', 'matches'],
    ['c', 'lost', 'any', 'server name is `x.test`, another chain matches it more exactly'],
  ]);
});

describe('verdicts', () => {
  const address = "error adding listener '127.0.0.1:8443'";
  test.each<[string, Record<string, object | null>, string]>([
    [
      'two that match everything',
      { a: null, b: {} },
      `${address}: filter chain 'b' has the same matching rules defined as 'a'. duplicate matcher is: {}`,
    ],
    [
      'equal server names',
      { a: { server_names: ['a.test'] }, b: { server_names: ['a.test'] } },
      `${address}: filter chain 'b' has the same matching rules defined as 'a'. duplicate matcher is: {"server_names":["a.test"]}`,
    ],
    [
      'a lone star',
      { a: { server_names: ['*'] } },
      `${address}: partial wildcards are not supported in "server_names"`,
    ],
    [
      'a star in the middle',
      { a: { server_names: ['a.*.b'] } },
      `${address}: partial wildcards are not supported in "server_names"`,
    ],
    ['a bad range', { a: { prefix_ranges: [cidr('127.0.0', 8)] } }, 'malformed IP address: 127.0.0'],
  ])('%s', (_name, matches, message) => {
    expect(compiled(matches).errors).toEqual([message]);
  });
});

test('a match in words and as JSON', () => {
  const match: FilterChainMatch = { ...MATCH_ANY, serverNames: ['a', 'b'], destinationPort: 443 };
  expect(matchText(match)).toBe('destination port `443`, server name `a` or `b`');
  expect(matchJson(match)).toBe('{"destination_port":443,"server_names":["a","b"]}');
});
