import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { Timer, type TimerOwner } from '../base/clock.ts';
import { addFlag, type ConnectionInfo, type SocketAddress, type StreamInfo } from '../base/stream-info.ts';
import { HttpConnection } from '../http/connection.ts';
import { type ReadCallback, readAccepted, readEvents, readMoved } from '../network/read-buffer.ts';
import { SocketTransport, type TransportOwner } from '../network/transport.ts';
import { FilteredConnection, type NetworkConnection } from '../network-filters/index.ts';
import type { ChainSlot } from './chain-slot.ts';
import { connectionAccount, connectionInfo } from './connection-account.ts';
import type { ConnectionHost } from './connection-host.ts';
import { chooseFilterChain } from './filter-chain-match.ts';
import { FilterRun, Findings } from './filters/inspection.ts';
import type { FilterChainConfig } from './listener-config.ts';
import { PendingConnection, type PendingOwner } from './pending.ts';
import { type ClientHello, readClientHello } from './tls/client-hello.ts';
import type { ServerTls } from './tls/server.ts';

/** What serves a connection once its filter chain is known. */
interface Target extends TransportOwner {
  drain?(): void;
}

const NOTHING: Target = { onBytes() {}, onEnd() {}, onDrain() {}, onClose() {} };

const NO_FINDINGS: Readonly<Findings> = new Findings();

/** One downstream connection from `accept` to its end: listener filters, filter chain, TLS, network filters. */
export class AcceptedConnection implements TransportOwner, PendingOwner, TimerOwner {
  /** Null until its filter chain is known. */
  slot: ChainSlot | null = null;
  private readonly startedAt: number;
  private pending: PendingConnection | null = null;
  private run: FilterRun | null = null;
  private findings: Readonly<Findings> = NO_FINDINGS;
  private handshake: TLSSocket | null = null;
  private handshakeTimer: Timer | null = null;
  private transport: SocketTransport | null = null;
  private target: Target = NOTHING;
  private info: ConnectionInfo | null = null;
  /** Of the whole connection; null when nobody wants it: no access log, no network filter. */
  private account: StreamInfo | null = null;
  private counted = false;
  private gone = false;

  constructor(
    private readonly socket: Socket,
    readonly local: SocketAddress,
    readonly remote: SocketAddress,
    private readonly host: ConnectionHost,
  ) {
    this.startedAt = host.path.services.clock.now();
  }

  start(): void {
    const { stats, config } = this.host;
    const { filters } = config;
    if (filters.list.length === 0) {
      this.choose(null);
      return;
    }
    const { clock } = this.host.path.services;
    this.run = new FilterRun(filters.list, clock);
    this.findings = this.run.findings;
    stats.preCxActive.inc();
    if (filters.list.some((filter) => !filter.needsBytes) && this.advance(Buffer.alloc(0)) !== 'more') return;
    this.pending = new PendingConnection(this.socket, clock, this, filters.timeout);
  }

  // PendingOwner

  onEarlyBytes(pending: PendingConnection, bytes: Buffer): number {
    const { run } = this;
    if (run === null) return 0;
    const { consumed, state } = run.advance(bytes);
    if (state === 'more') return consumed;
    pending.release();
    this.pending = null;
    this.settle(state, bytes.subarray(consumed));
    return consumed;
  }

  private advance(bytes: Buffer): 'more' | 'done' | 'refused' {
    const state = this.run?.advance(bytes).state ?? 'done';
    if (state !== 'more') this.settle(state, null);
    return state;
  }

  /** The listener filters have decided. */
  private settle(state: 'done' | 'refused', rest: Buffer | null): void {
    this.host.stats.preCxActive.dec();
    if (state === 'done') this.choose(rest);
    else this.refuse(rest !== null);
  }

  onPendingTimeout(pending: PendingConnection): void {
    const { config, stats } = this.host;
    stats.preCxTimeout.inc();
    const { early } = pending;
    if (!config.filters.continueOnTimeout) {
      pending.destroy();
      return;
    }
    pending.release();
    this.pending = null;
    stats.preCxActive.dec();
    this.choose(early);
  }

  onPendingGone(_pending: PendingConnection, remote: boolean): void {
    this.pending = null;
    const { stats } = this.host;
    if (this.info === null) {
      stats.preCxActive.dec();
      if (remote) stats.listenerFilterRemoteClose.inc();
    }
    this.finish();
  }

