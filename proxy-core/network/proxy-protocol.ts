import { isIPv4, isIPv6 } from 'node:net';
import { latin1Text } from '../base/latin1.ts';
import type { SocketAddress } from '../base/stream-info.ts';

/** A type-length-value part of a version 2 header. */
export interface ProxyTlv {
  readonly type: number;
  readonly value: Uint8Array;
}

/** What a PROXY header says. Both addresses are null for UNKNOWN (version 1) and LOCAL (version 2). */
export interface ProxyHeader {
  readonly kind: 'header';
  readonly version: 1 | 2;
  /** Bytes that it takes. */
  readonly length: number;
  readonly source: SocketAddress | null;
  readonly destination: SocketAddress | null;
  readonly tlvs: readonly ProxyTlv[];
}

export type ProxyParse =
  | ProxyHeader
  | { readonly kind: 'incomplete' }
  /** These bytes begin no header. */
  | { readonly kind: 'absent' }
  | { readonly kind: 'invalid'; readonly version: 1 | 2 };

const SIGNATURE_1 = 'PROXY ';
const SIGNATURE_2 = '\r\n\r\n\0\r\nQUIT\n';
/** Signature, version and command, family and transport, length. */
const HEAD_2 = 16;
/** Longest version 1 line that Envoy takes. */
const MAX_LINE = 108;

const INCOMPLETE: ProxyParse = { kind: 'incomplete' };
const ABSENT: ProxyParse = { kind: 'absent' };
const INVALID_1: ProxyParse = { kind: 'invalid', version: 1 };
const INVALID_2: ProxyParse = { kind: 'invalid', version: 2 };

/** True while `bytes` may still become a header of either version. */
export function mayBeProxyHeader(bytes: Uint8Array): boolean {
  return begins(bytes, SIGNATURE_1) || begins(bytes, SIGNATURE_2);
}

function begins(bytes: Uint8Array, signature: string): boolean {
  const length = Math.min(bytes.length, signature.length);
  for (let i = 0; i < length; i++) if (bytes[i] !== signature.charCodeAt(i)) return false;
  return true;
}

/** The header at the start of `bytes` (HAProxy's PROXY protocol, as Envoy reads it). Sans IO, never throws. */
export function parseProxyHeader(bytes: Uint8Array): ProxyParse {
  if (bytes.length >= HEAD_2) {
    if (begins(bytes, SIGNATURE_2)) return parseBinary(bytes);
    if (!begins(bytes, SIGNATURE_1)) return ABSENT;
  } else if (bytes[0] === 13 && bytes[1] === 10) return INCOMPLETE;
  for (let i = 2; i < bytes.length && i <= MAX_LINE; i++) {
    if (bytes[i] === 10 && bytes[i - 1] === 13) return parseLine(bytes, i + 1);
  }
  return bytes.length > MAX_LINE ? INVALID_1 : INCOMPLETE;
}

function parseLine(bytes: Uint8Array, length: number): ProxyParse {
  const parts = latin1Text(bytes, 0, length).trimEnd().split(' ');
  const [word, family, from = '', to = '', fromPort = '', toPort = ''] = parts;
  if (word !== 'PROXY') return INVALID_1;
  if (family === 'UNKNOWN') {
    return { kind: 'header', version: 1, length, source: null, destination: null, tlvs: [] };
  }
  if (parts.length !== 6 || (family !== 'TCP4' && family !== 'TCP6')) return INVALID_1;
  const source = textAddress(from, fromPort, family === 'TCP6');
  const destination = textAddress(to, toPort, family === 'TCP6');
  if (source === null || destination === null) return INVALID_1;
  return { kind: 'header', version: 1, length, source, destination, tlvs: [] };
}

function textAddress(ip: string, port: string, six: boolean): SocketAddress | null {
  if (!(six ? isIPv6(ip) && !ip.includes('%') : isIPv4(ip))) return null;
  if (!/^[0-9]{1,5}$/.test(port) || Number(port) > 65535) return null;
  return unicast({ ip: six ? plainIpv6(ip) : ip, port: Number(port) });
}

/** Null for addresses that no connection can come from. */
function unicast(address: SocketAddress): SocketAddress | null {
  const { ip } = address;
  if (ip.includes(':')) {
    const plain = ip.toLowerCase();
    return plain.startsWith('ff') || /^[0:]+$/.test(plain) ? null : address;
  }
  const first = Number.parseInt(ip, 10);
  return ip === '0.0.0.0' || ip === '255.255.255.255' || (first >= 224 && first <= 239) ? null : address;
}

const COMMAND_LOCAL = 0;
const COMMAND_PROXY = 1;

function parseBinary(bytes: Uint8Array): ProxyParse {
  const command = bytes[12] as number;
  if (command >> 4 !== 2) return INVALID_2;
  const length = HEAD_2 + (((bytes[14] as number) << 8) | (bytes[15] as number));
  if ((command & 15) === COMMAND_LOCAL) {
    if (bytes.length < length) return INCOMPLETE;
    return { kind: 'header', version: 2, length, source: null, destination: null, tlvs: [] };
  }
  const family = (bytes[13] as number) >> 4;
  const transport = (bytes[13] as number) & 15;
  if (family !== 1 && family !== 2) return INVALID_2;
  const size = family === 1 ? 4 : 16;
  const tlvStart = HEAD_2 + size * 2 + 4;
  if (length < tlvStart) return INVALID_2;
  if (bytes.length < tlvStart) return INCOMPLETE;
  if ((command & 15) !== COMMAND_PROXY || (transport !== 1 && transport !== 2)) return INVALID_2;
  if (bytes.length < length) return INCOMPLETE;
  const ports = HEAD_2 + size * 2;
  const source = unicast({ ip: ipText(bytes, HEAD_2, size), port: uint16(bytes, ports) });
  const destination = unicast({ ip: ipText(bytes, HEAD_2 + size, size), port: uint16(bytes, ports + 2) });
  const tlvs = parseTlvs(bytes, tlvStart, length);
  if (source === null || destination === null || tlvs === null) return INVALID_2;
  return { kind: 'header', version: 2, length, source, destination, tlvs };
}

