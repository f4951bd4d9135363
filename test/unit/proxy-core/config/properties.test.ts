import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { editDistance, nearestName } from '../../../../proxy-core/config/nearest.ts';
import { readDuration, suggestDuration } from '../../../../proxy-core/config/read/duration.ts';
import { parseText } from '../../../../proxy-core/config/text/parse.ts';
import { yamlScalar } from '../../../../proxy-core/config/text/plain-scalar.ts';
import { SourceText } from '../../../../proxy-core/config/text/source-text.ts';
import { fuzzConfig } from '../../../fuzz/config.ts';
import { BASE, SEED } from './base-config.ts';

describe('any text is answered', () => {
  test('random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4000 }), (bytes) => fuzzConfig(bytes)),
      { numRuns: 200 },
    );
  });

  test('text made of what YAML is made of', () => {
    const pieces = fc.constantFrom(
      ': ',
      '- ',
      '\n',
      '  ',
      '{',
      '}',
      '[',
      ']',
      ',',
      '&a ',
      '*a',
      '"',
      "'",
      '#',
      '|\n',
      '>\n',
      '!!str ',
      '? ',
      'name',
      'clusters',
      '@type',
      'x',
      '1',
      '---\n',
      '\t',
      '%',
      '<<: ',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 120 }), (list) => fuzzConfig(Buffer.from(list.join('')))),
      { numRuns: 500 },
    );
  });

  test('configurations with pieces cut out, doubled and swapped', () => {
    const edit = fc.record({
      from: fc.nat(BASE.length),
      length: fc.nat(60),
      to: fc.nat(BASE.length),
      remove: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.constantFrom(BASE, SEED),
        fc.array(edit, { minLength: 1, maxLength: 4 }),
        (start, edits) => {
          let text = start;
          for (const { from, length, to, remove } of edits) {
            const piece = text.slice(from, from + length);
            if (remove) text = text.slice(0, from) + text.slice(from + length);
            text = text.slice(0, to) + piece + text.slice(to);
          }
          fuzzConfig(Buffer.from(text));
        },
      ),
      { numRuns: 300 },
    );
  });
});

/** JSON that survives the trip as it is: strings, small integers, booleans, and maps and lists of them. */
const tame = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    tie('leaf'),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.string({ minLength: 1 }), tie('value'), { maxKeys: 4 }),
  ),
  leaf: fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null)),
})).value;

function plain(node: NonNullable<ReturnType<typeof parseText>['root']>): unknown {
  if (node.kind === 'scalar') return node.value;
  if (node.kind === 'list') return node.items.map(plain);
  return Object.fromEntries(node.entries.map((entry) => [entry.key, plain(entry.value)]));
}

test('JSON means the same as YAML, as JSON, and to JSON.parse', () => {
  fc.assert(
    fc.property(tame, (value) => {
      const text = JSON.stringify(value);
      fc.pre(![...text].some((c) => c < ' ' || c === '\ufffd'));
      for (const file of ['a.json', 'a.yaml']) {
        const { root, diagnostics } = parseText(file, text);
        expect(diagnostics).toEqual([]);
        expect(plain(root!)).toEqual(JSON.parse(text));
      }
    }),
    { numRuns: 300 },
  );
});

test('a plain integer is what a YAML 1.1 reader makes of it', () => {
  fc.assert(
    fc.property(fc.integer(), (n) => {
      expect(yamlScalar(String(n))).toBe(n);
      const hex = `0x${Math.abs(n).toString(16)}`;
      expect(yamlScalar(hex)).toEqual(Math.abs(n) > 0x7fffffff ? String(Math.abs(n)) : parse(hex));
    }),
  );
});

test.each([
  ['y', true],
  ['Y', true],
  ['yes', true],
  ['Yes', true],
  ['YES', true],
  ['yEs', 'yEs'],
  ['on', true],
  ['oN', 'oN'],
  ['True', true],
  ['n', false],
  ['off', false],
  ['OFF', false],
  ['False', false],
  ['no', false],
  ['none', 'none'],
  ['~', null],
  ['null', null],
  ['Null', null],
  ['nULL', 'nULL'],
  ['', null],
  ['010', 8],
  ['08', '08'],
  ['0x10', 16],
  ['+5', 5],
  ['-5', -5],
  ['1.5', '1.5'],
  ['1e3', '1e3'],
  ['1_000', '1_000'],
  ['2147483647', 2147483647],
  ['2147483648', '2147483648'],
  ['-2147483649', '-2147483649'],
  ['0xFFFFFFFF', '4294967295'],
  ['9223372036854775808', '9223372036854775808'],
])('plain %s', (text, value) => {
  expect(yamlScalar(text)).toBe(value);
});

test.each([
  ['1s', 1000],
  ['0.25s', 250],
  ['0s', 0],
  ['0.000000001s', 1e-6],
  ['-0s', 0],
  ['-1s', 'is negative'],
  ['1', 'is not a duration'],
  ['.5s', 'is not a duration'],
  ['1m', 'is not a duration'],
  ['1 s', 'is not a duration'],
  ['0.1234567891s', 'has more than nine decimals'],
  ['315576000001s', 'is longer than a duration can be'],
] as const)('duration %s', (text, expected) => {
  expect(readDuration(text)).toEqual(typeof expected === 'number' ? { ms: expected } : { problem: expected });
});

test('what is suggested for a duration is one', () => {
  fc.assert(
    fc.property(
      fc.nat(100000),
      fc.constantFrom('', 'ms', 's', 'sec', 'm', 'min', 'h', ' s', ' seconds'),
      (n, unit) => {
        expect(readDuration(suggestDuration(`${n}${unit}`) ?? '')).toHaveProperty('ms');
      },
    ),
  );
});

test('edit distance: itself, symmetry, one edit', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 20 }), fc.string({ maxLength: 20 }), (a, b) => {
      expect(editDistance(a, a, 99)).toBe(0);
      expect(editDistance(a, b, 99)).toBe(editDistance(b, a, 99));
      expect(editDistance(a, `${a}x`, 99)).toBe(1);
    }),
  );
  expect(nearestName('stat_prefx', ['stat_prefix', 'codec_type'])).toBe('stat_prefix');
  expect(nearestName('connect-timeout', ['connect_timeout'])).toBe('connect_timeout');
  expect(nearestName('banana', ['name', 'type'])).toBeUndefined();
});

test('offsets and positions are inverse', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', '\n', 'ü', '\r') }), fc.nat(50), (text, at) => {
      const source = new SourceText('f', text);
      const offset = Math.min(at, text.length);
      const { line, column } = source.position(offset);
      expect(source.offset(line, column)).toBe(offset);
    }),
  );
});
