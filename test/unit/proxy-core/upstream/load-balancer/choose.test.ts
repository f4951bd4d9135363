import { describe, expect, test } from 'vitest';
import type { UpstreamCluster } from '../../../../../proxy-core/upstream/cluster.ts';
import type { Host } from '../../../../../proxy-core/upstream/types.ts';
import { clusterYaml, compiled, context, Notes, picks, run, world } from '../support.ts';

interface Group {
  readonly priority?: number;
  readonly zone?: string;
  readonly weight?: number;
  /** One letter per host: H healthy, U unhealthy, D degraded, X draining. */
  readonly hosts: string;
}

const STATUS: Readonly<Record<string, string>> = {
  H: 'HEALTHY',
  U: 'UNHEALTHY',
  D: 'DEGRADED',
  X: 'DRAINING',
};

/** Group g, host i has port 1000 · (g + 1) + i. */
function groups(list: readonly Group[], more = '', policy = ''): string {
  const endpoints = list.map((group, g) => ({
    priority: group.priority ?? 0,
    ...(group.zone === undefined ? {} : { locality: { zone: group.zone } }),
    ...(group.weight === undefined ? {} : { load_balancing_weight: group.weight }),
    lb_endpoints: [...group.hosts].map((letter, i) => ({
      health_status: STATUS[letter],
      endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: 1000 * (g + 1) + i } } },
    })),
  }));
  return `name: c\n${more}\nload_assignment: {cluster_name: c, endpoints: ${JSON.stringify(endpoints)}${policy}}\n`;
}

/** Share of the picks in percent by group. */
function shares(cluster: UpstreamCluster, count: number, n = 4000): number[] {
  const seen = Array<number>(count).fill(0);
  for (const port of picks(cluster, n)) {
    if (port > 0) seen[Math.floor(port / 1000) - 1]!++;
  }
  return seen.map((number) => (100 * number) / n);
}

function cycleOf(list: readonly number[], length: number): string {
  const all = list.slice(0, length).map((_, i) => [...list.slice(i, length), ...list.slice(0, i)].join(' '));
  return all.sort()[0] ?? '';
}

describe('ROUND_ROBIN', () => {
  test('equal weights take turns from a random start', () => {
    const starts = new Set<number>();
    for (let seed = 0; seed < 20; seed++) {
      const cluster = run(world(seed), clusterYaml([1, 2, 3]));
      const seen = picks(cluster, 6);
      expect(cycleOf(seen, 3)).toBe('1 2 3');
      expect(seen.slice(3)).toEqual(seen.slice(0, 3));
      starts.add(seen[0] as number);
    }
    expect(starts).toEqual(new Set([1, 2, 3]));
  });

  test.each([
    [['1*3', '2*1', '3*1'], '1 1 1 2 3'],
    [['1*5', '2*2'], '1 1 1 2 1 1 2'],
    [['1*1', '2*2'], '1 2 2'],
  ])('weights %o go round as %s', (hosts, cycle) => {
    const n = cycle.split(' ').length;
    const seen = picks(run(world(), clusterYaml(hosts)), 3 * n).slice(2 * n);
    expect(cycleOf(seen, n)).toBe(cycle);
  });

  test('the turn goes on over a change of hosts', () => {
    const w = world();
    const cluster = run(w, clusterYaml([1, 2, 3], 'outlier_detection: {max_ejection_percent: 100}'));
    const before = picks(cluster, 4);
    for (let i = 0; i < 5; i++) cluster.hosts[2]?.outlier?.putHttpStatus(500);
    expect(new Set(picks(cluster, 4))).toEqual(new Set([1, 2]));
    expect(before).toHaveLength(4);
  });
});

