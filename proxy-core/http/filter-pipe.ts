import type { HeaderList } from '../base/headers.ts';
import type { BodyStatus, HeadStatus, TrailersStatus } from './filter.ts';

/** How the pipe of one direction calls a stage: one object for all streams. */
export interface PipeCalls<Stage, Head> {
  head(stage: Stage, head: Head, endStream: boolean): HeadStatus;
  body(stage: Stage, bytes: Uint8Array, start: number, end: number, endStream: boolean): BodyStatus;
  trailers(stage: Stage, trailers: HeaderList): TrailersStatus;
}

/** What stands at the end of the pipe. */
export interface PipeEnd<Head> {
  head(head: Head, endStream: boolean): void;
  body(bytes: Uint8Array, start: number, end: number, endStream: boolean): void;
  trailers(trailers: HeaderList): void;
}

/** What bounds the bytes that stages keep. */
export interface PipeFlow {
  /** Bytes that may be kept; 0 = no limit. */
  readonly limit: number;
  /** A stage that needs the whole body has more than the limit: the message cannot go on. */
  overflow(): void;
  /** More than the limit waits: the sender stops until `resume`. */
  pause(): void;
  resume(): void;
}

const EMPTY = new Uint8Array(0);

/** One stage and what it holds. */
class PipeSlot<Stage, Head> {
  /** The stage holds its head, its body or its trailers. */
  stopped = false;
  /** It sees nothing more until it lets go. */
  stoppedAll = false;
  head: Head | null = null;
  headEnds = false;
  /** The body as this stage sees it has come to its end; what is not passed on yet is in `kept`. */
  ended = false;
  /** Room for what is kept; grows by doubling. */
  private store: Uint8Array = EMPTY;
  private length = 0;
  /** Bytes that the stage adds during a call. */
  added: Uint8Array | null = null;
  addedTrailers: HeaderList | null = null;
  trailers: HeaderList | null = null;

  constructor(readonly stage: Stage) {}

  get kept(): Uint8Array {
    return this.store.subarray(0, this.length);
  }

  get keptLength(): number {
    return this.length;
  }

  keep(bytes: Uint8Array, start: number, end: number): void {
    const length = this.length + end - start;
    if (length > this.store.length) {
      const grown = new Uint8Array(this.length === 0 ? length : Math.max(length, 2 * this.length));
      grown.set(this.kept);
      this.store = grown;
    }
    this.store.set(bytes.subarray(start, end), this.length);
    this.length = length;
  }

  replaceKept(bytes: Uint8Array): void {
    this.store = bytes;
    this.length = bytes.length;
  }
}

/**
 * One direction of a filter chain: head, body and trailers run through the stages in order. Each stage may hold things
 * up for itself; what comes meanwhile waits in front of it or, when it buffers, with it (Envoy: FilterManager).
 */
export class FilterPipe<Stage, Head> {
  private readonly slots: PipeSlot<Stage, Head>[];
  private closed = false;
  private keptBytes = 0;
  private paused = false;
  private limit: number;

  constructor(
    stages: readonly Stage[],
    private readonly calls: PipeCalls<Stage, Head>,
    private readonly end: PipeEnd<Head>,
    private readonly flow: PipeFlow | null = null,
  ) {
    this.slots = stages.map((stage) => new PipeSlot(stage));
    this.limit = flow?.limit ?? 0;
  }

  bufferedBytes(at: number): Uint8Array {
    return this.slots[at]?.kept ?? EMPTY;
  }

  replace(at: number, bytes: Uint8Array): void {
    const slot = this.slots[at];
    if (slot === undefined) return;
    this.keptBytes += bytes.length - slot.keptLength;
    slot.replaceKept(bytes);
  }

  /** A stage that announced to buffer more than the connection's limit. */
  setLimit(bytes: number): void {
    this.limit = bytes;
  }

  /** True while more waits in the pipe than its limit. */
  get congested(): boolean {
    return this.paused;
  }

  /** Nothing more runs: the stream was answered or is over. */
  close(): void {
    this.closed = true;
  }

  head(head: Head, endStream: boolean): void {
    if (!this.closed) this.runHead(head, endStream, 0);
  }

  private runHead(head: Head, endStream: boolean, from: number): void {
    for (let i = from; i < this.slots.length; i++) {
      const slot = this.slots[i] as PipeSlot<Stage, Head>;
      const status = this.calls.head(slot.stage, head, endStream);
      if (this.closed) return;
      const { added, addedTrailers } = slot;
      if (status !== 'continue') {
        slot.stopped = true;
        slot.stoppedAll = status === 'stop-all';
        slot.head = head;
        slot.headEnds = endStream && added === null && addedTrailers === null;
        slot.ended = endStream;
        slot.trailers = this.takeAddedTrailers(slot);
        if (added !== null) this.keep(slot, this.takeAdded(slot) ?? EMPTY);
        return;
      }
      if (added !== null || addedTrailers !== null) {
        this.runHead(head, false, i + 1);
        this.runAdded(slot, i, endStream);
        return;
      }
    }
    this.end.head(head, endStream);
  }

  body(bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    if (!this.closed) this.runBody(bytes, start, end, endStream, 0);
  }

