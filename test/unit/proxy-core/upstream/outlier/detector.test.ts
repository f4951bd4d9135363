import { describe, expect, test } from 'vitest';
import type { UpstreamCluster } from '../../../../../proxy-core/upstream/cluster.ts';
import { clusterState } from '../../../../../proxy-core/upstream/cluster-state.ts';
import type { LocalOriginResult } from '../../../../../proxy-core/upstream/types.ts';
import { clusterYaml, context, picks, run, type World, world } from '../support.ts';

const PREFIX = 'cluster.c.outlier_detection.';

function ports(n: number): number[] {
  return Array.from({ length: n }, (_, i) => 9001 + i);
}

function start(n: number, outlier: string, more = ''): { w: World; cluster: UpstreamCluster } {
  const w = world();
  const cluster = run(w, clusterYaml(ports(n), `outlier_detection: {${outlier}}\n${more}`));
  return { w, cluster };
}

function answer(cluster: UpstreamCluster, index: number, status: number, times = 1): void {
  for (let i = 0; i < times; i++) cluster.hosts[index]?.outlier?.putHttpStatus(status);
}

function health(cluster: UpstreamCluster): string[] {
  return clusterState(cluster).hosts.map((host) => host.health);
}

describe('the cap: 100 · (ejected + 1) / hosts ≤ max_ejection_percent', () => {
  test.each([
    // hosts, settings, how many hosts fail, how many are ejected, overflow (5xx detector only)
    [3, '', 1, 0, 2],
    [9, '', 1, 0, 2],
    [10, '', 2, 1, 2],
    [3, 'max_ejection_percent: 50', 2, 1, 2],
    [2, 'max_ejection_percent: 50', 2, 1, 2],
    [3, 'max_ejection_percent: 100', 3, 3, 0],
    [3, 'always_eject_one_host: true', 2, 1, 2],
    [3, 'max_ejection_percent: 0', 1, 0, 2],
    [3, 'max_ejection_percent: 0, always_eject_one_host: true', 1, 1, 0],
  ])('%i hosts, %s: of %i failing hosts %i ejected', (hosts, settings, failing, ejected, overflow) => {
    const { w, cluster } = start(hosts, settings);
    for (let i = 0; i < failing; i++) answer(cluster, i, 503, 5);
    expect(health(cluster).filter((word) => word === 'ejected')).toHaveLength(ejected);
    expect(w.stat(`${PREFIX}ejections_active`)).toBe(ejected);
    // A 503 feeds the gateway detector as well, and the cap refuses that before anybody asks whether it is enforced.
    expect(w.stat(`${PREFIX}ejections_overflow`)).toBe(overflow);
  });

  test('a refusal by the cap says its arithmetic and writes no line', () => {
    const { w, cluster } = start(3, 'max_ejection_percent: 50');
    answer(cluster, 0, 500, 5);
    answer(cluster, 1, 500, 5);
    expect(w.events.map((event) => event.kind)).toEqual(['host-ejected', 'host-not-ejected']);
    expect(w.events[1]).toMatchObject({
      host: '127.0.0.1:9002',
      detector: 'consecutive_5xx',
      reason: '2 of 3 hosts is 66 %, max_ejection_percent 50 % would be exceeded',
    });
    expect(w.log).toHaveLength(1);
  });
});

test('a host that only fails is told once, and then once in ten seconds with the number of times', () => {
  const { w, cluster } = start(
    3,
    'enforcing_consecutive_5xx: 0, max_ejection_percent: 50, consecutive_gateway_failure: 0',
  );
  for (let second = 0; second < 11; second++) {
    answer(cluster, 0, 500, 50);
    w.clock.advance(1000);
  }
  expect(w.stat(`${PREFIX}ejections_detected_consecutive_5xx`)).toBe(110);
  expect(w.events.map((event) => event.count)).toEqual([1, 100]);
  expect(w.events[1]?.text).toBe(
    '127.0.0.1:9001 of c was detected (5 × 5xx in a row, 100 times since the last notice) but not ejected: enforcing_consecutive_5xx is 0 %: detected only, never ejected.',
  );
});

