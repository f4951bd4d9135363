import { type Clock, Timer, type TimerOwner } from '../base/clock.ts';
import type { ConnectionInfo, HttpProtocol } from '../base/stream-info.ts';
import { congestionLimit, type Transport, type TransportOwner } from '../network/transport.ts';
import { chooseProtocol } from './codec/choose.ts';
import type { CodecError, RequestReceiver, ServerCodecOwner, ServerStream } from './codec/codec.ts';
import { Http1ServerCodec } from './codec/http1-server.ts';
import type { Http2ConnectionError } from './codec/http2/frames.ts';
import { type PingOwner, PingSchedule } from './codec/http2/ping-schedule.ts';
import { Http2ServerCodec, type Http2ServerOwner } from './codec/http2/server.ts';
import { countConnectionBegin, countConnectionEnd, countProtocol } from './connection-account.ts';
import type { DataPath } from './runtime.ts';
import { drainsNow, type HttpSlot } from './slot.ts';
import { ActiveStream, type StreamOwner } from './stream.ts';
import { createStreamInfo } from './stream-info.ts';

const TimerKind = {
  Idle: 0,
  HeadTimeout: 1,
  DelayedClose: 2,
  MaxDuration: 3,
  Drain: 4,
  Flush: 5,
} as const;

/** One downstream connection under an HTTP connection manager. */
export class HttpConnection
  implements TransportOwner, ServerCodecOwner, Http2ServerOwner, PingOwner, StreamOwner, TimerOwner
{
  closing = false;
  /** Exactly one of the two, once the first bytes have told the protocol. */
  private http1: Http1ServerCodec | null = null;
  private http2: Http2ServerCodec | null = null;
  /** First bytes that do not tell the protocol yet. */
  private early: Buffer | null = null;
  private readonly clock: Clock;
  private readonly opened: number;
  private readonly idleTimer = new Timer(this, TimerKind.Idle);
  private readonly headTimer = new Timer(this, TimerKind.HeadTimeout);
  private closeTimer: Timer | null = null;
  private durationTimer: Timer | null = null;
  private drainTimer: Timer | null = null;
  private pings: PingSchedule | null = null;
  private flushTimer: Timer | null = null;
  /** Requests under way. */
  private active = 0;
  /** HTTP/2: GOAWAY was sent, the first (streams still may come) or the last. */
  private goingAway: 'no' | 'announced' | 'final' = 'no';
  private requests = 0;
  private closeScheduled = false;
  private closedLocally = false;
  /** The peer left while requests were under way. */
  private cutStreams = false;
  private gone = false;

  constructor(
    private readonly transport: Transport,
    private readonly slot: HttpSlot,
    private readonly path: DataPath,
    private readonly connection: ConnectionInfo,
    readonly tls: boolean,
    readonly bufferLimit: number,
    private readonly onGone: (connection: HttpConnection) => void,
  ) {
    this.clock = path.services.clock;
    this.opened = this.clock.now();
    const { config } = slot;
    countConnectionBegin(config.stats, tls);
    if (config.idleTimeout > 0) this.clock.arm(this.idleTimer, config.idleTimeout);
    if (config.maxConnectionDuration > 0) {
      this.durationTimer = new Timer(this, TimerKind.MaxDuration);
      this.clock.arm(this.durationTimer, config.maxConnectionDuration);
    }
  }

  // TransportOwner

  onBytes(bytes: Buffer, start: number, end: number): void {
    this.slot.config.stats.cxRxBytesTotal.add(end - start);
    if (this.closeScheduled) return;
    if (this.http2 !== null) this.http2.receive(bytes, start, end);
    else if (this.http1 !== null) this.receiveHttp1(this.http1, bytes, start, end);
    else this.receiveFirst(bytes, start, end);
  }

  /** What it speaks; null before the first bytes have told. */
  get protocol(): HttpProtocol | null {
    return this.http2 !== null ? 'HTTP/2' : this.http1 !== null ? 'HTTP/1.1' : null;
  }

  private receiveFirst(bytes: Buffer, start: number, end: number): void {
    const fresh = bytes.subarray(start, end);
    const all = this.early === null ? fresh : Buffer.concat([this.early, fresh]);
    const { config } = this.slot;
    const alpn = this.connection.tls?.alpn ?? '';
    const protocol = chooseProtocol(config.codecType, alpn, all, 0, all.length);
    if (protocol === null) {
      this.early = Buffer.from(all);
      return;
    }
    this.early = null;
    if (protocol === 'NONE') {
      config.stats.cxProtocolError.inc();
      this.closeDelayed();
      return;
    }
    const now = (): number => this.clock.now();
    if (protocol === 'HTTP2') {
      countProtocol(config.stats, 'HTTP/2');
      const codec = new Http2ServerCodec(
        config.http2.options,
        this,
        this.transport,
        now,
        congestionLimit(this.bufferLimit),
        config.stats.http2,
      );
      this.http2 = codec;
      const { keepalive } = config.http2;
      if (keepalive !== null)
        this.pings = new PingSchedule(keepalive, this.clock, this.path.services.random, this);
      codec.receive(all, 0, all.length);
      return;
    }
    countProtocol(config.stats, 'HTTP/1.1');
    const codec = new Http1ServerCodec(
      config.http1,
      this,
      this.transport,
      now,
      congestionLimit(this.bufferLimit),
    );
    this.http1 = codec;
    this.receiveHttp1(codec, all, 0, all.length);
  }

  private receiveHttp1(codec: Http1ServerCodec, bytes: Buffer, start: number, end: number): void {
    codec.receive(bytes, start, end);
    const timeout = this.slot.config.requestHeadersTimeout;
    if (timeout > 0) {
      if (!codec.inHead) this.clock.disarm(this.headTimer);
      else if (!this.headTimer.armed) this.clock.arm(this.headTimer, timeout);
    }
  }

  onEnd(): void {
    if (this.closeScheduled || this.active === 0) {
      this.close();
      return;
    }
    // Envoy's HTTP connection manager does not know half-close: a client that stops sending has left.
    this.closeRemote();
  }

  private closeRemote(): void {
    this.cutStreams = this.active > 0;
    // The streams that end now are not what ends the connection.
    this.closeScheduled = true;
    this.endStreams();
    this.transport.destroy();
  }

  private endStreams(): void {
    this.http1?.onClose('connection-termination', 'downstream_remote_disconnect');
    this.http2?.onClose('connection-termination', 'downstream_remote_disconnect');
  }

  onDrain(): void {
    this.http1?.onDrain();
    this.http2?.onDrain();
  }

  onClose(_error: string): void {
    if (this.gone) return;
    this.gone = true;
    this.clock.disarm(this.idleTimer);
    this.clock.disarm(this.headTimer);
    if (this.closeTimer !== null) this.clock.disarm(this.closeTimer);
    if (this.durationTimer !== null) this.clock.disarm(this.durationTimer);
    if (this.drainTimer !== null) this.clock.disarm(this.drainTimer);
    this.pings?.stop();
    if (this.flushTimer !== null) this.clock.disarm(this.flushTimer);
    countConnectionEnd(this.slot.config.stats, {
      tls: this.tls,
      protocol: this.protocol,
      locally: this.closedLocally,
      busy: this.active > 0 || this.cutStreams,
      bytesWritten: this.transport.bytesWritten,
      length: this.clock.now() - this.opened,
    });
    this.endStreams();
    this.onGone(this);
  }

  // ServerCodecOwner

  onNewStream(stream: ServerStream, protocol: HttpProtocol, started: number): RequestReceiver {
    const { config, snapshot } = this.slot;
    this.clock.disarm(this.idleTimer);
    this.requests++;
    const now = this.clock.now();
    const info = createStreamInfo(
      this.path.nextStreamId++,
      this.connection,
      snapshot.version,
      protocol,
      this.clock.wall() - Math.max(0, now - started),
      started,
    );
    const active = new ActiveStream(this, stream, config, this.path, snapshot, info);
    this.active++;
    return active;
  }

  onCodecError(error: CodecError, receiver: RequestReceiver): void {
    this.slot.config.stats.cxProtocolError.inc();
    (receiver as ActiveStream).onCodecError(error);
  }

  setReading(on: boolean): void {
    if (on) this.transport.resumeReading();
    else this.transport.pauseReading();
  }

  // Http2ServerOwner

  onHttp2Failure(_error: Http2ConnectionError): void {
    this.slot.config.stats.cxProtocolError.inc();
    this.closeDelayed();
  }

  onHttp2StreamClosed(): void {
    if (this.gone || this.http2 === null || this.http2.activeStreams > 0) return;
    if (this.goingAway === 'final') this.closeDelayed();
    else if (this.slot.config.idleTimeout > 0) this.clock.arm(this.idleTimer, this.slot.config.idleTimeout);
  }

  onHttp2PingAck(): void {
    this.pings?.onAck();
  }

  // PingOwner

  sendPing(): void {
    this.http2?.ping();
  }

  onPingTimeout(): void {
    this.slot.config.stats.http2.keepaliveTimeout.inc();
    this.destroyNow();
  }

  /** Begins the graceful end of an HTTP/2 connection: GOAWAY now, the last one after `drain_timeout`. */
  private goAway(): void {
    if (this.goingAway !== 'no' || this.http2 === null) return;
    this.goingAway = 'announced';
    this.http2.startDrain();
    this.drainTimer ??= new Timer(this, TimerKind.Drain);
    this.clock.arm(this.drainTimer, this.slot.config.drainTimeout);
  }

  private goAwayNow(): void {
    const { http2 } = this;
    if (http2 === null || this.goingAway === 'final') return;
    this.goingAway = 'final';
    http2.finishDrain();
    if (http2.activeStreams === 0) this.closeDelayed();
  }

  // StreamOwner

  /** HTTP/2 connections outlive the exchange that would end an HTTP/1 connection. */
  closeAfterResponse(): void {
    if (this.http2 === null) this.closing = true;
  }

  beforeResponseHead(): void {
    if (this.closing) return;
    const { config } = this.slot;
    if (this.goingAway !== 'no') return;
    if (drainsNow(this.slot, this.path)) {
      config.stats.cxDrainClose.inc();
    } else if (config.maxRequestsPerConnection > 0 && this.requests >= config.maxRequestsPerConnection) {
      config.stats.cxMaxRequestsReached.inc();
    } else return;
    if (this.http2 === null) this.closing = true;
    else this.goAway();
  }

  onStreamEnd(stream: ActiveStream, abort: boolean): void {
    this.active--;
    if (this.gone) return;
    if (this.http2 !== null) {
      if (abort) stream.stream.reset();
      else this.watchFlush();
      return;
    }
    if (abort || this.closing) {
      // What a pipeline still holds is not looked at any more.
      this.http1?.reset();
      if (stream.inStep || abort) this.closeDelayed();
      else this.closeLater();
    } else if (this.slot.config.idleTimeout > 0) this.clock.arm(this.idleTimer, this.slot.config.idleTimeout);
  }

  /**
   * Ends a connection whose client may still be sending: a close now could take the answer with it, so that the
   * connection stays for `delayed_close_timeout` (Envoy: FlushWriteAndDelay, which sends no FIN before).
   */
  private closeLater(): void {
    const timeout = this.slot.config.delayedCloseTimeout;
    if (timeout === 0) {
      this.closeDelayed();
      return;
    }
    if (this.closeScheduled) return;
    this.closeScheduled = true;
    this.closedLocally = true;
    this.transport.resumeReading();
    this.closeTimer = new Timer(this, TimerKind.DelayedClose);
    this.clock.arm(this.closeTimer, timeout);
  }

  /** A peer that opens no window must not keep finished answers for ever. */
  private watchFlush(): void {
    const timeout = this.slot.config.streamIdleTimeout;
    if (timeout === 0 || this.flushTimer?.armed === true || this.http2?.flushing !== true) return;
    this.flushTimer ??= new Timer(this, TimerKind.Flush);
    this.clock.arm(this.flushTimer, timeout);
  }

  /** Half-closes and gives the peer `delayed_close_timeout` to take what was sent (Envoy: FlushWriteAndDelay). */
  private closeDelayed(): void {
    if (this.closeScheduled) return;
    this.closeScheduled = true;
    this.closedLocally = true;
    const timeout = this.slot.config.delayedCloseTimeout;
    this.transport.end();
    this.transport.resumeReading();
    if (timeout > 0) {
      this.closeTimer = new Timer(this, TimerKind.DelayedClose);
      this.clock.arm(this.closeTimer, timeout);
    }
  }

  /** HTTP/1: the next response asks the client to go; without one the connection ends after `drain_timeout`. */
  private startDrain(): void {
    this.closing = true;
    this.drainTimer ??= new Timer(this, TimerKind.Drain);
    this.clock.arm(this.drainTimer, this.slot.config.drainTimeout);
  }

  /** Ends the connection: at once when idle, after the response under way otherwise. */
  drain(): void {
    if (this.http2 !== null) {
      this.goAway();
      return;
    }
    this.closing = true;
    if (this.active === 0) this.closeDelayed();
  }

  close(): void {
    if (this.gone) return;
    this.closedLocally = this.closedLocally || this.closeScheduled;
    this.transport.destroy();
  }

  destroyNow(): void {
    this.closedLocally = true;
    this.transport.destroy();
  }

  onTimer(timer: Timer): void {
    const { queue } = this.path;
    queue.enter();
    try {
      this.timeOut(timer);
    } finally {
      queue.leave();
    }
  }

  private timeOut(timer: Timer): void {
    const { stats } = this.slot.config;
    switch (timer.kind) {
      case TimerKind.Idle:
        stats.cxIdleTimeout.inc();
        if (this.requests === 0) {
          this.closedLocally = true;
          this.transport.destroy();
        } else if (this.http2 !== null) {
          this.goAway();
        } else {
          this.startDrain();
        }
        break;
      case TimerKind.HeadTimeout:
        if (this.http1?.inHead === true) {
          const receiver = this.http1.abandonHead();
          (receiver as ActiveStream).onHeadTimeout();
        }
        break;
      case TimerKind.DelayedClose:
        stats.cxDelayedCloseTimeout.inc();
        this.transport.destroy();
        break;
      case TimerKind.MaxDuration:
        stats.cxMaxDurationReached.inc();
        if (this.http2 !== null) this.goAway();
        else if (this.http1 !== null) this.startDrain();
        else this.closeDelayed();
        break;
      case TimerKind.Flush:
        this.http2?.resetStalled();
        this.watchFlush();
        break;
      default:
        if (this.http2 !== null) this.goAwayNow();
        else if (this.active === 0) this.closeDelayed();
        break;
    }
  }
}
