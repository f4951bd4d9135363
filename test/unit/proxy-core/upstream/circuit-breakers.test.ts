import { describe, expect, test } from 'vitest';
import { StatsStore } from '../../../../proxy-core/observe/stats/store.ts';
import { CircuitBreaker } from '../../../../proxy-core/upstream/circuit-breakers.ts';
import { RuntimeReader } from '../../../../proxy-core/upstream/runtime-reader.ts';
import { compiled } from './support.ts';

const NO_VALUES: ReadonlyMap<string, unknown> = new Map();

function breaker(
  thresholds: string,
  runtime: () => ReadonlyMap<string, unknown> = () => NO_VALUES,
): { limits: CircuitBreaker; gauge: (name: string) => number } {
  const store = new StatsStore();
  const config = compiled(`name: c\ncircuit_breakers: {thresholds: [${thresholds}]}`).circuitBreakers.default;
  const limits = new CircuitBreaker(
    config,
    store,
    'x.',
    new RuntimeReader(runtime),
    'circuit_breakers.c.default.',
  );
  return { limits, gauge: (name) => store.gauges.get(`x.${name}`)?.value ?? Number.NaN };
}

describe('a gauge is open while its resource is used up', () => {
  test.each([
    ['cx_open', 'max_connections', 'connections'],
    ['rq_pending_open', 'max_pending_requests', 'pendingRequests'],
    ['rq_open', 'max_requests', 'requests'],
    ['rq_retry_open', 'max_retries', 'retries'],
  ] as const)('%s by %s', (gaugeName, field, count) => {
    const { limits, gauge } = breaker(`{${field}: 2}`);
    const seen: number[] = [];
    for (const value of [0, 1, 2, 3, 1]) {
      limits[count] = value;
      limits.refresh();
      seen.push(gauge(gaugeName));
    }
    expect(seen).toEqual([0, 0, 1, 1, 0]);
  });
});

test('the first of two thresholds of a priority counts, and priorities are apart', () => {
  const { default: normal, high } = compiled(
    'name: c\ncircuit_breakers: {thresholds: [{max_requests: 1}, {max_requests: 2}, {priority: HIGH, max_requests: 3}]}',
  ).circuitBreakers;
  expect([normal.maxRequests, high.maxRequests]).toEqual([1, 3]);
});

test.each([
  // requests, pending, allowed
  [0, 0, 3],
  [10, 5, 3],
  [20, 0, 4],
  [90, 10, 20],
])('a retry budget of 20 %%: %i running and %i waiting allow %i', (requests, pending, allowed) => {
  const { limits } = breaker('{retry_budget: {}}');
  limits.requests = requests;
  limits.pendingRequests = pending;
  expect(limits.maxRetries).toBe(allowed);
});

test('track_remaining tells what is left', () => {
  const { limits, gauge } = breaker('{max_connections: 5, max_retries: 2, track_remaining: true}');
  limits.connections = 4;
  limits.retries = 3;
  limits.refresh();
  expect(['cx', 'pending', 'rq', 'retries'].map((word) => gauge(`remaining_${word}`))).toEqual([
    1, 1024, 1024, 0,
  ]);
});

test('without track_remaining there is no such gauge', () => {
  expect(breaker('{max_connections: 5}').gauge('remaining_cx')).toBeNaN();
});

test.each([
  ['max_connections', 'maxConnections', 1024],
  ['max_pending_requests', 'maxPendingRequests', 1024],
  ['max_requests', 'maxRequests', 1024],
  ['max_retries', 'maxRetries', 3],
  ['retry_budget.min_retry_concurrency', 'maxRetries', 3],
] as const)('the runtime overrules %s while it is set', (key, field, configured) => {
  let values = NO_VALUES;
  const { limits } = breaker('{}', () => values);
  const seen = [limits[field]];
  values = new Map([[`circuit_breakers.c.default.${key}`, '7']]);
  seen.push(limits[field]);
  values = new Map([[`circuit_breakers.c.high.${key}`, '8']]);
  seen.push(limits[field]);
  expect(seen).toEqual([configured, 7, configured]);
});
