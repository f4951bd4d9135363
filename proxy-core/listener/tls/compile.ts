import type { SecureVersion } from 'node:tls';
import type { CompileContext } from '../../config/compile-context.ts';
import type { MessageReader } from '../../config/reader.ts';
import {
  type Certificate,
  type CertificateSource,
  certificateFiles,
  certificateSource,
  loadCertificate,
} from './certificate-source.ts';
import { compileParameters, type Parameters } from './parameters.ts';
import { inlineSecret, type SecretLoader, sdsSecret } from './sds.ts';
import { type LiveSecret, SecretRegistry } from './secret.ts';
import { filesOf } from './source.ts';
import {
  combine,
  loadValidation,
  type Validation,
  type ValidationSource,
  validationSource,
} from './validation.ts';

export const DOWNSTREAM_TLS = 'envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext';
export const UPSTREAM_TLS = 'envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext';
export const RAW_BUFFER = 'envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer';

/** A compiled `CommonTlsContext`. What can be replaced while it is used is asked for anew by each connection. */
export interface CommonTls {
  /** Those that are there now. */
  certificates(): readonly Certificate[];
  /** What is asked of a peer's certificate, null = nothing. */
  validation(): Validation | null;
  /** False while a secret that is needed has not come. */
  ready(): boolean;
  /** Changes with each replacement: whatever was built from the values is then out of date. */
  generation(): number;
  readonly alpn: readonly string[];
  readonly parameters: Parameters;
  /** Something about certificates was written, good or not. */
  readonly wantsCertificates: boolean;
}

const CERTIFICATES: SecretLoader<CertificateSource, Certificate> = {
  kind: 'tls_certificate',
  source: certificateSource,
  files: certificateFiles,
  load: loadCertificate,
};

const validations = (part: boolean): SecretLoader<ValidationSource, Validation> => ({
  kind: 'validation_context',
  source: validationSource,
  files: ({ ca, crl }) => filesOf([ca, crl]),
  load: (source, read) => loadValidation(source, read, part),
});

/** @param side a server may have several certificates */
export function compileCommonTls(
  reader: MessageReader | undefined,
  ctx: CompileContext,
  side: 'server' | 'client',
): CommonTls {
  const registry = ctx.secrets ?? new SecretRegistry();
  const defaultMaximum: SecureVersion = side === 'server' ? 'TLSv1.3' : 'TLSv1.2';
  const certificates = reader === undefined ? NO_SECRETS : compileCertificates(reader, ctx, registry, side);
  const validation = reader === undefined ? NO_SECRETS : compileValidation(reader, ctx, registry);
  const secrets = [...certificates.secrets, ...validation.secrets];
  const common: CommonTls = {
    certificates: () => certificates.secrets.flatMap(({ value }) => (value === null ? [] : [value])),
    validation: () => {
      const values = validation.secrets.flatMap(({ value }) => (value === null ? [] : [value]));
      const [first, second] = values;
      return first === undefined ? null : second === undefined ? first : combine(first, second);
    },
    ready: () => !certificates.missing && !validation.missing && secrets.every(({ value }) => value !== null),
    generation: () => secrets.reduce((sum, { generation }) => sum + generation, 0),
    alpn: reader?.strings('alpn_protocols') ?? [],
    parameters: compileParameters(reader?.message('tls_params'), ctx, defaultMaximum),
    wantsCertificates:
      reader !== undefined &&
      (reader.has('tls_certificates') || reader.has('tls_certificate_sds_secret_configs')),
  };
  registry.contexts.push({
    certificates: () => common.certificates().map(({ path, chain }) => ({ path, pem: chain })),
    caCertificates: () => {
      const { trustedCa = null, caPath = '' } = common.validation() ?? {};
      return trustedCa === null ? [] : [{ path: caPath, pem: trustedCa }];
    },
  });
  return common;
}

interface Secrets<T> {
  readonly secrets: readonly LiveSecret<T>[];
  /** One comes from where nothing is read from. */
  readonly missing: boolean;
}

const NO_SECRETS: Secrets<never> = { secrets: [], missing: false };

function present<T>(secrets: readonly (LiveSecret<T> | null)[]): Secrets<T> {
  const there = secrets.filter((secret) => secret !== null);
  return { secrets: there, missing: there.length < secrets.length };
}

function compileCertificates(
  reader: MessageReader,
  ctx: CompileContext,
  registry: SecretRegistry,
  side: 'server' | 'client',
): Secrets<Certificate> {
  const written = reader.messages('tls_certificates');
  const bySds = reader.messages('tls_certificate_sds_secret_configs');
  if (side === 'client' && written.length + bySds.length > 1) {
    ctx.report(
      'error',
      'tls.many-client-certificates',
      reader,
      'tls_certificates',
      'Multiple TLS certificates are not supported for client contexts',
    );
  } else if (written.length > 0 && bySds.length > 0) {
    ctx.report(
      'error',
      'tls.mixed-certificates',
      reader,
      'tls_certificate_sds_secret_configs',
      'SDS and non-SDS TLS certificates may not be mixed in server contexts',
    );
  }
  return present([
    ...written.map((item) => inlineSecret(item, ctx, registry, CERTIFICATES)),
    ...bySds.map((item) => sdsSecret(item, ctx, registry, CERTIFICATES)),
  ]);
}

function compileValidation(
  reader: MessageReader,
  ctx: CompileContext,
  registry: SecretRegistry,
): Secrets<Validation> {
  const bySds = reader.message('validation_context_sds_secret_config');
  if (bySds !== undefined) return present([sdsSecret(bySds, ctx, registry, validations(false))]);
  const combined = reader.message('combined_validation_context');
  if (combined !== undefined) {
    const base = combined.message('default_validation_context');
    const secret = combined.message('validation_context_sds_secret_config');
    return present([
      ...(base === undefined ? [] : [inlineSecret(base, ctx, registry, validations(true))]),
      ...(secret === undefined ? [] : [sdsSecret(secret, ctx, registry, validations(true))]),
    ]);
  }
  const plain = reader.message('validation_context');
  return plain === undefined ? NO_SECRETS : present([inlineSecret(plain, ctx, registry, validations(false))]);
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