describe('consecutive detectors', () => {
  test.each([
    // statuses, settings, detected 5xx, detected gateway
    ['13 × 503', Array(13).fill(503), '', 2, 2],
    ['4 × 503', Array(4).fill(503), '', 0, 0],
    ['a 200 between resets', [503, 503, 503, 503, 200, 503], '', 0, 0],
    ['a 404 between resets', [503, 503, 503, 503, 404, 503], '', 0, 0],
    ['5 × 500 is no gateway failure', Array(5).fill(500), '', 1, 0],
    ['a 500 resets the gateway count', [503, 503, 503, 503, 500], '', 1, 0],
    ['502, 503, 504 are gateway failures', [502, 503, 504, 502, 503], '', 1, 1],
    ['501 and 505 are not', [501, 505, 501, 505, 501], '', 1, 0],
    [
      'a threshold of 0 is off',
      Array(20).fill(503),
      'consecutive_5xx: 0, consecutive_gateway_failure: 0',
      0,
      0,
    ],
    ['a threshold of 2', [503, 503, 503, 503], 'consecutive_5xx: 2', 2, 0],
  ])('%s', (_name, statuses, settings, fiveHundreds, gateway) => {
    const { w, cluster } = start(3, settings);
    for (const status of statuses) answer(cluster, 0, status);
    expect(w.stat(`${PREFIX}ejections_detected_consecutive_5xx`)).toBe(fiveHundreds);
    expect(w.stat(`${PREFIX}ejections_consecutive_5xx`)).toBe(fiveHundreds);
    expect(w.stat(`${PREFIX}ejections_detected_consecutive_gateway_failure`)).toBe(gateway);
  });

  test.each<[string, boolean, LocalOriginResult[], number, number]>([
    // name, split, results, detected 5xx, detected local origin
    ['connect failures count as 5xx', false, ['connect-failed', 'connect-failed'], 1, 0],
    ['closes count as 5xx', false, ['connect-success', 'reset', 'connect-success', 'reset'], 1, 0],
    ['timeouts count as 5xx', false, ['request-timeout', 'connect-timeout'], 1, 0],
    ['split: connect failures are local', true, ['connect-failed', 'connect-timeout'], 0, 1],
    [
      'split: a close after a connect never adds up',
      true,
      ['connect-success', 'reset', 'connect-success', 'reset'],
      0,
      0,
    ],
  ])('%s', (_name, split, results, fiveHundreds, local) => {
    const { w, cluster } = start(
      3,
      `consecutive_5xx: 2, consecutive_local_origin_failure: 2, split_external_local_origin_errors: ${split}`,
    );
    for (const result of results) cluster.hosts[0]?.outlier?.putLocalOrigin(result);
    expect(w.stat(`${PREFIX}ejections_detected_consecutive_5xx`)).toBe(fiveHundreds);
    expect(w.stat(`${PREFIX}ejections_detected_consecutive_local_origin_failure`)).toBe(local);
  });

  test('the numbers of the recording: 3 hosts, five 503s, defaults', () => {
    const { w, cluster } = start(3, 'consecutive_5xx: 5');
    answer(cluster, 2, 503, 5);
    expect(
      [
        'ejections_active',
        'ejections_consecutive_5xx',
        'ejections_detected_consecutive_5xx',
        'ejections_detected_consecutive_gateway_failure',
        'ejections_enforced_total',
        'ejections_overflow',
        'ejections_total',
      ].map((name) => w.stat(PREFIX + name)),
    ).toEqual([0, 1, 1, 1, 0, 2, 0]);
  });

  test('the same with 50 %: the gateway detection is logged first, the enforced one counts it', () => {
    const { w, cluster } = start(3, 'max_ejection_percent: 50');
    answer(cluster, 2, 503, 5);
    expect(w.log.map((line) => JSON.parse(line))).toEqual([
      {
        type: 'CONSECUTIVE_GATEWAY_FAILURE',
        timestamp: '2026-01-01T00:00:00Z',
        cluster_name: 'c',
        upstream_url: '127.0.0.1:9003',
        action: 'EJECT',
        num_ejections: 0,
        enforced: false,
        eject_consecutive_event: {},
      },
      {
        type: 'CONSECUTIVE_5XX',
        timestamp: '2026-01-01T00:00:00Z',
        cluster_name: 'c',
        upstream_url: '127.0.0.1:9003',
        action: 'EJECT',
        num_ejections: 1,
        enforced: true,
        eject_consecutive_event: {},
      },
    ]);
    expect(w.events.map((event) => [event.kind, event.detector, event.reason])).toEqual([
      [
        'host-not-ejected',
        'consecutive_gateway_failure',
        'enforcing_consecutive_gateway_failure is 0 %: detected only, never ejected',
      ],
      ['host-ejected', 'consecutive_5xx', '5 × 5xx in a row'],
    ]);
    expect(w.stat(`${PREFIX}ejections_overflow`)).toBe(0);
    expect(w.stat(`${PREFIX}ejections_enforced_consecutive_5xx`)).toBe(1);
    expect(w.stat('cluster.c.membership_healthy')).toBe(2);
  });

  test('an ejected host is not judged again', () => {
    const { w, cluster } = start(3, 'max_ejection_percent: 50');
    answer(cluster, 0, 500, 50);
    expect(w.stat(`${PREFIX}ejections_detected_consecutive_5xx`)).toBe(1);
  });

  test('enforcing 40 % carries out about two of five', () => {
    let ejected = 0;
    for (let seed = 0; seed < 500; seed++) {
      const w = world(seed);
      const cluster = run(
        w,
        clusterYaml(ports(2), 'outlier_detection: {max_ejection_percent: 50, enforcing_consecutive_5xx: 40}'),
      );
      answer(cluster, 0, 500, 5);
      ejected += w.stat(`${PREFIX}ejections_active`);
    }
    expect(ejected).toBeGreaterThan(150);
    expect(ejected).toBeLessThan(250);
  });

  test('idle connections of an ejected host are closed', () => {
    const { cluster } = start(2, 'max_ejection_percent: 50');
    let drained = 0;
    const host = cluster.hosts[0];
    if (host !== undefined) host.pool = { drain: () => drained++ };
    answer(cluster, 0, 500, 5);
    expect(drained).toBe(1);
  });
});

