import { CallbackTimer } from '../../base/clock.ts';
import type { HeaderList } from '../../base/headers.ts';
import type { FilterCallbacks } from '../filter.ts';

/** Milliseconds between two slices. */
const SLICE = 50;
const SLICES_PER_SECOND = 1000 / SLICE;

/** Lets a response body through at so many KiB per second, in slices of 50 ms (Envoy: StreamRateLimiter). */
export class RateLimiter {
  private readonly bytesPerSlice: number;
  private readonly timer: CallbackTimer;
  private readonly waiting: Uint8Array[] = [];
  private waitingBytes = 0;
  private ends = false;
  private trailers: HeaderList | null = null;
  private tokens = 1;
  private filledAt: number;

  constructor(
    private readonly callbacks: FilterCallbacks,
    kbps: number,
  ) {
    this.bytesPerSlice = Math.max(1, Math.floor((kbps * 1024) / SLICES_PER_SECOND));
    this.timer = new CallbackTimer(callbacks.clock, () => this.release());
    this.filledAt = callbacks.clock.now();
  }

  write(bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    if (end > start) this.waiting.push(bytes.slice(start, end));
    this.waitingBytes += end - start;
    this.ends ||= endStream;
    if (!this.timer.armed) this.timer.arm(0);
  }

  /** True when the trailers wait for the body. */
  holdTrailers(trailers: HeaderList): boolean {
    if (this.waitingBytes === 0) return false;
    this.trailers = trailers;
    return true;
  }

  destroy(): void {
    this.timer.disarm();
  }

  private release(): void {
    const { callbacks } = this;
    const slices = Math.floor((callbacks.clock.now() - this.filledAt) / SLICE);
    this.tokens = Math.min(SLICES_PER_SECOND, this.tokens + slices);
    this.filledAt += slices * SLICE;
    const wanted = Math.ceil(this.waitingBytes / this.bytesPerSlice);
    const granted = Math.min(wanted, this.tokens);
    this.tokens -= granted;
    const bytes = this.take(granted * this.bytesPerSlice);
    const done = this.waitingBytes === 0;
    if (!done) this.timer.arm(SLICE);
    const ends = done && this.ends;
    if (bytes.length > 0 || ends) callbacks.injectResponse(bytes, ends);
    if (done && this.trailers !== null) callbacks.injectResponseTrailers(this.trailers);
  }

  private take(limit: number): Uint8Array {
    const all = Buffer.concat(this.waiting);
    this.waiting.length = 0;
    const taken = all.subarray(0, limit);
    const rest = all.subarray(taken.length);
    if (rest.length > 0) this.waiting.push(rest);
    this.waitingBytes = rest.length;
    return taken;
  }
}
