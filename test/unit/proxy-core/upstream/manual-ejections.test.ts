import { describe, expect, test } from 'vitest';
import { adminCluster } from '../../../../proxy-core/upstream/admin-view.ts';
import type { UpstreamCluster } from '../../../../proxy-core/upstream/cluster.ts';
import { clusterState } from '../../../../proxy-core/upstream/cluster-state.ts';
import type { UpstreamHost } from '../../../../proxy-core/upstream/host.ts';
import { clusterYaml, context, Notes, picks, run, type World, world } from './support.ts';

const AT_ONCE = 'common_lb_config: {update_merge_window: 0s}';
const OUTLIER = `${AT_ONCE}\noutlier_detection: {consecutive_5xx: 1, max_ejection_percent: 40}`;

function start(more: string): { w: World; cluster: UpstreamCluster; first: UpstreamHost } {
  const w = world();
  const cluster = run(w, clusterYaml([1, 2, 3], more));
  const [first] = cluster.hosts;
  if (first === undefined) throw new Error('no host');
  return { w, cluster, first };
}

describe('a host ejected by hand', () => {
  test('gets no traffic, with and without outlier detection, until it is taken back', () => {
    for (const more of [AT_ONCE, OUTLIER]) {
      const { w, cluster, first } = start(more);
      expect(cluster.manual.eject(first)).toBe(true);
      expect(cluster.manual.eject(first)).toBe(false);
      w.clock.advance(3_600_000);
      expect(picks(cluster, 30)).not.toContain(1);
      expect(cluster.manual.uneject(first)).toBe(true);
      expect(cluster.manual.uneject(first)).toBe(false);
      expect(picks(cluster, 30)).toContain(1);
    }
  });

  test('is marked as such in state, admin, statistics, events and explanation', () => {
    const { w, cluster, first } = start(AT_ONCE);
    cluster.manual.eject(first);
    expect(clusterState(cluster).hosts[0]).toMatchObject({
      health: 'ejected',
      healthFlags: '/ejected_manually',
      healthReason: 'ejected by hand',
      ejectedManually: true,
    });
    expect(adminCluster(cluster).hosts[0]?.healthFlags).toBe('/ejected_manually');
    expect(w.stat('cluster.c.manual_ejections_active')).toBe(1);
    expect(w.stat('cluster.c.manual_ejections_total')).toBe(1);
    expect(w.stat('cluster.c.membership_healthy')).toBe(2);
    expect(w.events).toMatchObject([{ kind: 'host-ejected', detector: 'manual', host: '127.0.0.1:1' }]);
    const notes = new Notes();
    cluster.explainChoice(context(), notes);
    expect(notes.candidates[0]?.reason).toBe('ejected by hand (`/ejected_manually`)');
    cluster.manual.uneject(first);
    expect(w.stat('cluster.c.manual_ejections_active')).toBe(0);
  });

  test('leaves the cap and the counts of outlier detection alone', () => {
    const { w, cluster, first } = start(OUTLIER);
    cluster.manual.eject(first);
    cluster.hosts[1]?.outlier?.putHttpStatus(500);
    expect(clusterState(cluster).hosts.map((host) => host.healthFlags)).toEqual([
      '/ejected_manually',
      '/failed_outlier_check',
      'healthy',
    ]);
    expect(w.stat('cluster.c.outlier_detection.ejections_active')).toBe(1);
    expect(w.log).toHaveLength(1);
  });

  test('that leaves the cluster is counted no longer', () => {
    const { w, cluster, first } = start(AT_ONCE);
    cluster.manual.eject(first);
    cluster.setEndpoints([]);
    expect(w.stat('cluster.c.manual_ejections_active')).toBe(0);
  });
});

test('what outlier detection ejected can be taken back by hand', () => {
  const { w, cluster, first } = start(OUTLIER);
  first.outlier?.putHttpStatus(500);
  expect(clusterState(cluster).hosts[0]?.healthReason).toBe('ejected by outlier detection');
  w.clock.advance(1500);
  expect(cluster.manual.uneject(first)).toBe(true);
  expect(clusterState(cluster).hosts[0]?.health).toBe('healthy');
  expect(w.stat('cluster.c.outlier_detection.ejections_active')).toBe(0);
  expect(w.events.at(-1)).toMatchObject({
    kind: 'host-returned',
    detector: 'manual',
    text: '127.0.0.1:1 of c is back after 1.5 s, as it was taken back by hand; its counts of failures start at 0.',
  });
  expect(JSON.parse(w.log.at(-1) ?? '{}')).toMatchObject({ action: 'UNEJECT' });
});

describe('the history of a host', () => {
  test('tells ejections, refusals, what was done by hand, and who came and went', () => {
    const { cluster, first } = start(OUTLIER);
    first.outlier?.putHttpStatus(500);
    cluster.hosts[1]?.outlier?.putHttpStatus(500);
    cluster.manual.uneject(first);
    cluster.manual.eject(first);
    const kinds = (address: string): string[] =>
      cluster.news.history.list(address).map((entry) => `${entry.kind}${entry.manual ? ' by hand' : ''}`);
    // The gateway detector is off with 500; 5xx ejects the first host, and the cap keeps the second one.
    expect(kinds('127.0.0.1:1')).toEqual(['host-ejected', 'host-returned by hand', 'host-ejected by hand']);
    expect(kinds('127.0.0.1:2')).toEqual(['host-not-ejected']);
    const [, second, third] = cluster.config.endpoints;
    if (second === undefined || third === undefined) throw new Error('endpoints');
    const at = (port: number, endpoint: typeof second) => ({ ip: '127.0.0.1', port, hostname: '', endpoint });
    cluster.setEndpoints([at(2, second), at(3, third), at(9, second)]);
    expect(kinds('127.0.0.1:1').at(-1)).toBe('host-removed');
    expect(kinds('127.0.0.1:9')).toEqual(['host-added']);
    expect(kinds('127.0.0.1:8')).toEqual([]);
  });

  test('is bounded: the last 100 entries of a host', () => {
    const { cluster, first } = start(AT_ONCE);
    for (let i = 0; i < 80; i++) {
      cluster.manual.eject(first);
      cluster.manual.uneject(first);
    }
    expect(cluster.news.history.list('127.0.0.1:1')).toHaveLength(100);
  });
});
