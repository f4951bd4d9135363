import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type Clock, Timer, type TimerOwner } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import type { HttpProtocol, SocketAddress, TlsInfo } from '../../base/stream-info.ts';
import type { ClientStream, ResponseReceiver } from '../../http/codec/codec.ts';
import { Http1ClientCodec, type Http1ClientOwner } from '../../http/codec/http1-client.ts';
import { Http2ClientCodec, type Http2ClientOwner } from '../../http/codec/http2/client.ts';
import type { Http2ConnectionError } from '../../http/codec/http2/frames.ts';
import { type PingOwner, PingSchedule } from '../../http/codec/http2/ping-schedule.ts';
import { connectPlain } from '../../network/connect.ts';
import type { FlushQueue } from '../../network/flush-queue.ts';
import { readInto } from '../../network/read-buffer.ts';
import type { ClientTls, ServerName } from '../../network/tls/client.ts';
import { congestionLimit, SocketTransport, type TransportOwner } from '../../network/transport.ts';
import type { Cluster, Host } from '../types.ts';
import type { ConnectionEnd } from './connection-end.ts';
import { takeConnectionId } from './connection-id.ts';

/** What a pooled connection tells its pool. */
export interface PoolConnectionOwner {
  onConnected(connection: PoolConnection): void;
  /** Never connected. */
  onConnectFailed(connection: PoolConnection, timeout: boolean, error: string): void;
  /** Its exchange is over; it may be lent again when `reusable`. */
  onReleased(connection: PoolConnection, reusable: boolean): void;
  /** An HTTP/2 stream ended, or the peer changed its limit: there may be room for more. */
  onCapacity(connection: PoolConnection): void;
  /** It is as old as it may get: it takes no more requests. */
  onExpired(connection: PoolConnection): void;
  /** The peer wants no new streams. */
  onGoAway(connection: PoolConnection): void;
  /** The last call for a connection that was connected. */
  onGone(connection: PoolConnection): void;
  /** An event of this connection was handled to its end: the time to serve who waits. */
  onSettled(): void;
}

/** `AUTO`: ALPN tells. */
export type ConnectionProtocol = 'HTTP1' | 'HTTP2' | 'AUTO';

const TimerKind = { Connect: 0, Idle: 1, Duration: 2 } as const;

/** Longest upstream response head; Envoy takes 80 KiB, its parser's limit. */
const MAX_RESPONSE_HEAD = 80 * 1024;

