import { describe, expect, test } from 'vitest';
import { type Random, SeededRandom } from '../../../../../proxy-core/base/random.ts';
import type { HealthCheckIntervals } from '../../../../../proxy-core/upstream/health/config.ts';
import { firstInterval, nextInterval } from '../../../../../proxy-core/upstream/health/interval.ts';

const PLAIN: HealthCheckIntervals = {
  interval: 1000,
  unhealthyInterval: 2000,
  unhealthyEdgeInterval: 3000,
  healthyEdgeInterval: 4000,
  noTrafficInterval: 60_000,
  noTrafficHealthyInterval: 70_000,
  initialJitter: 0,
  intervalJitter: 0,
  intervalJitterPercent: 0,
};

function drawing(value: number): Random {
  return { next: () => value, uuid: () => '' };
}

describe('the time until the next check', () => {
  test.each([
    // succeeded, transition, traffic, milliseconds
    [true, 'unchanged', true, 1000],
    [true, 'changed', true, 1000],
    [true, 'change-pending', true, 4000],
    [false, 'unchanged', true, 2000],
    [false, 'changed', true, 2000],
    [false, 'change-pending', true, 3000],
    [true, 'unchanged', false, 70_000],
    [true, 'changed', false, 70_000],
    [true, 'change-pending', false, 60_000],
    [false, 'unchanged', false, 60_000],
    [false, 'changed', false, 60_000],
  ] as const)('succeeded %s, %s, traffic %s: %i ms', (succeeded, transition, traffic, expected) => {
    expect(nextInterval(PLAIN, succeeded, transition, traffic, new SeededRandom(1))).toBe(expected);
  });

  test.each([
    // settings, draw, milliseconds: the draw modulo the jitter is added
    [{ intervalJitter: 500 }, 1499, 1499],
    [{ intervalJitter: 500 }, 500, 1000],
    [{ intervalJitterPercent: 10 }, 199, 1099],
    [{ intervalJitterPercent: 10, intervalJitter: 7 }, 99, 1100],
    [{ interval: 0.2 }, 0, 1],
  ])('%o with the draw %i: %i ms', (settings, draw, expected) => {
    expect(nextInterval({ ...PLAIN, ...settings }, true, 'unchanged', true, drawing(draw))).toBe(expected);
  });

  test.each([
    [{ min: 5000, max: Number.POSITIVE_INFINITY }, 5000],
    [{ min: 0, max: 300 }, 300],
    [{ min: 400, max: 300 }, 400],
  ])('the runtime limits it: %o gives %i ms', (limits, expected) => {
    expect(nextInterval(PLAIN, true, 'unchanged', true, drawing(0), limits)).toBe(expected);
  });

  test.each([
    [0, 0, 0],
    [1000, 1234, 234],
    [1000, 1000, 1],
  ])('initial jitter %i with the draw %i: first check after %i ms', (initialJitter, draw, expected) => {
    expect(firstInterval({ ...PLAIN, initialJitter }, drawing(draw))).toBe(expected);
  });
});
