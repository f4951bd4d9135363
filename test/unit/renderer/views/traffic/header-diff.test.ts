import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Headers, headerDiff } from '../../../../../renderer/views/traffic/header-diff.ts';

describe('headerDiff', () => {
  it.each<[string, Headers, Headers, string[]]>([
    ['nothing', [], [], []],
    ['the same', [['a', '1']], [['a', '1']], ['same a 1 1']],
    ['added', [], [['x-request-id', 'u']], ['added x-request-id null u']],
    ['removed', [['te', 'trailers']], [], ['removed te trailers null']],
    ['changed', [['via', 'a']], [['via', 'b']], ['changed via a b']],
    [
      'repeated names are one value',
      [
        ['a', '1'],
        ['a', '2'],
      ],
      [['a', '1, 2']],
      ['same a 1, 2 1, 2'],
    ],
    [
      'one of two removed',
      [
        ['a', '1'],
        ['a', '2'],
      ],
      [['a', '2']],
      ['changed a 1, 2 2'],
    ],
    ['an empty value is a value', [['a', '']], [], ['removed a  null']],
    [
      'order does not matter',
      [
        ['a', '1'],
        ['b', '2'],
      ],
      [
        ['b', '2'],
        ['a', '1'],
      ],
      ['same a 1 1', 'same b 2 2'],
    ],
    [
      'those from before come first',
      [['b', '1']],
      [
        ['a', '1'],
        ['b', '1'],
      ],
      ['same b 1 1', 'added a null 1'],
    ],
  ])('%s', (_what, before, after, expected) => {
    const found = headerDiff(before, after).map(
      (each) => `${each.kind} ${each.name} ${each.before} ${each.after}`,
    );
    expect(found).toEqual(expected);
  });

  it('names each header once, and turns around when the heads do', () => {
    const headers = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.string({ maxLength: 3 })), {
      maxLength: 8,
    });
    const turned = { added: 'removed', removed: 'added', changed: 'changed', same: 'same' } as const;
    fc.assert(
      fc.property(headers, headers, (before, after) => {
        const there = headerDiff(before, after);
        const back = new Map(headerDiff(after, before).map((each) => [each.name, each.kind]));
        expect(new Set(there.map((each) => each.name))).toEqual(
          new Set([...before, ...after].map(([name]) => name)),
        );
        expect(there.length).toBe(back.size);
        for (const each of there) expect(back.get(each.name)).toBe(turned[each.kind]);
      }),
    );
  });
});