/** One connection to a host, TLS or not, and the codec on it. */
export class PoolConnection
  implements TransportOwner, TimerOwner, PingOwner, Http1ClientOwner, Http2ClientOwner
{
  readonly id = takeConnectionId();
  readonly transport: SocketTransport;
  /** Null until the connection stands, when ALPN is to tell. */
  private codec: Http1ClientCodec | Http2ClientCodec | null = null;
  tls: TlsInfo | null = null;
  connected = false;
  /** Close after the exchange under way. */
  draining = false;
  requests = 0;
  readonly connectStarted: number;
  connectedAt = -1;
  /** The time below TLS, -1 without. */
  plainConnectedAt = -1;
  local: SocketAddress | null = null;
  /** True once this side decided to close. */
  closedLocally = false;
  gone = false;
  private ending: ConnectionEnd | null = null;
  private cut = false;
  private readonly socket: Socket;
  private readonly secure: ClientTls | null;
  private pings: PingSchedule | null = null;
  private durationTimer: Timer | null = null;
  private readonly connectTimer = new Timer(this, TimerKind.Connect);
  private readonly idleTimer = new Timer(this, TimerKind.Idle);
  private timedOut = false;
  private countedRead = 0;

  constructor(
    readonly host: Host,
    readonly cluster: Cluster,
    private readonly asked: ConnectionProtocol,
    private readonly clock: Clock,
    private readonly random: Random,
    queue: FlushQueue,
    private readonly owner: PoolConnectionOwner,
    private readonly name: ServerName | null = null,
  ) {
    const config = cluster.config;
    this.connectStarted = clock.now();
    const secure = host.transportSocket === undefined ? config.transportSocket : host.transportSocket;
    this.secure = secure;
    this.transport = new SocketTransport(
      (read) => {
        const onread = readInto(read);
        if (secure !== null) return secure.connect(host, asked, onread, [], name ?? undefined);
        return connectPlain(host, name?.preface, onread);
      },
      this,
      queue,
    );
    this.socket = this.transport.socket;
    if (host.alternatives !== undefined && host.alternatives.length > 0) {
      let attempts = 0;
      // Envoy counts every address that is tried as a connection of its own.
      this.socket.on('connectionAttempt', () => {
        if (attempts++ > 0) cluster.stats.upstreamCxTotal.inc();
      });
    }
    if (secure !== null) {
      this.socket.once('connect', () => {
        this.plainConnectedAt = clock.now();
      });
    }
    this.socket.once(secure === null ? 'connect' : 'secureConnect', () => {
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
    if (this.secure !== null) {
      const refusal = this.secure.verify(
        this.socket as TLSSocket,
        this.cluster.stats.ssl,
        this.name ?? undefined,
      );
      if (refusal !== '') {
        this.connected = false;
        this.transport.destroyBecause(refusal);
        return;
      }
      this.tls = this.secure.describe(this.socket as TLSSocket);
    }
    this.codec = this.openCodec();
    const { maxConnectionDuration } = this.cluster.config;
    if (maxConnectionDuration > 0) {
      this.durationTimer = new Timer(this, TimerKind.Duration);
      this.clock.arm(this.durationTimer, maxConnectionDuration);
    }
    this.owner.onConnected(this);
    this.owner.onSettled();
  }

  private openCodec(): Http1ClientCodec | Http2ClientCodec {
    const { config, stats } = this.cluster;
    const protocol = this.asked === 'AUTO' ? (this.tls?.alpn === 'h2' ? 'HTTP2' : 'HTTP1') : this.asked;
    if (protocol === 'HTTP2') {
      const codec = new Http2ClientCodec(
        config.http2.options,
        this,
        this.transport,
        congestionLimit(config.perConnectionBufferLimit),
        stats.http2,
      );
      codec.begin();
      const { keepalive } = config.http2;
      if (keepalive !== null) this.pings = new PingSchedule(keepalive, this.clock, this.random, this);
      return codec;
    }
    return new Http1ClientCodec(
      {
        maxHeadBytes: MAX_RESPONSE_HEAD,
        maxHeaders: config.maxHeadersCount,
        enableTrailers: config.enableTrailers,
        sendFullyQualifiedUrl: config.sendFullyQualifiedUrl,
        headerKeyFormat: config.headerKeyFormat,
      },
      this,
      this.transport,
      congestionLimit(config.perConnectionBufferLimit),
    );
  }

  get protocol(): HttpProtocol {
    return this.multiplexes ? 'HTTP/2' : 'HTTP/1.1';
  }

  /** Carries several requests at once. */
  get multiplexes(): boolean {
    return this.codec instanceof Http2ClientCodec;
  }

  get busy(): boolean {
    return this.codec?.busy ?? false;
  }

  /** How many more requests it takes now. */
  get free(): number {
    const { codec } = this;
    if (codec === null || this.draining || this.gone) return 0;
    return codec instanceof Http2ClientCodec ? codec.free : codec.busy ? 0 : 1;
  }

  /** Starts an exchange; the connection must have room for it. */
  lend(receiver: ResponseReceiver): ClientStream {
    if (this.idleTimer.armed) this.clock.disarm(this.idleTimer);
    this.requests++;
    this.pings?.beforeStream();
    return (this.codec as Http1ClientCodec | Http2ClientCodec).start(receiver);
  }

  armIdle(): void {
    const idle = this.cluster.config.idleTimeout;
    if (idle > 0) this.clock.arm(this.idleTimer, idle);
  }

  /** The first reason is the one that counts. */
  endsBy(end: ConnectionEnd): void {
    this.ending ??= end;
  }

  /** Why it ended, once it has. */
  get end(): ConnectionEnd {
    return this.ending ?? (this.closedLocally ? 'request-given-up' : 'closed-by-host');
  }

  close(): void {
    if (this.gone) return;
    this.closedLocally = true;
    this.transport.destroy();
  }

  onTimer(timer: Timer): void {
    switch (timer.kind) {
      case TimerKind.Connect:
        this.timedOut = true;
        this.endsBy('connect-timeout');
        this.close();
        break;
      case TimerKind.Idle:
        this.cluster.stats.upstreamCxIdleTimeout.inc();
        this.endsBy('idle-timeout');
        this.close();
        break;
      default:
        this.cluster.stats.upstreamCxMaxDurationReached.inc();
        this.owner.onExpired(this);
        break;
    }
  }

  // PingOwner

  sendPing(): void {
    if (this.codec instanceof Http2ClientCodec) this.codec.ping();
  }

  onPingTimeout(): void {
    this.cluster.stats.http2.keepaliveTimeout.inc();
    this.endsBy('keepalive-timeout');
    this.close();
  }

  // TransportOwner

  onBytes(bytes: Buffer, start: number, end: number): void {
    this.countedRead += end - start;
    this.pings?.onBytes();
    this.cluster.stats.upstreamCxRxBytesTotal.add(end - start);
    this.codec?.receive(bytes, start, end);
    this.owner.onSettled();
  }

  onEnd(): void {
    // Upstreams that half-close are done: what was cut is told by the codec.
    this.endsBy('closed-by-host');
    this.countBusyEnd();
    this.codec?.onClose('connection-termination', '');
    this.transport.destroy();
    this.owner.onSettled();
  }

  onDrain(): void {
    this.codec?.onDrain();
  }

  onClose(error: string): void {
    if (this.gone) return;
    this.gone = true;
    this.clock.disarm(this.connectTimer);
    this.clock.disarm(this.idleTimer);
    this.pings?.stop();
    if (this.durationTimer !== null) this.clock.disarm(this.durationTimer);
    this.cluster.stats.upstreamCxTxBytesTotal.add(this.transport.bytesWritten);
    if (!this.connected) {
      const reason = this.secure?.failure(error, this.cluster.stats.ssl) ?? error;
      this.endsBy(reason.startsWith('TLS_error') ? 'tls-failed' : 'connect-failed');
      this.owner.onConnectFailed(this, this.timedOut, reason);
    } else {
      if (!this.closedLocally && error !== '') this.endsBy('reset-by-host');
      this.countBusyEnd();
      this.owner.onGone(this);
      // Envoy tells the reason of a transport that fails, not that of a socket that ends.
      this.codec?.onClose('connection-termination', this.secure === null ? '' : error);
    }
    this.owner.onSettled();
  }

  /** Accounts for requests under way when the connection ends. */
  private countBusyEnd(): void {
    if (!this.busy) return;
    const { stats } = this.cluster;
    stats.upstreamCxDestroyWithActiveRq.inc();
    if (this.closedLocally) stats.upstreamCxDestroyLocalWithActiveRq.inc();
    else stats.upstreamCxDestroyRemoteWithActiveRq.inc();
  }

  // Http1ClientOwner

  /** The connection ends because its exchange cannot go on. */
  onExchangeCut(): void {
    this.cut = true;
    this.closedLocally = true;
    this.countBusyEnd();
  }

  onExchangeDone(reusable: boolean): void {
    if (this.cut) this.endsBy('request-given-up');
    this.owner.onReleased(this, reusable && !this.gone);
  }

  onProtocolError(): void {
    this.cluster.stats.upstreamCxProtocolError.inc();
    this.endsBy('protocol-error');
    this.owner.onReleased(this, false);
  }

  // Http2ClientOwner

  onHttp2StreamClosed(): void {
    this.owner.onCapacity(this);
  }

  onHttp2Settings(): void {
    this.owner.onCapacity(this);
  }

  onHttp2GoAway(): void {
    this.owner.onGoAway(this);
  }

  onHttp2Failure(_error: Http2ConnectionError): void {
    this.cluster.stats.upstreamCxProtocolError.inc();
    this.endsBy('protocol-error');
    // The peer is to read why.
    this.transport.flush();
    this.close();
  }

  onHttp2PingAck(): void {
    this.pings?.onAck();
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
