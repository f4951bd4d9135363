import { describe, expect, test } from 'vitest';
import {
  logDecades,
  type Mark,
  markLabels,
  SteadyMaximum,
  timeTicks,
} from '../../../../renderer/components/time-axis.ts';

function mark(at: number, kind: Mark['kind'], label: string = kind): Mark {
  return { at, kind, label, text: label };
}

describe('markLabels', () => {
  const at = (x: number) => x;

  test('close marks share a label: the configuration wins, then the number of ejections', () => {
    expect(markLabels([mark(10, 'eject', 'ejection'), mark(20, 'config', 'v2')], at, 500)).toMatchObject([
      { kind: 'config', text: 'v2', anchor: 'start' },
    ]);
    expect(markLabels([mark(100, 'eject'), mark(130, 'eject'), mark(160, 'fault')], at, 500)).toMatchObject([
      { kind: 'eject', text: '2 ejections' },
    ]);
  });

  test('far marks have their own, in order of time', () => {
    expect(markLabels([mark(300, 'fault', 'demo'), mark(100, 'config', 'v1')], at, 500)).toMatchObject([
      { text: 'v1' },
      { text: 'demo' },
    ]);
  });

  test('a label that would leave the plot ends at its mark', () => {
    expect(markLabels([mark(480, 'eject', 'ejection')], at, 500)).toMatchObject([{ anchor: 'end', x: 484 }]);
  });
});

test.each([
  [60_000, 260],
  [600_000, 200],
  [600_000, 1000],
  [3_600_000, 300],
])('ticks of %i ms on %i px stand at whole steps, inside, and not too close', (range, width) => {
  const to = 1_700_000_123_000;
  const ticks = timeTicks(to - range, to, width);
  expect(ticks.length).toBeGreaterThan(0);
  expect(ticks.length * 60).toBeLessThanOrEqual(width + 60);
  for (const at of ticks) {
    expect(at % 15_000).toBe(0);
    expect(at).toBeGreaterThan(to - range);
    expect(at).toBeLessThan(to);
  }
});

test.each([
  [[], [1, 10, 100, 1000]],
  [
    [12, 486],
    [1, 10, 100, 1000],
  ],
  [
    [0.3, 20],
    [0.1, 1, 10, 100, 1000],
  ],
  [
    [5, 2400],
    [1, 10, 100, 1000, 10_000],
  ],
])('decades for %o', (values, decades) => expect(logDecades(values)).toEqual(decades));

test('an axis grows at once and shrinks after a minute', () => {
  const axis = new SteadyMaximum();
  expect(axis.update(48, 0, 10)).toBe(50);
  expect(axis.update(75, 1000, 10)).toBe(80);
  expect(axis.update(20, 2000, 10)).toBe(80);
  expect(axis.update(35, 30_000, 10)).toBe(80);
  expect(axis.update(20, 61_999, 10)).toBe(80);
  expect(axis.update(20, 62_000, 10)).toBe(40);
});

test('a peak in between starts the minute anew', () => {
  const axis = new SteadyMaximum();
  axis.update(75, 0, 10);
  axis.update(20, 1000, 10);
  axis.update(76, 30_000, 10);
  expect(axis.update(20, 62_000, 10)).toBe(80);
});
