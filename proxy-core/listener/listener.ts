import type { Socket } from 'node:net';
import { CallbackTimer } from '../base/clock.ts';
import type { SocketAddress } from '../base/stream-info.ts';
import type { DataPath, SnapshotRuntime } from '../http/runtime.ts';
import { DRAIN_AT_ONCE, type Drain } from '../http/slot.ts';
import { type TlsStats, tlsStats } from '../network/tls/stats.ts';
import { AcceptedConnection } from './accepted-connection.ts';
import { type ChainSlot, servesConnections } from './chain-slot.ts';
import type { ConnectionHost } from './connection-host.ts';
import { ConnectionLimits } from './connection-limits.ts';
import type { BindAddress, FilterChainConfig, ListenerConfig } from './listener-config.ts';
import { ListenerSockets } from './listener-sockets.ts';
import { type ListenerStats, listenerStats } from './listener-stats.ts';

/** `--drain-time-s` when nobody says otherwise, milliseconds. */
const DRAIN_TIME = 600_000;

/** A bound listener: its sockets, its connections, and the newest configuration of its filter chains. */
export class Listener implements ConnectionHost {
  readonly stats: ListenerStats;
  private readonly sockets = new ListenerSockets();
  private readonly connections = new Set<AcceptedConnection>();
  private readonly slots = new Map<string, ChainSlot>();
  /** Chains that are gone or were replaced, and still have connections; each with the timer that ends them. */
  private readonly drainingSlots = new Map<ChainSlot, CallbackTimer>();
  private readonly limits: ConnectionLimits;
  private draining: Drain | null = null;
  /** Appears with the first TLS connection. */
  private tls: TlsStats | null = null;

  constructor(
    private current: ListenerConfig,
    readonly path: DataPath,
    private runtime: SnapshotRuntime,
  ) {
    this.stats = listenerStats(path.stats, current.statPrefix);
    this.limits = new ConnectionLimits(path, this.stats);
    this.fillSlots(DRAIN_TIME);
  }

  get config(): ListenerConfig {
    return this.current;
  }

  get snapshot(): SnapshotRuntime {
    return this.runtime;
  }

  get tlsStats(): TlsStats {
    this.tls ??= tlsStats(this.path.stats, `${this.current.statPrefix}.`, 'server_ssl_socket_factory');
    return this.tls;
  }

  /** The address with the port that was really bound; null while nothing is bound. */
  get address(): SocketAddress | null {
    return this.sockets.addresses[0] ?? null;
  }

  /** All of them, `additional_addresses` included. */
  get addresses(): readonly SocketAddress[] {
    return this.sockets.addresses;
  }

  /** Connections that have their filter chain. */
  get activeConnections(): number {
    let sum = 0;
    for (const connection of this.connections) if (connection.slot !== null) sum++;
    return sum;
  }

  /** A chain that stays keeps its connections, which see its new routes; one that changed lets them go. */
  private fillSlots(drainTime: number): void {
    const wanted = new Set<string>();
    for (const chain of allChains(this.current)) {
      if (!servesConnections(chain)) continue;
      wanted.add(chain.key);
      const slot = this.slots.get(chain.key);
      if (slot !== undefined && slot.chain.fingerprint === chain.fingerprint) {
        this.refresh(slot, chain);
        continue;
      }
      if (slot !== undefined) this.drainSlot(slot, drainTime);
      this.slots.set(chain.key, this.newSlot(chain));
    }
    for (const [key, slot] of this.slots) {
      if (wanted.has(key)) continue;
      this.slots.delete(key);
      this.drainSlot(slot, drainTime);
    }
  }

  private newSlot(chain: FilterChainConfig): ChainSlot {
    const snapshot = this.runtime;
    const { modifyOnly } = this.current;
    const { draining: drain } = this;
    return {
      chain,
      snapshot,
      http: chain.http === null ? null : { config: chain.http, snapshot, drain, modifyOnly },
      connections: new Set(),
    };
  }

