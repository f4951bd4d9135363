import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HpackDecoder } from '../../../../../../proxy-core/http/codec/hpack/decoder.ts';
import { HpackEncoder } from '../../../../../../proxy-core/http/codec/hpack/encoder.ts';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replace(/\s/g, ''), 'hex'));

function decode(
  decoder: HpackDecoder,
  bytes: Uint8Array,
): { fields: [string, string][]; error: string | null } {
  const fields: [string, string][] = [];
  const error = decoder.decode(bytes, 0, bytes.length, {
    onField: (name, value) => fields.push([name, value]),
  });
  return { fields, error };
}

function encode(encoder: HpackEncoder, fields: readonly (readonly [string, string])[]): Uint8Array {
  encoder.begin();
  for (const [name, value] of fields) encoder.field(name, value);
  return encoder.target.slice(0, encoder.length);
}

describe('HPACK decoding', () => {
  test('the request examples of RFC 7541 C.4 on one connection', () => {
    const decoder = new HpackDecoder(4096);
    const head = (more: [string, string][], scheme = 'http', path = '/'): [string, string][] => [
      [':method', 'GET'],
      [':scheme', scheme],
      [':path', path],
      [':authority', 'www.example.com'],
      ...more,
    ];
    expect(decode(decoder, hex('8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff')).fields).toEqual(head([]));
    expect(decode(decoder, hex('8286 84be 5886 a8eb 1064 9cbf')).fields).toEqual(
      head([['cache-control', 'no-cache']]),
    );
    expect(
      decode(decoder, hex('8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf')).fields,
    ).toEqual(head([['custom-key', 'custom-value']], 'https', '/index.html'));
  });

  test('the response examples of RFC 7541 C.5 with eviction at 256 bytes', () => {
    const decoder = new HpackDecoder(256);
    decode(
      decoder,
      hex(
        '4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
      ),
    );
    expect(decode(decoder, hex('4803 3330 37c1 c0bf')).fields).toEqual([
      [':status', '307'],
      ['cache-control', 'private'],
      ['date', 'Mon, 21 Oct 2013 20:13:21 GMT'],
      ['location', 'https://www.example.com'],
    ]);
  });

  test.each([
    ['index 0', '80'],
    ['index beyond the table', 'ff00'],
    ['a name index beyond the table', '7f20 0161'],
    ['a truncated integer', 'ff'],
    ['an integer without end', 'ffff ffff ffff ff7f'],
    ['a truncated string', '4003 6162'],
    ['a string that is not there', '40'],
    ['a bad Huffman code', '4081 0001 61'],
    ['a table size over the limit', '3fe2 1f'],
    ['a table size update after a field', '8220'],
  ])('refuses %s', (_name, bytes) => {
    expect(decode(new HpackDecoder(4096), hex(bytes)).error).not.toBeNull();
  });

  test('random bytes never throw, whatever came before', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 }), (blocks) => {
        const decoder = new HpackDecoder(512);
        for (const block of blocks) decode(decoder, block);
      }),
    );
  });
});

describe('HPACK encoding', () => {
  const name = fc.constantFrom(
    ':path',
    ':status',
    'accept',
    'x-a',
    'x-b',
    'cookie',
    'etag',
    'content-type',
    'x-long-name-here',
  );
  const value = fc.oneof(
    fc.constantFrom('', '200', '/', 'a', 'text/plain'),
    fc.string({ maxLength: 700 }).map((s) => Buffer.from(s).toString('latin1')),
  );

  test('what it writes, the decoder reads, over many blocks and table sizes', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            size: fc.option(fc.constantFrom(0, 64, 200, 4096, 65536)),
            fields: fc.array(fc.tuple(name, value), { maxLength: 30 }),
          }),
          { maxLength: 20 },
        ),
        (blocks) => {
          const encoder = new HpackEncoder(16);
          const decoder = new HpackDecoder(65536);
          for (const block of blocks) {
            if (block.size !== null) encoder.setMaxTableSize(block.size);
            const { fields, error } = decode(decoder, encode(encoder, block.fields));
            expect(error).toBeNull();
            expect(fields).toEqual(block.fields);
          }
        },
      ),
    );
  });

  test('a repeated field costs one byte', () => {
    const encoder = new HpackEncoder();
    const fields: [string, string][] = [
      ['content-type', 'application/grpc'],
      ['x-shop', 'yes'],
    ];
    expect(encode(encoder, fields).length).toBeGreaterThan(20);
    expect(encode(encoder, fields).length).toBe(2);
  });

  test('secrets are never indexed', () => {
    const bytes = encode(new HpackEncoder(), [['authorization', 'Bearer x']]);
    expect((bytes[0] as number) & 0xf0).toBe(0x10);
  });
});
