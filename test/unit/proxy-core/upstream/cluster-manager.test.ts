import { describe, expect, test } from 'vitest';
import type { HostPool } from '../../../../proxy-core/upstream/types.ts';
import { clusterYaml, compiled, context, picks, run, type World, world } from './support.ts';

const OUTLIER = 'outlier_detection: {max_ejection_percent: 50}';

function pool(log: string[], name: string): HostPool {
  return { drain: () => log.push(name) };
}

function eject(w: World, index: number): void {
  for (let i = 0; i < 5; i++) w.manager.view.clusters[0]?.hosts[index]?.outlier?.putHttpStatus(500);
}

describe('from one configuration to the next', () => {
  test('an unchanged cluster stays, with hosts, ejections and connections', () => {
    const w = world();
    const cluster = run(w, clusterYaml([1, 2, 3], OUTLIER));
    const drained: string[] = [];
    for (const host of cluster.hosts) host.pool = pool(drained, host.address);
    eject(w, 0);
    drained.length = 0;
    const next = w.manager.update([compiled(`# moved down\n${clusterYaml([1, 2, 3], OUTLIER)}`)], null);
    next.commit();
    expect(next.view.get('c')).toBe(cluster);
    expect(next.changes).toEqual({ added: [], updated: [], removed: [], unchanged: ['c'] });
    expect(cluster.config.source.line).toBe(2);
    expect(cluster.detector?.ejectedHosts).toBe(1);
    expect(drained).toEqual([]);
  });

  test('other endpoints: the cluster and the hosts that remain stay, the others drain', () => {
    const w = world();
    const cluster = run(w, clusterYaml([1, 2, 3], OUTLIER));
    const drained: string[] = [];
    const [, second, third] = cluster.hosts;
    eject(w, 1);
    for (const host of cluster.hosts) host.pool = pool(drained, host.address);
    const next = w.manager.update([compiled(clusterYaml([2, '3*5', 4], OUTLIER))], null);
    expect(picks(cluster, 30)).toContain(1);
    next.commit();
    expect(next.view.get('c')).toBe(cluster);
    expect(next.changes.updated).toEqual(['c']);
    expect(cluster.hosts.map((host) => host.port)).toEqual([2, 3, 4]);
    expect([cluster.hosts[0], cluster.hosts[1]]).toEqual([second, third]);
    expect(cluster.hosts[1]?.weight).toBe(5);
    expect(second?.outlier?.ejections).toBe(1);
    expect(drained).toEqual(['127.0.0.1:1']);
    expect(new Set(picks(cluster, 60))).toEqual(new Set([3, 4]));
    expect(w.stat('cluster.c.membership_change')).toBe(2);
  });

  test('close_connections_on_host_set_change: those to the hosts that remain end as well', () => {
    const w = world();
    const more = 'common_lb_config: {close_connections_on_host_set_change: true}';
    const cluster = run(w, clusterYaml([1, 2], more));
    const drained: string[] = [];
    for (const host of cluster.hosts) host.pool = pool(drained, host.address);
    w.manager.update([compiled(clusterYaml([1, 2, 3], more))], null).commit();
    expect(drained).toEqual(['127.0.0.1:1', '127.0.0.1:2']);
  });

  test('removing an ejected host gives its ejection back', () => {
    const w = world();
    run(w, clusterYaml([1, 2, 3], OUTLIER));
    eject(w, 0);
    w.manager.update([compiled(clusterYaml([2, 3], OUTLIER))], null).commit();
    expect(w.stat('cluster.c.outlier_detection.ejections_active')).toBe(0);
    expect(w.stat('cluster.c.membership_healthy')).toBe(2);
  });

  test('other settings make a new cluster; the old one answers until it is let go, then drains', () => {
    const w = world();
    const old = run(w, clusterYaml([1, 2], OUTLIER));
    const drained: string[] = [];
    for (const host of old.hosts) host.pool = pool(drained, host.address);
    eject(w, 0);
    const next = w.manager.update([compiled(clusterYaml([1, 2], `${OUTLIER}\nconnect_timeout: 2s`))], null);
    expect(w.manager.view.get('c')).toBe(old);
    next.commit();
    const fresh = next.view.get('c');
    expect(fresh).not.toBe(old);
    expect(w.manager.view.get('c')).toBe(fresh);
    // Once for the ejection, once for the end.
    expect(drained).toEqual(['127.0.0.1:1', '127.0.0.1:1', '127.0.0.1:2']);
    expect(old.choose(context())).not.toBeNull();
    expect(
      ['outlier_detection.ejections_active', 'membership_total', 'membership_healthy'].map((n) =>
        w.stat(`cluster.c.${n}`),
      ),
    ).toEqual([0, 2, 2]);
  });

  test('an abandoned update leaves everything as it was', () => {
    const w = world();
    const cluster = run(w, clusterYaml([1, 2]));
    const timers = w.clock.pending;
    const next = w.manager.update(
      [compiled(clusterYaml([1, 2, 3], OUTLIER)), compiled(clusterYaml([9], OUTLIER, 'other'))],
      null,
    );
    next.abandon();
    expect(w.manager.view.clusters).toEqual([cluster]);
    expect(w.stat('cluster.c.membership_total')).toBe(2);
    expect(w.clock.pending).toBe(timers);
  });

  test('counters of the manager', () => {
    const w = world();
    run(w, clusterYaml([1], '', 'a'), clusterYaml([1], '', 'b'));
    w.manager
      .update([compiled(clusterYaml([2], '', 'b')), compiled(clusterYaml([1], '', 'd'))], null)
      .commit();
    expect(
      ['cluster_added', 'cluster_modified', 'cluster_removed', 'active_clusters', 'warming_clusters'].map(
        (n) => w.stat(`cluster_manager.${n}`),
      ),
    ).toEqual([3, 1, 1, 2, 0]);
  });

  test('an address written twice in a STATIC cluster is two hosts', () => {
    const w = world();
    const yaml = clusterYaml([1, 1, 2]);
    const cluster = run(w, yaml);
    const seen = picks(cluster, 300);
    expect(cluster.hosts).toHaveLength(3);
    expect(seen.filter((port) => port === 1)).toHaveLength(200);
    w.manager.update([compiled(clusterYaml([1, 2]))], null).commit();
    expect(cluster.hosts.map((host) => host.port)).toEqual([1, 2]);
  });
});