function uint16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

function parseTlvs(bytes: Uint8Array, start: number, end: number): ProxyTlv[] | null {
  const tlvs: ProxyTlv[] = [];
  for (let at = start; at < end; ) {
    if (at + 3 > end) return null;
    const length = uint16(bytes, at + 1);
    const next = at + 3 + length;
    if (next > end) return null;
    tlvs.push({ type: bytes[at] as number, value: new Uint8Array(bytes.subarray(at + 3, next)) });
    at = next;
  }
  return tlvs;
}

/** An IPv6 address as text in its shortest form. */
function plainIpv6(ip: string): string {
  const bytes = Buffer.alloc(16);
  writeIp(bytes, 0, ip);
  return ipText(bytes, 0, 16);
}

/** IPv6 in its shortest form (RFC 5952). */
function ipText(bytes: Uint8Array, at: number, size: number): string {
  if (size === 4) return bytes.subarray(at, at + 4).join('.');
  const words: string[] = [];
  for (let i = 0; i < 16; i += 2) words.push(uint16(bytes, at + i).toString(16));
  return shortIpv6(words);
}

function shortIpv6(words: readonly string[]): string {
  let best = -1;
  let length = 1;
  for (let i = 0; i < words.length; i++) {
    let run = 0;
    while (words[i + run] === '0') run++;
    if (run > length) {
      best = i;
      length = run;
    }
  }
  if (best < 0) return words.join(':');
  return `${words.slice(0, best).join(':')}::${words.slice(best + length).join(':')}`;
}

/** Version 1: `PROXY TCP4 1.2.3.4 5.6.7.8 111 222\r\n`, `PROXY UNKNOWN\r\n` for what has no IP address. */
export function proxyHeader1(source: SocketAddress, destination: SocketAddress): Uint8Array {
  const family = commonFamily(source, destination);
  const text =
    family === 0
      ? 'PROXY UNKNOWN\r\n'
      : `PROXY TCP${family} ${source.ip} ${destination.ip} ${source.port} ${destination.port}\r\n`;
  return Buffer.from(text, 'latin1');
}

/** Version 2. LOCAL for what has no IP address. */
export function proxyHeader2(
  source: SocketAddress,
  destination: SocketAddress,
  tlvs: readonly ProxyTlv[] = [],
): Uint8Array {
  const family = commonFamily(source, destination);
  const size = family === 4 ? 4 : 16;
  const addresses = family === 0 ? 0 : size * 2 + 4;
  const length = addresses + tlvs.reduce((sum, tlv) => sum + 3 + tlv.value.length, 0);
  const bytes = Buffer.alloc(HEAD_2 + length);
  bytes.write(SIGNATURE_2, 'latin1');
  bytes[12] = family === 0 ? 0x20 : 0x21;
  bytes[13] = family === 0 ? 0 : family === 4 ? 0x11 : 0x21;
  bytes.writeUInt16BE(length, 14);
  let at = HEAD_2;
  if (family !== 0) {
    writeIp(bytes, at, source.ip);
    writeIp(bytes, at + size, destination.ip);
    bytes.writeUInt16BE(source.port, at + size * 2);
    bytes.writeUInt16BE(destination.port, at + size * 2 + 2);
    at += addresses;
  }
  for (const { type, value } of tlvs) {
    bytes[at] = type;
    bytes.writeUInt16BE(value.length, at + 1);
    bytes.set(value, at + 3);
    at += 3 + value.length;
  }
  return bytes;
}

/** 4 or 6 when both are such addresses, else 0. */
function commonFamily(a: SocketAddress, b: SocketAddress): 0 | 4 | 6 {
  if (isIPv4(a.ip) && isIPv4(b.ip)) return 4;
  return isIPv6(a.ip) && isIPv6(b.ip) ? 6 : 0;
}

function writeIp(bytes: Buffer, at: number, ip: string): void {
  if (!ip.includes(':')) {
    ip.split('.').forEach((part, i) => {
      bytes[at + i] = Number(part);
    });
    return;
  }
  // An embedded IPv4 address is two words more.
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(ip.replace(/%.*$/, ''));
  const plain =
    dotted === null
      ? ip.replace(/%.*$/, '')
      : `${dotted[1]}${((Number(dotted[2]) << 8) | Number(dotted[3])).toString(16)}:${((Number(dotted[4]) << 8) | Number(dotted[5])).toString(16)}`;
  const [left = '', right] = plain.split('::');
  const head = left === '' ? [] : left.split(':');
  const tail = right === undefined || right === '' ? [] : right.split(':');
  const gap = right === undefined ? 0 : 8 - head.length - tail.length;
  const words = [...head, ...new Array<string>(gap).fill('0'), ...tail];
  words.forEach((word, i) => {
    bytes.writeUInt16BE(Number.parseInt(word, 16), at + i * 2);
  });
}
