import type { Socket } from 'node:net';
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls';
import type { CompileContext } from '../../config/compile-context.ts';
import type { MessageReader } from '../../config/reader.ts';
import type { TlsStats } from '../../network/tls/stats.ts';
import { alternativeNames, describeSocket, peerCertificate } from './certificate.ts';
import type { ClientHello } from './client-hello.ts';
import {
  type Certificate,
  type CommonTls,
  compileCommonTls,
  DOWNSTREAM_TLS,
  transportSocketContext,
} from './compile.ts';
import { acceptsPeer, VERIFY_FAILED } from './verify.ts';

/** A compiled DownstreamTlsContext. Immutable but for its cache of OpenSSL contexts. */
export interface ServerTls {
  /**
   * Puts TLS on an accepted socket. The bytes read before it (the ClientHello) must have been put back with `unshift`.
   * `done` is called once: with an empty reason after a good handshake, otherwise with Envoy's words for what failed.
   */
  accept(
    socket: Socket,
    hello: ClientHello | null,
    stats: TlsStats,
    done: (secured: TLSSocket, failure: string) => void,
  ): TLSSocket;
  readonly describe: typeof describeSocket;
}

/** Compiles a filter chain's `transport_socket`; null = raw buffer, or it cannot be used. */
export function compileServerTls(socket: MessageReader, ctx: CompileContext): ServerTls | null {
  const reader = transportSocketContext(socket, ctx, DOWNSTREAM_TLS);
  if (reader === null) return null;
  const commonReader = reader.message('common_tls_context');
  const common = compileCommonTls(commonReader, ctx, 'TLSv1.3');
  const broken = commonReader?.has('tls_certificates') ?? false;
  const bySds = commonReader?.has('tls_certificate_sds_secret_configs') ?? false;
  if (common.certificates.length === 0 && !broken && !bySds) {
    ctx.report(
      'error',
      'tls.no-certificates',
      socket,
      'typed_config',
      'No TLS certificates found for server context',
    );
  }
  const require = reader.bool('require_client_certificate') ?? false;
  return new ServerContexts(common, require);
}

/** Reasons as Envoy logs them (`%DOWNSTREAM_TRANSPORT_FAILURE_REASON%`), by OpenSSL's code. */
function failureReason(error: NodeJS.ErrnoException): string {
  const text = `${error.code ?? ''} ${error.message}`;
  const known: readonly (readonly [RegExp, string])[] = [
    [/PEER_DID_NOT_RETURN_A_CERTIFICATE|peer did not return/i, '268435648|PEER_DID_NOT_RETURN_A_CERTIFICATE'],
    [/HTTP_REQUEST|http request/i, '268435612|HTTP_REQUEST'],
    [/UNSUPPORTED_PROTOCOL|unsupported protocol/i, '268435696|UNSUPPORTED_PROTOCOL'],
    [/NO_SHARED_CIPHER|no shared cipher/i, '268435640|NO_SHARED_CIPHER'],
    [/WRONG_VERSION_NUMBER|wrong version/i, '268435703|WRONG_VERSION_NUMBER'],
  ];
  for (const [pattern, words] of known) {
    if (!pattern.test(text)) continue;
    const [code, name] = words.split('|');
    return `TLS_error:|${code}:SSL_routines:OPENSSL_internal:${name}:TLS_error_end`;
  }
  return `TLS_error:|${(error.code ?? 'handshake').replace(/^ERR_SSL_/, '')}:TLS_error_end`;
}

class ServerContexts implements ServerTls {
  readonly describe = describeSocket;
  /** Contexts by the positions of their certificates. */
  private readonly contexts = new Map<string, SecureContext | null>();
  private readonly names: readonly (readonly string[])[];

  constructor(
    private readonly common: CommonTls,
    private readonly requireCertificate: boolean,
  ) {
    this.names = common.certificates.map(({ leaf }) => {
      const dns = alternativeNames(leaf).dns;
      const commonName = /^CN=(.*)$/m.exec(leaf.subject)?.[1];
      return (dns.length > 0 || commonName === undefined ? dns : [commonName]).map((name) =>
        name.toLowerCase(),
      );
    });
  }