  private runBody(bytes: Uint8Array, start: number, end: number, endStream: boolean, from: number): void {
    for (let i = from; i < this.slots.length; i++) {
      const slot = this.slots[i] as PipeSlot<Stage, Head>;
      if (slot.stoppedAll) {
        if (endStream) slot.ended = true;
        this.keep(slot, bytes, start, end);
        this.checkPause();
        return;
      }
      const status = this.calls.body(slot.stage, bytes, start, end, endStream);
      if (this.closed || status === 'drop') return;
      if (status === 'buffer' || status === 'watermark') {
        slot.stopped = true;
        if (endStream) slot.ended = true;
        this.keep(slot, bytes, start, end);
        if (status === 'watermark') this.checkPause();
        else if (this.limit > 0 && slot.keptLength > this.limit) this.flow?.overflow();
        return;
      }
      if (slot.stopped) {
        // The stage lets go: what it kept leads, then these bytes.
        if (endStream) slot.ended = true;
        slot.trailers ??= this.takeAddedTrailers(slot);
        this.keep(slot, bytes, start, end);
        this.resume(i);
        return;
      }
      if (slot.addedTrailers !== null) {
        this.runBody(bytes, start, end, false, i + 1);
        this.runAdded(slot, i, endStream);
        return;
      }
    }
    this.end.body(bytes, start, end, endStream);
  }

  /** Body bytes that stage `at` makes: on to those behind it, its head before them. */
  inject(at: number, bytes: Uint8Array, endStream: boolean): void {
    if (this.closed) return;
    this.releaseHead(at);
    if (!this.closed) this.runBody(bytes, 0, bytes.length, endStream, at + 1);
  }

  injectTrailers(at: number, trailers: HeaderList): void {
    if (this.closed) return;
    this.releaseHead(at);
    if (!this.closed) this.runTrailers(trailers, at + 1);
  }

  private releaseHead(at: number): void {
    const slot = this.slots[at];
    if (slot === undefined || slot.head === null) return;
    const { head } = slot;
    slot.head = null;
    this.runHead(head, false, at + 1);
  }

  /** Bytes that stage `at` adds while its head or trailers are being asked about: behind the one, before the other. */
  add(at: number, bytes: Uint8Array): void {
    const slot = this.slots[at];
    if (slot !== undefined) slot.added = slot.added === null ? bytes : Buffer.concat([slot.added, bytes]);
  }

  /** Trailers that stage `at` gives a message that has none, while its head or its last body bytes are asked about. */
  addTrailers(at: number, trailers: HeaderList): void {
    const slot = this.slots[at];
    if (slot !== undefined) slot.addedTrailers = trailers;
  }

  private runAdded(slot: PipeSlot<Stage, Head>, at: number, endStream: boolean): void {
    const added = this.takeAdded(slot);
    const trailers = this.takeAddedTrailers(slot);
    if (added !== null && !this.closed) {
      this.runBody(added, 0, added.length, endStream && trailers === null, at + 1);
    }
    if (trailers !== null && !this.closed) this.runTrailers(trailers, at + 1);
  }

  private takeAddedTrailers(slot: PipeSlot<Stage, Head>): HeaderList | null {
    const { addedTrailers } = slot;
    slot.addedTrailers = null;
    return addedTrailers;
  }

  private takeAdded(slot: PipeSlot<Stage, Head>): Uint8Array | null {
    const { added } = slot;
    slot.added = null;
    return added;
  }

  private keep(slot: PipeSlot<Stage, Head>, bytes: Uint8Array, start = 0, end = bytes.length): void {
    if (end <= start) return;
    slot.keep(bytes, start, end);
    this.keptBytes += end - start;
  }

  private checkPause(): void {
    if (this.paused || this.limit === 0 || this.keptBytes <= this.limit) return;
    this.paused = true;
    this.flow?.pause();
  }

  private checkResume(): void {
    // Half of the limit, as Envoy's low watermark.
    if (!this.paused || this.keptBytes > this.limit / 2) return;
    this.paused = false;
    this.flow?.resume();
  }

  trailers(trailers: HeaderList): void {
    if (!this.closed) this.runTrailers(trailers, 0);
  }

  private runTrailers(trailers: HeaderList, from: number): void {
    for (let i = from; i < this.slots.length; i++) {
      const slot = this.slots[i] as PipeSlot<Stage, Head>;
      if (slot.stoppedAll) {
        slot.trailers = trailers;
        return;
      }
      const status = this.calls.trailers(slot.stage, trailers);
      if (this.closed) return;
      const added = this.takeAdded(slot);
      if (status === 'drop') return;
      if (slot.stopped || status === 'stop') {
        if (added !== null) this.keep(slot, added);
        slot.trailers = trailers;
        slot.stopped = true;
        // A stage that kept the body has it whole now.
        if (status === 'continue') this.resume(i);
        return;
      }
      if (added !== null) {
        this.runBody(added, 0, added.length, false, i + 1);
        if (this.closed) return;
      }
    }
    this.end.trailers(trailers);
  }

  /** Stage `at` lets go; harmless when it does not hold. */
  resume(at: number): void {
    const slot = this.slots[at];
    if (slot === undefined || !slot.stopped || this.closed) return;
    const all = slot.stoppedAll;
    slot.stopped = false;
    slot.stoppedAll = false;
    if (slot.head !== null) {
      const { head } = slot;
      slot.head = null;
      this.runHead(head, slot.headEnds, at + 1);
      if (this.closed || slot.headEnds) return;
    }
    const { kept, trailers } = slot;
    slot.replaceKept(EMPTY);
    slot.trailers = null;
    this.keptBytes -= kept.length;
    const ends = slot.ended && trailers === null;
    // A stage that stopped everything has not seen body and trailers yet; one that buffered has.
    const next = all ? at : at + 1;
    if (kept.length > 0 || ends) this.runBody(kept, 0, kept.length, ends, next);
    if (trailers !== null && !this.closed) this.runTrailers(trailers, next);
    if (!this.closed) this.checkResume();
  }
}
