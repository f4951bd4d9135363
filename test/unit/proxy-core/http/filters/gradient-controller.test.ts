import { describe, expect, test } from 'vitest';
import {
  GradientController,
  type GradientSettings,
  gradientStats,
} from '../../../../../proxy-core/http/filters/gradient-controller.ts';
import { StatsStore } from '../../../../../proxy-core/observe/stats/store.ts';

const SETTINGS: GradientSettings = {
  minRttInterval: 10_000,
  updateInterval: 100,
  jitter: 0,
  maxConcurrency: 50,
  minRttRequests: 5,
  percentile: 0.5,
  minConcurrency: 3,
  fixedRtt: 0,
  buffer: 0.25,
};

function rig(settings: Partial<GradientSettings> = {}) {
  const stats = new StatsStore();
  const controller = new GradientController(
    { ...SETTINGS, ...settings },
    gradientStats(stats, 'g.'),
    () => 0,
    0,
  );
  let now = 0;
  /** So many requests one after the other, each of this latency. */
  const serve = (count: number, latency: number): void => {
    for (let i = 0; i < count; i++) {
      const started = now;
      if (!controller.admit(now)) throw new Error('refused');
      now += latency;
      controller.finish(started, now);
    }
  };
  return { stats, controller, serve, at: () => now };
}

describe('the concurrency limit', () => {
  test('is the minimum while the least latency is measured', () => {
    const { controller, serve, stats } = rig();
    expect(controller.measuring).toBe(true);
    for (let i = 0; i < 3; i++) expect(controller.admit(0)).toBe(true);
    expect(controller.admit(0)).toBe(false);
    expect(stats.counter('g.rq_blocked').value).toBe(1);
    for (let i = 0; i < 3; i++) controller.finish(null, 0);
    serve(5, 10);
    expect(controller.measuring).toBe(false);
    expect(stats.gauge('g.min_rtt_msecs').value).toBe(10);
  });

  test('grows while the latency stays, up to its maximum, and shrinks when it rises', () => {
    const { controller, serve, stats } = rig();
    serve(5, 10);
    const limits: number[] = [];
    for (let i = 0; i < 20; i++) {
      serve(12, 10);
      limits.push(controller.limit);
    }
    expect(limits.at(-1)).toBe(50);
    expect([...limits].sort((a, b) => a - b)).toEqual(limits);
    serve(10, 100);
    expect(controller.limit).toBeLessThan(50);
    expect(stats.gauge('g.gradient').value).toBe(500);
  });

  test('the least latency is measured anew after its interval', () => {
    const { controller, serve } = rig({ minRttInterval: 1000 });
    serve(5, 10);
    serve(100, 10);
    expect(controller.measuring).toBe(true);
    expect(controller.limit).toBe(3);
  });

  test('what sticks at the minimum is doubted', () => {
    const { controller, serve } = rig();
    serve(5, 1);
    let measured = 0;
    for (let i = 0; i < 100 && measured === 0; i++) {
      serve(2, 100);
      if (controller.measuring) measured = i;
    }
    expect(measured).toBeGreaterThan(1);
  });
});