describe('time', () => {
  test.each([
    // settings, when ejected, when it is back
    ['interval: 0.5s, base_ejection_time: 1s', 0, 1000],
    ['interval: 0.5s, base_ejection_time: 1s', 100, 1500],
    ['interval: 10s, base_ejection_time: 30s', 1, 40_000],
    ['interval: 10s, base_ejection_time: 30s', 10_000, 40_000],
    ['interval: 1s, base_ejection_time: 300s, max_ejection_time: 300s', 0, 300_000],
  ])('%s, ejected at %i ms: back at %i ms', (settings, at, back) => {
    const { w, cluster } = start(2, `max_ejection_percent: 50, ${settings}`);
    w.clock.advance(at);
    answer(cluster, 0, 500, 5);
    w.clock.advance(back - at - 1);
    expect(health(cluster)[0]).toBe('ejected');
    w.clock.advance(1);
    expect(health(cluster)[0]).toBe('healthy');
    expect(w.stat(`${PREFIX}ejections_active`)).toBe(0);
  });

  test('each ejection in a row is longer, up to max; a healthy sweep takes one off', () => {
    const { w, cluster } = start(
      2,
      'max_ejection_percent: 50, interval: 1s, base_ejection_time: 2s, max_ejection_time: 5s',
    );
    const lengths: number[] = [];
    for (let i = 0; i < 5; i++) {
      answer(cluster, 0, 500, 5);
      lengths.push(w.events.at(-1)?.duration ?? 0);
      while (health(cluster)[0] === 'ejected') w.clock.advance(1000);
    }
    expect(lengths).toEqual([2000, 4000, 5000, 5000, 5000]);
    w.clock.advance(2000);
    answer(cluster, 0, 500, 5);
    // The factor stops at 4 (4 · 2 s is not below 5 s + 2 s), two healthy sweeps take two off, this ejection adds one.
    expect(w.events.at(-1)?.count).toBe(3);
  });

  test('a return starts the counts at zero and is told', () => {
    const { w, cluster } = start(
      2,
      'max_ejection_percent: 50, interval: 1s, base_ejection_time: 1s, consecutive_gateway_failure: 20',
    );
    answer(cluster, 0, 503, 5);
    answer(cluster, 0, 503, 4);
    w.clock.advance(1000);
    expect(cluster.hosts[0]?.outlier?.consecutive5xx).toBe(0);
    expect(cluster.hosts[0]?.outlier?.consecutiveGatewayFailure).toBe(0);
    expect(w.events.at(-1)).toMatchObject({ kind: 'host-returned', host: '127.0.0.1:9001', duration: 1000 });
    expect(JSON.parse(w.log.at(-1) ?? '')).toEqual({
      type: 'CONSECUTIVE_5XX',
      timestamp: '2026-01-01T00:00:01Z',
      secs_since_last_action: '1',
      cluster_name: 'c',
      upstream_url: '127.0.0.1:9001',
      action: 'UNEJECT',
      num_ejections: 1,
      enforced: false,
    });
  });

  test('jitter lengthens an ejection by no more than it says', () => {
    const { w, cluster } = start(
      2,
      'max_ejection_percent: 50, interval: 0.01s, base_ejection_time: 1s, max_ejection_time_jitter: 1s',
    );
    answer(cluster, 0, 500, 5);
    const { duration } = w.events.at(-1) ?? { duration: 0 };
    expect(duration).toBeGreaterThanOrEqual(1000);
    expect(duration).toBeLessThanOrEqual(2000);
    const until = clusterState(cluster).hosts[0]?.ejectedUntil ?? 0;
    expect(until - w.clock.wall()).toBeCloseTo(duration);
  });

  test('closing leaves no timer', () => {
    const { w } = start(2, '');
    w.manager.close();
    expect(w.clock.pending).toBe(0);
  });
});

