import type { Clock } from '../base/clock.ts';

/** Something that gathered output. */
export interface Flushable {
  flush(): void;
}

/**
 * Output gathered while one event (a read, a timer) is handled leaves together at its end: head and body, or the
 * answers to a pipeline, become one write. Outside of any event it leaves on the next tick.
 */
export class FlushQueue {
  /** Told of an exception that reached a connection's edge. */
  onDefect: (error: unknown) => void = () => {};
  private readonly waiting: (Flushable | null)[] = [];
  private count = 0;
  private depth = 0;
  private scheduled = false;
  private readonly onTick = (): void => {
    this.scheduled = false;
    this.run();
  };

  /** `clock` stands still during events. */
  constructor(private readonly clock: Clock | null = null) {}

  add(item: Flushable): void {
    this.waiting[this.count++] = item;
    if (this.depth === 0 && !this.scheduled) {
      this.scheduled = true;
      process.nextTick(this.onTick);
    }
  }

  enter(): void {
    if (this.depth++ === 0) this.clock?.hold();
  }

  leave(): void {
    if (--this.depth > 0) return;
    if (this.count > 0) this.run();
    this.clock?.release();
  }

  private run(): void {
    const { waiting } = this;
    for (let i = 0; i < this.count; i++) {
      const item = waiting[i] as Flushable;
      waiting[i] = null;
      item.flush();
    }
    this.count = 0;
  }
}
