import type { Gauge, Stats } from '../base/stats.ts';
import type { ThresholdsConfig } from './cluster-config.ts';
import type { ResourceLimits } from './types.ts';

/**
 * The live counts of one priority against `circuit_breakers.thresholds`, with their `*_open` gauges
 * (and `remaining_*` with `track_remaining`). A gauge is 1 while its resource is used up.
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

  constructor(
    private readonly thresholds: ThresholdsConfig,
    stats: Stats,
    prefix: string,
  ) {
    this.connectionsOpen = stats.gauge(`${prefix}cx_open`);
    stats.gauge(`${prefix}cx_pool_open`);
    this.requestsOpen = stats.gauge(`${prefix}rq_open`);
    this.pendingOpen = stats.gauge(`${prefix}rq_pending_open`);
    this.retriesOpen = stats.gauge(`${prefix}rq_retry_open`);
    this.remaining = thresholds.trackRemaining
      ? ['cx', 'pending', 'rq', 'retries'].map((word) => stats.gauge(`${prefix}remaining_${word}`))
      : [];
    this.refreshRemaining();
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
    show(this.connectionsOpen, this.connections >= this.thresholds.maxConnections);
    show(this.pendingOpen, this.pendingRequests >= this.thresholds.maxPendingRequests);
    show(this.requestsOpen, this.requests >= this.thresholds.maxRequests);
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

/** Touches a gauge only when it changes, so that it counts as used only once it was open. */
function show(gauge: Gauge, open: boolean): void {
  const value = open ? 1 : 0;
  if (gauge.value !== value) gauge.set(value);
}
