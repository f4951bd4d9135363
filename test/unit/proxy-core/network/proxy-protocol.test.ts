import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  mayBeProxyHeader,
  type ProxyParse,
  parseProxyHeader,
  proxyHeader1,
  proxyHeader2,
} from '../../../../proxy-core/network/proxy-protocol.ts';

const SIGNATURE = '0d0a0d0a000d0a515549540a';
const text = (line: string): ProxyParse => parseProxyHeader(Buffer.from(line, 'latin1'));
const binary = (hex: string): ProxyParse => parseProxyHeader(Buffer.from(SIGNATURE + hex, 'hex'));
const A4 = '01020304050607080064 00c8'.replace(' ', '');

describe('version 1', () => {
  test.each([
    ['PROXY TCP4 1.2.3.4 5.6.7.8 111 222\r\n', '1.2.3.4:111 5.6.7.8:222'],
    ['PROXY TCP4 1.2.3.4 5.6.7.8 0 65535\r\nrest', '1.2.3.4:0 5.6.7.8:65535'],
    ['PROXY TCP6 2001:DB8:0:0::1 ::1 1 2\r\n', '2001:db8::1:1 ::1:2'],
    ['PROXY TCP6 ::ffff:1.2.3.4 1::2:3 1 2\r\n', '::ffff:102:304:1 1::2:3:2'],
    ['PROXY UNKNOWN\r\n', 'none'],
    ['PROXY UNKNOWN ffff::1 x y z\r\n', 'none'],
  ])('%j', (line, addresses) => {
    const found = text(line);
    if (found.kind !== 'header') throw new Error(found.kind);
    expect(found.length).toBe(line.indexOf('\n') + 1);
    const shown =
      found.source === null || found.destination === null
        ? 'none'
        : `${found.source.ip}:${found.source.port} ${found.destination.ip}:${found.destination.port}`;
    expect(shown).toBe(addresses);
  });

  test.each([
    ['PROXY TCP4 1.2.3.4 5.6.7.8 111 70000\r\n', 'invalid'],
    ['PROXY TCP4 1.2.3.4 5.6.7.8 111 2x\r\n', 'invalid'],
    ['PROXY TCP4 1.2.3.4 5.6.7.8 111\r\n', 'invalid'],
    ['PROXY TCP4 1.2.3.4  5.6.7.8 111 222\r\n', 'invalid'],
    ['PROXY TCP4 ::1 ::1 111 222\r\n', 'invalid'],
    ['PROXY TCP6 1.2.3.4 5.6.7.8 111 222\r\n', 'invalid'],
    ['PROXY TCP4 224.1.1.1 5.6.7.8 111 222\r\n', 'invalid'],
    ['PROXY TCP4 1.2.3.4 0.0.0.0 111 222\r\n', 'invalid'],
    ['PROXY TCP6 ff02::1 ::1 111 222\r\n', 'invalid'],
    ['PROXY TCP6 ::1%lo ::1 111 222\r\n', 'invalid'],
    ['PROXY SCTP 1.2.3.4 5.6.7.8 111 222\r\n', 'invalid'],
    [`PROXY UNKNOWN ${'x'.repeat(95)}`, 'invalid'],
    [`PROXY UNKNOWN ${'x'.repeat(90)}`, 'incomplete'],
    ['PROXY TCP4 1.2.3.4', 'incomplete'],
    ['PRO', 'incomplete'],
    ['', 'incomplete'],
    ['\r\n', 'incomplete'],
    ['GET / HTTP/1.1\r\n', 'absent'],
  ])('%j is %s', (line, kind) => {
    expect(text(line).kind).toBe(kind);
  });
});