  /** Positions of the certificates for a name: an exact SAN, else a wildcard, else the first certificate. */
  private choose(serverName: string): number[] {
    const find = (name: string): number[] =>
      this.names.flatMap((names, index) => (names.includes(name) ? [index] : []));
    if (serverName !== '') {
      const exact = find(serverName);
      if (exact.length > 0) return exact;
      const dot = serverName.indexOf('.');
      const wildcard = dot < 0 ? [] : find(`*${serverName.slice(dot)}`);
      if (wildcard.length > 0) return wildcard;
    }
    return this.common.certificates.length === 0 ? [] : [0];
  }

  /** Null when OpenSSL refuses the settings (minimum above maximum, say): every handshake fails. */
  private context(positions: number[]): SecureContext | null {
    const key = positions.join(',');
    let context = this.contexts.get(key);
    if (context !== undefined) return context;
    const { parameters, validation } = this.common;
    const certificates = positions.map((at) => this.common.certificates[at] as Certificate);
    try {
      context = createSecureContext({
        ...parameters,
        cert: certificates.map((each) => each.chain),
        key: certificates.map((each) =>
          each.passphrase === undefined ? { pem: each.key } : { pem: each.key, passphrase: each.passphrase },
        ),
        ...(validation?.trustedCa == null ? {} : { ca: validation.trustedCa }),
        honorCipherOrder: true,
        sessionIdContext: 'attache',
      });
    } catch {
      context = null;
    }
    this.contexts.set(key, context);
    return context;
  }

  accept(
    socket: Socket,
    hello: ClientHello | null,
    stats: TlsStats,
    done: (secured: TLSSocket, failure: string) => void,
  ): TLSSocket {
    const { validation } = this.common;
    const checks = validation !== null && (validation.trustedCa !== null || validation.hashes.length > 0);
    // Envoy takes the first of its own protocols that the client offers; without one the handshake goes on.
    const protocol = this.common.alpn.find((each) => hello?.protocols.includes(each) ?? false);
    const context = this.context(this.choose(hello?.serverName ?? ''));
    const secured = new TLSSocket(socket, {
      isServer: true,
      ...(context === null ? {} : { secureContext: context }),
      requestCert: checks,
      // A missing certificate fails the handshake itself; a bad one is judged below.
      rejectUnauthorized: checks && this.requireCertificate,
      ...(protocol === undefined ? {} : { ALPNProtocols: [protocol] }),
    });
    let settled = false;
    const settle = (failure: string): void => {
      if (settled) return;
      settled = true;
      if (failure !== '') stats.connectionError.inc();
      done(secured, failure);
    };
    secured.on('_tlsError', (error: NodeJS.ErrnoException) => {
      const reason = failureReason(error);
      if (!settled && reason.includes('PEER_DID_NOT_RETURN')) stats.failVerifyNoCert.inc();
      settle(reason);
    });
    secured.on('error', (error: NodeJS.ErrnoException) => settle(failureReason(error)));
    secured.on('close', () => settle('connection closed during the handshake'));
    secured.once('secure', () => settle(this.judge(secured, stats)));
    return secured;
  }

  private judge(secured: TLSSocket, stats: TlsStats): string {
    stats.handshake.inc();
    stats.negotiated(secured.getProtocol() ?? '', secured.getCipher()?.name ?? '');
    if (secured.isSessionReused()) stats.sessionReused.inc();
    const certificate = peerCertificate(secured);
    if (certificate === null) {
      stats.noCertificate.inc();
      return '';
    }
    const { validation } = this.common;
    if (validation === null) return '';
    return acceptsPeer(validation, certificate, chainError(secured), stats) ? '' : VERIFY_FAILED;
  }
}

/** What OpenSSL found about the client's chain. Node keeps it in its handle and tells it to `tls.Server` only. */
function chainError(secured: TLSSocket): string {
  const holder = secured as unknown as {
    _handle?: { verifyError?: () => (Error & { code?: string }) | null } | null;
  };
  const verifyError = holder._handle?.verifyError;
  if (verifyError === undefined) return 'UNKNOWN';
  const error = verifyError.call(holder._handle);
  return error == null ? '' : (error.code ?? 'UNKNOWN');
}
