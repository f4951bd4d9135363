import { X509Certificate } from 'node:crypto';
import type { CompileContext } from '../../config/compile-context.ts';
import type { MessageReader } from '../../config/reader.ts';
import { compileStringMatcher, type StringMatcher } from '../../route/string-matcher.ts';
import type { Loaded } from './secret.ts';
import {
  filesOf,
  type ReadFile,
  sourceName,
  sourceText,
  type TextSource,
  TlsError,
  textSource,
} from './source.ts';

export interface SanMatcher {
  readonly type: 'DNS' | 'URI' | 'EMAIL' | 'IP_ADDRESS' | 'OTHER_NAME' | 'ANY';
  readonly matcher: StringMatcher;
  /** Which `otherName` (dotted), else empty. */
  readonly oid: string;
}

/** `CertificateValidationContext`. */
export interface Validation {
  /** PEM of the trusted authorities, null = the peer's chain is not checked. */
  readonly trustedCa: string | null;
  /** Where it came from, for show. */
  readonly caPath: string;
  /** PEM of revocation lists, null = none. */
  readonly crl: string | null;
  readonly sanMatchers: readonly SanMatcher[];
  /** SHA-256 of the certificate, lower-case hex. */
  readonly hashes: readonly string[];
  /** SHA-256 of the public key, base64. */
  readonly spkis: readonly string[];
  readonly allowExpired: boolean;
  readonly acceptUntrusted: boolean;
  /** Most intermediate certificates between the peer's and the authority's; null = OpenSSL's limit. */
  readonly maxDepth: number | null;
}

/** The message as written: everything but the text of its files. */
export interface ValidationSource {
  readonly ca: TextSource | null;
  readonly crl: TextSource | null;
  readonly rest: Omit<Validation, 'trustedCa' | 'crl' | 'caPath'>;
}

const SAN_TYPES: ReadonlySet<string> = new Set(['DNS', 'URI', 'EMAIL', 'IP_ADDRESS', 'OTHER_NAME']);

export function validationSource(reader: MessageReader, ctx: CompileContext): ValidationSource {
  reader.message('watched_directory')?.acknowledge('path');
  return {
    ca: textSource(reader.message('trusted_ca')),
    crl: textSource(reader.message('crl')),
    rest: {
      sanMatchers: compileSanMatchers(reader, ctx),
      hashes: reader.strings('verify_certificate_hash').map((text) => certificateHash(text, reader, ctx)),
      spkis: reader.strings('verify_certificate_spki').map((text) => publicKeyHash(text, reader, ctx)),
      allowExpired: reader.bool('allow_expired_certificate') ?? false,
      acceptUntrusted: reader.enumeration('trust_chain_verification') === 'ACCEPT_UNTRUSTED',
      maxDepth: reader.number('max_verify_depth') ?? null,
    },
  };
}

function compileSanMatchers(reader: MessageReader, ctx: CompileContext): SanMatcher[] {
  const matchers: SanMatcher[] = [];
  for (const item of reader.messages('match_typed_subject_alt_names')) {
    const matcher = item.message('matcher');
    const type = item.enumeration('san_type') ?? '';
    const oid = item.string('oid') ?? '';
    if (matcher === undefined || !SAN_TYPES.has(type)) continue;
    if (type === 'OTHER_NAME' && !/^[0-2](\.\d+)+$/.test(oid)) {
      ctx.report('error', 'tls.bad-san-oid', item, 'oid', 'Failed to create string SAN matcher of type 5', {
        expected: 'an object identifier such as 1.3.6.1.4.1.311.20.2.3',
      });
    }
    matchers.push({ type: type as SanMatcher['type'], matcher: compileStringMatcher(matcher, ctx), oid });
  }
  if (matchers.length > 0) {
    reader.acknowledge('match_subject_alt_names');
    return matchers;
  }
  for (const item of reader.messages('match_subject_alt_names')) {
    matchers.push({ type: 'ANY', matcher: compileStringMatcher(item, ctx), oid: '' });
  }
  return matchers;
}

