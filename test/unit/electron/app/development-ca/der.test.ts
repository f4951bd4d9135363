import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addressBytes } from '../../../../../electron/app/development-ca/certificate.ts';
import * as der from '../../../../../electron/app/development-ca/der.ts';
import * as reader from '../../../../../proxy-core/listener/tls/der.ts';

describe('what is written is read again', () => {
  test('any content, of any length', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70_000 }), (content) => {
        const bytes = der.octetString(content);
        const element = reader.derElement(bytes, 0, bytes.length);
        expect(element).toEqual({ tag: 4, start: bytes.length - content.length, end: bytes.length });
      }),
      { numRuns: 50 },
    );
  });

  test('any object identifier', () => {
    const identifier = fc
      .tuple(
        fc.integer({ min: 0, max: 1 }),
        fc.integer({ min: 0, max: 39 }),
        fc.array(fc.nat(), { maxLength: 8 }),
      )
      .map(([first, second, rest]) => [first, second, ...rest].join('.'));
    fc.assert(
      fc.property(identifier, (dotted) => {
        const bytes = der.objectIdentifier(dotted);
        const element = reader.derElement(bytes, 0, bytes.length);
        expect(element === null ? null : reader.objectIdentifier(bytes, element)).toBe(dotted);
      }),
    );
  });

  test('any bytes at all: the reader never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(() => reader.otherNames(bytes)).not.toThrow();
        expect(() => reader.derElements(bytes, 0, bytes.length)).not.toThrow();
      }),
    );
  });
});

describe('encodings', () => {
  test.each([
    ['integer 0', der.integer(Buffer.from([0])), '020100'],
    ['integer 127', der.integer(Buffer.from([0x7f])), '02017f'],
    ['integer 128 is positive', der.integer(Buffer.from([0x80])), '02020080'],
    ['integer without leading zeros', der.integer(Buffer.from([0, 0, 5])), '020105'],
    ['true', der.boolean(true), '0101ff'],
    ['bits', der.bitString(Buffer.from([0x06]), 1), '03020106'],
    ['a time up to 2049', der.time(new Date('2026-11-22T15:26:44Z')), '170d3236313132323135323634345a'],
    ['a time from 2050', der.time(new Date('2050-01-01T00:00:00Z')), '180f32303530303130313030303030305a'],
  ])('%s', (_what, bytes, hex) => expect(bytes.toString('hex')).toBe(hex));

  test.each([
    ['127.0.0.1', '7f000001'],
    ['::', '00'.repeat(16)],
    ['::1', `${'00'.repeat(15)}01`],
    ['2001:db8::7:1', '20010db8000000000000000000070001'],
    ['::ffff:10.0.0.1', '00000000000000000000ffff0a000001'],
    ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
  ])('address %s', (text, hex) => expect(addressBytes(text)?.toString('hex')).toBe(hex));

  test.each(['a.test', '1.2.3', '::g', 'fe80::1%lo'])('%s is no address', (text) =>
    expect(addressBytes(text)).toBeNull(),
  );
});
