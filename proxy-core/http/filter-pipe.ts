import type { HeaderList } from '../base/headers.ts';
import type { BodyStatus, HeadStatus, TrailersStatus } from './filter.ts';

/** One filter's view of one direction. */
export interface PipeStage<Head> {
  head(head: Head, endStream: boolean): HeadStatus;
  body(bytes: Uint8Array, start: number, end: number, endStream: boolean): BodyStatus;
  trailers(trailers: HeaderList): TrailersStatus;
}

/** What stands at the end of the pipe. */
export interface PipeEnd<Head> {
  head(head: Head, endStream: boolean): void;
  body(bytes: Uint8Array, start: number, end: number, endStream: boolean): void;
  trailers(trailers: HeaderList): void;
}

const EMPTY = new Uint8Array(0);

/**
 * One direction of a filter chain: head, body and trailers run through the stages in order. One stage at most holds
 * things up; what comes meanwhile waits in front of it or, when it buffers, with it (Envoy: FilterManager).
 */
export class FilterPipe<Head> {
  /** The stage that holds, -1 when none does. */
  private holding = -1;
  private holdsHead = false;
  private holdsAll = false;
  private heldHead: Head | null = null;
  private headEnds = false;
  private buffered: Uint8Array = EMPTY;
  private bodyEnded = false;
  private heldTrailers: HeaderList | null = null;
  private closed = false;

  constructor(
    private readonly stages: readonly PipeStage<Head>[],
    private readonly end: PipeEnd<Head>,
  ) {}

  get bufferedBytes(): Uint8Array {
    return this.buffered;
  }

  replace(bytes: Uint8Array): void {
    this.buffered = bytes;
  }

  /** Nothing more runs: the stream was answered or is over. */
  close(): void {
    this.closed = true;
  }

  head(head: Head, endStream: boolean): void {
    this.runHead(head, endStream, 0);
  }

  private runHead(head: Head, endStream: boolean, from: number): void {
    for (let i = from; i < this.stages.length; i++) {
      const status = (this.stages[i] as PipeStage<Head>).head(head, endStream);
      if (this.closed) return;
      if (status !== 'continue') {
        this.holding = i;
        this.holdsHead = true;
        this.holdsAll = status === 'stop-all';
        this.heldHead = head;
        this.headEnds = endStream;
        return;
      }
    }
    this.end.head(head, endStream);
  }

  body(bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    if (this.closed) return;
    if (endStream) this.bodyEnded = true;
    this.runBody(bytes, start, end, endStream, 0);
  }

  private runBody(bytes: Uint8Array, start: number, end: number, endStream: boolean, from: number): void {
    for (let i = from; i < this.stages.length; i++) {
      if (i === this.holding && this.holdsAll) {
        this.keep(bytes, start, end);
        return;
      }
      const status = (this.stages[i] as PipeStage<Head>).body(bytes, start, end, endStream);
      if (this.closed || status === 'drop') return;
      if (status === 'buffer') {
        this.keep(bytes, start, end);
        this.holding = i;
        return;
      }
      if (i === this.holding) {
        // The stage lets go: what it kept leads, then these bytes.
        this.keep(bytes, start, end);
        this.resume();
        return;
      }
    }
    this.end.body(bytes, start, end, endStream);
  }

  /** Body bytes that stage `at` makes: on to those behind it. */
  inject(at: number, bytes: Uint8Array, endStream: boolean): void {
    if (!this.closed) this.runBody(bytes, 0, bytes.length, endStream, at + 1);
  }

  injectTrailers(at: number, trailers: HeaderList): void {
    if (!this.closed) this.runTrailers(trailers, at + 1);
  }

  private keep(bytes: Uint8Array, start: number, end: number): void {
    if (end <= start) return;
    const joined = new Uint8Array(this.buffered.length + end - start);
    joined.set(this.buffered);
    joined.set(bytes.subarray(start, end), this.buffered.length);
    this.buffered = joined;
  }

  trailers(trailers: HeaderList): void {
    if (this.closed) return;
    this.bodyEnded = true;
    if (this.holding >= 0) {
      this.heldTrailers = trailers;
      // A stage that buffers the body has it whole now.
      if (!this.holdsAll) {
        const status = (this.stages[this.holding] as PipeStage<Head>).trailers(trailers);
        if (status === 'drop') this.heldTrailers = null;
        else if (!this.closed && this.holding >= 0) this.resume();
      }
      return;
    }
    this.runTrailers(trailers, 0);
  }

  private runTrailers(trailers: HeaderList, from: number): void {
    for (let i = from; i < this.stages.length; i++) {
      const status = (this.stages[i] as PipeStage<Head>).trailers(trailers);
      if (this.closed || status === 'drop') return;
    }
    this.end.trailers(trailers);
  }

  /** The holding stage lets go; harmless when none holds. */
  resume(): void {
    const at = this.holding;
    if (at < 0 || this.closed) return;
    const all = this.holdsAll;
    this.holding = -1;
    this.holdsAll = false;
    if (this.holdsHead) {
      this.holdsHead = false;
      const head = this.heldHead as Head;
      this.heldHead = null;
      this.runHead(head, this.headEnds, at + 1);
      if (this.closed || this.headEnds) return;
    }
    const trailers = this.heldTrailers;
    this.heldTrailers = null;
    const kept = this.buffered;
    this.buffered = EMPTY;
    const ends = this.bodyEnded && trailers === null;
    // A stage that stopped everything has not seen the body yet; one that buffered it has.
    if (kept.length > 0 || ends) this.runBody(kept, 0, kept.length, ends, all ? at : at + 1);
    if (trailers !== null && !this.closed) {
      if (this.holding >= 0) this.heldTrailers = trailers;
      else this.runTrailers(trailers, all ? at : at + 1);
    }
  }
}
