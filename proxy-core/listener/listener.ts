import { createServer, type Server, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { AttacheError } from '../base/errors.ts';
import type { ConnectionInfo, SocketAddress } from '../base/stream-info.ts';
import { DRAIN_AT_ONCE, type Drain, HttpConnection, type HttpSlot } from '../http/connection.ts';
import type { DataPath, SnapshotRuntime } from '../http/runtime.ts';
import { type ReadCallback, readAccepted, readEvents } from '../network/read-buffer.ts';
import { type TlsStats, tlsStats } from '../network/tls/stats.ts';
import { SocketTransport, type TransportOwner } from '../network/transport.ts';
import { chooseFilterChain } from './filter-chain-match.ts';
import type { FilterChainConfig, ListenerConfig } from './listener-config.ts';
import {
  countInspection,
  type Inspection,
  inspect,
  NOT_INSPECTED,
  type TlsInspectorStats,
  tlsInspectorStats,
} from './listener-filters.ts';
import { type ListenerStats, listenerStats } from './listener-stats.ts';
import { PendingConnection, type PendingOwner } from './pending.ts';
import { type ClientHello, readClientHello } from './tls/client-hello.ts';
import type { ServerTls } from './tls/server.ts';

/** A bound listener: its socket, its connections, and the newest configuration of its filter chains. */
export class Listener implements PendingOwner {
  private server: Server | null = null;
  private readonly connections = new Set<HttpConnection>();
  private readonly slots = new Map<string, HttpSlot>();
  private bound: SocketAddress | null = null;
  private draining: Drain | null = null;
  private readonly stats: ListenerStats;
  /** Appears with the first inspected connection. */
  private inspectorStats: TlsInspectorStats | null = null;
  /** Appears with the first TLS connection. */
  private tlsStats: TlsStats | null = null;
  private readonly pending = new Set<PendingConnection>();
  private readonly handshakes = new Set<TLSSocket>();

  constructor(
    private current: ListenerConfig,
    private readonly path: DataPath,
    private snapshot: SnapshotRuntime,
  ) {
    this.stats = listenerStats(path.stats, current.statPrefix);
    this.fillSlots();
  }

  get config(): ListenerConfig {
    return this.current;
  }

  /** The address with the port that was really bound; null before `listen`. */
  get address(): SocketAddress | null {
    return this.bound;
  }

  get activeConnections(): number {
    return this.connections.size;
  }

  private fillSlots(): void {
    const wanted = new Set<string>();
    for (const chain of allChains(this.current)) {
      if (chain.http === null || (chain.tls && chain.serverTls === null)) continue;
      wanted.add(chain.key);
      const slot = this.slots.get(chain.key);
      if (slot === undefined) {
        this.slots.set(chain.key, { config: chain.http, snapshot: this.snapshot, drain: this.draining });
      } else {
        slot.config = chain.http;
        slot.snapshot = this.snapshot;
      }
    }
    for (const [key, slot] of this.slots) {
      if (wanted.has(key)) continue;
      slot.drain = DRAIN_AT_ONCE;
      this.slots.delete(key);
    }
  }

  /** Binds. Throws AttacheError `listener.address-in-use` or `listener.cannot-bind`. */
  listen(): Promise<void> {
    const { ip, port } = this.current.address;
    if (!this.current.bindsToPort) return Promise.resolve();
    const server = createServer({ noDelay: true, allowHalfOpen: true, pauseOnConnect: true }, (socket) =>
      this.accept(socket),
    );
    this.server = server;
    return new Promise((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => {
        this.server = null;
        reject(bindError(this.current, error));
      });
      const { backlog, ipv6Only } = this.current;
      const where = port < 0 ? { path: ip, backlog } : { host: ip, port, backlog, ipv6Only };
      server.listen(where, () => {
        // Later errors are of one connection (no file descriptor left, say): that one is lost, listening goes on.
        server.removeAllListeners('error').on('error', ignore);
        const address = server.address();
        if (address !== null && typeof address === 'object')
          this.bound = { ip: address.address, port: address.port };
        resolve();
      });
    });
  }

  /** True while new connections are taken. */
  get accepting(): boolean {
    return this.server !== null;
  }

  /** Takes over the bound socket of another listener, which then accepts nothing more. */
  adopt(from: Listener): void {
    const { server } = from;
    if (server === null) return;
    from.server = null;
    server.removeAllListeners('connection').on('connection', (socket) => this.accept(socket));
    this.server = server;
    this.bound = from.bound;
  }

  /** New streams, those of existing connections included, use the new configuration. */
  update(config: ListenerConfig, snapshot: SnapshotRuntime): void {
    this.current = config;
    this.snapshot = snapshot;
    this.fillSlots();
  }

  private accept(socket: Socket): void {
    this.stats.cxTotal.inc();
    this.stats.accepted.record(1);
    this.stats.workerCxTotal.inc();
    const { filters } = this.current;
    if (filters.tlsInspector || filters.httpInspector) {
      this.stats.preCxActive.inc();
      this.pending.add(new PendingConnection(socket, this.path.services.clock, this, filters.timeout));
    } else this.choose(socket, NOT_INSPECTED, null);
  }

  // PendingOwner

  onEarlyBytes(pending: PendingConnection, bytes: Buffer): boolean {
    const found = inspect(this.current.filters, bytes);
    if (found === null) return false;
    if (this.current.filters.tlsInspector) {
      this.inspectorStats ??= tlsInspectorStats(this.path.stats);
      countInspection(this.inspectorStats, found);
    }
    this.settle(pending);
    this.choose(pending.socket, found, bytes);
    return true;
  }

  onPendingTimeout(pending: PendingConnection): void {
    this.stats.preCxTimeout.inc();
    this.settle(pending);
    if (this.current.filters.continueOnTimeout) this.choose(pending.socket, NOT_INSPECTED, pending.early);
    else pending.socket.destroy();
  }

  onPendingGone(pending: PendingConnection): void {
    this.settle(pending);
  }

  private settle(pending: PendingConnection): void {
    if (!this.pending.delete(pending)) return;
    pending.release();
    this.stats.preCxActive.dec();
  }

  /** `early` was read from the socket already, null when nothing was. */
  private choose(socket: Socket, found: Inspection, early: Buffer | null): void {
    const local = { ip: socket.localAddress ?? '', port: socket.localPort ?? 0 };
    const remote = { ip: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 };
    const chain = chooseFilterChain(this.current, { ...found, local, remote }, null);
    const slot = chain === null ? undefined : this.slots.get(chain.key);
    if (chain === null || slot === undefined) {
      if (chain === null) this.stats.noFilterChainMatch.inc();
      this.stats.cxDestroy.inc();
      socket.on('error', ignore);
      socket.resetAndDestroy();
      return;
    }
    const info: ConnectionInfo = {
      id: this.path.nextConnectionId++,
      listenerName: this.current.name,
      local,
      directRemote: remote,
      filterChainName: chain.name,
      requestedServerName: found.serverName,
      tls: null,
      terminationDetails: '',
    };
    if (chain.serverTls !== null) {
      this.secure(socket, early, chain.serverTls, slot, info);
      return;
    }
    const open: (read: ReadCallback) => Socket =
      early === null ? (read) => readAccepted(socket, read) : (read) => readEvents(socket, read);
    this.serve(open, slot, info, early);
  }

  /** Reads the ClientHello, which says what certificate and protocol to answer with, and starts TLS. */
  private secure(
    socket: Socket,
    early: Buffer | null,
    tls: ServerTls,
    slot: HttpSlot,
    info: ConnectionInfo,
  ): void {
    const handshake = (bytes: Buffer): boolean => {
      const hello = readClientHello(bytes);
      if (hello === 'incomplete') return false;
      socket.pause();
      socket.unshift(bytes);
      this.shake(socket, tls, hello === 'not-tls' ? null : hello, slot, info);
      return true;
    };
    if (early !== null && handshake(early)) return;
    const pending: PendingConnection = new PendingConnection(
      socket,
      this.path.services.clock,
      {
        onEarlyBytes: (_pending, bytes) => {
          const readable = readClientHello(bytes) !== 'incomplete';
          if (!readable) return false;
          this.pending.delete(pending);
          pending.release();
          return handshake(bytes);
        },
        onPendingTimeout: () => pending.destroy(),
        onPendingGone: () => this.pending.delete(pending),
      },
      0,
    );
    if (early !== null) socket.unshift(early);
    this.pending.add(pending);
  }

  private shake(
    socket: Socket,
    tls: ServerTls,
    hello: ClientHello | null,
    slot: HttpSlot,
    info: ConnectionInfo,
  ): void {
    this.stats.cxActive.inc();
    this.stats.workerCxActive.inc();
    const opened = this.path.services.clock.now();
    this.tlsStats ??= tlsStats(this.path.stats, `${this.current.statPrefix}.ssl.`);
    const secured = tls.accept(socket, hello, this.tlsStats, (_secured, failure) => {
      this.handshakes.delete(secured);
      this.stats.cxActive.dec();
      this.stats.workerCxActive.dec();
      if (failure !== '') {
        this.stats.cxDestroy.inc();
        this.stats.cxLengthMs.record(Math.round(this.path.services.clock.now() - opened));
        secured.destroy();
        return;
      }
      info.tls = tls.describe(secured);
      this.serve((read) => readEvents(secured, read), slot, info, null);
    });
    this.handshakes.add(secured);
  }

  private serve(
    open: (read: ReadCallback) => Socket,
    slot: HttpSlot,
    info: ConnectionInfo,
    early: Buffer | null,
  ): void {
    this.stats.cxActive.inc();
    this.stats.workerCxActive.inc();
    const opened = this.path.services.clock.now();
    const relay = new Relay();
    const transport = new SocketTransport(open, relay, this.path.queue);
    const connection = new HttpConnection(
      transport,
      slot,
      this.path,
      info,
      info.tls !== null,
      this.current.perConnectionBufferLimit,
      (gone) => {
        this.connections.delete(gone);
        this.stats.cxActive.dec();
        this.stats.workerCxActive.dec();
        this.stats.cxDestroy.inc();
        this.stats.cxLengthMs.record(Math.round(this.path.services.clock.now() - opened));
      },
    );
    relay.to = connection;
    this.connections.add(connection);
    if (early === null) return;
    const { queue } = this.path;
    queue.enter();
    try {
      connection.onBytes(early, 0, early.length);
    } finally {
      queue.leave();
    }
  }

  /** Stops accepting; connections go on. */
  stopAccepting(): void {
    this.server?.close();
    this.server = null;
  }

  /** Every connection ends after the request under way. */
  drain(): void {
    this.setDrain(DRAIN_AT_ONCE);
    for (const connection of [...this.connections]) connection.drain();
  }

  /** Responses end their connections more and more often, all of them after `duration` milliseconds. */
  drainGradually(duration: number): void {
    this.setDrain({ since: this.path.services.clock.now(), duration });
  }

  private setDrain(drain: Drain): void {
    this.draining = drain;
    for (const slot of this.slots.values()) slot.drain = drain;
  }

  /** Stops accepting and cuts everything. */
  close(): void {
    this.stopAccepting();
    for (const pending of [...this.pending]) pending.destroy();
    for (const socket of [...this.handshakes]) socket.destroy();
    for (const connection of [...this.connections]) connection.destroyNow();
  }
}

function ignore(): void {}

function allChains(config: ListenerConfig): readonly FilterChainConfig[] {
  return config.defaultFilterChain === null
    ? config.filterChains
    : [...config.filterChains, config.defaultFilterChain];
}

/** Transport and connection need each other; the transport is made first. */
class Relay implements TransportOwner {
  to: TransportOwner | null = null;

  onBytes(bytes: Buffer, start: number, end: number): void {
    this.to?.onBytes(bytes, start, end);
  }

  onEnd(): void {
    this.to?.onEnd();
  }

  onDrain(): void {
    this.to?.onDrain();
  }

  onClose(error: string): void {
    this.to?.onClose(error);
  }
}

function bindError(config: ListenerConfig, error: NodeJS.ErrnoException): AttacheError {
  const at = `${config.address.ip}:${config.address.port}`;
  if (error.code === 'EADDRINUSE') {
    return new AttacheError(
      'listener.address-in-use',
      `Listener ${config.name} cannot bind ${at}: another program (or another listener) uses this address. Stop it, or change port_value.`,
      { cause: error },
    );
  }
  return new AttacheError(
    'listener.cannot-bind',
    `Listener ${config.name} cannot bind ${at}: ${error.message}`,
    { cause: error },
  );
}
