import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../../../../proxy-core/base/random.ts';
import { coarseHealth } from '../../../../../proxy-core/upstream/host.ts';
import type { HostSet } from '../../../../../proxy-core/upstream/host-set.ts';
import { ZoneRouting } from '../../../../../proxy-core/upstream/load-balancer/zone-aware.ts';
import { Notes } from '../support.ts';

/** Healthy hosts by zone. */
type Zones = Readonly<Record<string, number>>;

function hostSet(zones: Zones, unhealthy = 0): HostSet {
  const hosts = Object.entries(zones).flatMap(([zone, count]) =>
    Array.from({ length: count }, () => ({ locality: { region: '', zone, subZone: '', weight: null } })),
  );
  const views = hosts.map((host, i) => ({ host, flags: i < unhealthy ? 1 : 0, weight: 1, ejectedUntil: 0 }));
  const names = Object.keys(zones);
  const of = (zone: string) =>
    views
      .filter((v) => v.host.locality.zone === zone && coarseHealth(v.flags) === 'healthy')
      .map((v) => v.host);
  return {
    id: 1,
    madeAt: 0,
    built: [],
    load: {},
    priorities: [
      {
        views,
        counts: {},
        sources: [hosts, hosts, [], ...names.flatMap((zone) => [of(zone), []])],
        localities: names.map((zone) => ({ locality: { region: '', zone, subZone: '', weight: null } })),
      },
    ],
  } as unknown as HostSet;
}

interface Case {
  readonly local: HostSet | null;
  readonly upstream: HostSet;
  readonly minimum?: number;
  readonly enabled?: number;
}

function routing({ local, minimum = 6, enabled = 100 }: Case, events: string[] = []): ZoneRouting {
  return new ZoneRouting(
    {
      localCluster: 'local',
      locality: { region: '', zone: 'a', subZone: '', weight: null },
      routingEnabled: enabled,
      minimumClusterSize: minimum,
    },
    { panicThreshold: 50 } as never,
    { onZone: (event) => events.push(event), localHosts: () => local },
  );
}

/** Percent of the picks by zone; `-` stands for picks that do not look at zones. */
function shares(one: Case): Record<string, number> {
  const zones = routing(one);
  const random = new SeededRandom(1);
  const counts: Record<string, number> = {};
  const names = one.upstream.priorities[0]?.localities.map((l) => l.locality.zone) ?? [];
  for (let i = 0; i < 10_000; i++) {
    const at = zones.pick(one.upstream, random.next(), null);
    const name = at < 0 ? '-' : (names[at] ?? '?');
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return Object.fromEntries(Object.entries(counts).map(([name, n]) => [name, Math.round(n / 100)]));
}

describe('where picks go', () => {
  test.each<[string, Zones, Zones, Record<string, number>]>([
    // Proxies by zone, upstream hosts by zone, percent of the picks (the proxy is in zone a).
    ['equal shares: all at home', { a: 1, b: 1 }, { a: 5, b: 5 }, { a: 100 }],
    ['more room at home than needed', { a: 1, b: 1 }, { a: 8, b: 2 }, { a: 100 }],
    ['half of the need', { a: 1, b: 1 }, { a: 2, b: 6 }, { a: 50, b: 50 }],
    [
      'the rest by the room of the others',
      { a: 2, b: 1, c: 1 },
      { a: 2, b: 3, c: 5 },
      { a: 40, b: 10, c: 50 },
    ],
    ['no proxies elsewhere', { a: 3 }, { a: 2, b: 4, c: 4 }, { a: 20, b: 40, c: 40 }],
  ])('%s', (_name, proxies, hosts, expected) => {
    const seen = shares({ local: hostSet(proxies), upstream: hostSet(hosts) });
    for (const [zone, percent] of Object.entries(expected))
      expect(Math.abs((seen[zone] ?? 0) - percent)).toBeLessThan(3);
    expect(Object.keys(seen).sort()).toEqual(Object.keys(expected).sort());
  });

  test.each<[string, Case, string | null]>([
    [
      'too few hosts',
      { local: hostSet({ a: 1 }), upstream: hostSet({ a: 2, b: 3 }) },
      'lb_zone_cluster_too_small',
    ],
    ['one zone', { local: hostSet({ a: 1 }), upstream: hostSet({ a: 9 }) }, null],
    ['nobody at home', { local: hostSet({ a: 1 }), upstream: hostSet({ b: 5, c: 5 }) }, null],
    ['no local cluster', { local: null, upstream: hostSet({ a: 5, b: 5 }) }, 'lb_local_cluster_not_ok'],
    [
      'local cluster in panic',
      { local: hostSet({ a: 4 }, 3), upstream: hostSet({ a: 5, b: 5 }) },
      'lb_local_cluster_not_ok',
    ],
  ])('zones play no part: %s', (_name, one, event) => {
    const events: string[] = [];
    expect(routing(one, events).pick(one.upstream, 7, null)).toBe(-1);
    expect(events).toEqual(['lb_recalculate_zone_structures', ...(event === null ? [] : [event])]);
  });

  test('routing_enabled is a share of the picks', () => {
    const seen = shares({ local: hostSet({ a: 1 }), upstream: hostSet({ a: 5, b: 5 }), enabled: 30 });
    expect(seen['-']).toBeGreaterThan(60);
    expect(seen['-']).toBeLessThan(80);
  });
});

test('the arithmetic is told', () => {
  const notes = new Notes();
  const one = { local: hostSet({ a: 2, b: 2 }), upstream: hostSet({ a: 2, b: 6 }) };
  routing(one).pick(one.upstream, 1, notes);
  expect(notes.notes[0]).toBe(
    'Own zone `/a`: 25 % of the healthy hosts, 50 % of the proxies: 50 % stays there.',
  );
});
