import { describe, expect, test } from 'vitest';
import { configurationText, setAt } from './bootstrap.ts';
import type { Tree } from './case.ts';
import { compare } from './compare.ts';
import { normaliseText } from './normalise.ts';
import { expectation } from './recording.ts';
import { smallestCycle } from './steps.ts';

describe('compare', () => {
  test.each<[string, Tree, Tree, string[]]>([
    ['equal trees', { a: [1, { b: 'x' }] }, { a: [1, { b: 'x' }] }, []],
    ['a value', { a: { b: 1 } }, { a: { b: 2 } }, ['a.b']],
    ['a key too many', { a: 1 }, { a: 1, b: 2 }, ['b']],
    ['a key too few', { a: 1, b: 2 }, { a: 1 }, ['b']],
    ['a line too many', { log: ['x'] }, { log: ['x', 'y'] }, ['log (lines that the other has not)']],
    ['lines in another order', { h: ['x', 'y'] }, { h: ['y', 'x'] }, ['h (order)']],
    ['no lines at all', { h: ['x'] }, { h: [] }, ['h[0]']],
    ['another verdict', { verdict: 'reject', says: 'a' }, { verdict: 'accept', says: '' }, ['verdict']],
    ['a verdict in other words', { verdict: 'reject', says: 'a' }, { verdict: 'reject', says: 'b' }, []],
  ])('%s', (_name, expected, observed, places) => {
    expect(compare(expected, observed).map((mismatch) => mismatch.at)).toEqual(places);
  });
});

test.each([
  [
    ['a', 'b', 'a', 'b'],
    ['a', 'b'],
  ],
  [
    ['c', 'a', 'b', 'c', 'a', 'b'],
    ['a', 'b', 'c'],
  ],
  [
    ['b', 'a', 'a', 'b', 'a', 'a', 'b'],
    ['a', 'a', 'b'],
  ],
  [['a', 'a'], ['a']],
  [
    ['b', 'a', 'c'],
    ['a', 'c', 'b'],
  ],
])('the smallest cycle of %j is %j', (answers, cycle) => {
  expect(smallestCycle(answers)).toEqual(cycle);
});

test.each([
  ['127.0.0.1:20001', '127.0.0.1:{{upstream:a}}'],
  ['listener.127.0.0.1_20001.x', 'listener.127.0.0.1_{{upstream:a}}.x'],
  ['120001', '120001'],
  ['127.0.0.1:54321', '127.0.0.1:{{port}}'],
  ['date: Sun, 22 Nov 2026 18:36:17 GMT', 'date: {{date}}'],
  ['[2026-11-22T15:50:44.777Z]', '[{{time}}]'],
  ['id 7ec9b85b-0000-4000-8000-0123456789ab', 'id {{uuid}}'],
  ['x-envoy-upstream-service-time: 12', 'x-envoy-upstream-service-time: {{ms}}'],
  ['/tmp/case-1/access.log', '{{dir}}/access.log'],
])('%s is kept as %s', (text, kept) => {
  const names = { ports: new Map([[20001, '{{upstream:a}}']]), directory: '/tmp/case-1', extra: [] };
  expect(normaliseText(text, names)).toBe(kept);
});

test('places set, replace and remove', () => {
  const tree: Tree = { a: [{ b: 1 }, { b: 2 }], 'c.d': 3 };
  setAt(tree, 'a[1].b', 9);
  setAt(tree, 'a[0]', undefined);
  setAt(tree, 'e.f', 'new');
  setAt(tree, '"c.d"', undefined);
  expect(tree).toEqual({ a: [{ b: 9 }], e: { f: 'new' } });
});

test('what 1.32 does and where we mean to differ change what is expected, and only for that case', () => {
  const recording = { envoy: '1.36.4', observed: { steps: [{ headers: ['a', 'b', 'c'] }] } };
  const spec = {
    title: 't',
    expect_1_32: { reason: 'r', overrides: [{ at: 'steps[0].headers[0]' }, { at: 'steps[0].headers[2]' }] },
  };
  const ours = { case: 'x/y', at: 'steps[0].headers[0]', value: 'B', reason: 'r' };
  expect(expectation({ id: 'x/y', file: '', spec }, recording, [ours])).toEqual({
    steps: [{ headers: ['B'] }],
  });
  expect(expectation({ id: 'x/z', file: '', spec }, recording, [ours])).toEqual({
    steps: [{ headers: ['b'] }],
  });
});

test('shorthand becomes a bootstrap with its places open', () => {
  const text = configurationText({
    title: 't',
    upstreams: { a1: null, a2: null, b: null },
    patch: [{ at: 'cluster.lb_policy', value: 'RANDOM' }],
    replace: [{ from: 'stat_prefix: http', to: 'stat_prefix: other' }],
  });
  expect(text).toContain('port_value: {{upstream:a1}}');
  expect(text).toContain('port_value: {{upstream:a2}}');
  expect(text).toContain('lb_policy: RANDOM');
  expect(text).toContain('stat_prefix: other');
  expect(text.match(/connect_timeout/g)).toHaveLength(2);
  expect(() => configurationText({ title: 't', replace: [{ from: 'nowhere', to: '' }] })).toThrow(
    'nothing to replace',
  );
});
