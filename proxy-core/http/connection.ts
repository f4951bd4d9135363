import { type Clock, Timer, type TimerOwner } from '../base/clock.ts';
import type { ConnectionInfo, HttpProtocol } from '../base/stream-info.ts';
import type { Transport, TransportOwner } from '../network/transport.ts';
import type { CodecError, RequestReceiver, ServerCodecOwner, ServerStream } from './codec/codec.ts';
import { Http1ServerCodec } from './codec/http1-server.ts';
import type { HttpConnectionManagerConfig } from './connection-manager-config.ts';
import type { DataPath, SnapshotRuntime } from './runtime.ts';
import { ActiveStream, type StreamOwner } from './stream.ts';
import { createStreamInfo } from './stream-info.ts';

/** The newest configuration of one filter chain; connections hold the slot, so that new streams see an update. */
export interface HttpSlot {
  config: HttpConnectionManagerConfig;
  snapshot: SnapshotRuntime;
  /** The chain is gone or changed: its connections end after their next response. */
  draining: boolean;
}

const TimerKind = { Idle: 0, HeadTimeout: 1, DelayedClose: 2, MaxDuration: 3, Drain: 4 } as const;

/** One downstream connection under an HTTP connection manager. */
export class HttpConnection implements TransportOwner, ServerCodecOwner, StreamOwner, TimerOwner {
  closing = false;
  private readonly codec: Http1ServerCodec;
  private readonly clock: Clock;
  private readonly opened: number;
  private readonly idleTimer = new Timer(this, TimerKind.Idle);
  private readonly headTimer = new Timer(this, TimerKind.HeadTimeout);
  private closeTimer: Timer | null = null;
  private durationTimer: Timer | null = null;
  private drainTimer: Timer | null = null;
  private active: ActiveStream | null = null;
  private requests = 0;
  private closeScheduled = false;
  private closedLocally = false;
  private gone = false;

  constructor(
    private readonly transport: Transport,
    private readonly slot: HttpSlot,
    private readonly path: DataPath,
    private readonly connection: ConnectionInfo,
    readonly tls: boolean,
    bufferLimit: number,
    private readonly onGone: (connection: HttpConnection) => void,
  ) {
    this.clock = path.services.clock;
    this.opened = this.clock.now();
    const { config } = slot;
    this.codec = new Http1ServerCodec(config.http1, this, transport, () => this.clock.now(), bufferLimit);
    const { stats } = config;
    stats.cxTotal.inc();
    stats.cxActive.inc();
    stats.cxHttp1Total.inc();
    stats.cxHttp1Active.inc();
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
    this.codec.receive(bytes, start, end);
    const timeout = this.slot.config.requestHeadersTimeout;
    if (timeout > 0) {
      if (!this.codec.inHead) this.clock.disarm(this.headTimer);
      else if (!this.headTimer.armed) this.clock.arm(this.headTimer, timeout);
    }
  }

  onEnd(): void {
    if (this.closeScheduled || this.active === null) {
      this.close();
      return;
    }
    // Envoy's HTTP connection manager does not know half-close: a client that stops sending has left.
    this.closeRemote();
  }

  private closeRemote(): void {
    this.codec.onClose('connection-termination', 'downstream_remote_disconnect');
    this.transport.destroy();
  }

  onDrain(): void {
    this.codec.onDrain();
  }

  onClose(_error: string): void {
    if (this.gone) return;
    this.gone = true;
    this.clock.disarm(this.idleTimer);
    this.clock.disarm(this.headTimer);
    if (this.closeTimer !== null) this.clock.disarm(this.closeTimer);
    if (this.durationTimer !== null) this.clock.disarm(this.durationTimer);
    if (this.drainTimer !== null) this.clock.disarm(this.drainTimer);
    const { stats } = this.slot.config;
    const busy = this.active !== null;
    stats.cxActive.dec();
    stats.cxHttp1Active.dec();
    stats.cxDestroy.inc();
    if (this.closedLocally) {
      stats.cxDestroyLocal.inc();
      if (busy) stats.cxDestroyLocalActiveRq.inc();
    } else {
      stats.cxDestroyRemote.inc();
      if (busy) stats.cxDestroyRemoteActiveRq.inc();
    }
    if (busy) stats.cxDestroyActiveRq.inc();
    stats.cxTxBytesTotal.add(this.transport.bytesWritten);
    stats.cxLengthMs.record(Math.round(this.clock.now() - this.opened));
    this.codec.onClose('connection-termination', 'downstream_remote_disconnect');
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
    this.active = active;
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

  // StreamOwner

  closeAfterResponse(): void {
    this.closing = true;
  }

  beforeResponseHead(): void {
    if (this.closing) return;
    const { config } = this.slot;
    if (this.slot.draining || this.path.draining) {
      this.closing = true;
      config.stats.cxDrainClose.inc();
    } else if (config.maxRequestsPerConnection > 0 && this.requests >= config.maxRequestsPerConnection) {
      this.closing = true;
      config.stats.cxMaxRequestsReached.inc();
    }
  }

  onStreamEnd(_stream: ActiveStream, abort: boolean): void {
    this.active = null;
    if (this.gone) return;
    if (abort || this.closing) {
      if (abort) this.codec.reset();
      this.closeDelayed();
    } else if (this.slot.config.idleTimeout > 0) this.clock.arm(this.idleTimer, this.slot.config.idleTimeout);
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

  /** Ends the connection: at once when idle, after the response under way otherwise. */
  drain(): void {
    this.closing = true;
    if (this.active === null) this.closeDelayed();
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
        } else {
          // Envoy starts a drain first and closes after it (reference section 9).
          this.closing = true;
          this.drainTimer ??= new Timer(this, TimerKind.Drain);
          this.clock.arm(this.drainTimer, this.slot.config.drainTimeout);
        }
        break;
      case TimerKind.HeadTimeout:
        if (this.codec.inHead) {
          const receiver = this.codec.abandonHead();
          (receiver as ActiveStream).onHeadTimeout();
        }
        break;
      case TimerKind.DelayedClose:
        stats.cxDelayedCloseTimeout.inc();
        this.transport.destroy();
        break;
      case TimerKind.MaxDuration:
        stats.cxMaxDurationReached.inc();
        this.drain();
        break;
      default:
        if (this.active === null) this.closeDelayed();
        break;
    }
  }
}
