import { CallbackTimer, type Clock } from '../../base/clock.ts';
import type { HeaderList } from '../../base/headers.ts';

/** Where limited bytes go, and how their sender is held back. */
export interface RateLimiterSink {
  inject(bytes: Uint8Array, endStream: boolean): void;
  injectTrailers(trailers: HeaderList): void;
  pause(on: boolean): void;
  /** Told of each release, `held` when more waits; for statistics. */
  onRelease?(bytes: number, held: boolean): void;
  /** The last byte is about to leave; the trailers that follow may still be changed. */
  onEnd?(trailers: HeaderList | null): void;
}

/** Bytes per second as tokens; streams may share one. */
export class ByteBucket {
  private tokens: number;
  private filledAt: number;
  private readonly perMillisecond: number;

  /** @param initial Tokens at the start, in bytes. */
  constructor(
    private readonly clock: Pick<Clock, 'now'>,
    private readonly bytesPerSecond: number,
    initial: number,
  ) {
    this.tokens = initial;
    this.perMillisecond = bytesPerSecond / 1000;
    this.filledAt = clock.now();
  }

  /** Takes up to so many bytes; how many there are. */
  take(wanted: number): number {
    const now = this.clock.now();
    this.tokens = Math.min(this.bytesPerSecond, this.tokens + (now - this.filledAt) * this.perMillisecond);
    this.filledAt = now;
    const taken = Math.min(wanted, Math.floor(this.tokens));
    this.tokens -= taken;
    return taken;
  }
}

/** Bytes per second of a `limit_kbps`. */
export const bytesOfKbps = (kbps: number): number => kbps * 1024;

/** Lets a body through as fast as its bucket allows, a release each fill interval (Envoy: StreamRateLimiter). */
export class StreamRateLimiter {
  private readonly timer: CallbackTimer;
  private readonly waiting: Uint8Array[] = [];
  private waitingBytes = 0;
  private ends = false;
  private trailers: HeaderList | null = null;
  private paused = false;

  /**
   * @param interval Milliseconds between releases.
   * @param limit Bytes that may wait before the sender is stopped; 0 = no limit.
   */
  constructor(
    clock: Clock,
    private readonly bucket: ByteBucket,
    private readonly interval: number,
    private readonly limit: number,
    private readonly sink: RateLimiterSink,
  ) {
    this.timer = new CallbackTimer(clock, () => this.release());
  }

  /** The bytes are copied. */
  write(bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    // `slice` of a Buffer would be a view of bytes that are only there during this call.
    if (end > start) this.waiting.push(Buffer.from(bytes.subarray(start, end)));
    this.waitingBytes += end - start;
    this.ends ||= endStream;
    if (!this.timer.armed) this.timer.arm(0);
    if (!this.paused && this.limit > 0 && this.waitingBytes > this.limit) {
      this.paused = true;
      this.sink.pause(true);
    }
  }

  /** True when the trailers wait for the body. */
  holdTrailers(trailers: HeaderList): boolean {
    if (this.waitingBytes === 0) {
      this.sink.onEnd?.(trailers);
      return false;
    }
    this.trailers = trailers;
    return true;
  }

  destroy(): void {
    this.timer.disarm();
  }

  private release(): void {
    const { sink } = this;
    const bytes = this.take(this.bucket.take(this.waitingBytes));
    const done = this.waitingBytes === 0;
    sink.onRelease?.(bytes.length, !done);
    if (!done) this.timer.arm(this.interval);
    if (this.paused && this.waitingBytes <= this.limit / 2) {
      this.paused = false;
      sink.pause(false);
    }
    const { trailers } = this;
    const ends = done && this.ends && trailers === null;
    if (done && (this.ends || trailers !== null)) sink.onEnd?.(trailers);
    if (bytes.length > 0 || ends) sink.inject(bytes, ends);
    if (done && trailers !== null) sink.injectTrailers(trailers);
  }

  private take(limit: number): Uint8Array {
    const taken: Uint8Array[] = [];
    let left = limit;
    while (left > 0) {
      const first = this.waiting[0];
      if (first === undefined) break;
      if (first.length <= left) {
        taken.push(first);
        this.waiting.shift();
      } else {
        taken.push(first.subarray(0, left));
        this.waiting[0] = first.subarray(left);
      }
      left -= Math.min(left, first.length);
    }
    this.waitingBytes -= limit - left;
    return Buffer.concat(taken);
  }
}
