import type { PriorityExclusion } from '../../upstream/types.ts';

/** `retry_priority: previous_priorities`: retries leave the priorities that were tried (Envoy: PreviousPriorities). */
export class PreviousPriorities implements PriorityExclusion {
  readonly excluded = new Set<number>();
  private tried: number[] = [];

  /** @param updateFrequency After so many tries at a time the priorities tried so far are left out. */
  constructor(private readonly updateFrequency: number) {}

  onTry(priority: number): void {
    this.tried.push(priority);
    if (this.updateFrequency === 0 || this.tried.length % this.updateFrequency !== 0) return;
    for (const each of this.tried) this.excluded.add(each);
  }

  reset(): void {
    this.excluded.clear();
    this.tried = [];
  }
}