describe('version 2', () => {
  test.each([
    [`2111000c${A4}`, 'header', 28],
    [`2111000f${A4}040000`, 'header', 31],
    ['20000003616263', 'header', 19],
    ['2000ffff', 'incomplete', 0],
    [`2111000c${A4.slice(2)}`, 'incomplete', 0],
    [`2111000b${A4}`, 'invalid', 0],
    [`1111000c${A4}`, 'invalid', 0],
    [`2211000c${A4}`, 'invalid', 0],
    [`2131000c${A4}`, 'invalid', 0],
    [`2110000c${A4}`, 'invalid', 0],
    [`2111000e${A4}0400`, 'invalid', 0],
    [`21110010${A4}02000961`, 'invalid', 0],
  ])('%s is %s', (hex, kind, length) => {
    const found = binary(hex);
    expect(found.kind).toBe(kind);
    if (found.kind === 'header') expect(found.length).toBe(length);
  });

  test('TLVs', () => {
    const found = binary(`21110016${A4}0200 03 612e62ea0001ff`.replaceAll(' ', ''));
    if (found.kind !== 'header') throw new Error(found.kind);
    expect(found.tlvs).toEqual([
      { type: 2, value: new Uint8Array(Buffer.from('a.b')) },
      { type: 234, value: new Uint8Array([255]) },
    ]);
  });
});

const port = fc.integer({ min: 0, max: 65535 });
const ipv4 = fc.ipV4().filter((ip) => {
  const first = Number.parseInt(ip, 10);
  return ip !== '0.0.0.0' && ip !== '255.255.255.255' && (first < 224 || first > 239);
});
const ipv6 = fc
  .array(fc.integer({ min: 0, max: 65535 }), { minLength: 8, maxLength: 8 })
  .filter((words) => (words[0] as number) >> 8 !== 255 && words.some((word) => word !== 0))
  .map((words) => words.map((word) => word.toString(16)).join(':'));
const pair = fc.oneof(fc.tuple(ipv4, port, ipv4, port), fc.tuple(ipv6, port, ipv6, port));
const tlvs = fc.array(
  fc.record({ type: fc.integer({ min: 0, max: 255 }), value: fc.uint8Array({ maxLength: 40 }) }),
  { maxLength: 4 },
);

/** Eight words, so that two spellings of an address can be compared. */
function words(ip: string): string {
  return new URL(`http://[${ip}]/`).hostname;
}

function same(a: string | undefined, b: string): boolean {
  return a === b || (a !== undefined && b.includes(':') && words(a) === words(b));
}

describe('for any input', () => {
  test('what is written is read back, in both versions', () => {
    fc.assert(
      fc.property(pair, tlvs, ([from, fromPort, to, toPort], extra) => {
        const source = { ip: from, port: fromPort };
        const destination = { ip: to, port: toPort };
        const first = parseProxyHeader(proxyHeader1(source, destination));
        const second = parseProxyHeader(proxyHeader2(source, destination, extra));
        for (const found of [first, second]) {
          if (found.kind !== 'header') throw new Error(`${found.kind} ${from} ${to}`);
          expect(same(found.source?.ip, from) && same(found.destination?.ip, to)).toBe(true);
          expect([found.source?.port, found.destination?.port]).toEqual([fromPort, toPort]);
        }
        expect((second as { tlvs: unknown }).tlvs).toEqual(extra);
      }),
    );
  });

  test('every part of a header is incomplete, the whole says the same with anything behind it', () => {
    fc.assert(
      fc.property(pair, tlvs, fc.boolean(), fc.uint8Array({ maxLength: 20 }), (ends, extra, old, rest) => {
        const source = { ip: ends[0], port: ends[1] };
        const destination = { ip: ends[2], port: ends[3] };
        const header = old ? proxyHeader1(source, destination) : proxyHeader2(source, destination, extra);
        for (let length = 0; length < header.length; length++) {
          expect(parseProxyHeader(header.subarray(0, length)).kind).toBe('incomplete');
          expect(mayBeProxyHeader(header.subarray(0, length))).toBe(true);
        }
        expect(parseProxyHeader(Buffer.concat([header, rest]))).toEqual(parseProxyHeader(header));
      }),
    );
  });

  test('never throws, never takes more than there is', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (bytes, signed) => {
        const input = signed ? Buffer.concat([Buffer.from(SIGNATURE, 'hex'), bytes]) : Buffer.from(bytes);
        const found = parseProxyHeader(input);
        if (found.kind === 'header') expect(found.length).toBeLessThanOrEqual(input.length);
      }),
    );
  });

  test('addresses that are none become UNKNOWN and LOCAL', () => {
    const unix = { ip: '/run/x', port: -1 };
    expect(Buffer.from(proxyHeader1(unix, unix)).toString()).toBe('PROXY UNKNOWN\r\n');
    expect(Buffer.from(proxyHeader2(unix, unix)).toString('hex')).toBe(`${SIGNATURE}20000000`);
  });
});
