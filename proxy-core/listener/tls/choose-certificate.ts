import type { X509Certificate } from 'node:crypto';
import { alternativeNames } from './certificate.ts';
import type { Certificate } from './certificate-source.ts';
import type { ClientHello } from './client-hello.ts';

/** Several certificates of one context, ready to choose from by name and by kind of key. */
export interface CertificateIndex {
  /** Position of the first certificate for a name and kind of key. */
  readonly byName: ReadonlyMap<string, { readonly ecdsa: number; readonly rsa: number }>;
  readonly isEcdsa: readonly boolean[];
}

export function indexCertificates(certificates: readonly Certificate[]): CertificateIndex {
  const byName = new Map<string, { ecdsa: number; rsa: number }>();
  certificates.forEach(({ leaf, isEcdsa }, index) => {
    for (const name of certificateNames(leaf)) {
      const entry = byName.get(name) ?? { ecdsa: -1, rsa: -1 };
      if (isEcdsa && entry.ecdsa < 0) entry.ecdsa = index;
      if (!isEcdsa && entry.rsa < 0) entry.rsa = index;
      byName.set(name, entry);
    }
  });
  return { byName, isEcdsa: certificates.map(({ isEcdsa }) => isEcdsa) };
}

/** The DNS names, or the common name of a certificate without any. */
function certificateNames(leaf: X509Certificate): readonly string[] {
  const { dns } = alternativeNames(leaf);
  const common = /^CN=(.*)$/m.exec(leaf.subject)?.[1];
  return (dns.length > 0 || common === undefined ? dns : [common]).map((name) => name.toLowerCase());
}

/**
 * Position of the certificate for a client, as Envoy chooses: the server name exactly, then a wildcard for it, then the
 * first that suits the client's kinds of keys (without a server name, or with `fullScan`), then the first.
 */
export function chooseCertificate(
  index: CertificateIndex,
  hello: ClientHello | null,
  fullScan: boolean,
): number {
  const { byName, isEcdsa } = index;
  if (isEcdsa.length < 2) return 0;
  const ecdsa = hello !== null && takesEcdsa(hello);
  const name = hello?.serverName ?? '';
  if (name !== '') {
    const dot = name.indexOf('.');
    const found = byName.get(name) ?? (dot < 0 ? undefined : byName.get(`*${name.slice(dot)}`));
    if (found !== undefined) {
      if (ecdsa && found.ecdsa >= 0) return found.ecdsa;
      return found.rsa >= 0 ? found.rsa : found.ecdsa;
    }
    if (!fullScan) return 0;
  }
  return Math.max(0, isEcdsa.indexOf(ecdsa));
}

const SECP256R1 = 23;
const ECDSA_SECP256R1_SHA256 = 0x0403;
/** ECDHE_ECDSA suites of TLS 1.2 and before. */
const ECDSA_SUITES: ReadonlySet<number> = new Set([0xc02b, 0xc02c, 0xcca9, 0xc009, 0xc00a, 0xc023, 0xc024]);

/** A client of TLS 1.3 says it by its signature algorithms, an older one by group and suites. */
export function takesEcdsa(hello: ClientHello): boolean {
  if (hello.supportedVersions.length > 0) return hello.signatureAlgorithms.includes(ECDSA_SECP256R1_SHA256);
  return hello.groups.includes(SECP256R1) && hello.cipherSuites.some((suite) => ECDSA_SUITES.has(suite));
}
