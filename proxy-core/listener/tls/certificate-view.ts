import type { X509Certificate } from 'node:crypto';
import { alternativeNames } from './certificate.ts';
import type { NamedPem, SecretRegistry } from './secret.ts';
import { certificatesIn } from './verify.ts';

/** A certificate as `/certs` tells of it. */
export interface CertificateView {
  readonly path: string;
  readonly serialNumber: string;
  readonly subjectAltNames: readonly {
    readonly kind: 'dns' | 'uri' | 'ip_address';
    readonly value: string;
  }[];
  /** Wall milliseconds. */
  readonly validFrom: number;
  readonly validTo: number;
}

/** The certificates of each TLS context of a configuration: the first authority, and the first of each chain. */
export function certificateViews(
  registry: SecretRegistry,
): { readonly caCert: readonly CertificateView[]; readonly certChain: readonly CertificateView[] }[] {
  return registry.contexts
    .map((context) => ({
      caCert: context.caCertificates().flatMap(firstOf),
      certChain: context.certificates().flatMap(firstOf),
    }))
    .filter(({ caCert, certChain }) => caCert.length + certChain.length > 0);
}

/** Wall milliseconds at which the first certificate in use expires; null when there is none. */
export function firstExpiry(registry: SecretRegistry): number | null {
  const times = certificateViews(registry).flatMap(({ caCert, certChain }) =>
    [...caCert, ...certChain].map(({ validTo }) => validTo),
  );
  return times.length === 0 ? null : Math.min(...times);
}

function firstOf({ path, pem }: NamedPem): CertificateView[] {
  const [certificate] = certificatesIn(pem);
  return certificate === undefined ? [] : [view(certificate, path)];
}

function view(certificate: X509Certificate, path: string): CertificateView {
  const names = alternativeNames(certificate);
  return {
    path,
    serialNumber: certificate.serialNumber.toLowerCase(),
    subjectAltNames: [
      ...names.dns.map((value) => ({ kind: 'dns' as const, value })),
      ...names.uri.map((value) => ({ kind: 'uri' as const, value })),
      ...names.ip.map((value) => ({ kind: 'ip_address' as const, value })),
    ],
    validFrom: Date.parse(certificate.validFrom),
    validTo: Date.parse(certificate.validTo),
  };
}
