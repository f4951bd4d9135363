import { describe, expect, test } from 'vitest';
import { slowStartFactor } from '../../../../../proxy-core/upstream/load-balancer/slow-start.ts';
import { clusterYaml, compiled, context, Notes, picks, run, world } from '../support.ts';

describe('share of the weight', () => {
  const host = (healthySince: number, healthFlags = 0) => ({ healthySince, healthFlags }) as never;
  test.each([
    // window, aggression, minimum, age → share
    [10_000, 1, 0.1, 0, 0.1],
    [10_000, 1, 0.1, 500, 0.1],
    [10_000, 1, 0.1, 5000, 0.5],
    [10_000, 1, 0.1, 9999, 0.9999],
    [10_000, 1, 0.1, 10_000, 1],
    [10_000, 2, 0.1, 2500, 0.5],
    [10_000, 2, 0, 0, 0.01],
    [10_000, 0.5, 0, 5000, 0.25],
    [10_000, 1, 0.7, 5000, 0.7],
  ])('window %d, aggression %d, minimum %d, age %d: %d', (window, aggression, minimumWeight, age, share) => {
    expect(slowStartFactor(host(1000), { window, aggression, minimumWeight }, 1000 + age)).toBeCloseTo(
      share,
      6,
    );
  });

  test('a host that is not healthy is not in slow start', () => {
    expect(slowStartFactor(host(0, 1), { window: 1000, aggression: 1, minimumWeight: 0.1 }, 10)).toBe(1);
  });
});

describe.each(['ROUND_ROBIN', 'LEAST_REQUEST'])('%s', (policy) => {
  const field = `${policy.toLowerCase()}_lb_config`;
  const more = `lb_policy: ${policy}\n${field}: {slow_start_config: {slow_start_window: 100s}}`;

  /** Share of host 2, which came a minute ago with host 1 long there. */
  function shareAfter(age: number): number {
    const w = world();
    const cluster = run(w, clusterYaml([1], more));
    w.clock.advance(200_000);
    w.manager.update([compiled(clusterYaml([1, 2], more))], null).commit();
    w.clock.advance(age);
    // The schedule takes a weight when a host is put back: a few rounds until it is the one of now.
    picks(cluster, 400);
    return picks(cluster, 2000).filter((port) => port === 2).length / 2000;
  }

  test.each([
    [0, 0.1 / 1.1],
    [25_000, 0.25 / 1.25],
    [50_000, 0.5 / 1.5],
    [99_000, 0.99 / 1.99],
  ])('%d ms after it came a host gets %f of the traffic', (age, share) => {
    expect(shareAfter(age)).toBeCloseTo(share, 1);
  });

  test('afterwards hosts are equal again', () => {
    expect(shareAfter(150_000)).toBeCloseTo(0.5, 1);
  });
});

test('the explanation names hosts in slow start', () => {
  const w = world();
  const more = 'round_robin_lb_config: {slow_start_config: {slow_start_window: 100s}}';
  const cluster = run(w, clusterYaml([1], more));
  w.clock.advance(200_000);
  w.manager.update([compiled(clusterYaml([1, 2], more))], null).commit();
  w.clock.advance(30_000);
  const notes = new Notes();
  cluster.explainChoice(context(), notes);
  expect(notes.notes[0]).toBe('In slow start, by their share of the weight: 127.0.0.1:2 30 %.');
});
