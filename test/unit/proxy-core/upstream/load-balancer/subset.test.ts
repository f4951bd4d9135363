import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { subsetCriteria } from '../../../../../proxy-core/base/subset-criteria.ts';
import type { UpstreamCluster } from '../../../../../proxy-core/upstream/cluster.ts';
import { compile, context, Notes, run, type World, world } from '../support.ts';

type Metadata = Readonly<Record<string, unknown>>;

/** Host i has port i + 1. */
function yaml(
  hosts: readonly Metadata[],
  subset: Record<string, unknown>,
  more: Record<string, unknown> = {},
) {
  const endpoints = hosts.map((metadata, i) => ({
    endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: i + 1 } } },
    metadata: { filter_metadata: { 'envoy.lb': metadata } },
  }));
  return JSON.stringify({
    name: 'c',
    ...more,
    lb_subset_config: subset,
    load_assignment: { cluster_name: 'c', endpoints: [{ lb_endpoints: endpoints }] },
  });
}

const HOSTS: readonly Metadata[] = [
  { version: '1', stage: 'prod' },
  { version: '2', stage: 'prod' },
  { version: '2', stage: 'dev' },
  { stage: 'dev', id: 4 },
];

function reached(cluster: UpstreamCluster, wanted: Metadata | null, n = 24): string {
  const criteria = wanted === null ? null : subsetCriteria(wanted);
  const ports = Array.from({ length: n }, () => cluster.choose(context({ criteria }))?.port ?? 0);
  return [...new Set(ports)].sort().join(' ');
}

describe('which hosts a request reaches', () => {
  const version = { keys: ['version'] };
  test.each<[string, Record<string, unknown>, Metadata | null, string]>([
    ['the subset', { subset_selectors: [version] }, { version: '2' }, '2 3'],
    ['another type of value is another value', { subset_selectors: [{ keys: ['id'] }] }, { id: '4' }, '0'],
    ['numbers are equal as numbers', { subset_selectors: [{ keys: ['id'] }] }, { id: 4.0 }, '4'],
    [
      'two keys in any order',
      { subset_selectors: [{ keys: ['version', 'stage'] }] },
      { version: '2', stage: 'dev' },
      '3',
    ],
    ['more keys than the selector', { subset_selectors: [version] }, { version: '2', stage: 'dev' }, '0'],
    [
      'fewer keys than the selector',
      { subset_selectors: [{ keys: ['version', 'stage'] }] },
      { version: '2' },
      '0',
    ],
    ['nobody asks, no fallback', { subset_selectors: [version] }, null, '0'],
    ['nobody asks, any', { fallback_policy: 'ANY_ENDPOINT', subset_selectors: [version] }, null, '1 2 3 4'],
    [
      'no such value, any',
      { fallback_policy: 'ANY_ENDPOINT', subset_selectors: [version] },
      { version: '9' },
      '1 2 3 4',
    ],
    [
      'no such value, default subset',
      { fallback_policy: 'DEFAULT_SUBSET', default_subset: { stage: 'dev' }, subset_selectors: [version] },
      { version: '9' },
      '3 4',
    ],
    [
      'a default subset without hosts',
      { fallback_policy: 'DEFAULT_SUBSET', default_subset: { stage: 'x' }, subset_selectors: [version] },
      null,
      '0',
    ],
    [
      'a default subset without hosts, panic mode any',
      {
        fallback_policy: 'DEFAULT_SUBSET',
        default_subset: { stage: 'x' },
        subset_selectors: [version],
        panic_mode_any: true,
      },
      null,
      '1 2 3 4',
    ],
    [
      "the selector's policy goes before the cluster's",
      {
        fallback_policy: 'ANY_ENDPOINT',
        subset_selectors: [{ keys: ['version'], fallback_policy: 'NO_FALLBACK' }],
      },
      { version: '9' },
      '0',
    ],
    [
      'fewer keys',
      {
        subset_selectors: [
          { keys: ['stage', 'version'], fallback_policy: 'KEYS_SUBSET', fallback_keys_subset: ['stage'] },
          { keys: ['stage'] },
        ],
      },
      { stage: 'dev', version: '1' },
      '3 4',
    ],
    [
      'a single host',
      { subset_selectors: [{ keys: ['stage'], single_host_per_subset: true }] },
      { stage: 'dev' },
      '3',
    ],
    [
      'a list of fallbacks',
      { metadata_fallback_policy: 'FALLBACK_LIST', subset_selectors: [version] },
      { fallback_list: [{ version: '9' }, { version: '1' }] },
      '1',
    ],
    [
      'a list is one value without list_as_any',
      { subset_selectors: [{ keys: ['tags'] }] },
      { tags: 'a' },
      '0',
    ],
  ])('%s', (_name, subset, wanted, ports) => {
    expect(reached(run(world(), yaml([...HOSTS], subset)), wanted)).toBe(ports);
  });

  test('list_as_any: each value of a list', () => {
    const hosts = [{ tags: ['a', 'b'] }, { tags: ['b'] }, { tags: 'a' }];
    const cluster = run(world(), yaml(hosts, { list_as_any: true, subset_selectors: [{ keys: ['tags'] }] }));
    expect([reached(cluster, { tags: 'a' }), reached(cluster, { tags: 'b' })]).toEqual(['1 3', '1 2']);
  });

  test.each(['ROUND_ROBIN', 'LEAST_REQUEST', 'RANDOM', 'RING_HASH', 'MAGLEV'])('%s inside', (lb_policy) => {
    const cluster = run(world(), yaml([...HOSTS], { subset_selectors: [version] }, { lb_policy }));
    expect(reached(cluster, { version: '2' }, 60)).toBe('2 3');
  });

  test('without selectors there are no subsets', () => {
    expect(reached(run(world(), yaml([...HOSTS], {})), { version: '9' })).toBe('1 2 3 4');
  });
});