describe('success rate and failure percentage', () => {
  test('six hosts, one at 0 %: mean 83.3333, threshold 12.5245', () => {
    const { w, cluster } = start(6, 'interval: 1s, max_ejection_percent: 50, consecutive_5xx: 0');
    for (let i = 0; i < 6; i++) answer(cluster, i, i === 2 ? 500 : 200, 100);
    w.clock.advance(1000);
    expect(cluster.detector?.externalRates.average).toBeCloseTo(83.3333, 4);
    expect(cluster.detector?.externalRates.threshold).toBeCloseTo(12.5245, 3);
    expect(health(cluster)).toEqual(['healthy', 'healthy', 'ejected', 'healthy', 'healthy', 'healthy']);
    expect(JSON.parse(w.log[0] ?? '')).toMatchObject({
      type: 'SUCCESS_RATE',
      num_ejections: 1,
      eject_success_rate_event: {
        host_success_rate: 0,
        cluster_average_success_rate: 83,
        cluster_success_rate_ejection_threshold: 12,
      },
    });
  });

  test.each([
    ['too few requests', 99, 6, 0],
    ['too few hosts', 100, 4, 0],
    ['enough', 100, 5, 1],
  ])('%s: %i requests to each of %i hosts ejects %i', (_name, requests, hosts, ejected) => {
    // One of five hosts at 10 %: mean 82, standard deviation 36, threshold 13.6.
    const { w, cluster } = start(hosts, 'interval: 1s, max_ejection_percent: 50, consecutive_5xx: 0');
    for (let i = 0; i < hosts; i++) {
      const bad = i === 0;
      answer(cluster, i, 200, bad ? Math.floor(requests / 10) : requests);
      if (bad) answer(cluster, i, 500, requests - Math.floor(requests / 10));
    }
    w.clock.advance(1000);
    expect(health(cluster).filter((word) => word === 'ejected')).toHaveLength(ejected);
  });

  test('both detectors may eject one host in one sweep; both are given back', () => {
    const { w, cluster } = start(
      6,
      'interval: 1s, base_ejection_time: 2s, max_ejection_percent: 50, consecutive_5xx: 0, enforcing_failure_percentage: 100',
    );
    for (let i = 0; i < 6; i++) answer(cluster, i, i === 2 ? 500 : 200, 100);
    w.clock.advance(1000);
    expect(w.log.map((line) => JSON.parse(line)).map((e) => [e.type, e.num_ejections])).toEqual([
      ['SUCCESS_RATE', 1],
      ['FAILURE_PERCENTAGE', 2],
    ]);
    expect(w.stat(`${PREFIX}ejections_active`)).toBe(2);
    expect(w.stat('cluster.c.membership_healthy')).toBe(5);
    w.clock.advance(10_000);
    expect(w.stat(`${PREFIX}ejections_active`)).toBe(0);
  });
});

describe('settings that can never eject', () => {
  test.each([
    [
      3,
      '',
      'max_ejection_percent is 10 %, and one of 3 hosts is already 33 %: no host is ever ejected. It takes 10 hosts, or max_ejection_percent of at least 34 %.',
    ],
    [10, '', ''],
    [3, 'max_ejection_percent: 50', ''],
    [3, 'always_eject_one_host: true', ''],
    [
      1,
      'max_ejection_percent: 50',
      'max_ejection_percent is 50 %, and one of 1 host is already 100 %: no host is ever ejected. It takes 2 hosts, or max_ejection_percent of at least 100 %.',
    ],
    [3, 'max_ejection_percent: 0', 'max_ejection_percent is 0 %: no host is ever ejected.'],
    [
      3,
      'max_ejection_percent: 50, enforcing_consecutive_5xx: 0, enforcing_success_rate: 0',
      'No detector can eject: every threshold is off or its enforcing percentage is 0 %.',
    ],
  ])('%i hosts, {%s}', (hosts, settings, sentence) => {
    expect(clusterState(start(hosts, settings).cluster).outlier?.neverEjects).toBe(sentence);
  });
});

describe('who gets traffic', () => {
  test('an ejected host gets no pick; two of three ejected is panic and all get picks', () => {
    const { w, cluster } = start(
      3,
      'max_ejection_percent: 100',
      'common_lb_config: {update_merge_window: 0s}',
    );
    answer(cluster, 2, 500, 5);
    expect(new Set(picks(cluster, 60))).toEqual(new Set([9001, 9002]));
    answer(cluster, 1, 500, 5);
    expect(new Set(picks(cluster, 60))).toEqual(new Set([9001, 9002, 9003]));
    expect(w.stat('cluster.c.lb_healthy_panic')).toBe(60);
  });

  test('panic threshold 0: nobody when all are ejected', () => {
    const { cluster } = start(
      2,
      'max_ejection_percent: 100',
      'common_lb_config: {update_merge_window: 0s, healthy_panic_threshold: {value: 0}}',
    );
    answer(cluster, 0, 500, 5);
    answer(cluster, 1, 500, 5);
    expect(cluster.choose(context())).toBeNull();
  });
});