  /**
   * A connection that came to nothing: no filter chain, or a listener filter said no. Envoy leaves in the kernel what
   * it looked at, so that a client that has sent something sees a reset.
   */
  private refuse(hasSent: boolean): void {
    this.socket.on('error', ignore);
    if (hasSent) this.socket.resetAndDestroy();
    else this.socket.destroy();
    this.finish();
  }

  private connectionInfo(chain: FilterChainConfig | null): ConnectionInfo {
    const { path, config } = this.host;
    return connectionInfo(path, config.name, chain?.name ?? '', this, this.findings);
  }

  private openAccount(info: ConnectionInfo): StreamInfo {
    const { path, snapshot } = this.host;
    return connectionAccount(path, snapshot, info, this.findings, this.startedAt);
  }

  /** `early` was read from the socket already, null when nothing was. */
  private choose(early: Buffer | null): void {
    const { host, findings } = this;
    const chain = chooseFilterChain(
      host.config,
      {
        transportProtocol: findings.transportProtocol,
        serverName: findings.serverName,
        applicationProtocols: findings.applicationProtocols,
        local: findings.local ?? this.local,
        remote: findings.remote ?? this.remote,
        direct: this.remote,
      },
      null,
    );
    const slot = chain === null ? undefined : host.slotOf(chain);
    const info = this.connectionInfo(chain);
    this.info = info;
    if (chain === null || slot === undefined) {
      if (chain === null) {
        host.stats.noFilterChainMatch.inc();
        this.account = this.openAccount(info);
        addFlag(this.account, 'NR');
        this.account.responseCodeDetails = 'filter_chain_not_found';
        host.path.recorder?.begin(this.account);
      }
      this.refuse(early !== null);
      return;
    }
    this.enter(slot);
    if (chain.serverTls === null) {
      const open: (read: ReadCallback) => Socket =
        early === null ? (read) => readAccepted(this.socket, read) : (read) => readMoved(this.socket, read);
      this.serve(open, early);
    } else this.secure(early, chain.serverTls, chain.handshakeTimeout);
  }

  private enter(slot: ChainSlot): void {
    const { stats } = this.host;
    this.slot = slot;
    slot.connections.add(this);
    this.counted = true;
    stats.cxTotal.inc();
    stats.workerCxTotal.inc();
    stats.cxActive.inc();
    stats.workerCxActive.inc();
  }

  /** Reads the ClientHello, which says what certificate and protocol to answer with, and starts TLS. */
  private secure(early: Buffer | null, tls: ServerTls, timeout: number): void {
    const { clock } = this.host.path.services;
    if (timeout > 0) {
      this.handshakeTimer = new Timer(this, 0);
      clock.arm(this.handshakeTimer, timeout);
    }
    if (early !== null && this.hello(early, tls)) return;
    const pending = new PendingConnection(
      this.socket,
      clock,
      {
        onEarlyBytes: (_pending, bytes) => {
          if (readClientHello(bytes) === 'incomplete') return 0;
          pending.release();
          this.pending = null;
          this.hello(bytes, tls);
          return 0;
        },
        onPendingTimeout: () => pending.destroy(),
        onPendingGone: (gone, remote) => this.onPendingGone(gone, remote),
      },
      0,
    );
    if (early !== null && early.length > 0) this.socket.unshift(early);
    this.pending = pending;
  }

  private hello(bytes: Buffer, tls: ServerTls): boolean {
    const hello = readClientHello(bytes);
    if (hello === 'incomplete') return false;
    this.socket.pause();
    this.socket.unshift(bytes);
    this.shake(tls, hello === 'not-tls' ? null : hello);
    return true;
  }

  private shake(tls: ServerTls, hello: ClientHello | null): void {
    this.handshake = tls.accept(this.socket, hello, this.host.tlsStats, (secured, failure) => {
      this.handshake = null;
      if (this.gone) return;
      const { info } = this;
      if (info === null) return;
      if (failure !== '') {
        if (info.transportFailureReason === '') info.transportFailureReason = failure;
        secured.destroy();
        this.finish();
        return;
      }
      this.stopHandshakeTimer();
      info.tls = tls.describe(secured);
      this.serve((read) => readEvents(secured, read), null);
    });
  }

  /** `transport_socket_connect_timeout`. */
  onTimer(): void {
    const { info } = this;
    this.host.stats.handshakeTimeout.inc();
    if (info !== null) info.terminationDetails = 'transport socket timeout was reached';
    this.destroyNow();
  }

  private stopHandshakeTimer(): void {
    if (this.handshakeTimer !== null) this.host.path.services.clock.disarm(this.handshakeTimer);
  }

