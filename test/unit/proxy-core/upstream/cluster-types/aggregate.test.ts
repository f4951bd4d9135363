import { describe, expect, test } from 'vitest';
import type { UpstreamCluster } from '../../../../../proxy-core/upstream/cluster.ts';
import { context, Notes, run, type World, world } from '../support.ts';

const STATUS: Readonly<Record<string, string>> = { H: 'HEALTHY', U: 'UNHEALTHY', D: 'DEGRADED' };

/** One letter for each host, one word for each priority. */
function member(name: string, hosts: string): string {
  const endpoints = hosts.split(' ').map((word, priority) => ({
    priority,
    lb_endpoints: [...word].map((letter, i) => ({
      health_status: STATUS[letter],
      endpoint: {
        address: { socket_address: { address: '127.0.0.1', port_value: 100 * (priority + 1) + i } },
      },
    })),
  }));
  return JSON.stringify({ name, load_assignment: { cluster_name: name, endpoints } });
}

function aggregate(...clusters: string[]): string {
  return JSON.stringify({
    name: 'g',
    lb_policy: 'CLUSTER_PROVIDED',
    cluster_type: {
      name: 'envoy.clusters.aggregate',
      typed_config: {
        '@type': 'type.googleapis.com/envoy.extensions.clusters.aggregate.v3.ClusterConfig',
        clusters,
      },
    },
  });
}

/** Share of the picks in percent by `cluster/priority`. */
function shares(cluster: UpstreamCluster): Record<string, number> {
  const seen: Record<string, number> = {};
  for (let i = 0; i < 4000; i++) {
    const host = cluster.choose(context());
    const key = host === null ? 'none' : `${host.cluster?.config.name}/${host.priority}`;
    seen[key] = (seen[key] ?? 0) + 1;
  }
  return Object.fromEntries(Object.entries(seen).map(([key, n]) => [key, n / 40]));
}

function start(w: World, members: Readonly<Record<string, string>>): UpstreamCluster {
  return run(
    w,
    aggregate(...Object.keys(members)),
    ...Object.entries(members).map(([name, hosts]) => member(name, hosts)),
  );
}

describe('which cluster', () => {
  test.each<[string, Record<string, string>, Record<string, number>]>([
    ['the first, when it is healthy', { a: 'HHHH', b: 'HH' }, { 'a/0': 100 }],
    ['the next takes what the first cannot', { a: 'HHUU', b: 'HH' }, { 'a/0': 70, 'b/0': 30 }],
    ['the first is down', { a: 'UU', b: 'HH' }, { 'b/0': 100 }],
    ['priorities of one before the next', { a: 'HUUU HHHH', b: 'HH' }, { 'a/0': 35, 'a/1': 65 }],
    ['nothing is healthy: by the number of hosts', { a: 'UUU', b: 'U' }, { 'a/0': 75, 'b/0': 25 }],
    ['degraded hosts of the first', { a: 'HD', b: 'UU' }, { 'a/0': 100 }],
  ])('%s', (_name, members, expected) => {
    const seen = shares(start(world(), members));
    expect(Object.keys(seen).sort()).toEqual(Object.keys(expected).sort());
    for (const [key, percent] of Object.entries(expected))
      expect(Math.abs((seen[key] ?? 0) - percent)).toBeLessThan(4);
  });
});

test('hosts use the limits and statistics of their own cluster', () => {
  const w = world();
  const cluster = start(w, { a: 'HH', b: 'HH' });
  const host = cluster.choose(context());
  expect(host?.cluster).toBe(w.manager.view.get('a'));
});

test('a change of a member counts at once', () => {
  const w = world();
  const cluster = start(w, { a: 'HH', b: 'HH' });
  expect(shares(cluster)).toEqual({ 'a/0': 100 });
  run(w, aggregate('a', 'b'), member('a', 'UU'), member('b', 'HH'));
  expect(shares(cluster)).toEqual({ 'b/0': 100 });
});

test('clusters that do not exist are passed over, and without any nothing is picked', () => {
  const w = world();
  const cluster = run(w, aggregate('x', 'b'), member('b', 'H'));
  expect(shares(cluster)).toEqual({ 'b/0': 100 });
  expect(run(world(), aggregate('x')).choose(context())).toBeNull();
});

test('explained: the load of each cluster, then the pick of the one', () => {
  const cluster = start(world(), { a: 'UU', b: 'HH' });
  const notes = new Notes();
  cluster.explainChoice(context(), notes);
  expect(notes.notes.slice(0, 2)).toEqual([
    '`a` priority 0: health 0 %, load 0 %; `b` priority 0: health 100 %, load 100 %.',
    'Cluster `b` is drawn.',
  ]);
});