describe('LEAST_REQUEST', () => {
  test('of two random hosts the one with fewer active requests', () => {
    const cluster = run(world(), clusterYaml([1, 2, 3], 'lb_policy: LEAST_REQUEST'));
    cluster.hosts[0]!.stats.rqActive = 10;
    const seen = picks(cluster, 3000);
    // It is only taken when both draws fall on it: one time in nine.
    const share = seen.filter((port) => port === 1).length / 3000;
    expect(share).toBeGreaterThan(0.08);
    expect(share).toBeLessThan(0.145);
  });

  test('FULL_SCAN never takes a busier host', () => {
    const policy = {
      name: 'least_request',
      typed_config: {
        '@type': 'type.googleapis.com/envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest',
        selection_method: 'FULL_SCAN',
      },
    };
    const cluster = run(
      world(),
      clusterYaml(
        [1, 2, 3],
        `load_balancing_policy: {policies: [{typed_extension_config: ${JSON.stringify(policy)}}]}`,
      ),
    );
    expect(cluster.config.lbPolicy).toBe('LEAST_REQUEST');
    cluster.hosts[0]!.stats.rqActive = 1;
    expect(new Set(picks(cluster, 200))).toEqual(new Set([2, 3]));
  });

  test('idle with weights 3:1:1 it is the cycle of round robin', () => {
    const seen = picks(run(world(), clusterYaml(['1*3', '2*1', '3*1'], 'lb_policy: LEAST_REQUEST')), 15);
    expect(cycleOf(seen.slice(10), 5)).toBe('1 1 1 2 3');
  });
});

test('RANDOM is even', () => {
  const seen = picks(run(world(), clusterYaml([1, 2, 3, 4], 'lb_policy: RANDOM')), 4000);
  for (const port of [1, 2, 3, 4]) {
    const count = seen.filter((one) => one === port).length;
    expect(count).toBeGreaterThan(880);
    expect(count).toBeLessThan(1120);
  }
});

describe('priorities, panic, degraded: shares of 4000 picks', () => {
  test.each<[string, readonly Group[], number[], string, string]>([
    ['2/4 and 4/4', [{ hosts: 'HHUU' }, { priority: 1, hosts: 'HHHH' }], [70, 30], '', ''],
    ['1/4 and 4/4', [{ hosts: 'HUUU' }, { priority: 1, hosts: 'HHHH' }], [35, 65], '', ''],
    ['0/4 and 4/4', [{ hosts: 'UUUU' }, { priority: 1, hosts: 'HHHH' }], [0, 100], '', ''],
    ['1/4 and 1/4: panic', [{ hosts: 'HUUU' }, { priority: 1, hosts: 'HUUU' }], [50, 50], '', ''],
    [
      '3/4 and 4/4, factor 100',
      [{ hosts: 'HHHU' }, { priority: 1, hosts: 'HHHH' }],
      [75, 25],
      '',
      ', policy: {overprovisioning_factor: 100}',
    ],
    ['2 healthy, 2 degraded', [{ hosts: 'HH' }, { hosts: 'DD' }], [70, 30], '', ''],
    ['1 healthy, 3 degraded', [{ hosts: 'H' }, { hosts: 'DDD' }], [35, 65], '', ''],
    [
      'localities 1:2',
      [
        { zone: 'a', weight: 1, hosts: 'HH' },
        { zone: 'b', weight: 2, hosts: 'HH' },
      ],
      [33.3, 66.7],
      'common_lb_config: {locality_weighted_lb_config: {}}',
      '',
    ],
    [
      'equal localities, one half healthy',
      [
        { zone: 'a', weight: 1, hosts: 'HU' },
        { zone: 'b', weight: 1, hosts: 'HH' },
      ],
      [41.2, 58.8],
      'common_lb_config: {locality_weighted_lb_config: {}}',
      '',
    ],
    [
      'a locality without weight',
      [
        { zone: 'a', hosts: 'HH' },
        { zone: 'b', weight: 2, hosts: 'HH' },
      ],
      [0, 100],
      'common_lb_config: {locality_weighted_lb_config: {}}',
      '',
    ],
    [
      'weights of localities without the option',
      [
        { zone: 'a', weight: 1, hosts: 'HH' },
        { zone: 'b', weight: 9, hosts: 'HH' },
      ],
      [50, 50],
      '',
      '',
    ],
  ])('%s: %o gets %o', (_name, list, expected, more, policy) => {
    const cluster = run(world(), groups(list, more, policy));
    shares(cluster, list.length).forEach((share, i) => {
      expect(Math.abs(share - (expected[i] as number))).toBeLessThan(2.5);
    });
  });

  test.each<[string, readonly Group[], string, number]>([
    ['no hosts', [], '', 0],
    ['all unhealthy: panic, everybody', [{ hosts: 'UUU' }], '', 3],
    [
      'all unhealthy, threshold 0',
      [{ hosts: 'UUU' }],
      'common_lb_config: {healthy_panic_threshold: {value: 0}}',
      0,
    ],
    [
      'fail_traffic_on_panic',
      [{ hosts: 'HUU' }],
      'common_lb_config: {zone_aware_lb_config: {fail_traffic_on_panic: true}}',
      0,
    ],
    ['a draining host is left out', [{ hosts: 'HX' }], '', 1],
    ['an unhealthy host is left out', [{ hosts: 'HHU' }], '', 2],
  ])('%s', (_name, list, more, hosts) => {
    const cluster = run(world(), groups(list, more));
    expect(new Set(picks(cluster, 50).filter((port) => port > 0)).size).toBe(hosts);
  });

  test('a cluster without hosts counts as panic', () => {
    const w = world();
    picks(run(w, groups([])), 3);
    expect(w.stat('cluster.c.lb_healthy_panic')).toBe(3);
  });
});

