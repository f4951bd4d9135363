import type { UpstreamRequest } from './upstream-request.ts';

/** The tries of a request that are under way: one, unless hedging keeps slow ones beside the newest. */
export class LiveTries {
  /** The newest; null while none is under way. */
  current: UpstreamRequest | null = null;
  private older: UpstreamRequest[] | null = null;

  add(request: UpstreamRequest): void {
    if (this.current !== null) {
      this.older ??= [];
      this.older.push(this.current);
    }
    this.current = request;
  }

  has(request: UpstreamRequest): boolean {
    return this.current === request || this.older?.includes(request) === true;
  }

  /** Harmless when it is not there. */
  remove(request: UpstreamRequest): void {
    const { older } = this;
    if (this.current === request) {
      this.current = older?.pop() ?? null;
      return;
    }
    const at = older?.indexOf(request) ?? -1;
    if (at >= 0) older?.splice(at, 1);
  }

  /** Any one beside `request`, null when it is alone. */
  besides(request: UpstreamRequest): UpstreamRequest | null {
    if (this.current !== null && this.current !== request) return this.current;
    return this.older?.find((each) => each !== request) ?? null;
  }
}
