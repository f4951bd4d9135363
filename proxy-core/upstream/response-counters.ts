import type { Counter, Stats } from '../base/stats.ts';

const CLASS_WORDS: readonly string[] = ['', '1xx', '2xx', '3xx', '4xx', '5xx'];

/** Counters of answers under one prefix, made when the first such answer comes, as Envoy makes them. */
export class ResponseCounters {
  private readonly classes: (Counter | undefined)[] = [];
  private readonly codes: (Counter | undefined)[] = [];
  private completed: Counter | null;

  constructor(
    private readonly stats: Stats,
    private readonly prefix: string,
    completed: Counter | null,
  ) {
    this.completed = completed;
  }

  charge(status: number): void {
    this.completed ??= this.stats.counter(`${this.prefix}upstream_rq_completed`);
    this.completed.inc();
    const group = (status / 100) | 0;
    const known = group >= 1 && group <= 5;
    let byClass = this.classes[known ? group : 0];
    if (byClass === undefined) {
      byClass = this.stats.counter(`${this.prefix}upstream_rq_${known ? CLASS_WORDS[group] : 'unknown'}`);
      this.classes[known ? group : 0] = byClass;
    }
    byClass.inc();
    if (!known) return;
    let byCode = this.codes[status];
    if (byCode === undefined) {
      byCode = this.stats.counter(`${this.prefix}upstream_rq_${status}`);
      this.codes[status] = byCode;
    }
    byCode.inc();
  }
}
