import { createHash, X509Certificate } from 'node:crypto';
import type { TlsStats } from '../../network/tls/stats.ts';
import { matchesString } from '../../route/string-matcher.ts';
import { type AlternativeNames, alternativeNames } from './certificate.ts';
import type { SanMatcher, Validation } from './validation.ts';

/** Envoy's transport failure reason for a peer certificate that is not accepted. */
export const VERIFY_FAILED =
  'TLS_error:|268435581:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:TLS_error_end';

/**
 * Whether a peer's certificate is good. `chain` is what the peer sent, its own certificate first; `chainError` is what
 * OpenSSL found about it, empty when nothing. `name` must be among the names when it is not empty
 * (`auto_san_validation`). Counts the failure (Envoy: DefaultCertValidator).
 */
export function acceptsPeer(
  validation: Validation,
  chain: readonly X509Certificate[],
  chainError: string,
  stats: TlsStats,
  name = '',
): boolean {
  const [certificate] = chain;
  if (certificate === undefined) return false;
  const { acceptUntrusted } = validation;
  if (!acceptsChain(validation, chain, chainError)) {
    stats.failVerifyError.inc();
    if (!acceptUntrusted) return false;
  }
  if (name !== '' && validation.trustedCa !== null) {
    if (!namesHost(alternativeNames(certificate), name)) {
      stats.failVerifySan.inc();
      return acceptUntrusted;
    }
  } else if (validation.sanMatchers.length > 0) {
    const names = alternativeNames(certificate);
    if (!validation.sanMatchers.some((matcher) => matchesNames(matcher, names))) {
      stats.failVerifySan.inc();
      return acceptUntrusted;
    }
  }
  if (!acceptsHash(validation, certificate)) {
    stats.failVerifyCertHash.inc();
    return acceptUntrusted;
  }
  return true;
}

function acceptsChain(
  validation: Validation,
  chain: readonly X509Certificate[],
  chainError: string,
): boolean {
  const { trustedCa, allowExpired, maxDepth } = validation;
  if (trustedCa === null) return true;
  if (maxDepth !== null && intermediates(chain) > maxDepth) return false;
  if (chainError === '') return true;
  // OpenSSL keeps the last of several errors: that a certificate has expired does not say that it is trusted.
  return allowExpired && DATE_ERRORS.has(chainError) && reachesTrust(chain, trustedCa);
}

const DATE_ERRORS: ReadonlySet<string> = new Set(['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID']);

/** Certificates between the peer's own and the one that signed itself. */
function intermediates(chain: readonly X509Certificate[]): number {
  const last = chain[chain.length - 1];
  const endsInRoot = chain.length > 1 && last !== undefined && last.checkIssued(last);
  return chain.length - (endsInRoot ? 2 : 1);
}

/** Whether signatures lead from the first certificate to one that is trusted. */
function reachesTrust(chain: readonly X509Certificate[], trustedCa: string): boolean {
  const trusted = certificatesIn(trustedCa);
  for (const [index, certificate] of chain.entries()) {
    if (trusted.some((each) => each.raw.equals(certificate.raw) || isIssuer(each, certificate))) return true;
    const next = chain[index + 1];
    if (next === undefined || !next.ca || !isIssuer(next, certificate)) return false;
  }
  return false;
}

function isIssuer(issuer: X509Certificate, certificate: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

/** All certificates of a PEM text; what is none of it is passed over. */
export function certificatesIn(pem: string): X509Certificate[] {
  const found: X509Certificate[] = [];
  for (const block of pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? []) {
    try {
      found.push(new X509Certificate(block));
    } catch {
      // A block that is no certificate vouches for nobody.
    }
  }
  return found;
}

/** One of the hashes of the certificate or of its public key is enough. */
function acceptsHash({ hashes, spkis }: Validation, certificate: X509Certificate): boolean {
  if (hashes.length === 0 && spkis.length === 0) return true;
  if (hashes.includes(certificate.fingerprint256.replaceAll(':', '').toLowerCase())) return true;
  if (spkis.length === 0) return false;
  const key = certificate.publicKey.export({ type: 'spki', format: 'der' });
  const digest = createHash('sha256').update(key).digest();
  return spkis.some((each) => Buffer.from(each, 'base64').equals(digest));
}

function matchesNames({ type, matcher, oid }: SanMatcher, names: AlternativeNames): boolean {
  switch (type) {
    case 'DNS':
      return names.dns.some((name) => matchesDns(matcher, name));
    case 'URI':
      return names.uri.some((name) => matchesString(matcher, name));
    case 'EMAIL':
      return names.email.some((name) => matchesString(matcher, name));
    case 'IP_ADDRESS':
      return names.ip.some((name) => matchesString(matcher, name));
    case 'OTHER_NAME':
      return names.other.some((name) => name.oid === oid && matchesString(matcher, name.value));
    case 'ANY':
      return (
        names.dns.some((name) => matchesDns(matcher, name)) ||
        [...names.uri, ...names.email, ...names.ip].some((name) => matchesString(matcher, name))
      );
  }
}

/** An exact DNS matcher also takes a wildcard certificate for that name (Utility::dnsNameMatch). */
function matchesDns(matcher: SanMatcher['matcher'], name: string): boolean {
  return matcher.kind === 'exact' ? matchesHost(name, matcher.value) : matchesString(matcher, name);
}

function matchesHost(pattern: string, host: string): boolean {
  const wanted = host.toLowerCase();
  const found = pattern.toLowerCase();
  if (wanted === found) return true;
  const dot = wanted.indexOf('.');
  return found.startsWith('*.') && dot > 0 && wanted.slice(dot) === found.slice(1);
}

/** Whether a certificate stands for a host, which may be an address. */
function namesHost(names: AlternativeNames, host: string): boolean {
  return names.dns.some((name) => matchesHost(name, host)) || names.ip.includes(host);
}
