import { formatGeneral } from './decimal.ts';
import { approximateSum, type Bin, BUCKETS, cumulativeCounts, QUANTILES, quantiles } from './histogram.ts';
import { type StatsQuery, selectNames } from './query.ts';
import type { StatsStore } from './store.ts';
import type { Tag } from './tag-extraction.ts';

interface Member {
  readonly statName: string;
  readonly tags: readonly Tag[];
}

/**
 * `/stats/prometheus` (server/admin/prometheus_stats.cc): families of equal extracted name, sorted by it; counters,
 * gauges, text readouts when asked for, histograms. `# TYPE` and no HELP, as Envoy.
 */
export function renderPrometheus(store: StatsStore, query: StatsQuery): string {
  const out: string[] = [];
  for (const [name, members] of families(store, selectNames(store, query, 'counters'))) {
    out.push(`# TYPE ${name} counter`);
    for (const m of members)
      out.push(`${name}{${labels(m.tags)}} ${store.counters.get(m.statName)?.value ?? 0}`);
  }
  for (const [name, members] of families(store, selectNames(store, query, 'gauges'))) {
    out.push(`# TYPE ${name} gauge`);
    for (const m of members)
      out.push(`${name}{${labels(m.tags)}} ${store.gauges.get(m.statName)?.value ?? 0}`);
  }
  if (query.textReadouts) {
    for (const [name, members] of families(store, selectNames(store, query, 'texts'))) {
      out.push(`# TYPE ${name} gauge`);
      for (const m of members) {
        const tags = [...m.tags, { name: 'text_value', value: store.texts.get(m.statName) ?? '' }];
        out.push(`${name}{${labels(tags)}} 0`);
      }
    }
  }
  for (const [name, members] of families(store, selectNames(store, query, 'histograms'))) {
    out.push(`# TYPE ${name} ${query.buckets === 'summary' ? 'summary' : 'histogram'}`);
    for (const m of members) {
      const bins = store.histograms.get(m.statName)?.cumulative.bins() ?? [];
      if (query.buckets === 'summary') summaryLines(out, name, m.tags, bins);
      else histogramLines(out, name, m.tags, bins);
    }
  }
  return out.length === 0 ? '' : `${out.join('\n')}\n`;
}

function histogramLines(out: string[], name: string, tags: readonly Tag[], bins: readonly Bin[]): void {
  const own = labels(tags);
  const before = own === '' ? '' : `${own},`;
  const counts = cumulativeCounts(bins);
  BUCKETS.forEach((bound, i) => {
    out.push(`${name}_bucket{${before}le="${bound}"} ${counts[i]}`);
  });
  const total = bins.reduce((sum, bin) => sum + bin.count, 0);
  out.push(`${name}_bucket{${before}le="+Inf"} ${total}`);
  out.push(`${name}_sum{${own}} ${formatGeneral(approximateSum(bins), 32)}`);
  out.push(`${name}_count{${own}} ${total}`);
}

function summaryLines(out: string[], name: string, tags: readonly Tag[], bins: readonly Bin[]): void {
  const own = labels(tags);
  const before = own === '' ? '' : `${own},`;
  const values = quantiles(bins);
  QUANTILES.forEach((quantile, i) => {
    out.push(`${name}{${before}quantile="${quantile}"} ${formatGeneral(values[i] ?? Number.NaN, 32)}`);
  });
  const total = bins.reduce((sum, bin) => sum + bin.count, 0);
  out.push(`${name}_sum{${own}} ${formatGeneral(approximateSum(bins), 32)}`);
  out.push(`${name}_count{${own}} ${total}`);
}

/** Prometheus name → members, both in the order of Envoy's stat names (segment by segment). */
function families(store: StatsStore, statNames: readonly string[]): [string, Member[]][] {
  const groups = new Map<string, Member[]>();
  for (const statName of statNames) {
    const { name, tags } = store.tagged(statName);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [{ statName, tags }]);
    else group.push({ statName, tags });
  }
  const sorted = [...groups].sort((a, b) => segmentOrder(a[0], b[0]));
  return sorted.map(([name, members]) => [
    metricName(name),
    members.sort((a, b) => segmentOrder(a.statName, b.statName)),
  ]);
}

function segmentOrder(a: string, b: string): number {
  const left = a.split('.');
  const right = b.split('.');
  const shared = Math.min(left.length, right.length);
  for (let i = 0; i < shared; i++) {
    const l = left[i] as string;
    const r = right[i] as string;
    if (l !== r) return l < r ? -1 : 1;
  }
  return left.length - right.length;
}

function metricName(extracted: string): string {
  return `envoy_${sanitize(extracted)}`;
}

function sanitize(name: string): string {
  return name.replace(/[^a-zA-Z0-9_]/g, '_');
}

function labels(tags: readonly Tag[]): string {
  return tags.map((tag) => `${sanitize(tag.name)}="${escapeLabel(tag.value)}"`).join(',');
}

function escapeLabel(value: string): string {
  return value.replace(/[\\"\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`));
}
