import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { CallbackTimer, Timer } from '../../../../proxy-core/base/clock.ts';
import { RealClock } from '../../../../proxy-core/base/real-clock.ts';

describe('the timing wheel', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test.each([
    0, 1, 2, 7, 200, 255, 256, 257, 300, 511, 512, 5000, 65_535, 65_536, 65_537, 100_000, 3_600_000,
    17_000_000,
  ])('a timer of %i ms fires once, not early and at most 2 ms late', async (delay) => {
    const clock = new RealClock();
    await vi.advanceTimersByTimeAsync(133);
    let fired = -1;
    let count = 0;
    const start = clock.now();
    new CallbackTimer(clock, () => {
      fired = clock.now() - start;
      count++;
    }).arm(delay);
    await vi.advanceTimersByTimeAsync(delay + 10);
    expect(count).toBe(1);
    expect(fired).toBeGreaterThanOrEqual(delay);
    expect(fired).toBeLessThanOrEqual(delay + 2);
  });

  test('many timers with many delays keep their order and none is lost', async () => {
    const clock = new RealClock();
    const late: number[] = [];
    let seed = 7;
    const timers: { delay: number; at: number }[] = [];
    for (let i = 0; i < 500; i++) {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      const delay = seed % 70_000;
      const entry = { delay, at: -1 };
      timers.push(entry);
      const start = clock.now();
      new CallbackTimer(clock, () => {
        entry.at = clock.now() - start;
      }).arm(delay);
    }
    await vi.advanceTimersByTimeAsync(71_000);
    for (const timer of timers) {
      expect(timer.at).toBeGreaterThanOrEqual(timer.delay);
      late.push(timer.at - timer.delay);
    }
    expect(Math.max(...late)).toBeLessThanOrEqual(2);
  });

  test.each([
    [256, 0],
    [300, 77],
    [65_536, 0],
    [66_000, 200],
  ])(
    'timers of about %i ms, one on every tick of a slot, are all in time (armed at %i ms)',
    async (delay, at) => {
      const clock = new RealClock();
      new CallbackTimer(clock, () => {}).arm(10_000_000);
      await vi.advanceTimersByTimeAsync(at);
      let worst = 0;
      let count = 0;
      for (let i = 0; i < 600; i++) {
        const due = clock.now() + delay + i;
        new CallbackTimer(clock, () => {
          count++;
          worst = Math.max(worst, clock.now() - due);
        }).arm(delay + i);
      }
      await vi.advanceTimersByTimeAsync(delay + 700);
      expect(count).toBe(600);
      expect(worst).toBeLessThanOrEqual(2);
    },
  );

  test('disarmed and re-armed timers fire only at their last deadline', async () => {
    const clock = new RealClock();
    const fired: string[] = [];
    const gone = new CallbackTimer(clock, () => fired.push('gone'));
    const moved = new CallbackTimer(clock, () => fired.push(`moved ${clock.now()}`));
    gone.arm(50);
    moved.arm(20);
    await vi.advanceTimersByTimeAsync(10);
    gone.disarm();
    gone.disarm();
    moved.arm(90);
    await vi.advanceTimersByTimeAsync(500);
    expect(fired).toEqual(['moved 100']);
    expect(gone.armed).toBe(false);
  });

  test('a timer may arm itself and disarm a neighbour of the same slot while it fires', async () => {
    const clock = new RealClock();
    let ticks = 0;
    const neighbour = new CallbackTimer(clock, () => {
      throw new Error('disarmed timers must not fire');
    });
    const owner = {
      onTimer(timer: Timer): void {
        ticks++;
        neighbour.disarm();
        if (ticks < 3) clock.arm(timer, 5);
      },
    };
    clock.arm(new Timer(owner, 1), 5);
    neighbour.arm(5);
    await vi.advanceTimersByTimeAsync(100);
    expect(ticks).toBe(3);
  });
});
