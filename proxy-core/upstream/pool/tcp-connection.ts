import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type Clock, Timer, type TimerOwner } from '../../base/clock.ts';
import type { SocketAddress, TlsInfo } from '../../base/stream-info.ts';
import { connectPlain } from '../../network/connect.ts';
import { readInto } from '../../network/read-buffer.ts';
import type { ClientTls } from '../../network/tls/client.ts';
import { SocketTransport, type TransportOwner } from '../../network/transport.ts';
import { bindToHost, type HostBound, unbindFromHost } from '../host-connections.ts';
import type { Cluster, Host, ResourceLimits } from '../types.ts';
import { errorText } from './connect-error.ts';
import { takeConnectionId } from './connection-id.ts';
import type { PoolServices } from './protocol-pool.ts';

/** Who a connection was made for. `onTcpFailed` or `onTcpClosed` is the last call, never both. */
export interface TcpConnectionOwner {
  onTcpConnected(connection: TcpConnection): void;
  /** It never connected. `reason` as Envoy tells it (`delayed connect error: Connection refused`), empty for a timeout. */
  onTcpFailed(connection: TcpConnection, reason: string): void;
  /** The bytes are only valid during the call. */
  onTcpBytes(bytes: Buffer, start: number, end: number): void;
  /** The host half-closed. */
  onTcpEnd(): void;
  onTcpDrain(): void;
  onTcpClosed(error: string): void;
}

/** True when the cluster's breakers let one more TCP connection begin; counts a refusal. */
export function admitsTcpConnection(cluster: Cluster): boolean {
  const limits = cluster.limits('default');
  if (limits.connections < limits.maxConnections) return true;
  cluster.stats.upstreamCxOverflow.inc();
  return false;
}

/**
 * One upstream connection for one downstream connection (Envoy's TCP pool): it is made when it is asked for and ends
 * with its owner. Counts as one request of its cluster while it stands.
 */
export class TcpConnection implements TransportOwner, TimerOwner, HostBound {
  readonly id = takeConnectionId();
  readonly transport: SocketTransport;
  readonly connectStarted: number;
  connectedAt = -1;
  local: SocketAddress | null = null;
  tls: TlsInfo | null = null;
  private readonly clock: Clock;
  private readonly socket: Socket;
  private readonly secure: ClientTls | null;
  private readonly limits: ResourceLimits;
  private readonly connectTimer = new Timer(this, 0);
  private state: 'connecting' | 'open' | 'gone' = 'connecting';
  /** Which side's end was the last: it closed the connection. Null while that is open. */
  private closedLocally: boolean | null = null;
  private localEnded = false;
  private remoteEnded = false;
  private timedOut = false;
  /** Nobody listens any more. */
  private released = false;
  private flushed: (() => void) | null = null;

  constructor(
    readonly host: Host,
    readonly cluster: Cluster,
    services: PoolServices,
    private readonly owner: TcpConnectionOwner,
    preface: Uint8Array | null,
  ) {
    const { config, stats } = cluster;
    const { clock, queue } = services;
    this.clock = clock;
    this.connectStarted = clock.now();
    this.limits = cluster.limits('default');
    this.limits.connections++;
    this.limits.pendingRequests++;
    this.limits.refresh();
    stats.upstreamCxTotal.inc();
    stats.upstreamCxActive.inc();
    stats.upstreamRqPendingTotal.inc();
    stats.upstreamRqPendingActive.inc();
    host.stats.cxTotal++;
    host.stats.cxActive++;
    const secure = host.transportSocket === undefined ? config.transportSocket : host.transportSocket;
    this.secure = secure;
    this.transport = new SocketTransport(
      (read) => {
        const onread = readInto(read);
        if (secure === null) return connectPlain(host, preface, onread);
        return secure.connect(host, 'TCP', onread, [], { sni: '', san: '', preface });
      },
      this,
      queue,
    );
    this.socket = this.transport.socket;
    this.socket.once(secure === null ? 'connect' : 'secureConnect', () => {
      queue.enter();
      try {
        this.onConnect();
      } finally {
        queue.leave();
      }
    });
    clock.arm(this.connectTimer, config.connectTimeout);
    if (config.closesWithHostHealth === true) bindToHost(host, this);
  }

