import { describe, expect, test } from 'vitest';
import type { HeaderList } from '../../../../../proxy-core/base/headers.ts';
import { filterStateObject } from '../../../../../proxy-core/route/filter-state.ts';
import type { UpstreamCluster } from '../../../../../proxy-core/upstream/cluster.ts';
import { context, run, world } from '../support.ts';

function yaml(config: Record<string, unknown> = {}, more: Record<string, unknown> = {}): string {
  return JSON.stringify({
    name: 'o',
    type: 'ORIGINAL_DST',
    lb_policy: 'CLUSTER_PROVIDED',
    original_dst_lb_config: config,
    ...more,
  });
}

interface Asked {
  readonly headers?: HeaderList;
  readonly destination?: { readonly ip: string; readonly port: number };
  readonly metadata?: Record<string, unknown>;
  /** Text of the address in the filter state. */
  readonly state?: string;
}

function pick(
  cluster: UpstreamCluster,
  { headers = [], destination, metadata, state }: Asked,
): string | null {
  const head = { method: 'GET', authority: 'a', path: '/', scheme: 'http', protocol: '', headers };
  const info = {
    connection: { originalDestination: destination ?? null },
    filterState: state === undefined ? null : new Map([[STATE, filterStateObject(STATE, state, false)]]),
    dynamicMetadata: metadata === undefined ? null : new Map([['ns', metadata]]),
  };
  return cluster.choose(context({ head, info: info as never }))?.address ?? null;
}

const STATE = 'envoy.network.transport_socket.original_dst_address';
const HEADER = 'x-envoy-original-dst-host';
const METADATA = { metadata_key: { key: 'ns', path: [{ key: 'to' }] } };

describe('where a request goes', () => {
  test.each<[string, Record<string, unknown>, Asked, string | null]>([
    ['the original destination', {}, { destination: { ip: '10.0.0.1', port: 80 } }, '10.0.0.1:80'],
    ['nothing known', {}, {}, null],
    ['headers are not asked', {}, { headers: [HEADER, '10.0.0.2:1'] }, null],
    ['a header', { use_http_header: true }, { headers: [HEADER, '10.0.0.2:1'] }, '10.0.0.2:1'],
    ['IPv6', { use_http_header: true }, { headers: [HEADER, '[::1]:1'] }, '[::1]:1'],
    [
      'another header',
      { use_http_header: true, http_header_name: 'X-To' },
      { headers: ['x-to', '10.0.0.2:1'] },
      '10.0.0.2:1',
    ],
    [
      'the header before the destination',
      { use_http_header: true },
      { headers: [HEADER, '10.0.0.2:1'], destination: { ip: '10.0.0.1', port: 80 } },
      '10.0.0.2:1',
    ],
    [
      'another port',
      { upstream_port_override: 99 },
      { destination: { ip: '10.0.0.1', port: 80 } },
      '10.0.0.1:99',
    ],
    ['metadata', METADATA, { metadata: { to: '10.0.0.3:5' } }, '10.0.0.3:5'],
    ['filter state', {}, { state: '10.0.0.4:6' }, '10.0.0.4:6'],
    [
      'filter state before metadata',
      { ...METADATA, upstream_port_override: 99 },
      { state: '[::1]:6', metadata: { to: '10.0.0.3:5' } },
      '[::1]:99',
    ],
    [
      'metadata before the header',
      { ...METADATA, use_http_header: true },
      { metadata: { to: '10.0.0.3:5' }, headers: [HEADER, '10.0.0.2:1'] },
      '10.0.0.3:5',
    ],
  ])('%s', (_name, config, asked, address) => {
    expect(pick(run(world(), yaml(config)), asked)).toBe(address);
  });

  test.each(['localhost:80', '10.0.0.1', '10.0.0.1:', ':80', '10.0.0.1:99999', '::1:80', ''])(
    '%j is no address',
    (text) => {
      const w = world();
      expect(pick(run(w, yaml({ use_http_header: true })), { headers: [HEADER, text] })).toBeNull();
      expect(w.stat('cluster.o.original_dst_host_invalid')).toBe(1);
    },
  );
});

test('a destination stays one host while it is used, and goes afterwards', () => {
  const w = world();
  const cluster = run(w, yaml({}, { cleanup_interval: '5s' }));
  const a = { destination: { ip: '10.0.0.1', port: 80 } };
  const b = { destination: { ip: '10.0.0.2', port: 80 } };
  pick(cluster, a);
  const [first] = cluster.hosts;
  pick(cluster, b);
  pick(cluster, a);
  expect(cluster.hosts[0]).toBe(first);
  expect(w.stat('cluster.o.membership_total')).toBe(2);
  w.clock.advance(5001);
  pick(cluster, a);
  w.clock.advance(5001);
  expect(cluster.hosts.map((host) => host.address)).toEqual(['10.0.0.1:80']);
  w.clock.advance(5001);
  expect(cluster.hosts).toEqual([]);
  w.manager.close();
});

test('a host with requests under way is not taken away', () => {
  const w = world();
  const cluster = run(w, yaml());
  pick(cluster, { destination: { ip: '10.0.0.1', port: 80 } });
  const [host] = cluster.hosts;
  if (host !== undefined) host.stats.rqActive = 1;
  w.clock.advance(60_000);
  expect(cluster.hosts).toEqual([host]);
  w.manager.close();
});
