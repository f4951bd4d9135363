import { describe, expect, test } from 'vitest';
import { computePriorityLoad, type PriorityCounts } from '../../../../proxy-core/upstream/priority-load.ts';
import { run, world } from './support.ts';

/** The tables of Envoy's documentation, "Upstreams: load balancing", in hosts of a hundred. */
function level(healthy: number, degraded = 0): PriorityCounts {
  return { hosts: 100, healthy, degraded, excluded: 0 };
}

function loads(...healthy: number[]): readonly number[] {
  return computePriorityLoad(
    healthy.map((part) => level(part)),
    140,
    50,
  ).healthyLoad;
}

describe('priority levels', () => {
  test.each([
    [100, [100, 0]],
    [72, [100, 0]],
    [71, [99, 1]],
    [50, [70, 30]],
    [25, [35, 65]],
    [0, [0, 100]],
  ])('P0 %d %% healthy, P1 all: %o', (p0, expected) => {
    expect(loads(p0, 100)).toEqual(expected);
  });

  test.each([
    [100, 100, 100, [100, 0, 0]],
    [72, 72, 100, [100, 0, 0]],
    [71, 71, 100, [99, 1, 0]],
    [50, 50, 100, [70, 30, 0]],
    [25, 100, 100, [35, 65, 0]],
    [25, 25, 100, [35, 35, 30]],
  ])('%d %%, %d %%, %d %%: %o', (p0, p1, p2, expected) => {
    expect(loads(p0, p1, p2)).toEqual(expected);
  });
});

describe('panic threshold', () => {
  test.each([
    // P0, P1, traffic of each, panic of each, normalized total health
    [72, 72, [100, 0], [false, false], 100],
    [71, 71, [99, 1], [false, false], 100],
    [50, 60, [70, 30], [false, false], 100],
    [25, 100, [35, 65], [false, false], 100],
    [25, 25, [50, 50], [true, true], 70],
    // The page rounds to 7 and 93; the proxy gives what rounding leaves to the first priority.
    [5, 65, [8, 92], [true, false], 98],
  ])('%d %% and %d %%: %o, panic %o', (p0, p1, traffic, panic, total) => {
    const result = computePriorityLoad([level(p0), level(p1)], 140, 50);
    expect(result.healthyLoad.map((load, i) => load + (result.degradedLoad[i] ?? 0))).toEqual(traffic);
    expect(result.panic).toEqual(panic);
    expect(result.totalAvailability).toBe(total);
  });
});

describe('degraded endpoints', () => {
  test.each([
    [100, 0, 100, 0],
    [71, 0, 100, 0],
    [71, 29, 99, 1],
    [25, 65, 35, 65],
    [5, 0, 100, 0],
  ])('%d %% healthy, %d %% degraded: %d and %d', (healthy, degraded, toHealthy, toDegraded) => {
    const result = computePriorityLoad([level(healthy, degraded)], 140, 0);
    expect([result.healthyLoad[0], result.degradedLoad[0]]).toEqual([toHealthy, toDegraded]);
  });
});

/** Share of locality X in percent when `healthyX` of its hosts are healthy and all of Y's. */
function shareOfX(healthyX: number, weightX: number, weightY: number, factor = 140): number {
  const group = (zone: string, weight: number, healthy: number) => ({
    locality: { zone },
    load_balancing_weight: weight,
    lb_endpoints: Array.from({ length: 100 }, (_, i) => ({
      health_status: i < healthy ? 'HEALTHY' : 'UNHEALTHY',
      endpoint: {
        address: { socket_address: { address: zone === 'x' ? '127.0.0.1' : '127.0.0.2', port_value: i + 1 } },
      },
    })),
  });
  const cluster = run(
    world(),
    JSON.stringify({
      name: 'c',
      common_lb_config: { locality_weighted_lb_config: {}, healthy_panic_threshold: { value: 0 } },
      load_assignment: {
        cluster_name: 'c',
        policy: { overprovisioning_factor: factor },
        endpoints: [group('x', weightX, healthyX), group('y', weightY, 100)],
      },
    }),
  );
  const [x, y] = cluster.hostSet.priorities[0]?.localities.map((each) => each.healthyWeight) ?? [];
  return Math.round((100 * (x ?? 0)) / ((x ?? 0) + (y ?? 0)));
}

describe('locality weighted', () => {
  test.each([
    // X healthy, weights of X and Y, share of X
    [100, 1, 1, 50],
    [72, 1, 1, 50],
    [69, 1, 1, 49],
    [50, 1, 1, 41],
    [25, 1, 1, 26],
    [0, 1, 1, 0],
    [100, 1, 2, 33],
    [72, 1, 2, 33],
    [69, 1, 2, 33],
    [50, 1, 2, 26],
    [25, 1, 2, 15],
    [0, 1, 2, 0],
  ])('X %d %% healthy, weights %d : %d: %d %%', (healthy, x, y, share) => {
    expect(shareOfX(healthy, x, y)).toBe(share);
  });

  test.each([
    // Overprovisioning factor 100: the share falls with the first host.
    [90, 47],
    [50, 33],
  ])('factor 100, X %d %% healthy: %d %%', (healthy, share) => {
    expect(shareOfX(healthy, 1, 1, 100)).toBe(share);
  });
});
