import type { Clock } from './clock.ts';

export interface TokenBucketSettings {
  readonly maxTokens: number;
  readonly tokensPerFill: number;
  /** Milliseconds. */
  readonly fillInterval: number;
}

/** Starts full and refills continuously (Envoy: AtomicTokenBucketImpl). */
export class TokenBucket {
  private tokens: number;
  private filledAt = -1;

  constructor(readonly settings: TokenBucketSettings) {
    this.tokens = settings.maxTokens;
  }

  private fill(clock: Clock): void {
    const { maxTokens, tokensPerFill, fillInterval } = this.settings;
    const now = clock.now();
    if (this.filledAt >= 0) {
      const gained = ((now - this.filledAt) * tokensPerFill) / fillInterval;
      this.tokens = Math.min(maxTokens, this.tokens + gained);
    }
    this.filledAt = now;
  }

  take(clock: Clock): boolean {
    this.fill(clock);
    if (this.tokens < 1) return false;
    this.tokens--;
    return true;
  }

  get remaining(): number {
    return Math.floor(this.tokens);
  }

  /** Whole seconds until a token is there, cut off. */
  resetSeconds(clock: Clock): number {
    this.fill(clock);
    const { tokensPerFill, fillInterval } = this.settings;
    return Math.floor((Math.max(0, 1 - this.tokens) * fillInterval) / tokensPerFill / 1000);
  }
}
