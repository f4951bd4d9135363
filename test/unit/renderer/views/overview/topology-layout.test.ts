import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Box,
  layOutTopology,
  spread,
  topologyKey,
} from '../../../../../renderer/views/overview/topology-layout.ts';
import { coreState } from '../../gallery/story.ts';

const STATE = coreState(1_700_000_000_000);

function overlap(a: Box, b: Box): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

describe.each([
  [1090, 580],
  [1440, 580],
  [970, 430],
  [972, 200],
])('in %i × %i', (width, height) => {
  const layout = layOutTopology(STATE, width, height);
  const boxes = [
    ...layout.listeners,
    ...layout.chains,
    ...layout.virtualHosts,
    ...layout.clusters,
    ...layout.hosts,
  ];

  test('no two boxes overlap', () => {
    for (const [i, a] of boxes.entries())
      for (const b of boxes.slice(i + 1)) expect(overlap(a, b)).toBe(false);
  });

  test('every box is inside the drawing', () => {
    for (const box of boxes) {
      expect(box.x).toBeGreaterThanOrEqual(0);
      expect(box.x + box.width).toBeLessThanOrEqual(width);
      expect(box.y).toBeGreaterThanOrEqual(0);
      expect(box.y + box.height).toBeLessThanOrEqual(layout.height);
    }
  });

  test('edges go from left to right', () => {
    for (const edge of layout.edges) expect(edge.x2).toBeGreaterThan(edge.x1);
  });
});

describe('what is drawn', () => {
  const layout = layOutTopology(STATE, 1090, 580);

  test('each route with a cluster is joined with each of its clusters', () => {
    const ends = layout.edges.map((edge) => edge.ends).filter((e) => e.kind === 'route-cluster');
    const routes = STATE.routeConfigs.flatMap((c) => c.virtualHosts.flatMap((v) => v.routes));
    expect(ends).toHaveLength(routes.reduce((sum, route) => sum + route.clusters.length, 0));
  });

  test('a TCP chain leads straight to its cluster', () => {
    expect(layout.edges.map((edge) => edge.ends)).toContainEqual({
      kind: 'chain-cluster',
      listener: 'legacy_tcp_listener',
      chain: 0,
      cluster: 'legacy_tcp',
    });
  });

  test('chains without a name are told apart', () => {
    const listeners = STATE.listeners.map((listener) => ({
      ...listener,
      filterChains: listener.filterChains.map((chain) => ({ ...chain, name: '' })),
    }));
    const unnamed = layOutTopology({ ...STATE, listeners }, 1090, 580);
    expect(unnamed.chains).toHaveLength(4);
    expect(unnamed.edges).toHaveLength(layout.edges.length);
    expect(unnamed.edges).toEqual(layout.edges);
  });

  test('clusters stand in the order in which routes name them', () => {
    expect(layout.clusters.map((c) => c.name)).toEqual([
      'inventory_service',
      'payment_canary',
      'payment_service',
      'catalog_service',
      'user_service',
      'legacy_tcp',
    ]);
  });

  test('many hosts and routes are cut short and counted', () => {
    const [first, ...rest] = STATE.clusters;
    const host = first?.hosts[0];
    if (first === undefined || host === undefined) throw new Error('the story has hosts');
    const hosts = [...Array(20)].map((_, i) => ({ ...host, address: `10.0.0.${i}:80` }));
    const large = layOutTopology({ ...STATE, clusters: [{ ...first, hosts }, ...rest] }, 1090, 580);
    expect(large.hosts.filter((h) => h.cluster === first.name)).toHaveLength(8);
    expect(large.moreHosts).toMatchObject([{ cluster: first.name, count: 12 }]);
  });
});

test('figures do not move the drawing, structure does', () => {
  const busy = coreState(1_700_000_500_000);
  expect(topologyKey(busy)).toBe(topologyKey(STATE));
  expect(topologyKey({ ...STATE, clusters: STATE.clusters.slice(1) })).not.toBe(topologyKey(STATE));
});

describe('spread', () => {
  test.each([
    [[50, 150], 20, [50, 150]],
    [[100, 100], 20, [90, 110]],
    [[0, 0], 20, [10, 30]],
    [[200, 200], 20, [170, 190]],
    [[120, 80], 50, [125, 75]],
  ])('%o with at least %i between', (wanted, step, places) => {
    expect(spread(wanted, step, 10, 190)).toEqual(places);
  });

  test('property: keeps the distance and the order', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 500 }), { maxLength: 8 }), (wanted) => {
        const places = spread(wanted, 40, 0, 500);
        const sorted = wanted
          .map((w, i) => ({ w, place: places[i] as number }))
          .sort((a, b) => a.place - b.place);
        for (const [i, entry] of sorted.entries()) {
          const next = sorted[i + 1];
          expect(entry.place).toBeGreaterThanOrEqual(-1e-9);
          expect(entry.place).toBeLessThanOrEqual(500 + 1e-9);
          if (next === undefined) continue;
          expect(next.place - entry.place).toBeGreaterThanOrEqual(40 - 1e-9);
          expect(entry.w).toBeLessThanOrEqual(next.w);
        }
      }),
    );
  });
});
