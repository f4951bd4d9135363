import { connect, type Socket } from 'node:net';
import { type Clock, Timer, type TimerOwner } from '../../base/clock.ts';
import type { SocketAddress } from '../../base/stream-info.ts';
import type { ClientStream, ResponseReceiver } from '../../http/codec/codec.ts';
import { Http1ClientCodec, type Http1ClientOwner } from '../../http/codec/http1-client.ts';
import type { FlushQueue } from '../../network/flush-queue.ts';
import { readInto } from '../../network/read-buffer.ts';
import { SocketTransport, type TransportOwner } from '../../network/transport.ts';
import type { Cluster, Host } from '../types.ts';

/** What a pooled connection tells its pool. */
export interface PoolConnectionOwner {
  onConnected(connection: PoolConnection): void;
  /** Never connected. */
  onConnectFailed(connection: PoolConnection, timeout: boolean, error: string): void;
  /** Its exchange is over; it may be lent again when `reusable`. */
  onReleased(connection: PoolConnection, reusable: boolean): void;
  /** The last call for a connection that was connected. */
  onGone(connection: PoolConnection): void;
  /** An event of this connection was handled to its end: the time to serve who waits. */
  onSettled(): void;
}

const TimerKind = { Connect: 0, Idle: 1 } as const;

/** Longest upstream response head; Envoy takes 80 KiB, its parser's limit. */
const MAX_RESPONSE_HEAD = 80 * 1024;

let nextConnectionId = 1;

/** One TCP connection to a host and the HTTP/1 codec on it. */
export class PoolConnection implements TransportOwner, TimerOwner, Http1ClientOwner {
  readonly id = nextConnectionId++;
  readonly transport: SocketTransport;
  readonly codec: Http1ClientCodec;
  connected = false;
  /** Close after the exchange under way. */
  draining = false;
  requests = 0;
  readonly connectStarted: number;
  connectedAt = -1;
  local: SocketAddress | null = null;
  /** True once this side decided to close. */
  closedLocally = false;
  gone = false;
  private readonly socket: Socket;
  private readonly connectTimer = new Timer(this, TimerKind.Connect);
  private readonly idleTimer = new Timer(this, TimerKind.Idle);
  private timedOut = false;
  private countedRead = 0;

  constructor(
    readonly host: Host,
    readonly cluster: Cluster,
    private readonly clock: Clock,
    queue: FlushQueue,
    private readonly owner: PoolConnectionOwner,
  ) {
    const config = cluster.config;
    this.connectStarted = clock.now();
    this.transport = new SocketTransport(
      (read) => {
        const onread = readInto(read);
        return host.port < 0
          ? connect({ path: host.address, allowHalfOpen: true, onread })
          : connect({ host: host.ip, port: host.port, noDelay: true, allowHalfOpen: true, onread });
      },
      this,
      queue,
    );
    this.socket = this.transport.socket;
    this.codec = new Http1ClientCodec(
      {
        maxHeadBytes: MAX_RESPONSE_HEAD,
        maxHeaders: config.maxHeadersCount,
        enableTrailers: config.enableTrailers,
        headerKeyFormat: config.headerKeyFormat,
      },
      this,
      this.transport,
      config.perConnectionBufferLimit,
    );
    this.socket.once('connect', () => {
      queue.enter();
      try {
        this.onConnect();
      } finally {
        queue.leave();
      }
    });
    clock.arm(this.connectTimer, config.connectTimeout);
  }

  private onConnect(): void {
    this.clock.disarm(this.connectTimer);
    this.connected = true;
    this.connectedAt = this.clock.now();
    this.local =
      this.host.port < 0
        ? { ip: this.host.address, port: -1 }
        : { ip: this.socket.localAddress ?? '', port: this.socket.localPort ?? 0 };
    this.owner.onConnected(this);
    this.owner.onSettled();
  }

  /** Starts an exchange; the connection must be idle. */
  lend(receiver: ResponseReceiver): ClientStream {
    if (this.idleTimer.armed) this.clock.disarm(this.idleTimer);
    this.requests++;
    return this.codec.start(receiver);
  }

  armIdle(): void {
    const idle = this.cluster.config.idleTimeout;
    if (idle > 0) this.clock.arm(this.idleTimer, idle);
  }

  close(): void {
    if (this.gone) return;
    this.closedLocally = true;
    this.transport.destroy();
  }

  onTimer(timer: Timer): void {
    if (timer.kind === TimerKind.Connect) {
      this.timedOut = true;
      this.close();
    } else {
      this.cluster.stats.upstreamCxIdleTimeout.inc();
      this.close();
    }
  }

  // TransportOwner

  onBytes(bytes: Buffer, start: number, end: number): void {
    this.countedRead += end - start;
    this.cluster.stats.upstreamCxRxBytesTotal.add(end - start);
    this.codec.receive(bytes, start, end);
    this.owner.onSettled();
  }

  onEnd(): void {
    // HTTP/1 upstreams that half-close are done: what was cut is told by the codec.
    this.codec.onClose('connection-termination', '');
    this.transport.destroy();
    this.owner.onSettled();
  }

  onDrain(): void {
    this.codec.onDrain();
  }

  onClose(error: string): void {
    if (this.gone) return;
    this.gone = true;
    this.clock.disarm(this.connectTimer);
    this.clock.disarm(this.idleTimer);
    this.cluster.stats.upstreamCxTxBytesTotal.add(this.transport.bytesWritten);
    if (!this.connected) {
      this.owner.onConnectFailed(this, this.timedOut, error);
    } else {
      const wasBusy = this.codec.busy;
      if (wasBusy) this.countBusyEnd();
      this.owner.onGone(this);
      this.codec.onClose('connection-termination', error);
    }
    this.owner.onSettled();
  }

  private countBusyEnd(): void {
    const { stats } = this.cluster;
    stats.upstreamCxDestroyWithActiveRq.inc();
    if (this.closedLocally) stats.upstreamCxDestroyLocalWithActiveRq.inc();
    else stats.upstreamCxDestroyRemoteWithActiveRq.inc();
  }

  // Http1ClientOwner

  onExchangeDone(reusable: boolean): void {
    this.owner.onReleased(this, reusable && !this.gone);
  }

  onProtocolError(): void {
    this.cluster.stats.upstreamCxProtocolError.inc();
    this.owner.onReleased(this, false);
  }

  setReading(on: boolean): void {
    if (on) {
      this.cluster.stats.upstreamFlowControlResumedReading.inc();
      this.transport.resumeReading();
    } else {
      this.cluster.stats.upstreamFlowControlPausedReading.inc();
      this.transport.pauseReading();
    }
  }
}
