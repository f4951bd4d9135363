import { describe, expect, test } from 'vitest';
import type { UpstreamCluster } from '../../../../../proxy-core/upstream/cluster.ts';
import { clusterYaml, context, Notes, run, world } from '../support.ts';

const HASH = 12_345n;

function cluster(policy: string, factor: number | null): UpstreamCluster {
  if (factor === null) return run(world(), clusterYaml([1, 2, 3, 4], `lb_policy: ${policy}`));
  const more = `lb_policy: ${policy}\ncommon_lb_config: {consistent_hashing_lb_config: {hash_balance_factor: ${factor}}}`;
  return run(world(), clusterYaml([1, 2, 3, 4], more));
}

/** Requests that stay, all with one hash: how many each host has in the end, the most first. */
function fill(one: UpstreamCluster, requests: number): number[] {
  for (let i = 0; i < requests; i++) {
    const host = one.choose(context({ hash: HASH }));
    if (host === null) continue;
    host.stats.rqActive++;
    one.stats.upstreamRqActive.inc();
  }
  return one.hosts.map((host) => host.stats.rqActive).sort((a, b) => b - a);
}

describe.each(['RING_HASH', 'MAGLEV'])('%s', (policy) => {
  test('without a bound all requests of one hash are at one host', () => {
    expect(fill(cluster(policy, null), 40)).toEqual([40, 0, 0, 0]);
  });

  test.each([
    [100, 11],
    [150, 16],
    [200, 21],
  ])('with a factor of %d none has more than %d of 40', (factor, most) => {
    const spread = fill(cluster(policy, factor), 40);
    expect(spread.reduce((sum, each) => sum + each, 0)).toBe(40);
    expect(spread[0]).toBeLessThanOrEqual(most);
    expect(spread[1]).toBeGreaterThan(0);
  });

  test('the same hash overflows to the same hosts', () => {
    const order = (one: UpstreamCluster): string[] => {
      fill(one, 40);
      return one.hosts
        .filter((host) => host.stats.rqActive > 0)
        .map((host) => `${host.port} ${host.stats.rqActive}`);
    };
    expect(order(cluster(policy, 150))).toEqual(order(cluster(policy, 150)));
  });

  test('the overflow is told', () => {
    const one = cluster(policy, 100);
    const host = one.choose(context({ hash: HASH }));
    if (host !== null) host.stats.rqActive = 20;
    const notes = new Notes();
    one.explainChoice(context({ hash: HASH }), notes);
    expect(notes.notes.join('\n')).toContain('more than `hash_balance_factor` 100 % allows');
  });
});
