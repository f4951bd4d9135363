import { constants, type X509Certificate } from 'node:crypto';
import {
  type ConnectionOptions,
  connect,
  createSecureContext,
  type SecureContext,
  type SecureContextOptions,
  type TLSSocket,
} from 'node:tls';
import type { TlsInfo } from '../../base/stream-info.ts';
import type { CompileContext } from '../../config/compile-context.ts';
import type { MessageReader } from '../../config/reader.ts';
import { connectOptions, connectPlain } from '../../network/connect.ts';
import { readCopied } from '../../network/read-buffer.ts';
import type { ClientTls } from '../../network/tls/client.ts';
import type { TlsStats } from '../../network/tls/stats.ts';
import { describeSocket, peerChain } from './certificate.ts';
import { type CommonTls, compileCommonTls, transportSocketContext, UPSTREAM_TLS } from './compile.ts';
import { tlsFailureReason } from './failure-reason.ts';
import { acceptsPeer, VERIFY_FAILED } from './verify.ts';

/** Compiles a cluster's `transport_socket`; null = raw buffer. */
export function compileClientTls(socket: MessageReader, ctx: CompileContext): ClientTls | null {
  const reader = transportSocketContext(socket, ctx, UPSTREAM_TLS);
  if (reader === null) return null;
  reader.acknowledge('enforce_rsa_key_usage');
  return new ClientContext(compileCommonTls(reader.message('common_tls_context'), ctx, 'client'), {
    sni: reader.string('sni') ?? '',
    allowsRenegotiation: reader.bool('allow_renegotiation') ?? false,
    maxSessions: reader.number('max_session_keys') ?? 1,
  });
}

interface ClientSettings {
  readonly sni: string;
  readonly allowsRenegotiation: boolean;
  /** How many sessions are kept to be taken up again, 0 = none. */
  readonly maxSessions: number;
}

/** Connections that need a secret which has not come end with this. */
const NOT_READY = 'TLS_error:_Secret_is_not_supplied_by_SDS';

const DEFAULT_PROTOCOLS: Readonly<Record<'HTTP1' | 'HTTP2' | 'AUTO' | 'TCP', readonly string[]>> = {
  AUTO: ['h2', 'http/1.1'],
  HTTP2: ['h2'],
  HTTP1: ['http/1.1'],
  TCP: [],
};

/** A session with the peer that it was made with: who takes it up again is not told. */
interface KeptSession {
  readonly session: Buffer;
  readonly chain: readonly X509Certificate[];
  readonly chainError: string;
}

/** What is known of a connection's peer. Its session is worth keeping once the peer was found good; until then it waits. */
interface Peer {
  readonly resumed: KeptSession | undefined;
  trusted: boolean;
  session: Buffer | null;
  chain: readonly X509Certificate[];
  chainError: string;
}

class ClientContext implements ClientTls {
  private context: SecureContext | null = null;
  private builtFor = -1;
  private updates = 0;
  /** The newest last. */
  private sessions: KeptSession[] = [];
  private readonly peers = new WeakMap<TLSSocket, Peer>();

  constructor(
    private readonly common: CommonTls,
    private readonly settings: ClientSettings,
  ) {}

  private secureContext(): SecureContext {
    const generation = this.common.generation();
    if (this.context !== null && generation === this.builtFor) return this.context;
    if (this.context !== null) this.updates++;
    this.builtFor = generation;
    this.sessions = [];
    const validation = this.common.validation();
    const [certificate] = this.common.certificates();
    const options: SecureContextOptions = {
      ...this.common.parameters.options,
      ...certificate?.identity,
      ...(validation?.trustedCa == null ? {} : { ca: validation.trustedCa, allowPartialTrustChain: true }),
      ...(validation?.crl == null ? {} : { crl: validation.crl }),
      ...(this.settings.allowsRenegotiation ? {} : { secureOptions: constants.SSL_OP_NO_RENEGOTIATION }),
    };
    this.context = createSecureContext(options);
    return this.context;
  }

