/** Writes X.509 certificates (RFC 5280) with ECDSA keys on P-256. */
import { createHash, createPublicKey, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIPv4, isIPv6 } from 'node:net';
import {
  bitString,
  boolean,
  explicit,
  implicit,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  set,
  time,
  utf8String,
} from './der.ts';

/** Parts of a distinguished name, general ones first. */
export interface DistinguishedName {
  readonly organization: string;
  readonly commonName: string;
}

export interface CertificateRequest {
  readonly subject: DistinguishedName;
  readonly issuer: DistinguishedName;
  /** Key of the subject; only its public half is written. */
  readonly key: KeyObject;
  readonly issuerKey: KeyObject;
  readonly from: Date;
  readonly to: Date;
  /** What it is good for: signing leaves, or a server with these names and addresses. */
  readonly use:
    | { readonly kind: 'authority' }
    | { readonly kind: 'server'; readonly names: readonly string[] };
}

const Oid = {
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  organization: '2.5.4.10',
  commonName: '2.5.4.3',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
} as const;

/** The certificate as PEM, with a random serial number. */
export function writeCertificate(request: CertificateRequest): string {
  const algorithm = sequence(objectIdentifier(Oid.ecdsaWithSha256));
  const content = sequence(
    explicit(0, integer(Buffer.from([2]))),
    integer(serialNumber()),
    algorithm,
    distinguishedName(request.issuer),
    sequence(time(request.from), time(request.to)),
    distinguishedName(request.subject),
    publicKeyInfo(request.key),
    explicit(3, sequence(...extensions(request))),
  );
  const signature = sign('sha256', content, request.issuerKey);
  return pem(sequence(content, algorithm, bitString(signature)));
}

/** Positive and of a fixed length: the first bit is 0, the second 1. */
function serialNumber(): Buffer {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] as number) & 0x3f) | 0x40;
  return bytes;
}

function distinguishedName({ organization, commonName }: DistinguishedName): Buffer {
  const part = (oid: string, text: string): Buffer => set(sequence(objectIdentifier(oid), utf8String(text)));
  return sequence(part(Oid.organization, organization), part(Oid.commonName, commonName));
}

function publicKeyInfo(key: KeyObject): Buffer {
  return createPublicKey(key).export({ type: 'spki', format: 'der' });
}

/** SHA-1 of the key's bits (RFC 5280, section 4.2.1.2): the last 65 bytes of a P-256 key's info, an uncompressed point. */
function keyIdentifier(key: KeyObject): Buffer {
  return createHash('sha1').update(publicKeyInfo(key).subarray(-65)).digest();
}

function extensions({ key, issuerKey, use }: CertificateRequest): Buffer[] {
  const extension = (oid: string, critical: boolean, value: Uint8Array): Buffer =>
    sequence(objectIdentifier(oid), ...(critical ? [boolean(true)] : []), octetString(value));
  const identifiers = [
    extension(Oid.subjectKeyIdentifier, false, octetString(keyIdentifier(key))),
    extension(Oid.authorityKeyIdentifier, false, sequence(implicit(0, keyIdentifier(issuerKey)))),
  ];
  switch (use.kind) {
    case 'authority':
      return [
        // No further authorities below it.
        extension(Oid.basicConstraints, true, sequence(boolean(true), integer(Buffer.from([0])))),
        // keyCertSign, cRLSign
        extension(Oid.keyUsage, true, bitString(Buffer.from([0b0000_0110]), 1)),
        ...identifiers,
      ];
    case 'server':
      return [
        extension(Oid.basicConstraints, true, sequence()),
        // digitalSignature
        extension(Oid.keyUsage, true, bitString(Buffer.from([0b1000_0000]), 7)),
        extension(Oid.extendedKeyUsage, false, sequence(objectIdentifier(Oid.serverAuth))),
        extension(Oid.subjectAltName, false, sequence(...use.names.map(generalName))),
        ...identifiers,
      ];
  }
}

/** iPAddress or dNSName. */
function generalName(name: string): Buffer {
  const address = addressBytes(name);
  return address === null ? implicit(2, Buffer.from(name, 'latin1')) : implicit(7, address);
}

/** 4 or 16 bytes; null for what is no address. */
export function addressBytes(name: string): Buffer | null {
  if (isIPv4(name)) return Buffer.from(name.split('.').map(Number));
  if (!isIPv6(name) || name.includes('%')) return null;
  // The URL parser writes IPv4 endings in hexadecimal; `::` stands for as many zero groups as are missing.
  const text = new URL(`http://[${name}]/`).hostname.slice(1, -1);
  const [head = '', tail] = text.split('::');
  const groups = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  const before = groups(head);
  const after = tail === undefined ? [] : groups(tail);
  const zeros = new Array<number>(8 - before.length - after.length).fill(0);
  const bytes = Buffer.alloc(16);
  for (const [index, group] of [...before, ...zeros, ...after].entries())
    bytes.writeUInt16BE(group, index * 2);
  return bytes;
}

function pem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