  private serve(open: (read: ReadCallback) => Socket, early: Buffer | null): void {
    const { host, slot, info } = this;
    if (slot === null || info === null) return;
    const { path } = host;
    const transport = new SocketTransport(open, this, path.queue);
    this.transport = transport;
    path.queue.enter();
    try {
      this.open(transport, slot, info);
      if (early !== null && early.length > 0 && !transport.closed) this.onBytes(early, 0, early.length);
    } catch (error) {
      path.queue.onDefect(error);
      transport.destroy();
    } finally {
      path.queue.leave();
    }
  }

  private open(transport: SocketTransport, slot: ChainSlot, info: ConnectionInfo): void {
    const { host } = this;
    const { path, config } = host;
    const { chain, http } = slot;
    const plain = chain.filters.length === 0;
    if (!plain || http === null || config.accessLogs.length > 0) this.account = this.openAccount(info);
    if (http !== null && plain) {
      this.target = this.httpConnection(transport, slot, info);
      return;
    }
    const connection: NetworkConnection = {
      info,
      account: this.account ?? this.openAccount(info),
      transport,
      path,
      snapshot: slot.snapshot,
      bufferLimit: config.perConnectionBufferLimit,
      clusterName: '',
      close: (mode) => {
        if (mode === 'flush') transport.closeAfterFlush();
        else transport.destroy();
      },
    };
    if (http === null) path.recorder?.begin(connection.account);
    const terminal = chain.terminal?.create(connection) ?? this.httpConnection(transport, slot, info);
    if (plain) {
      this.target = terminal;
      if ('onNewConnection' in terminal) terminal.onNewConnection();
      return;
    }
    const filters = chain.filters.map((factory) => factory.create(connection));
    const filtered = new FilteredConnection(filters, terminal);
    this.target = {
      onBytes: (bytes, start, end) => filtered.onBytes(bytes, start, end),
      onEnd: () => filtered.onEnd(),
      onDrain: () => filtered.onDrain(),
      onClose: (error) => filtered.onClose(error),
      drain: () => terminal.drain(),
    };
    filtered.onNewConnection();
  }

  private httpConnection(transport: SocketTransport, slot: ChainSlot, info: ConnectionInfo): HttpConnection {
    const { path, config } = this.host;
    if (slot.http === null) throw new Error('a filter chain without a terminal filter');
    const limit = config.perConnectionBufferLimit;
    return new HttpConnection(transport, slot.http, path, info, info.tls !== null, limit, ignore);
  }

  // TransportOwner

  onBytes(bytes: Buffer, start: number, end: number): void {
    if (this.account !== null) this.account.bytesReceived += end - start;
    this.target.onBytes(bytes, start, end);
  }

  onEnd(): void {
    this.target.onEnd();
  }

  onDrain(): void {
    this.target.onDrain();
  }

  onClose(error: string): void {
    const { account, transport, target } = this;
    if (account !== null) {
      account.end = this.host.path.services.clock.now();
      if (transport !== null) account.bytesSent = transport.bytesWritten;
      if (target instanceof HttpConnection) account.downstreamProtocol = target.protocol ?? 'TCP';
    }
    this.target.onClose(error);
    this.finish();
  }

  private finish(): void {
    if (this.gone) return;
    this.gone = true;
    this.stopHandshakeTimer();
    const { host } = this;
    const { path, stats, config } = host;
    if (this.counted) {
      stats.cxActive.dec();
      stats.workerCxActive.dec();
      stats.cxDestroy.inc();
      stats.cxLengthMs.record(Math.round(path.services.clock.now() - this.startedAt));
    }
    this.slot?.connections.delete(this);
    if (config.accessLogs.length > 0) {
      this.account ??= this.openAccount(this.info ?? this.connectionInfo(null));
    }
    const { account } = this;
    if (account !== null) {
      if (account.end < 0) account.end = path.services.clock.now();
      for (const log of config.accessLogs) log.log(account);
      if (account.record >= 0) path.recorder?.end(account);
    }
    host.onGone(this);
  }

  /** Ends after what is under way. */
  drain(): void {
    this.target.drain?.();
  }

  /** Cuts it, in whatever state it is. */
  destroyNow(): void {
    if (this.pending !== null) this.pending.destroy();
    else if (this.handshake !== null) {
      this.handshake.destroy();
      this.finish();
    } else if (this.target instanceof HttpConnection) this.target.destroyNow();
    else if (this.transport !== null) this.transport.destroy();
  }
}

function ignore(): void {}
