import type { Clock } from '../../base/clock.ts';
import type { ResetReason } from '../../http/codec/codec.ts';
import type { FlushQueue } from '../../network/flush-queue.ts';
import type { Cluster, Host, HostPool, ResourceLimits } from '../types.ts';
import { PoolConnection, type PoolConnectionOwner } from './connection.ts';

/** Somebody who needs a connection. Exactly one of the two is called, perhaps before `request` returns. */
export interface PoolWaiter {
  /** Take it with `connection.lend`. */
  onPoolReady(connection: PoolConnection): void;
  /** `detail` is Envoy's transport failure reason; `hostTried` is false when the queue was full. */
  onPoolFailure(reason: ResetReason, detail: string, hostTried: boolean): void;
}

export type Priority = 'default' | 'high';

/** What pools are created with. */
export interface PoolServices {
  readonly clock: Clock;
  readonly queue: FlushQueue;
}

/** All pools of one host: one per priority. */
export class HostPools implements HostPool {
  private readonly pools: (Http1Pool | null)[] = [null, null];

  constructor(
    private readonly host: Host,
    private readonly cluster: Cluster,
    private readonly services: PoolServices,
  ) {}

  request(priority: Priority, waiter: PoolWaiter): void {
    const index = priority === 'default' ? 0 : 1;
    let pool = this.pools[index];
    if (pool == null) {
      pool = new Http1Pool(this.host, this.cluster, priority, this.services);
      this.pools[index] = pool;
    }
    pool.request(waiter);
  }

  cancel(waiter: PoolWaiter): void {
    for (const pool of this.pools) pool?.cancel(waiter);
  }

  drain(): void {
    for (const pool of this.pools) pool?.drain();
  }

  close(): void {
    for (const pool of this.pools) pool?.close();
  }
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
 * HTTP/1 connections to one host at one priority: one request each, the newest idle one first
 * (source/common/http/http1/conn_pool.cc). Requests that find no connection wait; a full pool makes them wait longer.
 */
class Http1Pool implements PoolConnectionOwner {
  /** The newest last. */
  private readonly idle: PoolConnection[] = [];
  private readonly all = new Set<PoolConnection>();
  private readonly waiting: PoolWaiter[] = [];
  private connecting = 0;
  private readonly limits: ResourceLimits;

  constructor(
    private readonly host: Host,
    private readonly cluster: Cluster,
    priority: Priority,
    private readonly services: PoolServices,
  ) {
    this.limits = cluster.limits(priority);
  }

  request(waiter: PoolWaiter): void {
    const { stats } = this.cluster;
    const limits = this.limits;
    if (this.idle.length > 0) {
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

  /** Lends the newest idle connection, unless the cluster has all the requests that it may have. */
  private attach(waiter: PoolWaiter): void {
    if (this.limits.requests >= this.limits.maxRequests) {
      this.cluster.stats.upstreamRqPendingOverflow.inc();
      waiter.onPoolFailure('overflow', '', true);
      return;
    }
    waiter.onPoolReady(this.idle.pop() as PoolConnection);
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
    while (this.connecting < this.waiting.length) {
      if (limits.connections >= limits.maxConnections) {
        this.cluster.stats.upstreamCxOverflow.inc();
        if (this.all.size > 0) return;
      }
      this.connecting++;
      limits.connections++;
      limits.refresh();
      const { stats } = this.cluster;
      stats.upstreamCxTotal.inc();
      stats.upstreamCxHttp1Total.inc();
      stats.upstreamCxActive.inc();
      this.host.stats.cxTotal++;
      this.host.stats.cxActive++;
      this.all.add(
        new PoolConnection(this.host, this.cluster, this.services.clock, this.services.queue, this),
      );
    }
  }

  private serveWaiting(): void {
    while (this.waiting.length > 0 && this.idle.length > 0) {
      const waiter = this.waiting.shift() as PoolWaiter;
      this.unwait();
      this.attach(waiter);
    }
  }

  private forget(connection: PoolConnection): void {
    if (!this.all.delete(connection)) return;
    const at = this.idle.indexOf(connection);
    if (at >= 0) this.idle.splice(at, 1);
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
    this.idle.push(connection);
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
        timeout ? '' : `delayed connect error: ${errorText(error)}`,
        true,
      );
    }
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
    this.idle.push(connection);
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
    for (const connection of this.idle.splice(0)) connection.close();
    for (const connection of this.all) connection.draining = true;
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
