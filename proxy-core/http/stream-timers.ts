import { type Clock, Timer, type TimerOwner } from '../base/clock.ts';
import type { StreamInfo } from '../base/stream-info.ts';
import type { FlushQueue } from '../network/flush-queue.ts';
import type { HttpConnectionManagerConfig } from './connection-manager-config.ts';
import { writeLogs } from './stream-account.ts';

/** What ran out of time. */
export type StreamLimit = 'idle' | 'request' | 'duration';

export interface StreamTimersOwner {
  readonly info: StreamInfo;
  readonly ended: boolean;
  onStreamTimeout(limit: StreamLimit): void;
}

const TimerKind = { Idle: 0, Request: 1, MaxDuration: 2, Log: 3 } as const;

/** The limits in time of one downstream stream, and the log lines that it writes while it lives. */
export class StreamTimers implements TimerOwner {
  /** When something of the stream last moved: progress only notes it, the timer looks at it when it is due. */
  lastActivity: number;
  /** Milliseconds without progress until the stream is given up; 0 = never. The route may change it. */
  private idleTimeout: number;
  private idle: Timer | null = null;
  private request: Timer | null = null;
  private duration: Timer | null = null;
  private log: Timer | null = null;

  constructor(
    private readonly owner: StreamTimersOwner,
    private readonly config: HttpConnectionManagerConfig,
    private readonly clock: Clock,
    private readonly queue: FlushQueue,
  ) {
    this.idleTimeout = config.streamIdleTimeout;
    this.lastActivity = owner.info.start;
  }

  /** The head is there: what the connection manager limits begins. */
  begin(requestComplete: boolean): void {
    const { config, clock } = this;
    if (config.requestTimeout > 0 && !requestComplete) {
      this.request = new Timer(this, TimerKind.Request);
      clock.arm(this.request, config.requestTimeout);
    }
    if (this.idleTimeout > 0) {
      this.idle = new Timer(this, TimerKind.Idle);
      clock.arm(this.idle, this.idleTimeout);
    }
    if (config.maxStreamDuration > 0) this.limitDuration(config.maxStreamDuration);
  }

  /** `access_log_flush_interval`: lines about the stream while it lives. */
  beginLogs(interval: number): void {
    this.log = new Timer(this, TimerKind.Log);
    this.clock.arm(this.log, interval);
  }

  requestDone(): void {
    if (this.request !== null) this.clock.disarm(this.request);
  }

  limitDuration(limit: number): void {
    this.duration ??= new Timer(this, TimerKind.MaxDuration);
    this.clock.arm(this.duration, limit);
  }

  setIdleTimeout(timeout: number): void {
    this.idleTimeout = timeout;
    if (timeout > 0) {
      this.idle ??= new Timer(this, TimerKind.Idle);
      this.clock.arm(this.idle, timeout);
    } else if (this.idle !== null) this.clock.disarm(this.idle);
  }

  stop(): void {
    const { clock } = this;
    if (this.idle !== null) clock.disarm(this.idle);
    if (this.request !== null) clock.disarm(this.request);
    if (this.duration !== null) clock.disarm(this.duration);
    if (this.log !== null) clock.disarm(this.log);
  }

  onTimer(timer: Timer): void {
    this.queue.enter();
    try {
      if (!this.owner.ended) this.timeOut(timer);
    } finally {
      this.queue.leave();
    }
  }

  private timeOut(timer: Timer): void {
    switch (timer.kind) {
      case TimerKind.Idle: {
        const left = this.lastActivity + this.idleTimeout - this.clock.now();
        if (left > 0) this.clock.arm(timer, left);
        else this.owner.onStreamTimeout('idle');
        break;
      }
      case TimerKind.Log:
        writeLogs(this.config.periodicLogs, this.owner.info);
        this.clock.arm(timer, this.config.periodicLogInterval);
        break;
      case TimerKind.Request:
        this.owner.onStreamTimeout('request');
        break;
      default:
        this.owner.onStreamTimeout('duration');
        break;
    }
  }
}
