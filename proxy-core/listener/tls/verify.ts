import type { X509Certificate } from 'node:crypto';
import type { TlsStats } from '../../network/tls/stats.ts';
import { matchesString } from '../../route/string-matcher.ts';
import { type AlternativeNames, alternativeNames } from './certificate.ts';
import type { SanMatcher, Validation } from './compile.ts';

/** Envoy's transport failure reason for a peer certificate that is not accepted. */
export const VERIFY_FAILED =
  'TLS_error:|268435581:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:TLS_error_end';

/**
 * Whether a peer's certificate is good. `chainError` is what OpenSSL found about the chain, empty when nothing.
 * Counts the failure (Envoy: DefaultCertValidator).
 */
export function acceptsPeer(
  validation: Validation,
  certificate: X509Certificate,
  chainError: string,
  stats: TlsStats,
): boolean {
  if (validation.trustedCa !== null && chainError !== '' && !validation.acceptUntrusted) {
    if (!(validation.allowExpired && chainError === 'CERT_HAS_EXPIRED')) {
      stats.failVerifyError.inc();
      return false;
    }
  }
  if (validation.sanMatchers.length > 0) {
    const names = alternativeNames(certificate);
    if (!validation.sanMatchers.some((matcher) => matchesNames(matcher, names))) {
      stats.failVerifySan.inc();
      return false;
    }
  }
  if (validation.hashes.length > 0) {
    const hash = certificate.fingerprint256.replaceAll(':', '').toLowerCase();
    if (!validation.hashes.includes(hash)) {
      stats.failVerifyCertHash.inc();
      return false;
    }
  }
  return true;
}

function matchesNames({ type, matcher }: SanMatcher, names: AlternativeNames): boolean {
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
      return false;
    case 'ANY':
      return (
        names.dns.some((name) => matchesDns(matcher, name)) ||
        [...names.uri, ...names.email, ...names.ip].some((name) => matchesString(matcher, name))
      );
  }
}

/** An exact DNS matcher also takes a wildcard certificate for that name (Utility::dnsNameMatch). */
function matchesDns(matcher: SanMatcher['matcher'], name: string): boolean {
  if (matcher.kind !== 'exact') return matchesString(matcher, name);
  const wanted = matcher.value.toLowerCase();
  const found = name.toLowerCase();
  if (wanted === found) return true;
  const dot = wanted.indexOf('.');
  return found.startsWith('*.') && dot > 0 && wanted.slice(dot) === found.slice(1);
}
