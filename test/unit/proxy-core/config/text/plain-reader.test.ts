import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../../../../proxy-core/base/random.ts';
import { parseCompletely, parseText } from '../../../../../proxy-core/config/text/parse.ts';
import { readPlainText } from '../../../../../proxy-core/config/text/plain-reader.ts';
import type { SourceNode } from '../../../../../proxy-core/config/text/source-node.ts';
import { SourceText } from '../../../../../proxy-core/config/text/source-text.ts';
import { configurationText } from '../../../../parity/engine/bootstrap.ts';
import { loadCases } from '../../../../parity/engine/case.ts';
import { BASE, SEED } from '../base-config.ts';
import { type Draw, mutated, yamlText } from './yaml-text.ts';

const ROOT = join(import.meta.dirname, '../../../../..');
const SHOP = readFileSync(join(ROOT, 'build/demo/shop.yaml'), 'utf8');
const CASES = loadCases(join(ROOT, 'test/parity'));

/** What the plain reader says is what the complete parser says, to the last offset, and that one had nothing to add. */
function check(text: string, json = false): SourceNode | null {
  const plain = readPlainText(text, json);
  if (plain === null) return null;
  const { root, diagnostics } = parseCompletely(new SourceText('f', text), json);
  expect(diagnostics, text).toEqual([]);
  expect(plain, text).toEqual(root);
  return plain;
}

/** Texts that a seed stands for: fast-check draws the seed, which is enough to see a failure again. */
function everySeed(runs: number, property: (draw: Draw) => void): void {
  const run = (seed: number): void => {
    const random = new SeededRandom(seed);
    property((n) => random.next() % n);
  };
  fc.assert(
    fc.property(fc.nat(), (seed) => run(seed)),
    { numRuns: runs },
  );
}

describe('the plain reader and the complete parser give the same tree', () => {
  test.each([
    ['the demo', SHOP],
    ['the demo with CRLF', SHOP.replaceAll('\n', '\r\n')],
    ['a bootstrap', BASE],
    ['a listener file', SEED],
  ])('%s, which is plain', (_, text) => {
    expect(check(text)).not.toBeNull();
  });

  test('the files of the parity cases as they were written', () => {
    let plain = 0;
    for (const { file } of CASES) if (check(readFileSync(file, 'utf8')) !== null) plain++;
    expect(plain / CASES.length).toBeGreaterThan(0.8);
  });

  test('bootstraps of parity cases', () => {
    let plain = 0;
    const some = CASES.filter((_, i) => i % 12 === 0);
    for (const { spec } of some) {
      const text = configurationText(spec).replace(/\{\{[^}]+\}\}/g, '80');
      if (check(text) !== null) plain++;
    }
    expect(plain / some.length).toBeGreaterThan(0.9);
  });

  test('random YAML', () => {
    let plain = 0;
    everySeed(1500, (draw) => {
      if (check(yamlText(draw)) !== null) plain++;
    });
    expect(plain).toBeGreaterThan(200);
  });

  test('random YAML and a bootstrap, mutated', () => {
    everySeed(1500, (draw) => {
      check(mutated(draw(5) === 0 ? BASE : yamlText(draw), draw), draw(10) === 0);
    });
  });

  test('JSON, however it is laid out', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), fc.nat(3), fc.boolean(), (value, indent, json) => {
        check(JSON.stringify(value, null, indent), json);
      }),
      { numRuns: 500 },
    );
  });
});

test.each([
  ['anchors', 'a: &x 1\nb: *x\n'],
  ['tags', 'a: !!str 1\n'],
  ['duplicate keys', 'a: 1\na: 2\n'],
  ['a second document', 'a: 1\n---\nb: 2\n'],
  ['scalars of several lines', 'a: b\n  c\n'],
  ['folded scalars', 'a: >\n  b\n'],
  ['tabs for blanks', 'a:\tb\n'],
  ['complex keys', '? a\n: b\n'],
  ['a missing blank', 'a:b\n'],
  ['a wrong indent', 'a:\n    b: 1\n  c: 2\n'],
  ['an open quote', 'a: "b\n'],
  ['an open bracket', 'a: [b\n'],
  ['comments that stand first within brackets', '{ a: 1\n# c\n , b: 2 }\n'],
  ['nothing', '# only this\n'],
  ['a single value', 'a\n'],
  ['a byte order mark', '\ufeffa: 1\n'],
])('left to the complete parser: %s', (_, text) => {
  expect(readPlainText(text, false)).toBeNull();
});

test('JSON with a bare word is left to the complete parser', () => {
  expect(readPlainText('{"a": b}', true)).toBeNull();
  expect(readPlainText('{"a": true}', true)).not.toBeNull();
});

test('more values than anyone writes are left to the complete parser, which refuses them', () => {
  const text = `a: [${'1,'.repeat(600_000)}]`;
  expect(readPlainText(text, false)).toBeNull();
  expect(parseText('f', text).diagnostics[0]?.message).toContain('values and lines');
});
