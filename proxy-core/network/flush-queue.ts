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
  private readonly waiting: Flushable[] = [];
  private depth = 0;
  private scheduled = false;
  private readonly onTick = (): void => {
    this.scheduled = false;
    this.run();
  };

  add(item: Flushable): void {
    this.waiting.push(item);
    if (this.depth === 0 && !this.scheduled) {
      this.scheduled = true;
      process.nextTick(this.onTick);
    }
  }

  enter(): void {
    this.depth++;
  }

  leave(): void {
    if (--this.depth === 0 && this.waiting.length > 0) this.run();
  }

  private run(): void {
    const waiting = this.waiting;
    for (let i = 0; i < waiting.length; i++) (waiting[i] as Flushable).flush();
    waiting.length = 0;
  }
}
