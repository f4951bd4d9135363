import type { CoreEvent } from '../facade/state.ts';

/** What the reporter of an event knows; the rest is filled in. */
export type NewCoreEvent = Pick<CoreEvent, 'kind' | 'tone' | 'text'> & Partial<Omit<CoreEvent, 'seq' | 'at'>>;

/** The last events, oldest first; older ones are forgotten. */
export class EventLog {
  private readonly events: CoreEvent[] = [];
  private readonly listeners = new Set<(event: CoreEvent) => void>();
  private nextSeq = 1;

  /** `wall` gives milliseconds since 1970. */
  constructor(
    private readonly wall: () => number,
    private readonly limit = 5000,
  ) {}

  add(event: NewCoreEvent): CoreEvent {
    const complete: CoreEvent = {
      cluster: '',
      host: '',
      version: 0,
      detector: '',
      reason: '',
      duration: 0,
      count: 0,
      ...event,
      seq: this.nextSeq++,
      at: this.wall(),
    };
    this.events.push(complete);
    if (this.events.length > this.limit * 1.25) this.events.splice(0, this.events.length - this.limit);
    for (const listener of this.listeners) listener(complete);
    return complete;
  }

  /** At most `limit` events, oldest first. */
  list(): readonly CoreEvent[] {
    return this.events.slice(-this.limit);
  }

  /** Returns the way to stop listening. */
  on(listener: (event: CoreEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}
