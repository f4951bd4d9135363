import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LiveMetrics } from '../../../../proxy-core/observe/metrics.ts';
import { stream } from './stream.ts';

function metrics(over: Partial<{ retries: number; overflows: number }> = {}, limit = 3600) {
  const source = { retries: 0, overflows: 0, ...over };
  const live = new LiveMetrics(
    {
      downstreamConnections: () => 3,
      upstreamConnections: () => 2,
      ejectedHosts: () => 1,
      retriesTotal: () => source.retries,
      overflowsTotal: () => source.overflows,
    },
    undefined,
    limit,
  );
  return { live, source };
}

describe('one second', () => {
  test('counts by class, listener, route, cluster and host', () => {
    const { live } = metrics();
    for (const responseCode of [101, 200, 301, 404, 503, 0]) live.streamEnded(stream({ responseCode }));
    live.streamEnded(stream({ responseCode: 404, clusterName: '', upstreamHost: '', routeIndex: -1 }));
    const tick = live.tick(1000);
    expect(tick).toMatchObject({
      at: 1000,
      requests: 7,
      byClass: [2, 1, 2, 1, 1],
      downstreamConnections: 3,
      upstreamConnections: 2,
      ejected: 1,
      listeners: { main: 7 },
      routes: { 'shop_routes/shop/2': 6 },
    });
    expect(tick.clusters['inventory_service']).toMatchObject({
      requests: 6,
      errors: 2,
      hosts: { '127.0.0.1:9001': 6 },
    });
  });

  test('the next second begins at zero', () => {
    const { live } = metrics();
    live.streamEnded(stream());
    live.tick(1);
    expect(live.tick(2)).toMatchObject({
      requests: 0,
      p50: null,
      p99: null,
      byClass: [0, 0, 0, 0, 0],
      clusters: {},
      listeners: {},
    });
  });

  test('totals become differences; a reset of the counters is no negative rate', () => {
    const { live, source } = metrics({ retries: 5 });
    expect(live.tick(1).retries).toBe(5);
    source.retries = 8;
    source.overflows = 2;
    expect(live.tick(2)).toMatchObject({ retries: 3, overflows: 2 });
    source.retries = 0;
    expect(live.tick(3).retries).toBe(0);
  });

  test('percentiles are right within 8 %', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 100_000 }), { minLength: 1, maxLength: 200 }),
        (list) => {
          const { live } = metrics();
          for (const duration of list) live.streamEnded(stream({ start: 0, end: duration }));
          const sorted = [...list].sort((a, b) => a - b);
          const tick = live.tick(0);
          for (const [q, value] of [
            [0.5, tick.p50],
            [0.9, tick.p90],
            [0.99, tick.p99],
          ] as const) {
            const exact = sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] as number;
            expect(Math.abs((value as number) / exact - 1)).toBeLessThan(0.08);
          }
        },
      ),
    );
  });
});

test('only the last ticks are kept', () => {
  const { live } = metrics({}, 10);
  for (let at = 0; at < 500; at++) live.tick(at);
  expect(live.history().map((tick) => tick.at)).toEqual([490, 491, 492, 493, 494, 495, 496, 497, 498, 499]);
});

test('with very many names, old seconds keep their totals only', () => {
  const { live } = metrics({}, 100);
  for (let at = 0; at < 40; at++) {
    for (let i = 0; i < 3_000; i++) live.streamEnded(stream({ clusterName: `c${i}`, routeIndex: i }));
    live.tick(at);
  }
  const history = live.history();
  expect(history).toHaveLength(40);
  expect(history.every((tick) => tick.requests === 3_000)).toBe(true);
  expect(Object.keys(history[0]?.clusters ?? {})).toHaveLength(0);
  expect(Object.keys(history[39]?.clusters ?? {})).toHaveLength(3_000);
  const entries = history.reduce((sum, tick) => sum + Object.keys(tick.routes).length, 0);
  expect(entries).toBeLessThan(60_000);
});
