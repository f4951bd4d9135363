import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { StatsStore } from '../../../../proxy-core/observe/stats/store.ts';
import { ClusterStatistics, clusterStatPrefix } from '../../../../proxy-core/upstream/cluster-stats.ts';
import { clusterYaml, run, world } from './support.ts';

/** What a real Envoy lists under `cluster.<name>.` for a STATIC cluster with outlier detection before any request. */
const NAMES = readFileSync(new URL('cluster-stats-names.txt', import.meta.url), 'utf8')
  .trim()
  .split('\n');

test('a new cluster has every statistic of a new cluster in Envoy, and no other', () => {
  const w = world();
  run(w, clusterYaml([1, 2, 3], 'outlier_detection: {}'));
  const names = [...w.stats.counters.keys(), ...w.stats.gauges.keys(), ...w.stats.histograms.keys()]
    .filter((name) => name.startsWith('cluster.c.'))
    .map((name) => name.slice('cluster.c.'.length));
  expect(names.sort()).toEqual([...NAMES].sort());
});

test('membership of three hosts', () => {
  const w = world();
  run(w, clusterYaml([1, 2, 3]));
  expect(
    ['membership_total', 'membership_healthy', 'membership_change', 'default.total_match_count'].map((name) =>
      w.stat(`cluster.c.${name}`),
    ),
  ).toEqual([3, 3, 1, 3]);
});

describe('answers', () => {
  function charged(charge: (stats: ClusterStatistics) => void): Record<string, number> {
    const store = new StatsStore();
    const stats = new ClusterStatistics(store, 'cluster.c.');
    const before = new Set(store.counters.keys());
    charge(stats);
    return Object.fromEntries(
      [...store.counters]
        .filter(([name, counter]) => !before.has(name) || counter.value > 0)
        .map(([name, counter]) => [name.slice('cluster.c.'.length), counter.value]),
    );
  }

  test.each<[string, (stats: ClusterStatistics) => void, Record<string, number>]>([
    [
      '200 from outside',
      (stats) => stats.chargeResponse(200, false),
      {
        upstream_rq_completed: 1,
        upstream_rq_2xx: 1,
        upstream_rq_200: 1,
        'external.upstream_rq_completed': 1,
        'external.upstream_rq_2xx': 1,
        'external.upstream_rq_200': 1,
      },
    ],
    [
      '503 from inside',
      (stats) => stats.chargeResponse(503, true),
      {
        upstream_rq_completed: 1,
        upstream_rq_5xx: 1,
        upstream_rq_503: 1,
        'internal.upstream_rq_completed': 1,
        'internal.upstream_rq_5xx': 1,
        'internal.upstream_rq_503': 1,
      },
    ],
    [
      'a try that was retried',
      (stats) => stats.chargeRetried(503),
      { 'retry.upstream_rq_completed': 1, 'retry.upstream_rq_5xx': 1, 'retry.upstream_rq_503': 1 },
    ],
    [
      'a status without a class',
      (stats) => stats.chargeRetried(777),
      { 'retry.upstream_rq_completed': 1, 'retry.upstream_rq_unknown': 1 },
    ],
  ])('%s', (_name, charge, expected) => {
    expect(charged(charge)).toEqual(expected);
  });
});

test.each([
  ['a', 'cluster.a.'],
  ['a:80', 'cluster.a_80.'],
  ['a.b', 'cluster.a.b.'],
])('%s is counted under %s', (name, prefix) => {
  expect(clusterStatPrefix(name)).toBe(prefix);
});
