import { expect, test } from 'vitest';
import { SeededRandom } from '../../../../../proxy-core/base/random.ts';
import { clusterState } from '../../../../../proxy-core/upstream/cluster-state.ts';
import { RuntimeReader } from '../../../../../proxy-core/upstream/runtime-reader.ts';
import { clusterYaml, run, world } from '../support.ts';

test.each([
  ['consecutive_5xx', 2, { consecutive5xx: 2 }],
  ['consecutive_gateway_failure', '3', { consecutiveGatewayFailure: 3 }],
  ['interval_ms', 700, { interval: 700 }],
  ['base_ejection_time_ms', 800, { baseEjectionTime: 800 }],
  ['max_ejection_percent', 250, { maxEjectionPercent: 100 }],
  ['max_ejection_percent', 'all', { maxEjectionPercent: 10 }],
  ['enforcing_consecutive_5xx', 7, { enforcing: { consecutive_5xx: 7 } }],
  ['enforcing_failure_percentage_local_origin', 9, { enforcing: { local_origin_failure_percentage: 9 } }],
])('outlier_detection.%s = %j: %o', (key, value, expected) => {
  const runtime = new Map<string, unknown>([[`outlier_detection.${key}`, value]]);
  const cluster = run(world(1, runtime), clusterYaml([1, 2], 'outlier_detection: {}'));
  expect(cluster.detector?.config).toMatchObject(expected);
});

test('a change takes effect at the next result, in both directions', () => {
  let runtime: ReadonlyMap<string, unknown> = new Map();
  const w = world(1, () => runtime);
  const cluster = run(
    w,
    clusterYaml([1, 2, 3], 'outlier_detection: {consecutive_5xx: 1, max_ejection_percent: 100}'),
  );
  const health = (): string =>
    clusterState(cluster)
      .hosts.map((host) => host.health)
      .join();
  runtime = new Map([['outlier_detection.enforcing_consecutive_5xx', 0]]);
  cluster.hosts[0]?.outlier?.putHttpStatus(500);
  expect(health()).toBe('healthy,healthy,healthy');
  expect(w.events.at(-1)?.reason).toBe('enforcing_consecutive_5xx is 0 %: detected only, never ejected');
  runtime = new Map();
  cluster.hosts[1]?.outlier?.putHttpStatus(500);
  expect(health()).toBe('healthy,ejected,healthy');
});

test.each([
  [undefined, 100, 100],
  [0, 100, 0],
  [100, 0, 100],
  [30, 0, 30],
  [undefined, 30, 30],
])('runtime %s over %i %%: about %i of 100 draws', (value, fallback, expected) => {
  const reader = new RuntimeReader(() => new Map(value === undefined ? [] : [['key', value]]));
  const random = new SeededRandom(3);
  let yes = 0;
  for (let i = 0; i < 10_000; i++) if (reader.enabled('key', fallback, random)) yes++;
  expect(Math.abs(yes / 100 - expected)).toBeLessThan(2);
});
