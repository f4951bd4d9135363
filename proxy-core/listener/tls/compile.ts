import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { getCiphers, type SecureContextOptions, type SecureVersion } from 'node:tls';
import type { CompileContext } from '../../config/compile-context.ts';
import type { MessageReader } from '../../config/reader.ts';
import { compileStringMatcher, type StringMatcher } from '../../route/string-matcher.ts';

export const DOWNSTREAM_TLS = 'envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext';
export const UPSTREAM_TLS = 'envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext';
export const RAW_BUFFER = 'envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer';

/** A certificate chain with its key, PEM, and what its first certificate says. */
export interface Certificate {
  readonly chain: string;
  readonly key: string;
  readonly passphrase: string | undefined;
  readonly leaf: X509Certificate;
}

export interface SanMatcher {
  readonly type: 'DNS' | 'URI' | 'EMAIL' | 'IP_ADDRESS' | 'OTHER_NAME' | 'ANY';
  readonly matcher: StringMatcher;
}

/** `CertificateValidationContext`. */
export interface Validation {
  /** PEM of the trusted authorities, null = the peer's chain is not checked. */
  readonly trustedCa: string | null;
  readonly sanMatchers: readonly SanMatcher[];
  /** SHA-256 of the certificate, lower-case hex. */
  readonly hashes: readonly string[];
  readonly allowExpired: boolean;
  readonly acceptUntrusted: boolean;
}

/** `CommonTlsContext`. */
export interface CommonTls {
  readonly certificates: readonly Certificate[];
  readonly alpn: readonly string[];
  readonly validation: Validation | null;
  /** Versions, ciphers, curves for `tls.createSecureContext`. */
  readonly parameters: SecureContextOptions;
}

const VERSIONS: Readonly<Record<string, SecureVersion>> = {
  TLSv1_0: 'TLSv1',
  TLSv1_1: 'TLSv1.1',
  TLSv1_2: 'TLSv1.2',
  TLSv1_3: 'TLSv1.3',
};

const TLS13_SUITES = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'];

export function compileCommonTls(
  reader: MessageReader | undefined,
  ctx: CompileContext,
  defaultMaximum: SecureVersion,
): CommonTls {
  if (reader === undefined) {
    return { certificates: [], alpn: [], validation: null, parameters: versions(undefined, defaultMaximum) };
  }
  const certificates: Certificate[] = [];
  for (const item of reader.messages('tls_certificates')) {
    const certificate = compileCertificate(item, ctx);
    if (certificate !== null) certificates.push(certificate);
  }
  const combined = reader.message('combined_validation_context');
  const validation = reader.message('validation_context') ?? combined?.message('default_validation_context');
  const parameters = reader.message('tls_params');
  return {
    certificates,
    alpn: reader.strings('alpn_protocols'),
    validation: validation === undefined ? null : compileValidation(validation, ctx),
    parameters: {
      ...versions(parameters, defaultMaximum),
      ...(parameters === undefined ? {} : ciphers(parameters, ctx)),
    },
  };
}

function versions(
  parameters: MessageReader | undefined,
  defaultMaximum: SecureVersion,
): SecureContextOptions {
  const minimum = parameters?.enumeration('tls_minimum_protocol_version') ?? '';
  const maximum = parameters?.enumeration('tls_maximum_protocol_version') ?? '';
  return { minVersion: VERSIONS[minimum] ?? 'TLSv1.2', maxVersion: VERSIONS[maximum] ?? defaultMaximum };
}

function ciphers(parameters: MessageReader, ctx: CompileContext): SecureContextOptions {
  const options: SecureContextOptions = {};
  const written = parameters.strings('cipher_suites');
  if (written.length > 0) {
    const known = new Set(getCiphers());
    const names = written.flatMap((entry) => entry.replace(/[[\]]/g, '').split(/[|:]/));
    const rejected = names.filter((name) => !/^[-!]/.test(name) && !known.has(name.toLowerCase()));
    if (rejected.length > 0) {
      ctx.report(
        'error',
        'tls.bad-cipher',
        parameters,
        'cipher_suites',
        `Failed to initialize cipher suites ${written.join(':')}. The following ciphers were rejected when tried individually: ${rejected.join(', ')}`,
      );
    } else options.ciphers = [...TLS13_SUITES, ...names].join(':');
  }
  const curves = parameters.strings('ecdh_curves');
  if (curves.length > 0) options.ecdhCurve = curves.map((name) => CURVES[name] ?? name).join(':');
  const algorithms = parameters.strings('signature_algorithms');
  if (algorithms.length > 0) options.sigalgs = algorithms.join(':');
  return options;
}

/** BoringSSL's names of curves that OpenSSL calls otherwise. */
const CURVES: Readonly<Record<string, string>> = {
  'P-256': 'P-256',
  'P-384': 'P-384',
  'P-521': 'P-521',
  X25519: 'X25519',
};

interface Source {
  /** Text, null when it is not there. */
  readonly text: string | null;
  /** `<inline>`, or the path. */
  readonly name: string;
}

/** A DataSource as the TLS code names it in its errors. */
function dataSource(reader: MessageReader | undefined, ctx: CompileContext): Source {
  if (reader === undefined) return { text: null, name: '' };
  const inline = reader.string('inline_string');
  if (inline !== undefined) return { text: inline, name: '<inline>' };
  const bytes = reader.bytes('inline_bytes');
  if (bytes !== undefined) return { text: new TextDecoder().decode(bytes), name: '<inline>' };
  const variable = reader.string('environment_variable');
  if (variable !== undefined) return { text: process.env[variable] ?? null, name: '<inline>' };
  const name = reader.string('filename') ?? '';
  try {
    return { text: name === '' ? null : new TextDecoder().decode(ctx.files.read(name)), name };
  } catch {
    return { text: null, name };
  }
}

