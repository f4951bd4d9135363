/** Figures and chart points from the once-a-second ticks. Pure. */
import type { ClusterTick, MetricsTick } from '../../proxy-core/index.ts';

/** Rates are means over this many seconds, so that a quiet second does not blank a figure. */
export const RATE_WINDOW = 10;
/** Shares (5xx, success, load per host) are over the last minute. */
export const SHARE_WINDOW = 60;
export const MAX_POINTS = 300;

export function lastTicks(ticks: readonly MetricsTick[], seconds: number): readonly MetricsTick[] {
  return ticks.slice(-seconds);
}

function mean(ticks: readonly MetricsTick[], read: (tick: MetricsTick) => number): number {
  if (ticks.length === 0) return 0;
  let sum = 0;
  for (const tick of ticks) sum += read(tick);
  return sum / ticks.length;
}

/** Mean per second over the last `RATE_WINDOW` ticks. */
export function rate(ticks: readonly MetricsTick[], read: (tick: MetricsTick) => number): number {
  return mean(lastTicks(ticks, RATE_WINDOW), read);
}

/** The median of the values that exist in the last `RATE_WINDOW` ticks; null without traffic. */
export function typical(
  ticks: readonly MetricsTick[],
  read: (tick: MetricsTick) => number | null,
): number | null {
  const values: number[] = [];
  for (const tick of lastTicks(ticks, RATE_WINDOW)) {
    const value = read(tick);
    if (value !== null) values.push(value);
  }
  if (values.length === 0) return null;
  values.sort((a, b) => a - b);
  const middle = values.length >> 1;
  const upper = values[middle] ?? 0;
  return values.length % 2 === 1 ? upper : ((values[middle - 1] ?? upper) + upper) / 2;
}

/** 5xx of all answers in the last minute; null without traffic. */
export function errorShare(ticks: readonly MetricsTick[]): number | null {
  let requests = 0;
  let errors = 0;
  for (const tick of lastTicks(ticks, SHARE_WINDOW)) {
    requests += tick.byClass[0] + tick.byClass[1] + tick.byClass[2] + tick.byClass[3] + tick.byClass[4];
    errors += tick.byClass[3];
  }
  return requests === 0 ? null : errors / requests;
}

export interface ClusterFigures {
  readonly rate: number;
  /** Of the last minute; null without traffic. */
  readonly errorShare: number | null;
  readonly p50: number | null;
  readonly p99: number | null;
  /** Requests per second by host address. */
  readonly hostRates: ReadonlyMap<string, number>;
  /** Share of the cluster's requests in the last minute by host address. */
  readonly hostShares: ReadonlyMap<string, number>;
}

export function clusterFigures(ticks: readonly MetricsTick[], cluster: string): ClusterFigures {
  let requests = 0;
  let errors = 0;
  const minute = new Map<string, number>();
  const recent = new Map<string, number>();
  const lastMinute = lastTicks(ticks, SHARE_WINDOW);
  const recentFrom = lastMinute.length - Math.min(RATE_WINDOW, lastMinute.length);
  lastMinute.forEach((tick, index) => {
    const entry = tick.clusters[cluster];
    if (entry === undefined) return;
    requests += entry.requests;
    errors += entry.errors;
    for (const [address, count] of Object.entries(entry.hosts)) {
      minute.set(address, (minute.get(address) ?? 0) + count);
      if (index >= recentFrom) recent.set(address, (recent.get(address) ?? 0) + count);
    }
  });
  const total = [...minute.values()].reduce((sum, count) => sum + count, 0);
  const seconds = lastMinute.length - recentFrom;
  return {
    rate: rate(ticks, (tick) => tick.clusters[cluster]?.requests ?? 0),
    errorShare: requests === 0 ? null : errors / requests,
    p50: typical(ticks, (tick) => tick.clusters[cluster]?.p50 ?? null),
    p99: typical(ticks, (tick) => tick.clusters[cluster]?.p99 ?? null),
    hostRates: mapValues(recent, (count) => (seconds === 0 ? 0 : count / seconds)),
    hostShares: mapValues(minute, (count) => (total === 0 ? 0 : count / total)),
  };
}

function mapValues(map: ReadonlyMap<string, number>, change: (value: number) => number): Map<string, number> {
  return new Map([...map].map(([key, value]) => [key, change(value)]));
}

/** A point of a time chart: `at` and one value per series, null where there is nothing to draw. */
export interface Point {
  readonly at: number;
  readonly values: readonly (number | null)[];
}

/**
 * The last `range` milliseconds in at most `limit` points: each point is the mean of its bucket. Buckets stand
 * at fixed multiples of their length, so that points do not wander as time goes on.
 */
export function chartPoints(
  ticks: readonly MetricsTick[],
  now: number,
  range: number,
  readers: readonly ((tick: MetricsTick) => number | null)[],
  limit = MAX_POINTS,
): Point[] {
  const width = Math.max(1000, Math.ceil(range / limit / 1000) * 1000);
  const from = now - range;
  const points: Point[] = [];
  let bucket = Number.NaN;
  let sums: number[] = [];
  let counts: number[] = [];
  const flush = () => {
    if (Number.isNaN(bucket)) return;
    const values = sums.map((sum, i) => ((counts[i] ?? 0) === 0 ? null : sum / (counts[i] ?? 1)));
    points.push({ at: bucket * width + width / 2, values });
  };
  for (const tick of ticks) {
    if (tick.at < from || tick.at > now + 2000) continue;
    const index = Math.floor(tick.at / width);
    if (index !== bucket) {
      flush();
      bucket = index;
      sums = readers.map(() => 0);
      counts = readers.map(() => 0);
    }
    readers.forEach((read, i) => {
      const value = read(tick);
      if (value === null) return;
      sums[i] = (sums[i] ?? 0) + value;
      counts[i] = (counts[i] ?? 0) + 1;
    });
  }
  flush();
  return points;
}

/** The end of a linear axis: 1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10 times a power of ten, at least `least`. */
export function niceMaximum(value: number, least = 1): number {
  const wanted = Math.max(value, least);
  const power = 10 ** Math.floor(Math.log10(wanted));
  const factor = [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8].find((step) => wanted / power <= step + 1e-9) ?? 10;
  return factor * power;
}

export type ClusterReader = (tick: ClusterTick) => number | null;
