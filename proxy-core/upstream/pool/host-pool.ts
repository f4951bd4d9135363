import type { Clock } from '../../base/clock.ts';
import { latin1Text } from '../../base/latin1.ts';
import type { Random } from '../../base/random.ts';
import type { HttpProtocol } from '../../base/stream-info.ts';
import type { ResetReason } from '../../http/codec/codec.ts';
import type { FlushQueue } from '../../network/flush-queue.ts';
import type { ServerName } from '../../network/tls/client.ts';
import type { Cluster, Host, HostPool, ResourceLimits } from '../types.ts';
import { type ConnectionProtocol, PoolConnection, type PoolConnectionOwner } from './connection.ts';

/** Somebody who needs a connection. Exactly one of the two is called, perhaps before `request` returns. */
export interface PoolWaiter {
  /** Take it with `connection.lend`. */
  onPoolReady(connection: PoolConnection): void;
  /** `detail` is Envoy's transport failure reason; `hostTried` is false when the queue was full. */
  onPoolFailure(reason: ResetReason, detail: string, hostTried: boolean): void;
}

export type Priority = 'default' | 'high';

/** Most connections that one request makes ahead of need. */
const MAX_AHEAD = 2;

/** What pools are created with. */
export interface PoolServices {
  readonly clock: Clock;
  readonly queue: FlushQueue;
  readonly random: Random;
}

/** All pools of one host: one per priority and protocol. */
export class HostPools implements HostPool {
  private readonly pools: (ProtocolPool | null)[] = [null, null, null, null];
  /**
   * Connections that carry a name of their own (`auto_sni`) are shared only by requests for that name, those that begin
   * with a PROXY header only by requests of that client.
   */
  private named: Map<string, ProtocolPool> | null = null;

  constructor(
    private readonly host: Host,
    private readonly cluster: Cluster,
    private readonly services: PoolServices,
  ) {}

  /**
   * @param downstream Decides for clusters that speak upstream what the client speaks.
   * @param name What TLS is to go by instead of what the cluster says.
   */
  request(
    priority: Priority,
    waiter: PoolWaiter,
    downstream: HttpProtocol,
    name: ServerName | null = null,
  ): void {
    const configured = this.cluster.config.upstreamProtocol;
    const protocol = configured !== 'DOWNSTREAM' ? configured : downstream === 'HTTP/2' ? 'HTTP2' : 'HTTP1';
    const index = (priority === 'default' ? 0 : 1) + (protocol === 'HTTP1' ? 0 : 2);
    if (name !== null) {
      this.namedPool(
        `${index} ${name.sni} ${name.san} ${prefaceText(name)}`,
        priority,
        protocol,
        name,
      ).request(waiter);
      return;
    }
    let pool = this.pools[index];
    if (pool == null) {
      pool = new ProtocolPool(this.host, this.cluster, priority, protocol, this.services, null);
      this.pools[index] = pool;
    }
    pool.request(waiter);
  }

  private namedPool(
    key: string,
    priority: Priority,
    protocol: ConnectionProtocol,
    name: ServerName,
  ): ProtocolPool {
    this.named ??= new Map();
    let pool = this.named.get(key);
    if (pool === undefined) {
      // Clients choose the names: what is not used any more is not kept.
      for (const [other, { empty }] of this.named) if (empty) this.named.delete(other);
      pool = new ProtocolPool(this.host, this.cluster, priority, protocol, this.services, name);
      this.named.set(key, pool);
    }
    return pool;
  }

  cancel(waiter: PoolWaiter): void {
    for (const pool of this.pools) pool?.cancel(waiter);
    if (this.named !== null) for (const pool of this.named.values()) pool.cancel(waiter);
  }

  drain(): void {
    for (const pool of this.pools) pool?.drain();
    if (this.named !== null) for (const pool of this.named.values()) pool.drain();
  }

  close(): void {
    for (const pool of this.pools) pool?.close();
    if (this.named !== null) for (const pool of this.named.values()) pool.close();
  }
}

/** Equal for equal prefaces. */
function prefaceText({ preface }: ServerName): string {
  return preface == null ? '' : latin1Text(preface, 0, preface.length);
}

/** The pools of a host, made at its first request. */
export function hostPools(host: Host, cluster: Cluster, services: PoolServices): HostPools {
  const existing = host.pool;
  if (existing instanceof HostPools) return existing;
  const pools = new HostPools(host, cluster, services);
  host.pool = pools;
  return pools;
}

/**
 * Connections to one host at one priority. HTTP/1 carries one request each, the newest idle one first
 * (source/common/http/http1/conn_pool.cc); HTTP/2 carries all up to the peer's limit of streams on one connection.
 * Requests that find no connection wait; a full pool makes them wait longer.
 */