  private refresh(slot: ChainSlot, chain: FilterChainConfig): void {
    slot.chain = chain;
    slot.snapshot = this.runtime;
    if (slot.http === null || chain.http === null) return;
    slot.http.config = chain.http;
    slot.http.snapshot = this.runtime;
  }

  /** HTTP connections end with their next response, all others when the drain time is over. */
  private drainSlot(slot: ChainSlot, drainTime: number): void {
    if (slot.http !== null) slot.http.drain = DRAIN_AT_ONCE;
    if (slot.connections.size === 0) return;
    const timer = new CallbackTimer(this.path.services.clock, () => {
      for (const connection of [...slot.connections]) connection.destroyNow();
    });
    this.drainingSlots.set(slot, timer);
    timer.arm(drainTime);
    this.drainingGauge.inc();
  }

  private get drainingGauge() {
    return this.path.stats.gauge('listener_manager.total_filter_chains_draining');
  }

  /** Binds. Throws AttacheError `listener.address-in-use` or `listener.cannot-bind`. */
  async listen(): Promise<void> {
    if (this.current.bindsToPort) await this.sockets.listen(this.current, this.accept);
  }

  /** True while new connections are taken. */
  get accepting(): boolean {
    return this.sockets.open;
  }

  /** Takes over the bound sockets of another listener, which then accepts nothing more. */
  adopt(from: Listener): void {
    this.sockets.adopt(from.sockets, this.accept);
  }

  /**
   * The newest configuration. Streams of existing connections see its routes; connections of filter chains that are
   * gone or otherwise changed end, after `drainTime` milliseconds at the latest.
   */
  update(config: ListenerConfig, snapshot: SnapshotRuntime, drainTime = DRAIN_TIME): void {
    this.current = config;
    this.runtime = snapshot;
    this.fillSlots(drainTime);
  }

  private readonly accept = (socket: Socket, bound: BindAddress): void => {
    this.stats.accepted.record(1);
    if (!this.limits.admit(this.current, this.runtime, this.connections.size)) {
      socket.destroy();
      return;
    }
    this.path.downstreamConnections++;
    const [local, remote] = endpoints(socket, bound);
    const connection = new AcceptedConnection(socket, local, remote, this);
    this.connections.add(connection);
    connection.start();
  };

  // ConnectionHost

  slotOf(chain: FilterChainConfig): ChainSlot | undefined {
    return this.slots.get(chain.key);
  }

  onGone(connection: AcceptedConnection): void {
    if (!this.connections.delete(connection)) return;
    this.path.downstreamConnections--;
    const { slot } = connection;
    const timer = slot === null ? undefined : this.drainingSlots.get(slot);
    if (slot === null || timer === undefined || slot.connections.size > 0) return;
    timer.disarm();
    this.drainingSlots.delete(slot);
    this.drainingGauge.dec();
  }

  /** Stops accepting; connections go on. */
  stopAccepting(): void {
    this.sockets.close();
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
    for (const slot of this.slots.values()) if (slot.http !== null) slot.http.drain = drain;
  }

  /** Stops accepting and cuts everything. */
  close(): void {
    this.stopAccepting();
    for (const connection of [...this.connections]) connection.destroyNow();
    for (const timer of this.drainingSlots.values()) timer.disarm();
  }
}

function allChains(config: ListenerConfig): readonly FilterChainConfig[] {
  return config.defaultFilterChain === null
    ? config.filterChains
    : [...config.filterChains, config.defaultFilterChain];
}

/** Both ends of an accepted socket. IPv4 clients of a dual-stack socket are IPv4 clients. */
function endpoints(socket: Socket, bound: BindAddress): readonly [SocketAddress, SocketAddress] {
  if (bound.port < 0) {
    return [
      { ip: bound.ip, port: -1 },
      { ip: '', port: -1 },
    ];
  }
  const plain = (ip: string): string => (ip.startsWith('::ffff:') && ip.includes('.') ? ip.slice(7) : ip);
  return [
    { ip: plain(socket.localAddress ?? ''), port: socket.localPort ?? 0 },
    { ip: plain(socket.remoteAddress ?? ''), port: socket.remotePort ?? 0 },
  ];
}