function compileCertificate(reader: MessageReader, ctx: CompileContext): Certificate | null {
  reader.acknowledge('watched_directory', 'ocsp_staple');
  const chain = dataSource(reader.message('certificate_chain'), ctx);
  const key = dataSource(reader.message('private_key'), ctx);
  const passphrase = dataSource(reader.message('password'), ctx).text?.trim();
  const fail = (code: string, field: string, message: string): null => {
    ctx.report('error', code, reader, field, message);
    return null;
  };
  if (chain.text === null) {
    return fail(
      'tls.no-certificate-chain',
      'certificate_chain',
      `Failed to load incomplete certificate from ${chain.name}: certificate chain not set`,
    );
  }
  if (key.text === null) {
    return fail(
      'tls.no-private-key',
      'private_key',
      `Failed to load incomplete private key from path: ${key.name}`,
    );
  }
  let leaf: X509Certificate;
  try {
    leaf = new X509Certificate(chain.text);
  } catch {
    return fail(
      'tls.bad-certificate',
      'certificate_chain',
      `Failed to load certificate chain from ${chain.name}`,
    );
  }
  let parsed: KeyObject;
  try {
    parsed = createPrivateKey(passphrase === undefined ? { key: key.text } : { key: key.text, passphrase });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return fail(
      'tls.bad-private-key',
      'private_key',
      `Failed to load private key from ${key.name}, Cause: ${reason}`,
    );
  }
  if (!leaf.checkPrivateKey(parsed)) {
    return fail(
      'tls.key-mismatch',
      'private_key',
      `Failed to load private key from ${key.name}, Cause: error:0b000074:X.509 certificate routines:OPENSSL_internal:KEY_VALUES_MISMATCH`,
    );
  }
  return { chain: chain.text, key: key.text, passphrase, leaf };
}

function compileValidation(reader: MessageReader, ctx: CompileContext): Validation {
  const caReader = reader.message('trusted_ca');
  const ca = dataSource(caReader, ctx);
  if (caReader !== undefined && ca.text === null) {
    ctx.report('error', 'tls.no-trusted-ca', reader, 'trusted_ca', `Invalid path: ${ca.name}`);
  } else if (ca.text !== null && ca.text !== '' && !isCertificate(ca.text)) {
    ctx.report(
      'error',
      'tls.bad-trusted-ca',
      reader,
      'trusted_ca',
      `Failed to load trusted CA certificates from ${ca.name}`,
    );
  }
  const sanMatchers: SanMatcher[] = [];
  for (const item of reader.messages('match_typed_subject_alt_names')) {
    const matcher = item.message('matcher');
    const type = item.enumeration('san_type') as SanMatcher['type'] | undefined;
    if (matcher !== undefined && type !== undefined) {
      sanMatchers.push({ type, matcher: compileStringMatcher(matcher, ctx) });
    }
  }
  for (const item of reader.messages('match_subject_alt_names')) {
    sanMatchers.push({ type: 'ANY', matcher: compileStringMatcher(item, ctx) });
  }
  if (sanMatchers.length > 0 && (ca.text === null || ca.text === '')) {
    ctx.report(
      'error',
      'tls.san-without-ca',
      reader,
      '',
      'SAN-based verification of peer certificates without trusted CA is insecure and not allowed',
    );
  }
  return {
    trustedCa: ca.text === null || ca.text === '' ? null : ca.text,
    sanMatchers,
    hashes: reader.strings('verify_certificate_hash').map((hash) => hash.replaceAll(':', '').toLowerCase()),
    allowExpired: reader.bool('allow_expired_certificate') ?? false,
    acceptUntrusted: reader.enumeration('trust_chain_verification') === 'ACCEPT_UNTRUSTED',
  };
}

function isCertificate(pem: string): boolean {
  try {
    new X509Certificate(pem);
    return true;
  } catch {
    return false;
  }
}

/** Says in so many words that there is no TLS. */
export function isRawBuffer(socket: MessageReader): boolean {
  const node = socket.node.fields.get('typed_config')?.value;
  return node?.kind === 'message' && node.type === RAW_BUFFER;
}

/**
 * The context inside a `transport_socket`. Null: raw buffer, or nothing that can be used; what is wrong was reported.
 */
export function transportSocketContext(
  socket: MessageReader,
  ctx: CompileContext,
  wanted: typeof DOWNSTREAM_TLS | typeof UPSTREAM_TLS,
): MessageReader | null {
  const name = socket.string('name') ?? '';
  const node = socket.node.fields.get('typed_config')?.value;
  const type = node?.kind === 'message' ? node.type : '';
  if (type === wanted) return socket.message('typed_config') ?? null;
  if (type === RAW_BUFFER) {
    socket.acknowledge('typed_config');
    return null;
  }
  if (type === '' || type === DOWNSTREAM_TLS || type === UPSTREAM_TLS) {
    ctx.report(
      'error',
      'tls.unknown-transport-socket',
      socket,
      type === '' ? 'name' : 'typed_config',
      `Didn't find a registered implementation for '${name}' with type URL: '${type}'`,
    );
  }
  return null;
}
