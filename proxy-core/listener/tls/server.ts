import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { createSecureContext, type SecureContext, type SecureContextOptions, TLSSocket } from 'node:tls';
import type { TlsInfo } from '../../base/stream-info.ts';
import type { CompileContext } from '../../config/compile-context.ts';
import type { MessageReader } from '../../config/reader.ts';
import type { TlsStats } from '../../network/tls/stats.ts';
import { describeSocket, peerChain } from './certificate.ts';
import type { Certificate } from './certificate-source.ts';
import { type CertificateIndex, chooseCertificate, indexCertificates } from './choose-certificate.ts';
import type { ClientHello } from './client-hello.ts';
import { type CommonTls, compileCommonTls, DOWNSTREAM_TLS, transportSocketContext } from './compile.ts';
import { tlsFailureReason } from './failure-reason.ts';
import { LeafCertificates } from './leaves.ts';
import { GROUPS, TLS13_SUITES } from './parameters.ts';
import { compileSessions, type Sessions } from './session.ts';
import { checksPeer, namesPeer } from './validation.ts';
import { acceptsPeer, VERIFY_FAILED } from './verify.ts';

/** A compiled DownstreamTlsContext; what it is built from may be replaced while it is used. */
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
  /** What logs say of a connection whose handshake was good. */
  describe(secured: TLSSocket): TlsInfo;
}

/** Compiles a filter chain's `transport_socket`; null = raw buffer, or it cannot be used. */
export function compileServerTls(socket: MessageReader, ctx: CompileContext): ServerTls | null {
  const reader = transportSocketContext(socket, ctx, DOWNSTREAM_TLS);
  if (reader === null) return null;
  const common = compileCommonTls(reader.message('common_tls_context'), ctx, 'server');
  const leaves =
    common.wantsCertificates || ctx.leafFor === undefined ? null : new LeafCertificates(ctx.leafFor);
  if (!common.wantsCertificates && leaves === null) {
    ctx.report(
      'error',
      'tls.no-certificates',
      socket,
      'typed_config',
      'No TLS certificates found for server context',
    );
  }
  if (reader.enumeration('ocsp_staple_policy') === 'MUST_STAPLE') {
    ctx.report(
      'error',
      'tls.no-ocsp-staple',
      reader,
      'ocsp_staple_policy',
      'Required OCSP response is missing from TLS context',
      { expected: 'LENIENT_STAPLING: OCSP responses are not stapled here' },
    );
  }
  return new ServerContexts(common, {
    requireCertificate: reader.bool('require_client_certificate') ?? false,
    fullScan: reader.bool('full_scan_certs_on_sni_mismatch') ?? false,
    sessions: compileSessions(reader, ctx),
    leaves,
  });
}

interface ServerSettings {
  readonly requireCertificate: boolean;
  readonly fullScan: boolean;
  readonly sessions: Sessions;
  /** In place of certificates: one for each name. */
  readonly leaves: LeafCertificates | null;
}

/** Contexts for names that clients choose: more are not kept. */
const MAX_LEAF_CONTEXTS = 1000;

/** Why connections end for which there is no context: no version is left between minimum and maximum. */
const NO_VERSIONS =
  'TLS_error:|268435736:SSL routines:OPENSSL_internal:NO_SUPPORTED_VERSIONS_ENABLED:TLS_error_end';
/** The same when a secret has not come. */
const CLOSED = 'connection closed during the handshake';
const NOT_READY = 'TLS error: Secret is not supplied by SDS';

class ServerContexts implements ServerTls {
  /** Which certificate a connection was shown. */
  private readonly shown = new WeakMap<TLSSocket, Certificate>();
  /** Contexts by certificate and first suite of TLS 1.3. */
  private readonly contexts = new Map<string, SecureContext | null>();
  private index: CertificateIndex = { byName: new Map(), isEcdsa: [] };
  private certificates: readonly Certificate[] = [];
  private builtFor = -1;

  constructor(
    private readonly common: CommonTls,
    private readonly settings: ServerSettings,
  ) {}

  /** Takes note of replaced secrets. Connections that exist keep the context they have. */
  private refresh(stats: TlsStats): void {
    const generation = this.common.generation();
    if (generation === this.builtFor) return;
    if (this.builtFor >= 0) stats.updatedBySds.inc();
    this.builtFor = generation;
    this.contexts.clear();
    this.certificates = this.common.certificates();
    this.index = indexCertificates(this.certificates);
  }

  describe(secured: TLSSocket): TlsInfo {
    return describeSocket(secured, this.shown.get(secured)?.description ?? null);
  }

  /** Null when no handshake can succeed with the settings (minimum above maximum, say). */
  private context(hello: ClientHello | null, certificate: Certificate | undefined): SecureContext | null {
    if (!this.common.parameters.possible) return null;
    const suite = hello?.cipherSuites.find((each) => TLS13_SUITES.has(each)) ?? 0;
    const { leaves } = this.settings;
    const which =
      certificate === undefined
        ? -1
        : leaves === null
          ? this.certificates.indexOf(certificate)
          : certificate.leaf.fingerprint256;
    const key = `${which} ${suite}`;
    let context = this.contexts.get(key);
    if (context !== undefined) return context;
    try {
      context = certificate === undefined ? null : createSecureContext(this.options(certificate, suite));
    } catch {
      context = null;
    }
    if (leaves !== null && this.contexts.size >= MAX_LEAF_CONTEXTS) this.contexts.clear();
    this.contexts.set(key, context);
    return context;
  }

