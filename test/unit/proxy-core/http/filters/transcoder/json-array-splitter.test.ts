import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { JsonArraySplitter } from '../../../../../../proxy-core/http/filters/transcoder/json-array-splitter.ts';

function split(pieces: readonly string[]): { elements: string[] | null; complete: boolean } {
  const splitter = new JsonArraySplitter();
  const elements: string[] = [];
  for (const piece of pieces) {
    const found = splitter.push(piece);
    if (found === null) return { elements: null, complete: splitter.complete };
    elements.push(...found);
  }
  return { elements, complete: splitter.complete };
}

describe('elements of a JSON array in pieces', () => {
  test.each([
    [['[]'], [], true],
    [[''], [], true],
    [[' [ {"a":1} , {"b":[1,2]} ] '], ['{"a":1}', '{"b":[1,2]}'], true],
    [['[{"a":"]', ',\\"', '}"}]'], ['{"a":"],\\"}"}'], true],
    [['[{"a":1},{'], ['{"a":1}'], false],
    [['{}'], null, true],
    [['[]]'], null, true],
  ])('%j', (pieces, elements, complete) => {
    expect(split(pieces)).toEqual({ elements, complete });
  });

  test('however it is cut, the elements are the same', () => {
    fc.assert(
      fc.property(fc.array(fc.object()), fc.integer({ min: 1, max: 9 }), (values, size) => {
        const text = JSON.stringify(values);
        const pieces = text.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [];
        const { elements, complete } = split(pieces);
        expect(complete).toBe(true);
        expect(elements?.map((each) => JSON.parse(each))).toEqual(JSON.parse(text));
      }),
    );
  });
});
