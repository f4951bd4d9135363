import { expect, test } from 'vitest';
import { VirtualClock } from '../../../../proxy-core/base/virtual-clock.ts';
import { ServerStats } from '../../../../proxy-core/observe/server-stats.ts';
import { StatsStore } from '../../../../proxy-core/observe/stats/store.ts';

test('the gauges of the process are read at each flush', () => {
  const clock = new VirtualClock();
  const stats = new StatsStore();
  let state = 2;
  const server = new ServerStats(stats, clock, '1.32.4', {
    totalConnections: () => 5,
    state: () => state,
    firstCertificateExpiry: () => clock.wall() + 3.5 * 86_400_000,
  });
  stats.onFlush(() => server.refresh());
  const value = (name: string): number => stats.gauge(`server.${name}`).value;
  expect([value('live'), value('state'), value('uptime'), value('version')]).toEqual([0, 2, 0, 13204]);
  state = 0;
  clock.advance(7_500);
  stats.flush();
  expect([value('live'), value('state'), value('uptime')]).toEqual([1, 0, 7]);
  expect([value('total_connections'), value('days_until_first_cert_expiring')]).toEqual([5, 3]);
  expect(value('memory_physical_size')).toBeGreaterThan(1e6);
});

test('without certificates nothing expires', () => {
  const stats = new StatsStore();
  new ServerStats(stats, new VirtualClock(), '1.0.0', {
    totalConnections: () => 0,
    state: () => 0,
    firstCertificateExpiry: () => null,
  });
  expect(stats.gauge('server.days_until_first_cert_expiring').value).toBe(4_294_967_295);
  expect(stats.histograms.has('server.initialization_time_ms')).toBe(true);
});