  private options(certificate: Certificate, suite: number): SecureContextOptions {
    const { parameters } = this.common;
    const validation = this.common.validation();
    const first = TLS13_SUITES.get(suite);
    const options: SecureContextOptions = {
      ...parameters.options,
      ...certificate.identity,
      ...(first === undefined ? {} : { ciphers: `${first}:${parameters.options.ciphers ?? ''}` }),
      ...(validation?.trustedCa == null ? {} : { ca: validation.trustedCa, allowPartialTrustChain: true }),
      ...(validation?.crl == null ? {} : { crl: validation.crl }),
      ...this.settings.sessions.options,
      // A session may be taken up again only where its client would be judged by the same rules.
      sessionIdContext: createHash('sha256')
        .update(JSON.stringify([validation, this.settings.requireCertificate, parameters.options]))
        .update(this.certificates.map(({ leaf }) => leaf.fingerprint256).join())
        .digest('hex')
        .slice(0, 32),
      honorCipherOrder: true,
    };
    return options;
  }

  accept(
    socket: Socket,
    hello: ClientHello | null,
    stats: TlsStats,
    done: (secured: TLSSocket, failure: string) => void,
  ): TLSSocket {
    this.refresh(stats);
    const ready = this.common.ready();
    const validation = this.common.validation();
    const checks = checksPeer(validation);
    const required = this.settings.requireCertificate || namesPeer(validation);
    // Envoy takes the first of its own protocols that the client offers; without one the handshake goes on.
    const protocol = this.common.alpn.find((each) => hello?.protocols.includes(each) ?? false);
    const certificate =
      this.settings.leaves === null
        ? this.certificates[chooseCertificate(this.index, hello, this.settings.fullScan)]
        : this.settings.leaves.certificateFor(hello?.serverName ?? '');
    const context = ready ? this.context(hello, certificate) : null;
    const secured = new TLSSocket(socket, {
      isServer: true,
      ...(context === null ? {} : { secureContext: context }),
      requestCert: checks,
      // A missing certificate fails the handshake itself; a bad one is judged below.
      rejectUnauthorized: checks && required,
      ...(protocol === undefined ? {} : { ALPNProtocols: [protocol] }),
    });
    if (certificate !== undefined) this.shown.set(secured, certificate);
    let settled = false;
    const settle = (failure: string): void => {
      if (settled) return;
      settled = true;
      done(secured, failure);
    };
    const fail = (error: NodeJS.ErrnoException): void => {
      const reason = tlsFailureReason(error);
      // Of failures of the handshake, a missing certificate has a counter of its own.
      if (settled || reason === '') settle(reason || CLOSED);
      else {
        (reason.includes('PEER_DID_NOT_RETURN') ? stats.failVerifyNoCert : stats.connectionError).inc();
        settle(reason);
      }
    };
    secured.on('_tlsError', fail);
    secured.on('error', fail);
    secured.on('close', () => settle(ready ? (context === null ? NO_VERSIONS : CLOSED) : NOT_READY));
    secured.once('secure', () => settle(this.judge(secured, hello, stats)));
    if (!ready) stats.secretsNotReady.inc();
    // Without a word: there is no context that could say one.
    if (context === null) {
      if (ready) stats.connectionError.inc();
      secured.destroy();
    }
    return secured;
  }

  private judge(secured: TLSSocket, hello: ClientHello | null, stats: TlsStats): string {
    const chain = peerChain(secured);
    const validation = this.common.validation();
    if (chain.length > 0 && validation !== null) {
      if (!acceptsPeer(validation, chain, chainError(secured), stats)) return VERIFY_FAILED;
    }
    stats.handshake.inc();
    const version = secured.getProtocol() ?? '';
    const cipher = secured.getCipher()?.name ?? '';
    const reused = secured.isSessionReused();
    const curve = hello === null ? '' : agreedGroup(hello, version, cipher, this.common.parameters.groups);
    stats.negotiated(version, cipher, reused && version !== 'TLSv1.3' ? '' : curve);
    if (reused) stats.sessionReused.inc();
    if (chain.length === 0) stats.noCertificate.inc();
    return '';
  }
}

/** Which group OpenSSL used for the key exchange; Node tells it to clients only. */
function agreedGroup(hello: ClientHello, version: string, cipher: string, ours: readonly number[]): string {
  if (version !== 'TLSv1.3' && !cipher.startsWith('ECDHE')) return '';
  const shared = ours.filter((group) => hello.groups.includes(group));
  // A group that comes with a key share saves a round trip.
  const ready = version === 'TLSv1.3' ? shared.find((group) => hello.keyShares.includes(group)) : undefined;
  return GROUPS.get(ready ?? shared[0] ?? -1) ?? '';
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