class ProtocolPool implements PoolConnectionOwner {
  /** Connections that take a request now, the newest last. */
  private readonly ready: PoolConnection[] = [];
  /** How many requests a connection that is still being made will take, as far as we know. */
  private expected: number;
  private readonly all = new Set<PoolConnection>();
  private readonly waiting: PoolWaiter[] = [];
  private connecting = 0;
  private readonly limits: ResourceLimits;

  constructor(
    private readonly host: Host,
    private readonly cluster: Cluster,
    priority: Priority,
    private readonly protocol: ConnectionProtocol,
    private readonly services: PoolServices,
    private readonly name: ServerName | null,
  ) {
    this.expected = protocol === 'HTTP1' ? 1 : cluster.config.http2.options.maxConcurrentStreams;
    this.limits = cluster.limits(priority);
  }

  /** Holds no connection and nobody waits. */
  get empty(): boolean {
    return this.all.size === 0 && this.waiting.length === 0;
  }

  request(waiter: PoolWaiter): void {
    const { stats } = this.cluster;
    const limits = this.limits;
    if (this.ready.length > 0) {
      this.attach(waiter);
      return;
    }
    if (limits.pendingRequests >= limits.maxPendingRequests) {
      stats.upstreamRqPendingOverflow.inc();
      waiter.onPoolFailure('overflow', '', false);
      return;
    }
    limits.pendingRequests++;
    limits.refresh();
    stats.upstreamRqPendingTotal.inc();
    stats.upstreamRqPendingActive.inc();
    this.waiting.push(waiter);
    this.connectIfNeeded();
  }

  /** Lends the newest ready connection, unless the cluster has all the requests that it may have. */
  private attach(waiter: PoolWaiter): void {
    if (this.limits.requests >= this.limits.maxRequests) {
      this.cluster.stats.upstreamRqPendingOverflow.inc();
      waiter.onPoolFailure('overflow', '', true);
      return;
    }
    const connection = this.ready[this.ready.length - 1] as PoolConnection;
    if (connection.free <= 1) this.ready.pop();
    waiter.onPoolReady(connection);
    this.limitRequests(connection);
    if (this.cluster.config.preconnectRatio > 1) this.connectIfNeeded();
  }

  /** A connection that has carried what it may takes no more requests. */
  private limitRequests(connection: PoolConnection): void {
    const max = this.cluster.config.maxRequestsPerConnection;
    if (max === 0 || connection.requests < max || !connection.multiplexes || connection.draining) return;
    this.cluster.stats.upstreamCxMaxRequests.inc();
    this.retire(connection);
  }

  /** Takes a connection out of use; it closes with its last request. */
  private retire(connection: PoolConnection): void {
    connection.draining = true;
    this.unready(connection);
    if (!connection.busy) connection.close();
  }

  private unready(connection: PoolConnection): void {
    const at = this.ready.indexOf(connection);
    if (at >= 0) this.ready.splice(at, 1);
  }

  /** Takes a waiter out of the queue; nothing is called. */
  cancel(waiter: PoolWaiter): void {
    const at = this.waiting.indexOf(waiter);
    if (at < 0) return;
    this.waiting.splice(at, 1);
    this.unwait();
    this.cluster.stats.upstreamRqCancelled.inc();
  }

  private unwait(): void {
    this.limits.pendingRequests--;
    this.limits.refresh();
    this.cluster.stats.upstreamRqPendingActive.dec();
  }

  /** One connection attempt per waiting request, within the breaker; the first of a host is always allowed. */
  private connectIfNeeded(): void {
    const limits = this.limits;
    for (let ahead = 0; ; ) {
      if (this.connecting * this.expected >= this.waiting.length) {
        // Whoever waits has a connection under way: the rest is made ahead of need, a few at a time.
        if (!this.preconnects() || ahead++ === MAX_AHEAD) return;
      }
      if (
        limits.connections >= limits.maxConnections ||
        this.host.stats.cxActive >= limits.maxConnectionsPerHost
      ) {
        this.cluster.stats.upstreamCxOverflow.inc();
        if (this.all.size > 0) return;
      }
      this.connecting++;
      limits.connections++;
      limits.refresh();
      const { stats } = this.cluster;
      stats.upstreamCxTotal.inc();
      if (this.protocol === 'HTTP1') stats.countHttp1Connection();
      else if (this.protocol === 'HTTP2') stats.upstreamCxHttp2Total.inc();
      stats.upstreamCxActive.inc();
      this.host.stats.cxTotal++;
      this.host.stats.cxActive++;
      this.all.add(
        new PoolConnection(
          this.host,
          this.cluster,
          this.protocol,
          this.services.clock,
          this.services.random,
          this.services.queue,
          this,
          this.name,
        ),
      );
    }
  }

  /** (pending + active) · ratio > room + active (envoy ConnPoolImplBase::shouldConnect). */
  private preconnects(): boolean {
    const ratio = this.cluster.config.preconnectRatio;
    if (ratio <= 1) return false;
    let room = this.connecting * this.expected;
    for (const connection of this.ready) room += connection.free;
    const active = Math.max(0, this.all.size - this.connecting - this.ready.length);
    return (this.waiting.length + active) * ratio > room + active;
  }

