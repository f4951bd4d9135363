import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  huffmanDecode,
  huffmanEncode,
  huffmanLength,
} from '../../../../../../proxy-core/http/codec/hpack/huffman.ts';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replace(/ /g, ''), 'hex'));

function encode(text: string): Uint8Array {
  const target = new Uint8Array(huffmanLength(text));
  expect(huffmanEncode(text, target, 0)).toBe(target.length);
  return target;
}

describe('HPACK Huffman code', () => {
  // RFC 7541, appendix C.4 and C.6.
  test.each([
    ['www.example.com', 'f1e3 c2e5 f23a 6ba0 ab90 f4ff'],
    ['no-cache', 'a8eb 1064 9cbf'],
    ['custom-key', '25a8 49e9 5ba9 7d7f'],
    ['custom-value', '25a8 49e9 5bb8 e8b4 bf'],
    ['302', '6402'],
    ['private', 'aec3 771a 4b'],
    ['Mon, 21 Oct 2013 20:13:21 GMT', 'd07a be94 1054 d444 a820 0595 040b 8166 e082 a62d 1bff'],
    ['https://www.example.com', '9d29 ad17 1863 c78f 0b97 c8e9 ae82 ae43 d3'],
    [
      'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1',
      '94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07',
    ],
  ])('%s', (text, code) => {
    expect(encode(text)).toEqual(hex(code));
    expect(huffmanDecode(hex(code), 0, hex(code).length)).toBe(text);
  });

  test('any bytes survive the round trip', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 5000 }), (bytes) => {
        const text = Buffer.from(bytes).toString('latin1');
        const code = encode(text);
        expect(huffmanDecode(code, 0, code.length)).toBe(text);
      }),
    );
  });

  test.each([
    ['EOS inside', 'ffff ffff'],
    ['padding of a whole byte', 'f1e3 c2e5 f23a 6ba0 ab90 f4ff ff'],
    ['padding with zeros', '18'],
  ])('refuses %s', (_name, code) => {
    expect(huffmanDecode(hex(code), 0, hex(code).length)).toBeNull();
  });

  test('random bytes never throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const text = huffmanDecode(bytes, 0, bytes.length);
        expect(text === null || text.length <= bytes.length * 2).toBe(true);
      }),
    );
  });
});
