import type { MessageReader } from '../config/reader.ts';
import type { ThresholdsConfig } from './cluster-config.ts';

const DEFAULTS: ThresholdsConfig = {
  maxConnections: 1024,
  maxPendingRequests: 1024,
  maxRequests: 1024,
  maxRetries: 3,
  maxConnectionsPerHost: Number.POSITIVE_INFINITY,
  trackRemaining: false,
  retryBudget: null,
};

/** Reads `circuit_breakers.thresholds`; the first of two with one priority counts. */
export function compileCircuitBreakers(
  cluster: MessageReader,
): Readonly<Record<'default' | 'high', ThresholdsConfig>> {
  const found: { default?: ThresholdsConfig; high?: ThresholdsConfig } = {};
  for (const reader of cluster.message('circuit_breakers')?.messages('thresholds') ?? []) {
    const priority = reader.enumeration('priority') === 'HIGH' ? 'high' : 'default';
    if (found[priority] === undefined) found[priority] = readThresholds(reader);
  }
  const perHost = perHostLimits(cluster);
  const of = (priority: 'default' | 'high'): ThresholdsConfig => ({
    ...(found[priority] ?? DEFAULTS),
    maxConnectionsPerHost: perHost[priority] ?? DEFAULTS.maxConnectionsPerHost,
  });
  return { default: of('default'), high: of('high') };
}

function readThresholds(reader: MessageReader): ThresholdsConfig {
  const budget = reader.message('retry_budget');
  return {
    maxConnections: reader.number('max_connections') ?? DEFAULTS.maxConnections,
    maxPendingRequests: reader.number('max_pending_requests') ?? DEFAULTS.maxPendingRequests,
    maxRequests: reader.number('max_requests') ?? DEFAULTS.maxRequests,
    maxRetries: reader.number('max_retries') ?? DEFAULTS.maxRetries,
    maxConnectionsPerHost: DEFAULTS.maxConnectionsPerHost,
    trackRemaining: reader.bool('track_remaining') ?? false,
    retryBudget:
      budget === undefined
        ? null
        : {
            percent: budget.message('budget_percent')?.number('value') ?? 20,
            minimumConcurrency: budget.number('min_retry_concurrency') ?? 3,
          },
  };
}

function perHostLimits(cluster: MessageReader): { default?: number; high?: number } {
  const found: { default?: number; high?: number } = {};
  for (const reader of cluster.message('circuit_breakers')?.messages('per_host_thresholds') ?? []) {
    const priority = reader.enumeration('priority') === 'HIGH' ? 'high' : 'default';
    const limit = reader.number('max_connections');
    if (limit !== undefined) found[priority] ??= limit;
  }
  return found;
}
