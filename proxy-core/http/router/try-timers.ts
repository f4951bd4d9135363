import { type Clock, Timer, type TimerOwner } from '../../base/clock.ts';
import type { FlushQueue } from '../../network/flush-queue.ts';
import type { RequestTimeouts } from './timeouts.ts';
import type { UpstreamRequest } from './upstream-request.ts';

/** Which limit of one try ran out. */
export type TryLimit = 'per-try' | 'per-try-idle' | 'stream-duration';

export interface TryTimersOwner {
  onTryTimeout(request: UpstreamRequest, limit: TryLimit): void;
}

const TimerKind = { PerTry: 0, Idle: 1, Duration: 2 } as const;

/** The limits in time of one try; only made when there is one. Envoy: UpstreamRequest::setupPerTryTimeout. */
export class TryTimers implements TimerOwner {
  private perTry: Timer | null = null;
  private idle: Timer | null = null;
  private duration: Timer | null = null;
  private lastProgress = 0;

  constructor(
    private readonly owner: TryTimersOwner,
    private readonly request: UpstreamRequest,
    private readonly timeouts: RequestTimeouts,
    private readonly clock: Clock,
    private readonly queue: FlushQueue,
  ) {}

  /** The request is complete: the limits of `retry_policy` begin. */
  begin(): void {
    const { timeouts, clock } = this;
    if (timeouts.perTry > 0) {
      this.perTry ??= new Timer(this, TimerKind.PerTry);
      clock.arm(this.perTry, timeouts.perTry);
    }
    if (timeouts.perTryIdle > 0) {
      this.idle ??= new Timer(this, TimerKind.Idle);
      this.lastProgress = clock.now();
      clock.arm(this.idle, timeouts.perTryIdle);
    }
  }

  /** `max_stream_duration` of the cluster begins when there is a connection. */
  limitDuration(limit: number): void {
    this.duration = new Timer(this, TimerKind.Duration);
    this.clock.arm(this.duration, limit);
  }

  progress(): void {
    if (this.idle !== null) this.lastProgress = this.clock.now();
  }

  responseStarted(): void {
    this.progress();
    if (this.perTry !== null) this.clock.disarm(this.perTry);
  }

  /** The response has become a tunnel: only the duration still counts. */
  releaseRetryLimits(): void {
    if (this.perTry !== null) this.clock.disarm(this.perTry);
    if (this.idle !== null) this.clock.disarm(this.idle);
  }

  stop(): void {
    this.releaseRetryLimits();
    if (this.duration !== null) this.clock.disarm(this.duration);
  }

  onTimer(timer: Timer): void {
    this.queue.enter();
    try {
      if (!this.request.done) this.timeOut(timer);
    } finally {
      this.queue.leave();
    }
  }

  private timeOut(timer: Timer): void {
    switch (timer.kind) {
      case TimerKind.PerTry:
        this.owner.onTryTimeout(this.request, 'per-try');
        break;
      case TimerKind.Idle: {
        const left = this.lastProgress + this.timeouts.perTryIdle - this.clock.now();
        if (left > 0) this.clock.arm(timer, left);
        else this.owner.onTryTimeout(this.request, 'per-try-idle');
        break;
      }
      default:
        this.owner.onTryTimeout(this.request, 'stream-duration');
        break;
    }
  }
}