  private onConnect(): void {
    if (this.state !== 'connecting') return;
    const { cluster, host, limits } = this;
    const { stats } = cluster;
    this.clock.disarm(this.connectTimer);
    if (this.secure !== null) {
      const refusal = this.secure.verify(this.socket as TLSSocket, stats.ssl);
      if (refusal !== '') {
        this.transport.destroyBecause(refusal);
        return;
      }
      this.tls = this.secure.describe(this.socket as TLSSocket);
    }
    this.state = 'open';
    this.connectedAt = this.clock.now();
    this.local =
      host.port < 0
        ? { ip: host.address, port: -1 }
        : { ip: this.socket.localAddress ?? '', port: this.socket.localPort ?? 0 };
    this.endPending();
    limits.requests++;
    limits.refresh();
    stats.upstreamRqTotal.inc();
    stats.upstreamRqActive.inc();
    stats.upstreamCxConnectMs.record(Math.round(this.connectedAt - this.connectStarted));
    host.stats.rqTotal++;
    host.stats.rqActive++;
    host.outlier?.putLocalOrigin('connect-success');
    this.owner.onTcpConnected(this);
  }

  private endPending(): void {
    this.limits.pendingRequests--;
    this.limits.refresh();
    this.cluster.stats.upstreamRqPendingActive.dec();
  }

  /** Closes at once; the owner hears nothing more. */
  close(): void {
    if (this.released || this.state === 'gone') return;
    if (this.state === 'connecting') this.cluster.stats.upstreamRqCancelled.inc();
    this.released = true;
    this.closedLocally ??= true;
    this.transport.destroy();
  }

  /** Closes when what was written has left; the owner hears nothing more, but `flushed` is called at the end. */
  closeAfterFlush(flushed: (() => void) | null = null): void {
    this.flushed = flushed;
    if (this.state !== 'open') {
      this.close();
      return;
    }
    if (this.released) return;
    this.released = true;
    this.closedLocally ??= true;
    this.transport.closeAfterFlush();
  }

  /** Flushes and half-closes. */
  end(): void {
    this.localEnded = true;
    if (this.remoteEnded) this.closedLocally ??= true;
    this.transport.end();
  }

  /** The owner hears of it as of a connection that the host closed. */
  onHostFailed(): void {
    this.closedLocally ??= true;
    this.transport.destroy();
  }

  onTimer(): void {
    this.timedOut = true;
    this.closedLocally ??= true;
    this.transport.destroy();
  }

  // TransportOwner

  onBytes(bytes: Buffer, start: number, end: number): void {
    this.cluster.stats.upstreamCxRxBytesTotal.add(end - start);
    if (!this.released) this.owner.onTcpBytes(bytes, start, end);
  }

  onEnd(): void {
    this.remoteEnded = true;
    if (this.localEnded) this.closedLocally ??= false;
    if (this.released) return;
    if (this.state === 'connecting') this.transport.destroy();
    else this.owner.onTcpEnd();
  }

  onDrain(): void {
    if (!this.released) this.owner.onTcpDrain();
  }

  onClose(error: string): void {
    const before = this.state;
    if (before === 'gone') return;
    this.state = 'gone';
    this.flushed?.();
    this.clock.disarm(this.connectTimer);
    const { cluster, host, limits } = this;
    unbindFromHost(host, this);
    const { stats } = cluster;
    stats.upstreamCxTxBytesTotal.add(this.transport.bytesWritten);
    limits.connections--;
    stats.upstreamCxActive.dec();
    host.stats.cxActive--;
    stats.upstreamCxDestroy.inc();
    const locally = this.closedLocally ?? false;
    (locally ? stats.upstreamCxDestroyLocal : stats.upstreamCxDestroyRemote).inc();
    stats.upstreamCxLengthMs.record(Math.round(this.clock.now() - this.connectStarted));
    if (before === 'open') {
      limits.requests--;
      stats.upstreamRqActive.dec();
      host.stats.rqActive--;
      stats.upstreamCxDestroyWithActiveRq.inc();
      (locally ? stats.upstreamCxDestroyLocalWithActiveRq : stats.upstreamCxDestroyRemoteWithActiveRq).inc();
      limits.refresh();
      if (!this.released) this.owner.onTcpClosed(error);
      return;
    }
    this.endPending();
    if (this.released) return;
    stats.upstreamCxConnectFail.inc();
    if (this.timedOut) stats.upstreamCxConnectTimeout.inc();
    stats.upstreamRqPendingFailureEject.inc();
    host.stats.cxConnectFail++;
    host.outlier?.putLocalOrigin(this.timedOut ? 'connect-timeout' : 'connect-failed');
    this.owner.onTcpFailed(this, this.timedOut ? '' : failureText(error));
  }
}

function failureText(error: string): string {
  return error.startsWith('TLS_error') ? error : `delayed connect error: ${errorText(error)}`;
}
