import { type Clock, Timer, type TimerOwner } from '../../base/clock.ts';

/** Something whose turn comes. */
export interface Paced {
  begin(): void;
}

/** So many begin at once; a usual cluster never waits. */
const BURST = 8;

/** Beginnings per millisecond after that, and the milliseconds into which a longer backlog is divided. */
const RATE = 2;
const DIVISION = 500;

/**
 * Spreads the checks of many hosts that fall due together, so that traffic does not wait behind a thousand of them.
 * Of a thousand the last one begins half a second late; its timeout counts from its beginning.
 */
export class CheckPacer implements TimerOwner {
  private queue: Paced[] = [];
  private next = 0;
  private readonly timer = new Timer(this, 0);
  private momentBegan = Number.NEGATIVE_INFINITY;
  private begunInMoment = 0;
  private lastTurn = 0;

  constructor(private readonly clock: Clock) {}

  add(item: Paced): void {
    const now = this.clock.now();
    if (this.next === this.queue.length) {
      if (now - this.momentBegan >= BURST / RATE) {
        this.momentBegan = now;
        this.begunInMoment = 0;
      }
      if (this.begunInMoment < BURST) {
        this.begunInMoment++;
        item.begin();
        return;
      }
    }
    this.queue.push(item);
    if (this.timer.armed) return;
    this.lastTurn = now;
    this.clock.arm(this.timer, 1);
  }

  onTimer(): void {
    const now = this.clock.now();
    const waiting = this.queue.length - this.next;
    const rate = Math.max(RATE, waiting / DIVISION);
    const turns = Math.min(waiting, Math.ceil(rate * Math.max(1, now - this.lastTurn)));
    this.lastTurn = now;
    for (let i = 0; i < turns; i++) this.queue[this.next++]?.begin();
    if (this.next === this.queue.length) {
      this.queue = [];
      this.next = 0;
      // Who comes next does not find a full allowance again.
      this.momentBegan = now;
      this.begunInMoment = BURST;
    } else this.clock.arm(this.timer, 1);
  }

  /** Whoever still waits does not begin. */
  close(): void {
    this.clock.disarm(this.timer);
    this.queue = [];
    this.next = 0;
  }
}