describe('update_merge_window', () => {
  function ejecting(window: string): { w: World; ports: () => Set<number> } {
    const w = world();
    const cluster = run(
      w,
      clusterYaml(
        [1, 2, 3],
        `outlier_detection: {max_ejection_percent: 100, base_ejection_time: 100s}\ncommon_lb_config: {healthy_panic_threshold: {value: 0}${window}}`,
      ),
    );
    return { w, ports: () => new Set(picks(cluster, 30)) };
  }

  test('the first change reaches traffic at once, also right after the start', () => {
    const { w, ports } = ejecting('');
    eject(w, 0);
    expect(ports()).toEqual(new Set([2, 3]));
    expect(w.stat('cluster_manager.update_out_of_merge_window')).toBe(1);
  });

  test('a second one within the window shows at once and reaches traffic a window later', () => {
    const { w, ports } = ejecting('');
    eject(w, 0);
    w.clock.advance(300);
    eject(w, 1);
    expect(w.stat('cluster.c.membership_healthy')).toBe(1);
    expect(ports()).toEqual(new Set([2, 3]));
    w.clock.advance(999);
    expect(ports()).toEqual(new Set([2, 3]));
    w.clock.advance(1);
    expect(ports()).toEqual(new Set([3]));
    expect(w.stat('cluster_manager.cluster_updated_via_merge')).toBe(1);
  });

  test('after the window it is at once again', () => {
    const { w, ports } = ejecting('');
    eject(w, 0);
    w.clock.advance(1001);
    eject(w, 1);
    expect(ports()).toEqual(new Set([3]));
    expect(w.stat('cluster_manager.update_out_of_merge_window')).toBe(2);
  });

  test('0s makes all immediate', () => {
    const { w, ports } = ejecting(', update_merge_window: 0s');
    eject(w, 0);
    eject(w, 1);
    expect(ports()).toEqual(new Set([3]));
  });

  test('new hosts go out at once and take the waiting change with them', () => {
    const { w, ports } = ejecting('');
    eject(w, 0);
    eject(w, 1);
    const more =
      'outlier_detection: {max_ejection_percent: 100, base_ejection_time: 100s}\ncommon_lb_config: {healthy_panic_threshold: {value: 0}}';
    w.manager.update([compiled(clusterYaml([1, 2, 3, 4], more))], null).commit();
    expect(ports()).toEqual(new Set([3, 4]));
    expect(w.stat('cluster_manager.update_merge_cancelled')).toBe(1);
  });
});

test('host set ids grow with each change and only then', () => {
  const w = world();
  const cluster = run(w, clusterYaml([1, 2, 3], OUTLIER));
  const before = cluster.hostSetId;
  picks(cluster, 10);
  expect(cluster.hostSetId).toBe(before);
  eject(w, 0);
  expect(cluster.hostSetId).toBeGreaterThan(before);
});
