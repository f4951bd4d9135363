import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesOf, hexLines, prettyJson } from '../../../../../renderer/views/traffic/body.ts';

describe('prettyJson', () => {
  it.each([
    ['JSON', '{"a":[1,2]}', 'application/json', '{\n  "a": [\n    1,\n    2\n  ]\n}'],
    ['JSON that does not say so', ' [1]', '', '[\n  1\n]'],
    ['a JSON type with a suffix', '{}', 'application/problem+json; charset=utf-8', '{}'],
    ['a part of JSON stays as it is', '{"a":[1,', 'application/json', '{"a":[1,'],
    ['text stays as it is', 'ok\n', 'text/plain', 'ok\n'],
    ['HTML is text', '<b>1</b>', 'text/html', '<b>1</b>'],
    ['a number is only JSON when it says so', '1.50', 'text/plain', '1.50'],
  ])('%s', (_what, text, type, expected) => {
    expect(prettyJson(text, type)).toBe(expected);
  });
});

describe('hexLines', () => {
  it.each([
    ['nothing', [], ''],
    ['one byte', [0x41], `000000  41${' '.repeat(45)}  A`],
    ['what cannot be shown is a dot', [0, 0x0a, 0x7f, 0xff], `000000  00 0a 7f ff${' '.repeat(36)}  ....`],
    [
      'two lines',
      Array.from({ length: 17 }, () => 0x61),
      `000000  ${'61 '.repeat(16).trim()}  ${'a'.repeat(16)}\n000010  61${' '.repeat(45)}  a`,
    ],
  ])('%s', (_what, bytes, expected) => {
    expect(hexLines(Uint8Array.from(bytes))).toBe(expected);
  });

  it('shows every byte', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const shown = hexLines(bytes)
          .split('\n')
          .flatMap((line) => line.slice(8, 55).trim().split(' '))
          .filter((byte) => byte !== '')
          .map((byte) => Number.parseInt(byte, 16));
        expect(shown).toEqual([...bytes]);
      }),
    );
  });
});

describe('bytesOf', () => {
  it('is the way back from base64', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect([...bytesOf(Buffer.from(bytes).toString('base64'))]).toEqual([...bytes]);
      }),
    );
  });
});
