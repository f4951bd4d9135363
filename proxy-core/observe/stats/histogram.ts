import type { Histogram } from '../../base/stats.ts';

/** `supported_percentiles` of Envoy's `/stats`. */
export const QUANTILES: readonly number[] = [0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 1];

/** Envoy's default histogram buckets, milliseconds (stats/histogram_impl.cc). */
export const BUCKETS: readonly number[] = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000, 600000, 1800000,
  3600000,
];

/** One occupied bin: values in [left, left + width). The bin of zero has width 0. */
export interface Bin {
  readonly left: number;
  readonly width: number;
  readonly count: number;
}

/**
 * Counts of circllhist's log-linear bins: 90 bins per decade, two significant digits each. Decades are allocated
 * when a value first falls into them, so an unused histogram costs a few words.
 */
export class LogLinearBins {
  private zero = 0;
  /** `decades[d][b]` counts values in [(b + 10) · 10^(d-1), (b + 11) · 10^(d-1)). */
  private readonly decades: (Float64Array | undefined)[] = [];
  count = 0;

  /** Fractions are cut: histograms take whole units, as Envoy's `recordValue(uint64_t)`. */
  add(value: number, times = 1): void {
    this.count += times;
    if (value < 1) {
      this.zero += times;
      return;
    }
    let decade = 0;
    let digits: number;
    if (value < 10) {
      digits = Math.floor(value) * 10;
    } else {
      digits = Math.floor(value);
      decade = 1;
      while (digits >= 100) {
        digits = Math.floor(digits / 10);
        decade++;
      }
    }
    let counts = this.decades[decade];
    if (counts === undefined) {
      while (this.decades.length < decade) this.decades.push(undefined);
      counts = new Float64Array(90);
      this.decades[decade] = counts;
    }
    counts[digits - 10] = (counts[digits - 10] as number) + times;
  }

  /** Adds all of `other`. */
  merge(other: LogLinearBins): void {
    if (other.count === 0) return;
    this.count += other.count;
    this.zero += other.zero;
    for (let d = 0; d < other.decades.length; d++) {
      const from = other.decades[d];
      if (from === undefined) continue;
      while (this.decades.length < d) this.decades.push(undefined);
      let to = this.decades[d];
      if (to === undefined) {
        to = new Float64Array(90);
        this.decades[d] = to;
      }
      for (let b = 0; b < 90; b++) to[b] = (to[b] as number) + (from[b] as number);
    }
  }

  clear(): void {
    if (this.count === 0) return;
    this.count = 0;
    this.zero = 0;
    for (const decade of this.decades) decade?.fill(0);
  }

  /** Occupied bins in ascending order. */
  bins(): Bin[] {
    const result: Bin[] = [];
    if (this.zero > 0) result.push({ left: 0, width: 0, count: this.zero });
    for (let d = 0; d < this.decades.length; d++) {
      const counts = this.decades[d];
      if (counts === undefined) continue;
      const power = 10 ** d;
      for (let b = 0; b < 90; b++) {
        const count = counts[b] as number;
        if (count > 0) result.push({ left: ((b + 10) / 10) * power, width: power / 10, count });
      }
    }
    return result;
  }
}

/** `hist_approx_quantile` of libcircllhist: linear interpolation inside the bin. NaN without values. */
export function quantiles(bins: readonly Bin[], wanted: readonly number[] = QUANTILES): number[] {
  let total = 0;
  for (const bin of bins) total += bin.count;
  if (total === 0) return wanted.map(() => Number.NaN);
  let index = 0;
  let lower = 0;
  let bin = bins[0] as Bin;
  let upper = bin.count;
  return wanted.map((quantile) => {
    const target = total * quantile;
    while (index < bins.length - 1 && upper < target) {
      index++;
      bin = bins[index] as Bin;
      lower = upper;
      upper = lower + bin.count;
    }
    if (lower === target) return bin.left;
    if (upper === target) return bin.left + bin.width;
    if (bin.width === 0) return bin.left;
    return bin.left + ((target - lower) / (upper - lower)) * bin.width;
  });
}

/** `hist_approx_count_below`: values in bins that end at or below each bound. */
export function cumulativeCounts(bins: readonly Bin[], bounds: readonly number[] = BUCKETS): number[] {
  let index = 0;
  let running = 0;
  return bounds.map((bound) => {
    while (index < bins.length) {
      const bin = bins[index] as Bin;
      if (bin.left + bin.width > bound) break;
      running += bin.count;
      index++;
    }
    return running;
  });
}

/** `hist_approx_sum`: every value counts as the middle of its bin. */
export function approximateSum(bins: readonly Bin[]): number {
  let sum = 0;
  for (const bin of bins) sum += (bin.left + bin.width / 2) * bin.count;
  return sum;
}

/**
 * A histogram as Envoy keeps it: values go into the running interval; a flush (every 5 s) makes that the last
 * interval and adds it to the totals. `/stats` shows what the last flush saw.
 */
export class IntervalHistogram implements Histogram {
  /** True once a flush has seen a value. */
  used = false;
  readonly cumulative = new LogLinearBins();
  interval = new LogLinearBins();
  private running = new LogLinearBins();

  constructor(readonly name: string) {}

  record(value: number): void {
    this.running.add(value);
  }

  flush(): void {
    const next = this.interval;
    next.clear();
    this.interval = this.running;
    this.running = next;
    if (this.interval.count === 0) return;
    this.used = true;
    this.cumulative.merge(this.interval);
  }
}
