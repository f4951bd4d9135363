import { describe, expect, test } from 'vitest';
import { VirtualClock } from '../../../../../proxy-core/base/virtual-clock.ts';
import { CheckPacer } from '../../../../../proxy-core/upstream/health/pacer.ts';

/** Milliseconds at which each of `count` that come at once begins. */
function beginnings(count: number, clock = new VirtualClock(), pacer = new CheckPacer(clock)): number[] {
  const began: number[] = [];
  const from = clock.now();
  for (let i = 0; i < count; i++) pacer.add({ begin: () => began.push(clock.now() - from) });
  clock.advance(2000);
  return began;
}

describe('checks that fall due together', () => {
  test.each([
    [1, 0],
    [8, 0],
    [9, 1],
    [108, 50],
    [1000, 496],
    [10_000, 500],
  ])('of %i the last begins within %i ms', (count, last) => {
    const began = beginnings(count);
    expect(began).toHaveLength(count);
    // Working off a long backlog slows down with its length, towards the lowest rate.
    expect(began.at(-1)).toBeLessThanOrEqual(count > 1000 ? last * 4 : last);
    expect(began).toEqual([...began].sort((a, b) => a - b));
  });

  test('begin in no greater numbers than two in a millisecond, after the first eight', () => {
    const began = beginnings(500);
    expect(began.filter((at) => at === 0)).toHaveLength(8);
    for (let ms = 1; ms <= 246; ms++) expect(began.filter((at) => at === ms)).toHaveLength(2);
  });
});

test('a moment later eight may begin at once again, and none after the end', () => {
  const clock = new VirtualClock();
  const pacer = new CheckPacer(clock);
  beginnings(8, clock, pacer);
  expect(beginnings(8, clock, pacer)).toEqual(new Array(8).fill(0));
  let begun = 0;
  for (let i = 0; i < 50; i++) pacer.add({ begin: () => begun++ });
  pacer.close();
  clock.advance(1000);
  expect(begun).toBe(8);
  expect(clock.pending).toBe(0);
});
