import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { HealthFlag, UpstreamHost } from '../../../../proxy-core/upstream/host.ts';
import { HostNews } from '../../../../proxy-core/upstream/host-news.ts';
import { keepHealthyHosts, takeKnownHost } from '../../../../proxy-core/upstream/kept-hosts.ts';
import { clusterYaml, compiled, world } from './support.ts';

const open: { close(): void }[] = [];

afterEach(() => {
  for (const server of open.splice(0)) server.close();
});

const CHECK =
  'health_checks: [{timeout: 1s, interval: 1s, unhealthy_threshold: 1, healthy_threshold: 1, tcp_health_check: {}}]';

/** The words of a host that discovery no longer names; empty when it goes. */
function after(more: string, flags: number, checked = true): string {
  const w = world();
  const config = compiled(clusterYaml([1], more));
  const [endpoint] = config.endpoints;
  if (endpoint === undefined) throw new Error('no endpoint');
  const host = new UpstreamHost('127.0.0.1', 1, 0, endpoint, '');
  host.set(flags);
  // Whether it is checked is all that counts here.
  if (checked) host.check = {} as UpstreamHost['check'];
  const next: UpstreamHost[] = [];
  const left = new Map([['1', [host]]]);
  keepHealthyHosts(left, next, config, new HostNews('c', w.services, () => {}));
  expect(left.get('1')).toHaveLength(1 - next.length);
  return next[0]?.has(HealthFlag.pendingDynamicRemoval) === true ? 'kept' : '';
}

test.each([
  [`type: STRICT_DNS\n${CHECK}`, 0, true, 'kept'],
  [`type: STRICT_DNS\n${CHECK}`, HealthFlag.failedOutlierCheck, true, 'kept'],
  [`type: STRICT_DNS\n${CHECK}`, HealthFlag.failedActiveCheck, true, ''],
  [`type: STRICT_DNS\n${CHECK}`, HealthFlag.failedEdsHealth, true, ''],
  [`type: STRICT_DNS\n${CHECK}`, 0, false, ''],
  [`type: STRICT_DNS\nignore_health_on_host_removal: true\n${CHECK}`, 0, true, ''],
  ['type: STRICT_DNS', 0, true, ''],
  [CHECK, 0, true, ''],
])('%j with flags %i, checked %s: %j', (more, flags, checked, expected) => {
  expect(after(more, flags, checked)).toBe(expected);
});

test('a host that is named again loses the flag; one that is to be asked elsewhere is another host', () => {
  const [endpoint] = compiled(clusterYaml([1])).endpoints;
  if (endpoint === undefined) throw new Error('no endpoint');
  const host = new UpstreamHost('127.0.0.1', 1, 0, endpoint, '');
  host.set(HealthFlag.pendingDynamicRemoval);
  const known = [host];
  const elsewhere = { ...endpoint, check: { port: 2, address: '', hostname: '', disabled: false } };
  expect(takeKnownHost(known, elsewhere)).toBeUndefined();
  expect(takeKnownHost(known, endpoint)).toBe(host);
  expect(known).toEqual([]);
  expect(host.healthFlags).toBe(0);
  expect(takeKnownHost(undefined, endpoint)).toBeUndefined();
});

test('a checked host of a DNS cluster stays when its name loses the address, until its check fails', async () => {
  const server = createTcpServer((socket) => socket.destroy());
  open.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const w = world();
  w.resolver.answers.set('shop.local/4', ['127.0.0.1']);
  const yaml = clusterYaml(
    [port],
    `type: STRICT_DNS\ndns_lookup_family: V4_ONLY\ndns_refresh_rate: 5s\n${CHECK}`,
  ).replace('address: 127.0.0.1', 'address: shop.local');
  const update = w.manager.update([compiled(yaml)], null);
  await update.ready();
  update.commit();
  const [cluster] = update.view.clusters;
  expect(cluster?.hosts.map((host) => host.healthFlags)).toEqual([0]);
  w.resolver.answers.set('shop.local/4', []);
  const settle = async (): Promise<void> => {
    w.clock.advance(5000);
    for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
  };
  await settle();
  expect(cluster?.hosts.map((host) => host.healthFlags)).toEqual([HealthFlag.pendingDynamicRemoval]);
  cluster?.hosts[0]?.check?.failPassively();
  await settle();
  expect(cluster?.hosts).toEqual([]);
  expect(cluster?.news.history.list(`127.0.0.1:${port}`).map((entry) => entry.kind)).toEqual([
    'host-health',
    'host-endpoint',
    'host-health',
    'host-removed',
  ]);
  w.manager.close();
});

test('ignore_new_hosts_until_first_hc leaves new hosts out of the sums until their first answer', async () => {
  const server = createServer((_request, response) => response.end('ok'));
  open.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const w = world();
  const yaml = clusterYaml(
    [port],
    'common_lb_config: {ignore_new_hosts_until_first_hc: true}\nhealth_checks: [{timeout: 1s, interval: 1s, unhealthy_threshold: 1, healthy_threshold: 1, http_health_check: {path: /}}]',
  );
  const update = w.manager.update([compiled(yaml)], null);
  const [cluster] = update.view.clusters;
  expect(cluster?.hosts[0]?.healthFlags).toBe(HealthFlag.failedActiveCheck | HealthFlag.pendingActiveCheck);
  expect(w.stat('cluster.c.membership_excluded')).toBe(1);
  await update.ready();
  expect(cluster?.hosts[0]?.healthFlags).toBe(0);
  expect(w.stat('cluster.c.membership_excluded')).toBe(0);
  w.manager.close();
});
