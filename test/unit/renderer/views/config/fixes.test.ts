import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Diagnostic, Fix } from '../../../../../proxy-core/index.ts';
import { fixesTogether } from '../../../../../renderer/views/config/fixes.ts';

type Range = readonly [line: number, column: number, endLine: number, endColumn: number];

function fixed([line, column, endLine, endColumn]: Range, title = ''): Diagnostic {
  const range = { file: '', line, column, endLine, endColumn };
  return { code: 'x', severity: 'error', message: '', path: '', range, fix: { title, range, text: '' } };
}

const places = (fixes: readonly Fix[]) =>
  fixes.map(({ range }): Range => [range.line, range.column, range.endLine, range.endColumn]);

describe('fixes that can be made in one step', () => {
  test.each<[string, Range[], Range[]]>([
    ['none', [], []],
    [
      'in the order of the text',
      [
        [3, 1, 3, 5],
        [1, 1, 1, 4],
      ],
      [
        [1, 1, 1, 4],
        [3, 1, 3, 5],
      ],
    ],
    [
      'the same one twice',
      [
        [1, 1, 1, 4],
        [1, 1, 1, 4],
      ],
      [[1, 1, 1, 4]],
    ],
    [
      'inside another',
      [
        [1, 1, 9, 1],
        [2, 1, 2, 5],
      ],
      [[1, 1, 9, 1]],
    ],
    [
      'side by side',
      [
        [1, 1, 1, 4],
        [1, 4, 1, 6],
      ],
      [
        [1, 1, 1, 4],
        [1, 4, 1, 6],
      ],
    ],
    [
      'two insertions at one place',
      [
        [2, 1, 2, 1],
        [2, 1, 2, 1],
      ],
      [[2, 1, 2, 1]],
    ],
  ])('%s', (_name, ranges, expected) => {
    expect(places(fixesTogether(ranges.map((range) => fixed(range))))).toEqual(expected);
  });

  test('diagnostics without a fix count for nothing', () => {
    const { fix: _, ...plain } = fixed([1, 1, 1, 2]);
    expect(fixesTogether([plain])).toEqual([]);
  });

  test('never overlap', () => {
    const place = fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 9 }));
    fc.assert(
      fc.property(fc.array(fc.tuple(place, place)), (pairs) => {
        const ranges = pairs.map(([a, b]): Range => {
          const [first, last] = a[0] < b[0] || (a[0] === b[0] && a[1] <= b[1]) ? [a, b] : [b, a];
          return [...first, ...last];
        });
        const taken = places(fixesTogether(ranges.map((range) => fixed(range))));
        for (let i = 1; i < taken.length; i++) {
          const [, , endLine, endColumn] = taken[i - 1] as Range;
          const [line, column] = taken[i] as Range;
          expect(line * 100 + column).toBeGreaterThanOrEqual(endLine * 100 + endColumn);
        }
      }),
    );
  });
});
