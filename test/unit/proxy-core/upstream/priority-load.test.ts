import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { computePriorityLoad, type PriorityCounts } from '../../../../proxy-core/upstream/priority-load.ts';

function level(healthy: number, hosts: number, degraded = 0, excluded = 0): PriorityCounts {
  return { hosts, healthy, degraded, excluded };
}

describe('load by priority', () => {
  test.each([
    // healthy of P0 and P1, factor, load, panic
    [4, 4, 140, [100, 0], [false, false]],
    [3, 4, 140, [100, 0], [false, false]],
    [2, 4, 140, [70, 30], [false, false]],
    [1, 4, 140, [35, 65], [false, false]],
    [0, 4, 140, [0, 100], [false, false]],
    [1, 1, 140, [50, 50], [true, true]],
    [0, 1, 140, [50, 50], [true, true]],
    [0, 0, 140, [50, 50], [true, true]],
    [3, 0, 140, [100, 0], [false, false]],
    [3, 4, 100, [75, 25], [false, false]],
  ])('%i/4 and %i/4 healthy, factor %i: %o', (p0, p1, factor, load, panic) => {
    const result = computePriorityLoad([level(p0, 4), level(p1, 4)], factor, 50);
    expect(result.healthyLoad).toEqual(load);
    expect(result.panic).toEqual(panic);
  });

  test.each([
    // healthy, degraded, hosts: healthy load, degraded load
    [2, 2, 4, 70, 30],
    [1, 3, 4, 35, 65],
    [4, 0, 4, 100, 0],
    [0, 4, 4, 0, 100],
  ])('%i healthy and %i degraded of %i: %i and %i', (healthy, degraded, hosts, healthyLoad, degradedLoad) => {
    const result = computePriorityLoad([level(healthy, hosts, degraded)], 140, 50);
    expect([result.healthyLoad[0], result.degradedLoad[0]]).toEqual([healthyLoad, degradedLoad]);
  });

  test.each([
    // name, counts, threshold, panic
    ['three hosts, two ejected', level(1, 3), 50, true],
    ['three hosts, one ejected', level(2, 3), 50, false],
    ['two hosts, one ejected', level(1, 2), 50, false],
    ['all ejected, panic off', level(0, 3), 0, false],
    ['no hosts', level(0, 0), 50, true],
    ['a draining host does not count', level(1, 2, 0, 1), 60, false],
  ])('%s', (_name, counts, threshold, panic) => {
    expect(computePriorityLoad([counts], 140, threshold).panic[0]).toBe(panic);
  });

  test('the loads always add up to 100', () => {
    const priority = fc
      .tuple(fc.nat(20), fc.nat(20), fc.nat(20), fc.nat(20))
      .map(([healthy, degraded, bad, excluded]) => ({
        hosts: healthy + degraded + bad + excluded,
        healthy,
        degraded,
        excluded,
      }));
    fc.assert(
      fc.property(
        fc.array(priority, { minLength: 1, maxLength: 5 }),
        fc.nat(200),
        fc.nat(100),
        (levels, more, threshold) => {
          const result = computePriorityLoad(levels, 100 + more, threshold);
          const sum = [...result.healthyLoad, ...result.degradedLoad].reduce((a, b) => a + b, 0);
          expect(sum).toBe(100);
        },
      ),
    );
  });
});