/** 64 hex digits, or 32 pairs with colons between them. */
function certificateHash(text: string, reader: MessageReader, ctx: CompileContext): string {
  const hex = text.length === 95 ? text.replaceAll(':', '') : text;
  if (!/^[0-9a-fA-F]{64}$/.test(hex)) {
    ctx.report(
      'error',
      'tls.bad-hash',
      reader,
      'verify_certificate_hash',
      `Invalid hex-encoded SHA-256 ${text}`,
    );
  }
  return hex.toLowerCase();
}

function publicKeyHash(text: string, reader: MessageReader, ctx: CompileContext): string {
  if (Buffer.from(text, 'base64').length !== 32) {
    ctx.report(
      'error',
      'tls.bad-spki',
      reader,
      'verify_certificate_spki',
      `Invalid base64-encoded SHA-256 ${text}`,
    );
  }
  return text;
}

/**
 * Reads the files and puts the whole together. Throws TlsError with Envoy's words. A `part` is to be combined with
 * another, which may have what it lacks.
 */
export function loadValidation(source: ValidationSource, read: ReadFile, part = false): Loaded<Validation> {
  const caText = sourceText(source.ca, read);
  const caName = sourceName(source.ca);
  if (source.ca !== null && caText === null) {
    throw new TlsError('tls.no-trusted-ca', 'trusted_ca', `Invalid path: ${caName}`);
  }
  const trustedCa = caText === null || caText === '' ? null : caText;
  if (trustedCa !== null && !isCertificate(trustedCa)) {
    throw new TlsError(
      'tls.bad-trusted-ca',
      'trusted_ca',
      `Failed to load trusted CA certificates from ${caName}`,
    );
  }
  const crl = sourceText(source.crl, read);
  const crlName = sourceName(source.crl);
  if (source.crl !== null && crl === null)
    throw new TlsError('tls.no-crl', 'crl', `Invalid path: ${crlName}`);
  if (crl !== null && trustedCa === null && !part) {
    throw new TlsError('tls.crl-without-ca', 'crl', `Failed to load CRL from ${crlName} without trusted CA`);
  }
  const { rest } = source;
  if (rest.sanMatchers.length > 0 && trustedCa === null && !part) {
    throw new TlsError(
      'tls.san-without-ca',
      '',
      'SAN-based verification of peer certificates without trusted CA is insecure and not allowed',
    );
  }
  if (rest.allowExpired && trustedCa === null && !part) {
    throw new TlsError(
      'tls.expired-without-ca',
      'allow_expired_certificate',
      'Certificate validity period is always ignored without trusted CA',
    );
  }
  // Text without a revocation list in it is none, as Envoy takes it.
  const lists = crl?.includes('-----BEGIN X509 CRL-----') === true ? crl : null;
  return {
    value: { trustedCa, caPath: caName, crl: lists, ...rest },
    files: filesOf([source.ca, source.crl]),
  };
}

/** `combined_validation_context`: the secret's fields replace, its lists are added (MergeFrom). */
export function combine(base: Validation, secret: Validation): Validation {
  return {
    trustedCa: secret.trustedCa ?? base.trustedCa,
    caPath: secret.trustedCa === null ? base.caPath : secret.caPath,
    crl: secret.crl ?? base.crl,
    sanMatchers: [...base.sanMatchers, ...secret.sanMatchers],
    hashes: [...base.hashes, ...secret.hashes],
    spkis: [...base.spkis, ...secret.spkis],
    allowExpired: base.allowExpired || secret.allowExpired,
    acceptUntrusted: base.acceptUntrusted || secret.acceptUntrusted,
    maxDepth: secret.maxDepth ?? base.maxDepth,
  };
}

/** Whether anything about a peer is checked at all. */
export function checksPeer(validation: Validation | null): boolean {
  return (
    validation !== null &&
    (validation.trustedCa !== null || validation.hashes.length > 0 || validation.spkis.length > 0)
  );
}

/** Whether it says which certificate a peer must have: then it must have one. */
export function namesPeer(validation: Validation | null): boolean {
  return validation !== null && (validation.hashes.length > 0 || validation.spkis.length > 0);
}

function isCertificate(pem: string): boolean {
  try {
    new X509Certificate(pem);
    return true;
  } catch {
    return false;
  }
}