  connect(...[host, protocol, onread, alpn = [], name]: Parameters<ClientTls['connect']>): TLSSocket {
    const preface = name?.preface ?? null;
    const where = preface === null ? connectOptions(host) : { socket: connectPlain(host, preface, null) };
    const { common } = this;
    const own = common.alpn.length > 0 && protocol !== 'AUTO' ? common.alpn : DEFAULT_PROTOCOLS[protocol];
    const offered = alpn.length > 0 ? alpn : own;
    const sni = name?.sni || this.settings.sni;
    const secureContext = this.secureContext();
    const resumed = this.takeSession();
    const options: ConnectionOptions & {
      onread: typeof onread;
      allowHalfOpen: boolean;
      noDelay?: boolean | undefined;
    } = {
      ...where,
      secureContext,
      ...(sni === '' ? {} : { servername: sni }),
      ...(offered.length === 0 ? {} : { ALPNProtocols: [...offered] }),
      ...(resumed === undefined ? {} : { session: resumed.session }),
      allowHalfOpen: true,
      // Whether the peer is good is decided by Envoy's rules, not by the name alone.
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
      onread,
    };
    const socket = connect(options);
    if (preface !== null) socket.on('data', (chunk: Buffer) => readCopied(chunk, onread));
    if (!common.ready()) {
      const error = Object.assign(new Error(NOT_READY), { code: NOT_READY });
      process.nextTick(() => socket.destroy(error));
    } else this.attend(socket, resumed);
    return socket;
  }

  /** Sessions of TLS 1.3 are good for one connection; those before are kept. */
  private takeSession(): KeptSession | undefined {
    return this.common.parameters.maximum === 'TLSv1.3'
      ? this.sessions.pop()
      : this.sessions[this.sessions.length - 1];
  }

  private attend(socket: TLSSocket, resumed: KeptSession | undefined): void {
    const peer: Peer = { resumed, trusted: false, session: null, chain: [], chainError: '' };
    this.peers.set(socket, peer);
    if (this.settings.maxSessions === 0) return;
    const { builtFor } = this;
    socket.on('session', (session) => {
      if (builtFor !== this.builtFor) return;
      if (peer.trusted) this.store(session, peer);
      else peer.session = session;
    });
  }

  private store(session: Buffer, { chain, chainError }: Peer): void {
    this.sessions.push({ session, chain, chainError });
    if (this.sessions.length > this.settings.maxSessions) this.sessions.shift();
  }

  verify(socket: TLSSocket, stats: TlsStats, name?: { readonly san: string }): string {
    while (this.updates > 0) {
      this.updates--;
      stats.updatedBySds.inc();
    }
    const reused = socket.isSessionReused();
    const peer = this.peers.get(socket);
    if (peer !== undefined) {
      const known = reused ? peer.resumed : undefined;
      peer.chain = known?.chain ?? peerChain(socket);
      peer.chainError =
        known?.chainError ?? (socket.authorized ? '' : String(socket.authorizationError ?? 'UNKNOWN'));
    }
    const validation = this.common.validation();
    if (validation !== null) {
      const good = acceptsPeer(validation, peer?.chain ?? [], peer?.chainError ?? '', stats, name?.san ?? '');
      if (!good) return VERIFY_FAILED;
    }
    stats.handshake.inc();
    const version = socket.getProtocol() ?? '';
    stats.negotiated(version, socket.getCipher()?.name ?? '', reused ? '' : ephemeralGroup(socket));
    if (reused) stats.sessionReused.inc();
    if (peer !== undefined) {
      peer.trusted = true;
      if (peer.session !== null) this.store(peer.session, peer);
    }
    return '';
  }

  describe(socket: TLSSocket): TlsInfo {
    const [certificate] = this.common.certificates();
    return describeSocket(socket, certificate?.description ?? null, this.peers.get(socket)?.chain);
  }

  failure(error: string, stats: TlsStats): string {
    if (error === NOT_READY) {
      stats.secretsNotReady.inc();
      return error;
    }
    const reason = tlsFailureReason({ name: '', message: '', code: error });
    if (reason === '') return error;
    stats.connectionError.inc();
    return reason;
  }
}

/** OpenSSL's names of groups that BoringSSL calls otherwise. */
const GROUP_NAMES: Readonly<Record<string, string>> = {
  prime256v1: 'P-256',
  secp384r1: 'P-384',
  secp521r1: 'P-521',
};

function ephemeralGroup(socket: TLSSocket): string {
  const info = socket.getEphemeralKeyInfo() as { name?: string } | null;
  const name = info?.name ?? '';
  return GROUP_NAMES[name] ?? name;
}
