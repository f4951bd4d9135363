import { type Clock, Timer } from './clock.ts';

const SLOTS = 256;
const MASK = 255;
const LEVEL_BITS = 8;
/** Three levels of 256 slots: 256 ms, 65 s, 4.6 h. Later deadlines wait in the last slot and are placed again. */
const LEVELS = 3;
const HORIZON = 2 ** (LEVEL_BITS * LEVELS) - 1;
/** Ticks of one slot, by level. */
const UNITS = [1, SLOTS, SLOTS * SLOTS] as const;

/**
 * A hierarchical timing wheel with a tick of one millisecond, driven by one Node timer that sleeps until the next
 * slot with something in it. Arming and disarming are O(1) and allocate nothing, which is what a proxy needs that
 * arms several long timeouts per request and almost never lets one fire.
 */
export class RealClock implements Clock {
  private readonly slots: Timer[] = [];
  private readonly counts = new Int32Array(LEVELS);
  private readonly origin = performance.now();
  /** The last tick that was processed. */
  private tick = 0;
  private wakeAt = Number.POSITIVE_INFINITY;
  private handle: NodeJS.Timeout | null = null;
  /** The time of the event under way; -1 outside of events. */
  private held = -1;
  private readonly onWake = (): void => {
    this.handle = null;
    this.wakeAt = Number.POSITIVE_INFINITY;
    this.advance();
    this.schedule();
  };

  /** `onDefect` is told of an exception in a timer's owner; the other timers go on. Default: it is thrown. */
  constructor(
    private readonly onDefect: (error: unknown) => void = (error) => {
      throw error;
    },
  ) {
    for (let i = 0; i < SLOTS * LEVELS; i++) this.slots.push(sentinel());
  }

  now(): number {
    return this.held >= 0 ? this.held : performance.now();
  }

  hold(): void {
    this.held = performance.now();
  }

  release(): void {
    this.held = -1;
  }

  wall(): number {
    return Date.now();
  }

  arm(timer: Timer, delay: number): void {
    if (timer.deadline >= 0) this.unlink(timer);
    const now = this.now();
    timer.deadline = now + Math.max(0, delay);
    if (this.counts[0] === 0 && this.counts[1] === 0 && this.counts[2] === 0) {
      this.tick = Math.floor(now - this.origin);
    }
    const expires = this.place(timer, this.tick + 1);
    if (expires < this.wakeAt) this.sleepUntil(expires, now);
  }

  disarm(timer: Timer): void {
    if (timer.deadline < 0) return;
    this.unlink(timer);
    timer.deadline = -1;
  }

  /** Puts a timer in its slot, at `earliest` or later; returns the tick at which the driver must look at that slot. */
  private place(timer: Timer, earliest: number): number {
    let expires = Math.ceil(timer.deadline - this.origin);
    if (expires < earliest) expires = earliest;
    if (expires - this.tick > HORIZON) expires = this.tick + HORIZON;
    const delta = expires - this.tick;
    const level = delta < SLOTS ? 0 : delta < SLOTS * SLOTS ? 1 : 2;
    const unit = UNITS[level];
    const index = level * SLOTS + (Math.floor(expires / unit) & MASK);
    const head = this.slots[index] as Timer;
    const last = head.previous as Timer;
    timer.previous = last;
    timer.next = head;
    last.next = timer;
    head.previous = timer;
    timer.slotLevel = level;
    this.counts[level] = (this.counts[level] as number) + 1;
    return level === 0 ? expires : Math.floor(expires / unit) * unit;
  }

  private unlink(timer: Timer): void {
    const previous = timer.previous as Timer;
    const next = timer.next as Timer;
    previous.next = next;
    next.previous = previous;
    timer.previous = null;
    timer.next = null;
    this.counts[timer.slotLevel] = (this.counts[timer.slotLevel] as number) - 1;
  }

  /** Sleeps no more: nothing that is still armed fires, and the process may end. */
  stop(): void {
    if (this.handle !== null) clearTimeout(this.handle);
    this.handle = null;
    this.wakeAt = Number.POSITIVE_INFINITY;
  }

  private advance(): void {
    const target = Math.floor(performance.now() - this.origin);
    while (this.tick < target) {
      const tick = ++this.tick;
      if ((tick & MASK) === 0) {
        const second = Math.floor(tick / SLOTS);
        if ((second & MASK) === 0) this.cascade(2 * SLOTS + (Math.floor(second / SLOTS) & MASK));
        this.cascade(SLOTS + (second & MASK));
      }
      const head = this.slots[tick & MASK] as Timer;
      for (let timer = head.next as Timer; timer !== head; timer = head.next as Timer) {
        this.unlink(timer);
        timer.deadline = -1;
        try {
          timer.owner.onTimer(timer);
        } catch (error) {
          this.onDefect(error);
        }
      }
      if (this.counts[0] === 0 && this.counts[1] === 0 && this.counts[2] === 0) {
        this.tick = target;
        return;
      }
    }
  }

  /** Moves a slot of a higher level down to where its timers belong now. */
  private cascade(index: number): void {
    const head = this.slots[index] as Timer;
    // Detach first: a timer beyond the horizon may go back into this very slot.
    const first = head.next as Timer;
    if (first === head) return;
    (head.previous as Timer).next = null;
    head.next = head;
    head.previous = head;
    // The slot of this tick is looked at right after, so timers may be due in it.
    for (let next: Timer | null = first; next !== null; ) {
      const current: Timer = next;
      next = current.next;
      this.counts[current.slotLevel] = (this.counts[current.slotLevel] as number) - 1;
      this.place(current, this.tick);
    }
  }

  private schedule(): void {
    const next = this.nextTick();
    if (next !== Number.POSITIVE_INFINITY && next < this.wakeAt) this.sleepUntil(next, performance.now());
  }

  private sleepUntil(tick: number, now: number): void {
    if (this.handle !== null) clearTimeout(this.handle);
    this.wakeAt = tick;
    this.handle = setTimeout(this.onWake, Math.max(1, Math.ceil(this.origin + tick - now)));
  }

  /** The first tick after the current one at which a slot has timers or must be moved down. */
  private nextTick(): number {
    let best = Number.POSITIVE_INFINITY;
    for (let level = 0; level < LEVELS; level++) {
      if (this.counts[level] === 0) continue;
      const unit = UNITS[level] as number;
      const base = Math.floor(this.tick / unit);
      for (let step = 1; step <= SLOTS; step++) {
        const head = this.slots[level * SLOTS + ((base + step) & MASK)] as Timer;
        if (head.next !== head) {
          best = Math.min(best, (base + step) * unit);
          break;
        }
      }
    }
    return best;
  }
}

function sentinel(): Timer {
  const timer = new Timer({ onTimer: () => {} }, -1);
  timer.next = timer;
  timer.previous = timer;
  return timer;
}
