import { formatGeneral } from './decimal.ts';
import {
  type Bin,
  BUCKETS,
  cumulativeCounts,
  type IntervalHistogram,
  QUANTILES,
  quantiles,
} from './histogram.ts';
import { type BucketMode, byteOrder, type StatsQuery, selectNames } from './query.ts';
import type { StatsStore } from './store.ts';

/** `/stats`: counters, gauges and texts by name, then histograms by name. */
export function renderStatsText(store: StatsStore, query: StatsQuery): string {
  const lines: string[] = [];
  for (const [name, value] of plainStats(store, query)) {
    lines.push(typeof value === 'string' ? `${name}: "${value}"` : `${name}: ${value}`);
  }
  for (const name of selectNames(store, query, 'histograms')) {
    const histogram = store.histograms.get(name);
    if (histogram !== undefined) lines.push(`${name}:${histogramText(histogram, query.buckets)}`);
  }
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

/** `/stats?format=json`: one line, no newline at the end. */
export function renderStatsJson(store: StatsStore, query: StatsQuery): string {
  const stats: unknown[] = plainStats(store, query).map(([name, value]) => ({ name, value }));
  const histograms = selectNames(store, query, 'histograms')
    .map((name) => store.histograms.get(name))
    .filter((histogram) => histogram !== undefined);
  if (histograms.length > 0) stats.push({ histograms: histogramsJson(histograms, query.buckets) });
  return JSON.stringify({ stats });
}

function plainStats(store: StatsStore, query: StatsQuery): [string, number | string][] {
  const result: [string, number | string][] = [];
  for (const name of selectNames(store, query, 'counters')) {
    result.push([name, store.counters.get(name)?.value ?? 0]);
  }
  for (const name of selectNames(store, query, 'gauges')) {
    result.push([name, store.gauges.get(name)?.value ?? 0]);
  }
  for (const name of selectNames(store, query, 'texts')) result.push([name, store.texts.get(name) ?? '']);
  return result.sort((a, b) => byteOrder(a[0], b[0]));
}

const SUPPORTED_PERCENTILES = QUANTILES.map((q) => Number((q * 100).toPrecision(6)));

function histogramText(histogram: IntervalHistogram, mode: BucketMode): string {
  if (mode === 'summary' || mode === 'default') return ` ${summaryText(histogram)}`;
  if (mode === 'detailed') {
    if (!histogram.used) return ' No recorded values';
    return `\n  totals=${binsText(histogram.cumulative.bins())}\n  intervals=${binsText(histogram.interval.bins())}\n  summary=${summaryText(histogram)}`;
  }
  if (!histogram.used) return ' No recorded values';
  const interval = bucketCounts(histogram.interval.bins(), mode);
  const cumulative = bucketCounts(histogram.cumulative.bins(), mode);
  return ` ${BUCKETS.map((bound, i) => `B${formatGeneral(bound, 6)}(${interval[i]},${cumulative[i]})`).join(' ')}`;
}

function summaryText(histogram: IntervalHistogram): string {
  if (!histogram.used) return 'No recorded values';
  const interval = quantiles(histogram.interval.bins());
  const cumulative = quantiles(histogram.cumulative.bins());
  return SUPPORTED_PERCENTILES.map(
    (p, i) => `P${p}(${numberText(interval[i])},${numberText(cumulative[i])})`,
  ).join(' ');
}

function numberText(value: number | undefined): string {
  return value === undefined || Number.isNaN(value) ? 'nan' : String(value);
}

function binsText(bins: readonly Bin[]): string {
  return bins.map((bin) => `${bin.left},${bin.width}:${bin.count}`).join(', ');
}

function bucketCounts(bins: readonly Bin[], mode: 'cumulative' | 'disjoint'): number[] {
  const counts = cumulativeCounts(bins);
  return mode === 'cumulative' ? counts : counts.map((count, i) => count - (counts[i - 1] ?? 0));
}

function histogramsJson(histograms: readonly IntervalHistogram[], mode: BucketMode): unknown {
  if (mode === 'summary' || mode === 'default') {
    return {
      supported_percentiles: SUPPORTED_PERCENTILES,
      computed_quantiles: histograms.map((h) => ({ name: h.name, values: percentileValues(h) })),
    };
  }
  if (mode === 'detailed') {
    return {
      supported_percentiles: SUPPORTED_PERCENTILES,
      details: histograms.map((h) => ({
        name: h.name,
        totals: binsJson(h.cumulative.bins()),
        intervals: binsJson(h.interval.bins()),
        percentiles: percentileValues(h),
      })),
    };
  }
  return histograms.map((h) => {
    const interval = bucketCounts(h.interval.bins(), mode);
    const cumulative = bucketCounts(h.cumulative.bins(), mode);
    return {
      name: h.name,
      buckets: BUCKETS.map((bound, i) => ({
        upper_bound: bound,
        interval: interval[i],
        cumulative: cumulative[i],
      })),
    };
  });
}

function percentileValues(histogram: IntervalHistogram): unknown[] {
  const interval = quantiles(histogram.interval.bins());
  const cumulative = quantiles(histogram.cumulative.bins());
  return QUANTILES.map((_, i) => ({
    cumulative: jsonNumber(cumulative[i]),
    interval: jsonNumber(interval[i]),
  }));
}

function jsonNumber(value: number | undefined): number | null {
  return value === undefined || Number.isNaN(value) ? null : value;
}

function binsJson(bins: readonly Bin[]): unknown[] {
  return bins.map((bin) => ({ lower_bound: bin.left, width: bin.width, count: bin.count }));
}
