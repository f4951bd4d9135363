import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EdfSchedule } from '../../../../../proxy-core/upstream/load-balancer/edf.ts';

function cycle(weights: readonly number[], picks: number, prePicks = 0): number[] {
  const schedule = new EdfSchedule(weights, prePicks);
  return Array.from({ length: picks }, () => schedule.pick(weights[schedule.peek()] as number) + 1);
}

describe('earliest deadline first', () => {
  test.each([
    [[3, 1, 1], '1 1 1 2 3'],
    [[5, 2], '1 1 2 1 1 1 2'],
    [[1, 1, 1], '1 2 3'],
    [[2, 1], '1 1 2'],
  ])('weights %o go round as %s', (weights, expected) => {
    const wanted = expected.split(' ').map(Number);
    const seen = cycle(weights, 3 * wanted.length);
    expect(rotations(wanted)).toContainEqual(seen.slice(wanted.length, 2 * wanted.length));
  });

  test.each([0, 1, 2, 3, 4, 17, 1_234_567_890])(
    'after %i picks made beforehand every round is the same rotation',
    (prePicks) => {
      const three = cycle([3, 1, 1], 60, prePicks);
      const two = cycle([5, 2], 70, prePicks);
      expect(rotations([1, 1, 1, 2, 3])).toContainEqual(three.slice(0, 5));
      for (let at = 5; at + 5 <= three.length; at += 5) {
        expect(three.slice(at, at + 5)).toEqual(three.slice(0, 5));
      }
      expect(rotations([1, 1, 1, 2, 1, 1, 2])).toContainEqual(two.slice(0, 7));
      for (let at = 7; at + 7 <= two.length; at += 7) {
        expect(two.slice(at, at + 7)).toEqual(two.slice(0, 7));
      }
    },
  );

  test('over whole rounds each entry is picked as often as its weight says', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 12 }), (weights) => {
        const sum = weights.reduce((a, b) => a + b, 0);
        const seen = cycle(weights, sum * 10);
        weights.forEach((weight, i) => {
          const count = seen.filter((entry) => entry === i + 1).length;
          // Sums of 1/weight are not exact, so one pick may fall beyond the edge of the round.
          expect(Math.abs(count - weight * 10)).toBeLessThanOrEqual(1);
        });
      }),
    );
  });

  test('an empty schedule has no turn', () => {
    expect(new EdfSchedule([], 5).pick(1)).toBe(-1);
  });
});

function rotations(list: readonly number[]): number[][] {
  return list.map((_, i) => [...list.slice(i), ...list.slice(0, i)]);
}
