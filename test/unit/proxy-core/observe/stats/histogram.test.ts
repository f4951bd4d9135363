import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  approximateSum,
  BUCKETS,
  cumulativeCounts,
  IntervalHistogram,
  LogLinearBins,
  quantiles,
} from '../../../../../proxy-core/observe/stats/histogram.ts';

function bins(...values: readonly number[]): LogLinearBins {
  const result = new LogLinearBins();
  for (const value of values) result.add(value);
  return result;
}

function repeat(value: number, times: number): number[] {
  return new Array<number>(times).fill(value);
}

describe('quantiles of log-linear bins (numbers as Envoy 1.36 printed them)', () => {
  test.each([
    ['zeros', repeat(0, 30), [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
    ['one 12', [12], [12, 12.5, 13]],
    ['one 5', [5], [5, 5.05, 5.1]],
    ['one 1', [1], [1, 1.05, 1.1]],
    ['30 zeros and a 1', [...repeat(0, 30), 1], [0, 0, 1.1]],
  ])('%s: P0, P50, P100', (_name, values, expected) => {
    const [p0, p50, p100] = quantiles(bins(...values).bins(), [0, 0.5, 1]);
    expect([p0, p50, p100]).toEqual(expected.length === 3 ? expected : [0, 0, 0]);
  });

  test.each([
    ['P99 of 30 zeros and a 1', [...repeat(0, 30), 1], 0.99, 1.0690000000000002],
    ['P99.5 of 30 zeros and a 1', [...repeat(0, 30), 1], 0.995, 1.0844999999999998],
    ['P95 of 28 zeros and three 1', [...repeat(0, 28), 1, 1, 1], 0.95, 1.0483333333333333],
    ['P99.9 of one 5', [5], 0.999, 5.0999],
    ['P75 of one 12', [12], 0.75, 12.75],
  ])('%s', (_name, values, quantile, expected) => {
    expect(quantiles(bins(...values).bins(), [quantile])[0]).toBe(expected);
  });

  test('no values give NaN', () => {
    expect(quantiles([], [0.5])).toEqual([Number.NaN]);
  });

  test('every value lies in its bin, and the bin is at most a tenth of it wide', () => {
    fc.assert(
      fc.property(fc.nat(4_000_000_000), (value) => {
        const [bin] = bins(value).bins();
        if (bin === undefined) return false;
        if (value === 0) return bin.left === 0 && bin.width === 0;
        return (
          bin.left <= value * (1 + 1e-12) &&
          value < (bin.left + bin.width) * (1 + 1e-12) &&
          bin.width <= value / 9
        );
      }),
    );
  });

  test('quantiles rise with the quantile and stay inside the bins', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(100_000), { minLength: 1 }), (values) => {
        const list = bins(...values).bins();
        const q = quantiles(list);
        const last = list[list.length - 1];
        if (last === undefined) return false;
        return q.every((value, i) => value >= (q[i - 1] ?? 0) && value <= last.left + last.width);
      }),
    );
  });
});

describe('buckets', () => {
  test('a bucket holds the bins that end at or below its bound', () => {
    const counts = cumulativeCounts(bins(0, 0, 1, 5, 9).bins());
    const at = (bound: number): number | undefined => counts[BUCKETS.indexOf(bound)];
    expect([at(0.5), at(1), at(5), at(10), at(3_600_000)]).toEqual([2, 2, 3, 5, 5]);
  });

  test('the sum takes the middle of each bin', () => {
    expect(approximateSum(bins(1, 1, 1).bins())).toBe(3.1500000000000004);
    expect(approximateSum(bins(12).bins())).toBe(12.5);
  });

  test('merging equals adding all', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1e6)), fc.array(fc.nat(1e6)), (a, b) => {
        const merged = bins(...a);
        merged.merge(bins(...b));
        expect(merged.bins()).toEqual(bins(...a, ...b).bins());
        expect(merged.count).toBe(a.length + b.length);
      }),
    );
  });
});

describe('intervals', () => {
  test('a value shows after the next flush, and leaves the interval at the one after', () => {
    const histogram = new IntervalHistogram('x');
    histogram.record(3);
    expect([histogram.used, histogram.cumulative.count]).toEqual([false, 0]);
    histogram.flush();
    expect([histogram.used, histogram.interval.count, histogram.cumulative.count]).toEqual([true, 1, 1]);
    histogram.flush();
    expect([histogram.interval.count, histogram.cumulative.count]).toEqual([0, 1]);
  });
});
