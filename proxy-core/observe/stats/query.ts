import { RE2JS } from 're2js';
import type { StatsStore } from './store.ts';

export type StatType = 'All' | 'Counters' | 'Gauges' | 'Histograms' | 'TextReadouts';
export type BucketMode = 'default' | 'summary' | 'cumulative' | 'disjoint' | 'detailed';
export type StatsFormat = 'text' | 'json' | 'prometheus' | 'html' | 'active-html';

/** What `/stats` was asked for. */
export interface StatsQuery {
  readonly format: StatsFormat;
  readonly usedOnly: boolean;
  readonly filter: RE2JS | null;
  readonly type: StatType;
  readonly buckets: BucketMode;
  readonly textReadouts: boolean;
}

export type ParsedStatsQuery =
  | { readonly ok: true; readonly query: StatsQuery }
  | { readonly ok: false; readonly status: number; readonly message: string };

const FORMATS: readonly string[] = ['html', 'active-html', 'json', 'prometheus', 'text'];
const TYPES: readonly string[] = ['All', 'Counters', 'Gauges', 'Histograms', 'TextReadouts'];
const BUCKET_MODES: readonly string[] = ['', 'none', 'summary', 'cumulative', 'disjoint', 'detailed'];

/** Reads the query parameters of `/stats` with Envoy's messages for bad ones (server/admin/stats_params.cc). */
export function parseStatsQuery(params: ReadonlyMap<string, string>): ParsedStatsQuery {
  const bad = (message: string): ParsedStatsQuery => ({ ok: false, status: 400, message });
  const buckets = params.get('histogram_buckets') ?? '';
  if (!BUCKET_MODES.includes(buckets)) {
    return bad('usage: /stats?histogram_buckets=(cumulative|disjoint|detailed|summary)\n');
  }
  const type = params.get('type') ?? 'All';
  if (!TYPES.includes(type)) return bad('invalid &type= param');
  const filterText = params.get('filter') ?? '';
  let filter: RE2JS | null = null;
  if (filterText !== '') {
    try {
      filter = RE2JS.compile(filterText);
    } catch {
      return bad('Invalid re2 regex');
    }
  }
  const format = params.get('format') ?? 'text';
  if (!FORMATS.includes(format)) {
    return bad('usage: /stats?format=(html|active-html|json|prometheus|text)\n\n');
  }
  return {
    ok: true,
    query: {
      format: format as StatsFormat,
      usedOnly: params.has('usedonly'),
      filter,
      type: type as StatType,
      buckets: buckets === '' || buckets === 'none' ? 'default' : (buckets as BucketMode),
      textReadouts: params.has('text_readouts'),
    },
  };
}

export const EVERYTHING: StatsQuery = {
  format: 'text',
  usedOnly: false,
  filter: null,
  type: 'All',
  buckets: 'default',
  textReadouts: false,
};

/** Names of one kind that the query asks for, in byte order. */
export function selectNames(
  store: StatsStore,
  query: StatsQuery,
  kind: 'counters' | 'gauges' | 'histograms' | 'texts',
): string[] {
  const type: StatType =
    kind === 'counters'
      ? 'Counters'
      : kind === 'gauges'
        ? 'Gauges'
        : kind === 'histograms'
          ? 'Histograms'
          : 'TextReadouts';
  if (query.type !== 'All' && query.type !== type) return [];
  const names: string[] = [];
  for (const name of store[kind].keys()) {
    if (query.usedOnly && !isUsed(store, kind, name)) continue;
    if (query.filter !== null && !query.filter.matcher(name).find()) continue;
    names.push(name);
  }
  return names.sort(byteOrder);
}

function isUsed(
  store: StatsStore,
  kind: 'counters' | 'gauges' | 'histograms' | 'texts',
  name: string,
): boolean {
  switch (kind) {
    case 'counters': {
      const counter = store.counters.get(name);
      return counter !== undefined && store.counterUsed(counter);
    }
    case 'gauges':
      return store.gauges.get(name)?.used === true;
    case 'histograms':
      return store.histograms.get(name)?.used === true;
    case 'texts':
      return store.texts.get(name) !== '';
  }
}

export function byteOrder(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
