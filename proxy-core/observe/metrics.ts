import type { StreamInfo } from '../base/stream-info.ts';
import type { ClusterTick, MetricsTick } from '../facade/records.ts';
import { RouteIds } from './route-ids.ts';

/** Gauges and counters that somebody else keeps, read once a second. Counters are totals. */
export interface MetricsSource {
  downstreamConnections(): number;
  upstreamConnections(): number;
  ejectedHosts(): number;
  retriesTotal(): number;
  overflowsTotal(): number;
}

/** Buckets per factor of ten; a percentile is right within 7 %. */
const PER_DECADE = 32;
/** From 10 µs to 10^6 seconds. */
const BUCKETS = PER_DECADE * 11;
const MOST_NAMES = 10_000;
/** Entries by name that all kept ticks may hold together (about 20 MB); older ticks keep their totals only. */
const MOST_ENTRIES = 150_000;
const NOTHING = Object.freeze({});

/** Latencies of one second in logarithmic buckets. */
class LatencyBuckets {
  private readonly counts = new Uint32Array(BUCKETS);
  private lowest = BUCKETS;
  private highest = -1;
  private total = 0;

  add(milliseconds: number): void {
    let bucket = milliseconds <= 0.01 ? 0 : Math.floor((Math.log10(milliseconds) + 2) * PER_DECADE);
    if (bucket >= BUCKETS) bucket = BUCKETS - 1;
    this.counts[bucket] = (this.counts[bucket] as number) + 1;
    if (bucket < this.lowest) this.lowest = bucket;
    if (bucket > this.highest) this.highest = bucket;
    this.total++;
  }

  /** Geometric middle of the bucket in which the quantile falls. */
  quantile(q: number): number | null {
    if (this.total === 0) return null;
    const wanted = Math.max(1, Math.ceil(q * this.total));
    let seen = 0;
    for (let i = this.lowest; i <= this.highest; i++) {
      seen += this.counts[i] as number;
      if (seen >= wanted) return 10 ** ((i + 0.5) / PER_DECADE - 2);
    }
    return null;
  }

  clear(): void {
    if (this.total === 0) return;
    this.counts.fill(0, this.lowest, this.highest + 1);
    this.lowest = BUCKETS;
    this.highest = -1;
    this.total = 0;
  }
}

class ClusterCounts {
  requests = 0;
  errors = 0;
  readonly latencies = new LatencyBuckets();
  readonly hosts = new Map<string, number>();
}

/** Counts of the running second from stream ends, a tick each second, and the ticks of the last hour. */
export class LiveMetrics {
  private requests = 0;
  private byClass: [number, number, number, number, number] = [0, 0, 0, 0, 0];
  private readonly latencies = new LatencyBuckets();
  private readonly clusters = new Map<string, ClusterCounts>();
  private readonly listeners = new Map<string, number>();
  private readonly routes = new Map<string, number>();
  private readonly ticks: MetricsTick[] = [];
  /** Entries by name of the kept ticks, and the first tick that still has its own. */
  private entries = 0;
  private firstWhole = 0;
  private lastRetries = 0;
  private lastOverflows = 0;

  constructor(
    private readonly source: MetricsSource,
    private readonly routeIds: RouteIds = new RouteIds(),
    private readonly limit = 3600,
  ) {}

  /** Called at the end of each stream. */
  streamEnded(info: StreamInfo): void {
    const duration = info.end - info.start;
    const status = info.responseCode;
    this.requests++;
    const kind = status >= 500 ? 3 : status >= 400 ? 2 : status >= 300 ? 1 : status >= 100 ? 0 : 4;
    this.byClass[kind]++;
    this.latencies.add(duration);
    bump(this.listeners, info.connection.listenerName);
    const route = this.routeIds.of(info);
    if (route !== '') bump(this.routes, route);
    if (info.clusterName === '') return;
    let cluster = this.clusters.get(info.clusterName);
    if (cluster === undefined) {
      cluster = new ClusterCounts();
      this.clusters.set(info.clusterName, cluster);
    }
    cluster.requests++;
    if (kind >= 3) cluster.errors++;
    cluster.latencies.add(duration);
    if (info.upstreamHost !== '') bump(cluster.hosts, info.upstreamHost);
  }

  /** Ends the second; `at` is wall time in milliseconds. */
  tick(at: number): MetricsTick {
    const retries = this.source.retriesTotal();
    const overflows = this.source.overflowsTotal();
    const clusters: Record<string, ClusterTick> = {};
    for (const [name, c] of this.clusters) {
      if (c.requests === 0) {
        // Idle for a whole second: its buckets are given back.
        this.clusters.delete(name);
        continue;
      }
      clusters[name] = {
        requests: c.requests,
        errors: c.errors,
        p50: c.latencies.quantile(0.5),
        p99: c.latencies.quantile(0.99),
        hosts: Object.fromEntries(c.hosts),
      };
      c.requests = 0;
      c.errors = 0;
      c.latencies.clear();
      c.hosts.clear();
    }
    const tick: MetricsTick = {
      at,
      requests: this.requests,
      byClass: this.byClass,
      p50: this.latencies.quantile(0.5),
      p90: this.latencies.quantile(0.9),
      p99: this.latencies.quantile(0.99),
      downstreamConnections: this.source.downstreamConnections(),
      upstreamConnections: this.source.upstreamConnections(),
      ejected: this.source.ejectedHosts(),
      // A reset of counters makes the totals fall; that is no negative rate.
      retries: Math.max(0, retries - this.lastRetries),
      overflows: Math.max(0, overflows - this.lastOverflows),
      clusters,
      listeners: Object.fromEntries(this.listeners),
      routes: Object.fromEntries(this.routes),
    };
    this.lastRetries = retries;
    this.lastOverflows = overflows;
    this.requests = 0;
    this.byClass = [0, 0, 0, 0, 0];
    this.latencies.clear();
    this.listeners.clear();
    this.routes.clear();
    this.keep(tick);
    return tick;
  }

  private keep(tick: MetricsTick): void {
    this.ticks.push(tick);
    this.entries += entriesOf(tick);
    while (this.entries > MOST_ENTRIES && this.firstWhole < this.ticks.length - 1) {
      const old = this.ticks[this.firstWhole] as MetricsTick;
      this.entries -= entriesOf(old);
      this.ticks[this.firstWhole++] = { ...old, clusters: NOTHING, listeners: NOTHING, routes: NOTHING };
    }
    if (this.ticks.length <= this.limit + 60) return;
    const gone = this.ticks.splice(0, this.ticks.length - this.limit);
    for (const old of gone) this.entries -= entriesOf(old);
    this.firstWhole = Math.max(0, this.firstWhole - gone.length);
  }

  /** The last hour at most, oldest first. */
  history(): readonly MetricsTick[] {
    return this.ticks.slice(-this.limit);
  }
}

function entriesOf(tick: MetricsTick): number {
  let count = Object.keys(tick.listeners).length + Object.keys(tick.routes).length;
  for (const cluster of Object.values(tick.clusters)) count += 1 + Object.keys(cluster.hosts).length;
  return count;
}

function bump(map: Map<string, number>, key: string): void {
  const count = map.get(key);
  if (count !== undefined) map.set(key, count + 1);
  else if (map.size < MOST_NAMES) map.set(key, 1);
}
