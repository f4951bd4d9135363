import type { Clock, Timer } from './clock.ts';

/** A clock that stands still until a test moves it. Timers fire in order of deadline, then of arming. */
export class VirtualClock implements Clock {
  private time = 0;
  private readonly armed: { timer: Timer; order: number }[] = [];
  private order = 0;

  constructor(private readonly epoch = Date.UTC(2026, 0, 1)) {}

  now(): number {
    return this.time;
  }

  wall(): number {
    return Math.floor(this.epoch + this.time);
  }

  hold(): void {}

  release(): void {}

  arm(timer: Timer, delay: number): void {
    this.disarm(timer);
    timer.deadline = this.time + Math.max(0, delay);
    this.armed.push({ timer, order: this.order++ });
  }

  disarm(timer: Timer): void {
    if (timer.deadline < 0) return;
    timer.deadline = -1;
    const at = this.armed.findIndex((entry) => entry.timer === timer);
    if (at >= 0) this.armed.splice(at, 1);
  }

  /** Moves time forward, firing what falls due on the way, including what those timers arm. */
  advance(milliseconds: number): void {
    const target = this.time + milliseconds;
    for (;;) {
      let first: { timer: Timer; order: number } | null = null;
      for (const entry of this.armed) {
        if (entry.timer.deadline > target) continue;
        if (
          first === null ||
          entry.timer.deadline < first.timer.deadline ||
          (entry.timer.deadline === first.timer.deadline && entry.order < first.order)
        ) {
          first = entry;
        }
      }
      if (first === null) break;
      this.time = Math.max(this.time, first.timer.deadline);
      this.disarm(first.timer);
      first.timer.owner.onTimer(first.timer);
    }
    this.time = target;
  }

  /** Number of armed timers: 0 proves that nothing was forgotten. */
  get pending(): number {
    return this.armed.length;
  }
}