describe('explaining a pick', () => {
  test.each([
    ['round robin', ''],
    ['random', 'lb_policy: RANDOM'],
    ['least request', 'lb_policy: LEAST_REQUEST'],
    ['ring hash', 'lb_policy: RING_HASH'],
    ['maglev', 'lb_policy: MAGLEV'],
  ])('%s: the next pick is told before it is made, and again afterwards', (_name, more) => {
    for (const hosts of [
      [1, 2, 3],
      ['1*3', '2', '3'],
    ]) {
      const cluster = run(world(), clusterYaml(hosts, more));
      for (let i = 0; i < 20; i++) {
        const ask = context({
          hash: more.includes('HASH') || more.includes('MAGLEV') ? BigInt(i) * 0x9e3779b97f4a7c15n : null,
        });
        const told = cluster.explainChoice(ask, new Notes());
        const made = cluster.choose(ask);
        const again = cluster.explainChoice(
          { ...ask, position: cluster.lastPosition },
          new Notes(),
          cluster.hostSetId,
        );
        expect([told?.port, again?.port]).toEqual([made?.port, made?.port]);
      }
    }
  });

  test('an old pick is told with the hosts of then', () => {
    const w = world();
    const cluster = run(w, clusterYaml([1, 2, 3], 'outlier_detection: {max_ejection_percent: 50}'));
    const record: { ask: ReturnType<typeof context>; set: number; position: number; host: Host | null }[] =
      [];
    const pick = (): void => {
      const ask = context();
      const set = cluster.hostSetId;
      const host = cluster.choose(ask);
      record.push({ ask, set, position: cluster.lastPosition, host });
    };
    for (let i = 0; i < 5; i++) pick();
    for (let i = 0; i < 5; i++) cluster.hosts[2]?.outlier?.putHttpStatus(500);
    for (let i = 0; i < 5; i++) pick();
    for (const { ask, set, position, host } of record) {
      expect(cluster.explainChoice({ ...ask, position }, new Notes(), set)).toBe(host);
    }
  });

  test.each([
    ['round robin', '', ['1*3', '2*1', '3*1'], ['1*1', '2*4', '3*1']],
    ['least request', 'lb_policy: LEAST_REQUEST', ['1*3', '2*1', '3*1'], [1, 2, 3]],
  ])('%s: an old pick is told with the weights and the load of then', (_name, more, before, after) => {
    const w = world();
    const cluster = run(w, clusterYaml(before, more));
    const record = Array.from({ length: 12 }, () => {
      const ask = context();
      const set = cluster.hostSetId;
      const host = cluster.choose(ask);
      return { host, set, ask: { ...ask, position: cluster.lastPosition } };
    });
    w.manager.update([compiled(clusterYaml(after, more))], null).commit();
    for (const host of cluster.hosts) host.stats.rqActive = host.port;
    picks(cluster, 5);
    for (const { host, set, ask } of record) expect(cluster.explainChoice(ask, new Notes(), set)).toBe(host);
  });

  test.each([
    ['two hosts compared', 'lb_policy: LEAST_REQUEST'],
    ['four compared', 'lb_policy: LEAST_REQUEST\nleast_request_lb_config: {choice_count: 4}'],
    ['more than a position can keep', 'lb_policy: LEAST_REQUEST\nleast_request_lb_config: {choice_count: 6}'],
  ])('least request, %s: an old pick is told with the requests of then', (_name, more) => {
    const cluster = run(world(), clusterYaml([1, 2, 3, 4, 5], more));
    for (const host of cluster.hosts) host.stats.rqActive = host.port * 7;
    const record = Array.from({ length: 40 }, () => {
      const ask = context();
      const host = cluster.choose(ask);
      return { host, ask: { ...ask, position: cluster.lastPosition } };
    });
    for (const host of cluster.hosts) host.stats.rqActive = 100 - host.port;
    for (const { host, ask } of record) {
      const notes = new Notes();
      expect(cluster.explainChoice(ask, notes, cluster.hostSetId)).toBe(host);
      const told = [...(notes.notes.at(-1) ?? '').matchAll(/127\.0\.0\.1:(\d) \((\d+) active\)/g)];
      expect(told.length).toBeGreaterThan(0);
      for (const [, port, active] of told) expect(Number(active)).toBe(Number(port) * 7);
      expect(told.map(([, port]) => Number(port))).toContain(host?.port);
    }
  });

  test('hosts left out say why', () => {
    const w = world();
    const cluster = run(w, clusterYaml([1, 2, 3], 'outlier_detection: {max_ejection_percent: 50}'));
    for (let i = 0; i < 5; i++) cluster.hosts[2]?.outlier?.putHttpStatus(500);
    const notes = new Notes();
    const host = cluster.explainChoice(context(), notes);
    expect(notes.candidates.map((c) => c.name)).toEqual(['127.0.0.1:1', '127.0.0.1:2', '127.0.0.1:3']);
    expect(notes.candidates[2]).toMatchObject({ result: 'lost', reason: 'ejected until 00:00:30.000 UTC' });
    expect(notes.candidates.find((c) => c.result === 'won')?.name).toBe(host?.address);
    expect(notes.notes).toEqual([
      'No panic: 66 % of 3 hosts are available, `healthy_panic_threshold` is 50 %.',
      expect.stringMatching(
        /^All weights are equal: hosts take turns, and it is the turn of host \d of 2\.$/,
      ),
    ]);
  });

  test('panic is told with its numbers', () => {
    const cluster = run(world(), groups([{ hosts: 'HUU' }]));
    const notes = new Notes();
    cluster.explainChoice(context(), notes);
    expect(notes.notes[0]).toBe(
      'Panic: 33 % of 3 hosts are available, below `healthy_panic_threshold` 50 %. All hosts get traffic, also bad ones.',
    );
  });

  test('priorities are told with their arithmetic', () => {
    const cluster = run(world(), groups([{ hosts: 'HHUU' }, { priority: 1, hosts: 'HHHH' }]));
    const notes = new Notes();
    cluster.explainChoice(context(), notes);
    expect(notes.notes[0]).toMatch(
      /^priority 0: 2 of 4 healthy × 1\.4 = health 70 %, load 70 %; priority 1: 4 of 4 healthy × 1\.4 = health 100 %, load 30 %\. Priority [01] is drawn\.$/,
    );
  });
});

test('a pick among 1000 hosts takes no longer than a few microseconds', () => {
  for (const more of ['', 'lb_policy: RANDOM', 'lb_policy: LEAST_REQUEST']) {
    const cluster = run(
      world(),
      clusterYaml(
        Array.from({ length: 1000 }, (_, i) => i + 1),
        more,
      ),
    );
    const asks = Array.from({ length: 64 }, () => context());
    for (let i = 0; i < 20_000; i++) cluster.choose(asks[i & 63]!);
    const start = performance.now();
    for (let i = 0; i < 200_000; i++) cluster.choose(asks[i & 63]!);
    const each = ((performance.now() - start) * 1000) / 200_000;
    // The budget is 1 µs on an idle machine; this only catches a change of order.
    expect(each).toBeLessThan(5);
  }
});
