/**
 * Time, handed in. The real clock is a timing wheel driven by one Node timer; the virtual clock moves only
 * when a test says so. Nothing in the core calls `setTimeout` or `Date.now` itself.
 */

/** What a timer calls when it is due. One owner may hold several timers and tells them apart by `kind`. */
export interface TimerOwner {
  onTimer(timer: Timer): void;
}

/** An intrusive list node: arming one allocates nothing. `kind` belongs to the owner. */
export class Timer {
  /** Monotonic milliseconds at which the timer is due; -1 when it is not armed. */
  deadline = -1;
  next: Timer | null = null;
  previous: Timer | null = null;
  /** Belongs to the clock. */
  slotLevel = 0;

  constructor(
    readonly owner: TimerOwner,
    readonly kind: number,
  ) {}

  get armed(): boolean {
    return this.deadline >= 0;
  }
}

export interface Clock {
  /** Monotonic milliseconds with fraction. */
  now(): number;
  /** Milliseconds since 1970, for log lines and events. */
  wall(): number;
  /** Time stands still while an event is handled: one look at it serves all who ask. */
  hold(): void;
  release(): void;
  /** (Re)arms a timer to fire once, `delay` milliseconds from now; never earlier, at most a tick later. */
  arm(timer: Timer, delay: number): void;
  /** Takes a timer off; harmless when it is not armed. */
  disarm(timer: Timer): void;
}

/** A timer that calls a function: for everything off the hot path. */
export class CallbackTimer implements TimerOwner {
  readonly timer: Timer;

  constructor(
    private readonly clock: Clock,
    private readonly callback: () => void,
  ) {
    this.timer = new Timer(this, 0);
  }

  arm(delay: number): void {
    this.clock.arm(this.timer, delay);
  }

  disarm(): void {
    this.clock.disarm(this.timer);
  }

  get armed(): boolean {
    return this.timer.armed;
  }

  onTimer(): void {
    this.callback();
  }
}