  private serveWaiting(): void {
    while (this.waiting.length > 0 && this.ready.length > 0) {
      const waiter = this.waiting.shift() as PoolWaiter;
      this.unwait();
      this.attach(waiter);
    }
  }

  private forget(connection: PoolConnection): void {
    if (!this.all.delete(connection)) return;
    this.unready(connection);
    this.limits.connections--;
    this.limits.refresh();
    this.cluster.stats.upstreamCxActive.dec();
    this.host.stats.cxActive--;
    const { stats } = this.cluster;
    stats.upstreamCxDestroy.inc();
    (connection.closedLocally ? stats.upstreamCxDestroyLocal : stats.upstreamCxDestroyRemote).inc();
  }

  // PoolConnectionOwner

  onConnected(connection: PoolConnection): void {
    this.connecting--;
    this.cluster.stats.upstreamCxConnectMs.record(
      Math.round(connection.connectedAt - connection.connectStarted),
    );
    this.host.outlier?.putLocalOrigin('connect-success');
    if (this.protocol === 'AUTO') {
      const { stats } = this.cluster;
      if (connection.multiplexes) stats.upstreamCxHttp2Total.inc();
      else stats.countHttp1Connection();
      // What the host spoke this time it will speak next time.
      this.expected = connection.multiplexes ? connection.free : 1;
    }
    if (connection.free > 0) this.ready.push(connection);
    connection.armIdle();
  }

  onConnectFailed(connection: PoolConnection, timeout: boolean, error: string): void {
    this.connecting--;
    this.forget(connection);
    const { stats } = this.cluster;
    stats.upstreamCxConnectFail.inc();
    if (timeout) stats.upstreamCxConnectTimeout.inc();
    this.host.stats.cxConnectFail++;
    this.host.outlier?.putLocalOrigin(timeout ? 'connect-timeout' : 'connect-failed');
    // Envoy fails every request that waits for this host, not only the one that asked for the connection.
    const failed = this.waiting.splice(0);
    for (const waiter of failed) {
      this.unwait();
      stats.upstreamRqPendingFailureEject.inc();
      waiter.onPoolFailure(
        timeout ? 'connection-timeout' : 'connection-failure',
        timeout ? '' : error.startsWith('TLS_error') ? error : `delayed connect error: ${errorText(error)}`,
        true,
      );
    }
  }

  onCapacity(connection: PoolConnection): void {
    if (connection.gone) return;
    if (connection.draining) {
      if (!connection.busy) connection.close();
      return;
    }
    const listed = this.ready.includes(connection);
    if (connection.free > 0) {
      if (!listed) this.ready.push(connection);
    } else if (listed) this.unready(connection);
    if (!connection.busy) connection.armIdle();
    if (this.waiting.length > 0) this.onSettled();
  }

  onExpired(connection: PoolConnection): void {
    if (!connection.gone) this.retire(connection);
  }

  onGoAway(connection: PoolConnection): void {
    this.cluster.stats.upstreamCxCloseNotify.inc();
    if (!connection.gone) this.retire(connection);
  }

  onReleased(connection: PoolConnection, reusable: boolean): void {
    if (connection.gone) return;
    const max = this.cluster.config.maxRequestsPerConnection;
    if (max > 0 && connection.requests >= max) {
      if (reusable) this.cluster.stats.upstreamCxMaxRequests.inc();
      reusable = false;
    }
    if (!reusable || connection.draining) {
      connection.close();
      return;
    }
    this.ready.push(connection);
    connection.armIdle();
  }

  onGone(connection: PoolConnection): void {
    this.cluster.stats.upstreamCxLengthMs.record(
      Math.round(this.services.clock.now() - connection.connectedAt),
    );
    this.forget(connection);
  }

  onSettled(): void {
    if (this.waiting.length > 0) {
      this.serveWaiting();
      this.connectIfNeeded();
    }
  }

  drain(): void {
    this.ready.length = 0;
    for (const connection of [...this.all]) {
      connection.draining = true;
      if (connection.connected && !connection.busy) connection.close();
    }
  }

  close(): void {
    for (const connection of [...this.all]) connection.close();
  }
}

/** strerror texts of the system errors that a connect can end with. */
const ERROR_TEXTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Connection refused',
  ECONNRESET: 'Connection reset by peer',
  EHOSTUNREACH: 'No route to host',
  ENETUNREACH: 'Network is unreachable',
  ETIMEDOUT: 'Connection timed out',
  EADDRNOTAVAIL: 'Cannot assign requested address',
  EACCES: 'Permission denied',
  ENOENT: 'No such file or directory',
  EPIPE: 'Broken pipe',
};

export function errorText(code: string): string {
  return ERROR_TEXTS[code] ?? code;
}
