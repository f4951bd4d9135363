import { createHash } from 'node:crypto';
import { type ClientHello, ExtensionType } from './client-hello.ts';

/** Values that a client sends only to keep servers tolerant (RFC 8701): fingerprints leave them out. */
function isGrease(value: number): boolean {
  return (value & 0x0f0f) === 0x0a0a && value >> 8 === (value & 255);
}

function without(values: readonly number[]): number[] {
  return values.filter((value) => !isGrease(value));
}

/** JA3: MD5 of version, cipher suites, extensions, groups and point formats. 32 hex digits. */
export function ja3(hello: ClientHello): string {
  const lists = [hello.cipherSuites, hello.extensions, hello.groups, hello.pointFormats];
  const text = [hello.version, ...lists.map((list) => without(list).join('-'))].join(',');
  return createHash('md5').update(text).digest('hex');
}

/** JA4 (TLS over TCP): `t13d1516h2_8daaf6152771_e5627efa2ab1`. */
export function ja4(hello: ClientHello): string {
  const suites = without(hello.cipherSuites);
  const extensions = without(hello.extensions);
  const hasName = extensions.includes(ExtensionType.ServerName) ? 'd' : 'i';
  const head = `t${version(hello)}${hasName}${count(suites)}${count(extensions)}${protocol(hello)}`;
  const listed = extensions.filter(
    (type) => type !== ExtensionType.ServerName && type !== ExtensionType.Alpn,
  );
  const algorithms = without(hello.signatureAlgorithms);
  const second = sorted(listed) + (algorithms.length === 0 ? '' : `_${algorithms.map(hex).join(',')}`);
  return `${head}_${digest(sorted(suites))}_${listed.length === 0 ? NOTHING : digest(second)}`;
}

const NOTHING = '000000000000';

const VERSIONS: Readonly<Record<number, string>> = {
  772: '13',
  771: '12',
  770: '11',
  769: '10',
  768: 's3',
  2: 's2',
};

function version(hello: ClientHello): string {
  const offered = without(hello.supportedVersions);
  return VERSIONS[offered.length === 0 ? hello.version : Math.max(...offered)] ?? '00';
}

function count(values: readonly number[]): string {
  return String(Math.min(values.length, 99)).padStart(2, '0');
}

/** First and last character of the first ALPN value. */
function protocol(hello: ClientHello): string {
  const first = hello.protocols[0] ?? '';
  return first === '' ? '00' : `${first[0]}${first[first.length - 1]}`;
}

function hex(value: number): string {
  return value.toString(16).padStart(4, '0');
}

function sorted(values: readonly number[]): string {
  return values.map(hex).sort().join(',');
}

function digest(text: string): string {
  return text === '' ? NOTHING : createHash('sha256').update(text).digest('hex').slice(0, 12);
}
