import type { ConnectionInfo, PeerCertificate, TlsInfo } from '../../base/stream-info.ts';

/**
 * What does not change while a connection lives (TLS, certificates, fingerprints) as one text, which all of its records
 * share: made once per connection, kept once per distinct text. PEM bodies and session ids are left out.
 */
export interface ConnectionFacts {
  readonly ja3: string;
  readonly ja4: string;
  readonly tls: TlsInfo | null;
}

const NONE: ConnectionFacts = { ja3: '', ja4: '', tls: null };
const made = new WeakMap<object, string>();

/** Empty when there is nothing to say: no TLS and no fingerprint. */
export function connectionFacts(connection: ConnectionInfo): string {
  if (connection.tls === null && connection.ja3 === undefined) return '';
  return once(connection, () => ({
    ja3: connection.ja3 ?? '',
    ja4: connection.ja4 ?? '',
    tls: connection.tls === null ? null : shortTls(connection.tls),
  }));
}

/** The same of the connection to the host. */
export function upstreamFacts(tls: TlsInfo | null): string {
  return tls === null ? '' : once(tls, () => ({ ...NONE, tls: shortTls(tls) }));
}

function once(key: object, make: () => ConnectionFacts): string {
  const known = made.get(key);
  if (known !== undefined) return known;
  const text = JSON.stringify(make());
  made.set(key, text);
  return text;
}

function shortTls(tls: TlsInfo): TlsInfo {
  return { ...tls, sessionId: '', peer: shortCertificate(tls.peer), local: shortCertificate(tls.local) };
}

function shortCertificate(certificate: PeerCertificate | null): PeerCertificate | null {
  if (certificate === null) return null;
  const { subject, issuer, serial, uriSans, dnsSans, ipSans, fingerprint256, validFrom, validTo } =
    certificate;
  const sans = { uriSans, dnsSans, ipSans };
  return { subject, issuer, serial, ...sans, fingerprint256, fingerprint1: '', validFrom, validTo, pem: '' };
}

/** Never throws: a text that was not kept (the table is bounded) reads as nothing known. */
export function readFacts(text: string): ConnectionFacts {
  if (!text.startsWith('{')) return NONE;
  return JSON.parse(text) as ConnectionFacts;
}
