import { describe, expect, test } from 'vitest';
import type { MetricsTick } from '../../../../proxy-core/index.ts';
import {
  chartPoints,
  clusterFigures,
  errorShare,
  niceMaximum,
  rate,
  typical,
} from '../../../../renderer/state/series.ts';

const EMPTY: MetricsTick = {
  at: 0,
  requests: 0,
  byClass: [0, 0, 0, 0, 0],
  p50: null,
  p90: null,
  p99: null,
  downstreamConnections: 0,
  upstreamConnections: 0,
  ejected: 0,
  retries: 0,
  overflows: 0,
  clusters: {},
  listeners: {},
  routes: {},
};

function tick(at: number, more: Partial<MetricsTick> = {}): MetricsTick {
  return { ...EMPTY, at, ...more };
}

test('a rate is the mean of the last ten seconds', () => {
  const ticks = [...Array(5)].map((_, i) => tick(i, { requests: 1000 }));
  ticks.push(...[...Array(10)].map((_, i) => tick(5 + i, { requests: i < 5 ? 10 : 20 })));
  expect(rate(ticks, (t) => t.requests)).toBe(15);
  expect(rate([], (t) => t.requests)).toBe(0);
});

test.each([
  [[null, null], null],
  [[4, null, 10], 7],
  [[1, 2, 100], 2],
])('the typical value of %o is %o', (values, expected) => {
  const ticks = values.map((p50, i) => tick(i, { p50 }));
  expect(typical(ticks, (t) => t.p50)).toBe(expected);
});

test('5xx are compared with all answers of the last minute', () => {
  const old = tick(0, { byClass: [0, 0, 0, 1000, 0] });
  const ticks = [old, ...[...Array(60)].map((_, i) => tick(1 + i, { byClass: [90, 4, 5, 1, 0] }))];
  expect(errorShare(ticks)).toBeCloseTo(0.01);
  expect(errorShare([tick(0)])).toBeNull();
});

test('figures of a cluster: share over the minute, rates over ten seconds', () => {
  const ticks = [...Array(60)].map((_, i) =>
    tick(i, {
      clusters: {
        shop: {
          requests: 10,
          errors: 1,
          p50: 5,
          p99: 50,
          // The second host left 30 s ago.
          hosts: i < 30 ? { a: 5, b: 5 } : { a: 10 },
        },
      },
    }),
  );
  const figures = clusterFigures(ticks, 'shop');
  expect(figures.rate).toBe(10);
  expect(figures.errorShare).toBeCloseTo(0.1);
  expect([figures.p50, figures.p99]).toEqual([5, 50]);
  expect(figures.hostRates.get('a')).toBe(10);
  expect(figures.hostRates.get('b')).toBeUndefined();
  expect(figures.hostShares.get('b')).toBeCloseTo(0.25);
  expect(clusterFigures(ticks, 'other')).toMatchObject({ rate: 0, errorShare: null, p50: null });
});

describe('chartPoints', () => {
  const read = [(t: MetricsTick) => t.requests, (t: MetricsTick) => t.p50];

  test('one point per second when there is room', () => {
    const ticks = [tick(1000, { requests: 1 }), tick(2000, { requests: 3, p50: 7 })];
    expect(chartPoints(ticks, 2000, 10_000, read)).toEqual([
      { at: 1500, values: [1, null] },
      { at: 2500, values: [3, 7] },
    ]);
  });

  test('the mean of a bucket when there is not, at fixed places', () => {
    const ticks = [...Array(3600)].map((_, i) => tick(i * 1000, { requests: i % 2 === 0 ? 0 : 10 }));
    const now = 3_599_000;
    const points = chartPoints(ticks, now, 3_600_000, read);
    expect(points.length).toBeLessThanOrEqual(300);
    expect(points[5]?.values).toEqual([5, null]);
    const later = chartPoints(ticks, now + 3000, 3_600_000, read);
    expect(later.slice(0, 50).every((p) => points.some((q) => q.at === p.at))).toBe(true);
  });

  test('nothing from outside the range', () => {
    expect(chartPoints([tick(0, { requests: 9 })], 100_000, 60_000, read)).toEqual([]);
  });
});

test.each([
  [0, 10, 10],
  [0.2, 1, 1],
  [10, 1, 10],
  [11, 1, 15],
  [52, 1, 60],
  [73, 1, 80],
  [95, 1, 100],
  [1201, 1, 1500],
])('an axis for %s, at least %s, ends at %s', (value, least, end) => {
  expect(niceMaximum(value, least)).toBeCloseTo(end);
});
