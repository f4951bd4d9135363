import { describe, expect, it } from 'vitest';
import { mergeStructs } from '../../../../proxy-core/base/struct.ts';

describe('mergeStructs', () => {
  it.each([
    [{ a: 1 }, { a: 2 }, { a: 2 }],
    [{ a: [1] }, { a: [2] }, { a: [1, 2] }],
    [{ a: { b: 1, c: [1] } }, { a: { c: [2], d: 3 } }, { a: { b: 1, c: [1, 2], d: 3 } }],
    [{ a: { b: 1 } }, { a: 'text' }, { a: 'text' }],
    [{ a: null }, { a: { b: 1 } }, { a: { b: 1 } }],
  ])('%j and %j', (base, over, expected) => expect(mergeStructs(base, over)).toEqual(expected));

  it('puts keys in order, at every depth', () => {
    expect(JSON.stringify(mergeStructs({ b: { d: 1, c: 2 } }, { a: 3 }))).toBe('{"a":3,"b":{"c":2,"d":1}}');
  });
});
