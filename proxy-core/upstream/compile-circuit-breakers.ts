import type { MessageReader } from '../config/reader.ts';
import type { ThresholdsConfig } from './cluster-config.ts';

const DEFAULTS: ThresholdsConfig = {
  maxConnections: 1024,
  maxPendingRequests: 1024,
  maxRequests: 1024,
  maxRetries: 3,
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
  return { default: found.default ?? DEFAULTS, high: found.high ?? DEFAULTS };
}

function readThresholds(reader: MessageReader): ThresholdsConfig {
  const budget = reader.message('retry_budget');
  return {
    maxConnections: reader.number('max_connections') ?? DEFAULTS.maxConnections,
    maxPendingRequests: reader.number('max_pending_requests') ?? DEFAULTS.maxPendingRequests,
    maxRequests: reader.number('max_requests') ?? DEFAULTS.maxRequests,
    maxRetries: reader.number('max_retries') ?? DEFAULTS.maxRetries,
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
