import { X509Certificate } from 'node:crypto';
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import type { PeerCertificate, TlsInfo } from '../../base/stream-info.ts';
import { DerTag, derElement, derElements, type OtherName, otherNames } from './der.ts';

/** Subject alternative names of a certificate, by kind. */
export interface AlternativeNames {
  readonly dns: readonly string[];
  readonly uri: readonly string[];
  readonly ip: readonly string[];
  readonly email: readonly string[];
  readonly other: readonly OtherName[];
}

export function alternativeNames(certificate: X509Certificate): AlternativeNames {
  const names = {
    dns: [] as string[],
    uri: [] as string[],
    ip: [] as string[],
    email: [] as string[],
    other: otherNames(certificate.raw),
  };
  for (const entry of splitNames(certificate.subjectAltName ?? '')) {
    const colon = entry.indexOf(':');
    const value = unquote(entry.slice(colon + 1));
    switch (entry.slice(0, colon)) {
      case 'DNS':
        names.dns.push(value);
        break;
      case 'URI':
        names.uri.push(value);
        break;
      case 'IP Address':
        names.ip.push(value);
        break;
      case 'email':
        names.email.push(value);
        break;
      default:
        break;
    }
  }
  return names;
}

/** Node's text: `DNS:a.test, URI:"spiffe://a, b"`. Commas inside quotes belong to the value. */
function splitNames(text: string): string[] {
  const parts: string[] = [];
  let start = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (quoted && char === '\\') i++;
    else if (char === '"') quoted = !quoted;
    else if (char === ',' && !quoted) {
      parts.push(text.slice(start, i).trim());
      start = i + 1;
    }
  }
  if (start < text.length) parts.push(text.slice(start).trim());
  return parts;
}

function unquote(text: string): string {
  if (!text.startsWith('"')) return text;
  try {
    return String(JSON.parse(text));
  } catch {
    return text;
  }
}

/** `CN=client,O=Example`: RFC 2253, the most specific part first. Node gives one part per line, general ones first. */
export function distinguishedName(lines: string): string {
  return lines
    .split('\n')
    .filter((line) => line !== '')
    .reverse()
    .map((line) => {
      const equals = line.indexOf('=');
      return `${line.slice(0, equals)}=${line.slice(equals + 1).replace(/[,+"\\<>;]/g, '\\$&')}`;
    })
    .join(',');
}

function hex(fingerprint: string): string {
  return fingerprint.replaceAll(':', '').toLowerCase();
}

/** @param chain what the peer sent, its own certificate first; for one's own certificate it may be left out */
export function describeCertificate(
  certificate: X509Certificate,
  chain: readonly X509Certificate[] = [certificate],
): PeerCertificate {
  const names = alternativeNames(certificate);
  return {
    subject: distinguishedName(certificate.subject),
    issuer: distinguishedName(certificate.issuer),
    serial: certificate.serialNumber.toLowerCase(),
    uriSans: names.uri,
    dnsSans: names.dns,
    ipSans: names.ip,
    emailSans: names.email,
    otherNameSans: names.other.map(({ value }) => value),
    chainFingerprints256: chain.map((each) => hex(each.fingerprint256)),
    chainFingerprints1: chain.map((each) => hex(each.fingerprint)),
    chainSerials: chain.map((each) => each.serialNumber.toLowerCase()),
    chainPem: chain.map((each) => each.toString()).join(''),
    fingerprint256: hex(certificate.fingerprint256),
    fingerprint1: hex(certificate.fingerprint),
    validFrom: Date.parse(certificate.validFrom),
    validTo: Date.parse(certificate.validTo),
    pem: certificate.toString(),
  };
}

/**
 * The peer's certificate and those that lead from it to an authority. Empty when it sent none, and on the client's side
 * of a session that was taken up again.
 */
export function peerChain(socket: TLSSocket): X509Certificate[] {
  const chain: X509Certificate[] = [];
  let link = socket.getPeerCertificate(true) as Partial<DetailedPeerCertificate>;
  while (link.raw !== undefined && chain.length < MAX_CHAIN) {
    const { raw } = link;
    if (chain.some((each) => each.raw.equals(raw))) break;
    chain.push(new X509Certificate(raw));
    link = link.issuerCertificate ?? {};
  }
  return chain;
}

const MAX_CHAIN = 16;

/** What the log operators say about a finished handshake. */
export function describeSocket(
  socket: TLSSocket,
  local: PeerCertificate | null,
  chain: readonly X509Certificate[] = peerChain(socket),
): TlsInfo {
  const [peer] = chain;
  const version = socket.getProtocol() ?? '';
  return {
    version,
    cipher: socket.getCipher()?.name ?? '',
    sessionId: version === 'TLSv1.3' ? '' : sessionId(socket.getSession()),
    alpn: typeof socket.alpnProtocol === 'string' ? socket.alpnProtocol : '',
    peer: peer === undefined ? null : describeCertificate(peer, withoutRoot(chain)),
    local,
  };
}

/** OpenSSL adds the root that it trusts to what the peer sent; peers need not send it. */
function withoutRoot(chain: readonly X509Certificate[]): readonly X509Certificate[] {
  const last = chain[chain.length - 1];
  return chain.length > 1 && last?.checkIssued(last) === true ? chain.slice(0, -1) : chain;
}

/** The id within a serialized session: SEQUENCE { INTEGER, INTEGER, OCTET STRING cipher, OCTET STRING id, … }. */
function sessionId(session: Buffer | undefined): string {
  const whole = session === undefined ? null : derElement(session, 0, session.length);
  if (session === undefined || whole === null) return '';
  const id = derElements(session, whole.start, whole.end)[3];
  return id?.tag === DerTag.OctetString ? session.subarray(id.start, id.end).toString('hex') : '';
}
