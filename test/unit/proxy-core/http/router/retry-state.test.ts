import { expect, test } from 'vitest';
import { SeededRandom } from '../../../../../proxy-core/base/random.ts';
import { createRetryState } from '../../../../../proxy-core/http/router/retry-state.ts';
import { StatsStore } from '../../../../../proxy-core/observe/stats/store.ts';
import type { RetryPolicy } from '../../../../../proxy-core/route/types.ts';
import { ClusterStatistics } from '../../../../../proxy-core/upstream/cluster-stats.ts';
import type { Cluster, ResourceLimits } from '../../../../../proxy-core/upstream/types.ts';
import { head } from '../../route/support.ts';

const WALL = Date.UTC(2026, 10, 22);

const policy: RetryPolicy = {
  on: new Set(['5xx']),
  numRetries: 3,
  perTryTimeout: 0,
  perTryIdleTimeout: 0,
  retriableStatusCodes: [],
  baseInterval: 25,
  maxInterval: 250,
  retriableHeaders: [],
  retriableRequestHeaders: [],
  hostPredicates: [],
  priority: null,
  hostSelectionAttempts: 1,
  rateLimitedBackOff: {
    resetHeaders: [
      { name: 'retry-after', unixTimestamp: false },
      { name: 'x-reset', unixTimestamp: true },
    ],
    maxInterval: 60_000,
  },
  source: { file: '', line: 1, column: 1, endLine: 1, endColumn: 1 },
};

test.each<[string, string[], number, number]>([
  ['seconds', ['retry-after', '2'], 2000, 3000],
  ['a point in time', ['x-reset', String(WALL / 1000 + 10)], 10_000, 15_000],
  ['the first usable header', ['retry-after', 'soon', 'x-reset', String(WALL / 1000 + 1)], 1000, 1500],
  ['no header: exponential', [], 0, 25],
  ['more than the longest interval: exponential', ['retry-after', '61'], 0, 25],
  ['a time that is over: exponential', ['x-reset', '5'], 0, 25],
])('pause by %s', (_name, headers, least, below) => {
  const stats = new StatsStore();
  const cluster = { stats: new ClusterStatistics(stats, 'cluster.c.') } as unknown as Cluster;
  const limits = { retries: 0, maxRetries: 3, refresh: () => {} } as unknown as ResourceLimits;
  const state = createRetryState(policy, head('/'), cluster, limits, new SeededRandom(1));
  expect(state?.onHead({ status: 503, headers }, WALL)).toBe('retry');
  const pause = state?.pause() ?? -1;
  expect(pause).toBeGreaterThanOrEqual(least);
  expect(pause).toBeLessThan(below);
  const rateLimited = stats.counter('cluster.c.upstream_rq_retry_backoff_ratelimited').value;
  expect(rateLimited).toBe(least > 0 ? 1 : 0);
  // What was asked for holds once.
  expect(state?.onHead({ status: 503, headers: [] }, WALL)).toBe('retry');
  expect(state?.pause()).toBeLessThan(50);
});
