import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import type { ResetReason } from '../../http/codec/codec.ts';
import type { FlushQueue } from '../../network/flush-queue.ts';
import type { ServerName } from '../../network/tls/client.ts';
import type { Cluster, Host, ResourceLimits } from '../types.ts';
import { errorText } from './connect-error.ts';
import { type ConnectionProtocol, PoolConnection, type PoolConnectionOwner } from './connection.ts';
import type { ConnectionEnd, ConnectionEnds } from './connection-end.ts';

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

/**
 * Connections to one host at one priority. HTTP/1 carries one request each, the newest idle one first
 * (source/common/http/http1/conn_pool.cc); HTTP/2 carries all up to the peer's limit of streams on one connection.
 * Requests that find no connection wait; a full pool makes them wait longer.
 */
export class ProtocolPool implements PoolConnectionOwner {
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
    private readonly ends: ConnectionEnds,
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
    this.retire(connection, 'max-requests');
  }

  /** Takes a connection out of use; it closes with its last request. */
  private retire(connection: PoolConnection, end: ConnectionEnd): void {
    connection.endsBy(end);
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
    this.ends.count(connection.end);
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
    if (!connection.gone) this.retire(connection, 'max-duration');
  }

  onGoAway(connection: PoolConnection): void {
    this.cluster.stats.upstreamCxCloseNotify.inc();
    if (!connection.gone) this.retire(connection, 'go-away');
  }

  onReleased(connection: PoolConnection, reusable: boolean): void {
    if (connection.gone) return;
    const max = this.cluster.config.maxRequestsPerConnection;
    if (max > 0 && connection.requests >= max) {
      if (reusable) {
        this.cluster.stats.upstreamCxMaxRequests.inc();
        connection.endsBy('max-requests');
      }
      reusable = false;
    }
    if (!reusable || connection.draining) {
      connection.endsBy('not-reusable');
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
      connection.endsBy('drained');
      connection.draining = true;
      if (connection.connected && !connection.busy) connection.close();
    }
  }

  close(): void {
    for (const connection of [...this.all]) {
      connection.endsBy('shutdown');
      connection.close();
    }
  }
}