describe('health and changes', () => {
  const SUBSET = { subset_selectors: [{ keys: ['stage'] }] };
  const OUTLIER = {
    outlier_detection: { max_ejection_percent: 100 },
    common_lb_config: { update_merge_window: '0s' },
  };

  function eject(cluster: UpstreamCluster, index: number): void {
    for (let i = 0; i < 5; i++) cluster.hosts[index]?.outlier?.putHttpStatus(500);
  }

  test('panic is of the subset: half of its hosts are enough, none is too few', () => {
    const cluster = run(world(), yaml([...HOSTS], SUBSET, OUTLIER));
    eject(cluster, 2);
    expect(reached(cluster, { stage: 'dev' })).toBe('4');
    eject(cluster, 3);
    expect(reached(cluster, { stage: 'dev' })).toBe('3 4');
    expect(reached(cluster, { stage: 'prod' })).toBe('1 2');
  });

  test('another metadata moves a host; a subset goes with its last host', () => {
    const w: World = world();
    const cluster = run(w, yaml([...HOSTS], SUBSET));
    expect(w.stat('cluster.c.lb_subsets_active')).toBe(2);
    run(w, yaml([{ stage: 'prod' }, { stage: 'prod' }, { stage: 'prod' }, { stage: 'test' }], SUBSET));
    expect(reached(cluster, { stage: 'prod' })).toBe('1 2 3');
    expect([reached(cluster, { stage: 'dev' }), reached(cluster, { stage: 'test' })]).toEqual(['0', '4']);
    const counts = ['active', 'created', 'removed'].map((name) => w.stat(`cluster.c.lb_subsets_${name}`));
    expect(counts).toEqual([2, 3, 1]);
  });

  test('a subset that did not change keeps its turns', () => {
    const w = world();
    const cluster = run(w, yaml([...HOSTS], SUBSET, OUTLIER));
    const next = (): number =>
      cluster.choose(context({ criteria: subsetCriteria({ stage: 'prod' }) }))?.port ?? 0;
    const first = next();
    eject(cluster, 3);
    expect(next()).toBe(3 - first);
  });
});

describe('explained', () => {
  test('the subset, its size, and why others are not in it', () => {
    const cluster = run(world(), yaml([...HOSTS], { subset_selectors: [{ keys: ['version'] }] }));
    const notes = new Notes();
    const criteria = subsetCriteria({ version: '1' });
    expect(cluster.explainChoice(context({ criteria }), notes)?.port).toBe(1);
    expect(notes.notes[0]).toBe('Subset version "1": 1 of 4 hosts.');
    expect(notes.candidates.map(({ reason }) => reason)).toEqual([
      'picked',
      'not in the subset: metadata `version` is "2", "1" wanted',
      'not in the subset: metadata `version` is "2", "1" wanted',
      'not in the subset: metadata `version` is missing, "1" wanted',
    ]);
  });

  test('no subset', () => {
    const cluster = run(world(), yaml([...HOSTS], { subset_selectors: [{ keys: ['version'] }] }));
    const notes = new Notes();
    expect(cluster.explainChoice(context({ criteria: subsetCriteria({ a: 1 }) }), notes)).toBeNull();
    expect(notes.notes).toEqual([
      'No selector has just the keys of a 1; the selectors are [version].',
      'The fallback policy is NO_FALLBACK.',
    ]);
  });

  test('a recorded pick is told again as it was', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), (n) => {
        const cluster = run(world(n), yaml([...HOSTS], { subset_selectors: [{ keys: ['stage'] }] }));
        const criteria = subsetCriteria({ stage: 'prod' });
        for (let i = 0; i < n; i++) {
          const ctx = context({ criteria });
          const host = cluster.choose(ctx);
          const position = cluster.lastPosition;
          cluster.choose(context({ criteria: subsetCriteria({ stage: 'dev' }) }));
          const told = cluster.explainChoice({ ...ctx, position }, new Notes(), cluster.hostSetId);
          expect(told).toBe(host);
        }
      }),
      { numRuns: 20 },
    );
  });
});

describe('verdicts', () => {
  test.each<[Record<string, unknown>, string]>([
    [{ keys: ['a'], fallback_policy: 'KEYS_SUBSET' }, 'fallback_keys_subset cannot be empty'],
    [
      { keys: ['a'], fallback_policy: 'KEYS_SUBSET', fallback_keys_subset: ['b'] },
      'fallback_keys_subset must be a subset of selector keys',
    ],
    [
      { keys: ['a', 'b'], fallback_policy: 'KEYS_SUBSET', fallback_keys_subset: ['b', 'a'] },
      'fallback_keys_subset cannot be equal to keys',
    ],
  ])('%j', (selector, message) => {
    const { diagnostics } = compile(yaml([], { subset_selectors: [selector] }));
    expect(diagnostics.filter((d) => d.severity === 'error').map((d) => d.message)).toEqual([message]);
  });
});
