import type { Gauge, Stats } from '../base/stats.ts';
import type { ThresholdsConfig } from './cluster-config.ts';
import type { RuntimeReader } from './runtime-reader.ts';
import type { ResourceLimits } from './types.ts';

/**
 * The live counts of one priority against `circuit_breakers.thresholds`, with their `*_open` gauges
 * (and `remaining_*` with `track_remaining`). A gauge is 1 while its resource is used up. The runtime overrules each
 * threshold (`circuit_breakers.<cluster>.<priority>.max_requests` and so on).
 */
export class CircuitBreaker implements ResourceLimits {
  connections = 0;
  pendingRequests = 0;
  requests = 0;
  retries = 0;
  private readonly connectionsOpen: Gauge;
  private readonly pendingOpen: Gauge;
  private readonly requestsOpen: Gauge;
  private readonly retriesOpen: Gauge;
  private readonly remaining: readonly Gauge[];
  private overruled: ThresholdsConfig;
  /** The values that `overruled` is made with. */
  private values: ReadonlyMap<string, unknown> | null = null;

  constructor(
    private readonly configured: ThresholdsConfig,
    stats: Stats,
    prefix: string,
    private readonly runtime: RuntimeReader,
    /** `circuit_breakers.<cluster>.<priority>.` */
    private readonly runtimePrefix: string,
  ) {
    this.overruled = configured;
    this.connectionsOpen = stats.gauge(`${prefix}cx_open`);
    stats.gauge(`${prefix}cx_pool_open`);
    this.requestsOpen = stats.gauge(`${prefix}rq_open`);
    this.pendingOpen = stats.gauge(`${prefix}rq_pending_open`);
    this.retriesOpen = stats.gauge(`${prefix}rq_retry_open`);
    this.remaining = configured.trackRemaining
      ? ['cx', 'pending', 'rq', 'retries'].map((word) => stats.gauge(`${prefix}remaining_${word}`))
      : [];
    this.refreshRemaining();
  }

  private get thresholds(): ThresholdsConfig {
    const { current } = this.runtime;
    if (current !== this.values) {
      this.values = current;
      this.overruled = withRuntime(this.configured, this.runtime, this.runtimePrefix);
    }
    return this.overruled;
  }

  get maxConnections(): number {
    return this.thresholds.maxConnections;
  }

  get maxConnectionsPerHost(): number {
    return this.thresholds.maxConnectionsPerHost;
  }

  get maxPendingRequests(): number {
    return this.thresholds.maxPendingRequests;
  }

  get maxRequests(): number {
    return this.thresholds.maxRequests;
  }

  /** With a retry budget: that part of the requests that run now, but no fewer than its minimum. */
  get maxRetries(): number {
    const budget = this.thresholds.retryBudget;
    if (budget === null) return this.thresholds.maxRetries;
    const allowed = Math.floor((budget.percent / 100) * (this.requests + this.pendingRequests));
    return Math.max(allowed, budget.minimumConcurrency);
  }

  refresh(): void {
    const { maxConnections, maxPendingRequests, maxRequests } = this.thresholds;
    show(this.connectionsOpen, this.connections >= maxConnections);
    show(this.pendingOpen, this.pendingRequests >= maxPendingRequests);
    show(this.requestsOpen, this.requests >= maxRequests);
    show(this.retriesOpen, this.retries >= this.maxRetries);
    if (this.remaining.length > 0) this.refreshRemaining();
  }

  private refreshRemaining(): void {
    const { maxConnections, maxPendingRequests, maxRequests } = this.thresholds;
    this.remaining[0]?.set(Math.max(0, maxConnections - this.connections));
    this.remaining[1]?.set(Math.max(0, maxPendingRequests - this.pendingRequests));
    this.remaining[2]?.set(Math.max(0, maxRequests - this.requests));
    this.remaining[3]?.set(Math.max(0, this.maxRetries - this.retries));
  }
}

/** The thresholds with what the runtime says; a key of the retry budget switches the budget on. */
function withRuntime(config: ThresholdsConfig, runtime: RuntimeReader, prefix: string): ThresholdsConfig {
  if (runtime.current.size === 0) return config;
  const number = (key: string, fallback: number): number => runtime.number(prefix + key, fallback);
  const { retryBudget } = config;
  const percent = number('retry_budget.budget_percent', -1);
  const least = number('retry_budget.min_retry_concurrency', -1);
  return {
    ...config,
    maxConnections: number('max_connections', config.maxConnections),
    maxPendingRequests: number('max_pending_requests', config.maxPendingRequests),
    maxRequests: number('max_requests', config.maxRequests),
    maxRetries: number('max_retries', config.maxRetries),
    retryBudget:
      retryBudget === null && percent < 0 && least < 0
        ? null
        : {
            percent: percent < 0 ? (retryBudget?.percent ?? 20) : percent,
            minimumConcurrency: least < 0 ? (retryBudget?.minimumConcurrency ?? 3) : least,
          },
  };
}

/** Touches a gauge only when it changes, so that it counts as used only once it was open. */
function show(gauge: Gauge, open: boolean): void {
  const value = open ? 1 : 0;
  if (gauge.value !== value) gauge.set(value);
}
