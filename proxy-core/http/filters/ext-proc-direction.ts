import { type HeaderList, headerValue, removeHeader } from '../../base/headers.ts';
import type { BodyStatus, HeadStatus, TrailersStatus } from '../filter.ts';
import {
  type CommonResponse,
  type HeaderMutation,
  headerMap,
  type MutationTarget,
  mutate,
  trailersTarget,
} from './ext-proc-messages.ts';
import type { DirectionMode, ExtProcSettings } from './ext-proc-settings.ts';

/** What one direction asks of its filter. */
export interface DirectionOwner {
  readonly settings: ExtProcSettings;
  send(kind: string, value: object): void;
  /** The answer waited for came (or is not needed): its timer ends. */
  settled(): void;
  buffered(): Uint8Array;
  replace(bytes: Uint8Array): void;
  inject(bytes: Uint8Array, endStream: boolean): void;
  resume(): void;
  fail(details: string): void;
}

type Waiting = 'nothing' | 'headers' | 'body' | 'trailers';

const EMPTY = new Uint8Array(0);

/** Request or response of one stream on its way through the processor (Envoy: ProcessorState). */
export class ProcessorDirection {
  mode: DirectionMode;
  waiting: Waiting = 'nothing';
  private target: MutationTarget | null = null;
  private headEnds = false;
  private bodyEnded = false;
  private trailers: HeaderList | null = null;
  /** Streamed pieces that were sent and not answered yet. */
  private readonly pieces: { readonly bytes: Uint8Array; readonly end: boolean }[] = [];
  /** The processor has said all it wants to (CONTINUE_AND_REPLACE, or it is gone). */
  private done = false;

  constructor(
    private readonly side: 'request' | 'response',
    mode: DirectionMode,
    private readonly owner: DirectionOwner,
  ) {
    this.mode = mode;
  }

  /** The head is the filter's to change until it lets it go. */
  head(target: MutationTarget, pseudo: HeaderList, endStream: boolean): HeadStatus {
    this.target = target;
    this.headEnds = endStream;
    if (this.done) return 'continue';
    if (this.mode.body === 'STREAMED' && !endStream) removeHeader(target.headers, 'content-length');
    if (this.mode.headers) {
      this.waiting = 'headers';
      const headers = headerMap(pseudo, target.headers, this.owner.settings);
      this.owner.send(`${this.side}Headers`, { headers, endOfStream: endStream });
      if (this.waiting !== 'headers') return 'continue';
      return this.mode.body === 'STREAMED' ? 'stop-all' : 'stop';
    }
    return this.mode.body === 'BUFFERED' && !endStream ? 'stop' : 'continue';
  }

  body(bytes: Uint8Array, start: number, end: number, endStream: boolean): BodyStatus {
    if (endStream) this.bodyEnded = true;
    if (this.done) return this.waiting === 'nothing' ? 'continue' : 'watermark';
    switch (this.mode.body) {
      case 'NONE':
        return this.waiting === 'nothing' ? 'continue' : 'watermark';
      case 'STREAMED': {
        if (this.waiting === 'headers') return 'watermark';
        const piece = Uint8Array.prototype.slice.call(bytes, start, end);
        this.pieces.push({ bytes: piece, end: endStream });
        this.waiting = 'body';
        this.owner.send(`${this.side}Body`, { body: piece, endOfStream: endStream });
        return 'drop';
      }
      case 'BUFFERED': {
        if (!endStream || this.waiting !== 'nothing') return 'buffer';
        const kept = this.owner.buffered();
        this.sendWhole(Buffer.concat([kept, bytes.subarray(start, end)]), true);
        return this.done ? 'continue' : 'buffer';
      }
    }
  }

  private sendWhole(body: Uint8Array, endOfStream: boolean): void {
    this.waiting = 'body';
    this.owner.send(`${this.side}Body`, { body, endOfStream });
  }

  trailersCame(trailers: HeaderList): TrailersStatus {
    this.bodyEnded = true;
    this.trailers = trailers;
    if (this.done) return this.waiting === 'nothing' ? 'continue' : 'stop';
    if (this.waiting !== 'nothing') return 'stop';
    if (this.mode.body === 'BUFFERED') {
      this.sendWhole(this.owner.buffered(), false);
      return 'stop';
    }
    if (!this.mode.trailers) return 'continue';
    this.sendTrailers(trailers);
    return 'stop';
  }

  private sendTrailers(trailers: HeaderList): void {
    this.waiting = 'trailers';
    this.owner.send(`${this.side}Trailers`, {
      trailers: headerMap([], trailers, this.owner.settings),
    });
  }

  // Answers: false when the answer does not belong here.

  headersAnswered(common: CommonResponse | undefined): boolean {
    if (this.waiting !== 'headers') return false;
    this.settle();
    const target = this.target as MutationTarget;
    if (!this.mutateHead(common)) return true;
    if (common?.status === 1) {
      this.replaceAll(common, target);
      return true;
    }
    if (this.mode.body === 'BUFFERED' && !this.headEnds) {
      // The head waits for the body, whose answer may change both.
      if (this.bodyEnded) this.sendWhole(this.owner.buffered(), this.trailers === null);
      return true;
    }
    this.letGo();
    return true;
  }

  /** CONTINUE_AND_REPLACE: this body instead of the message's own, and no more questions. */
  private replaceAll(common: CommonResponse, target: MutationTarget): void {
    this.done = true;
    const body = mutatedBody(common, EMPTY);
    removeHeader(target.headers, 'content-length');
    if (this.headEnds && body.length > 0) {
      // The head goes first, and no longer ends the message.
      this.owner.inject(body, true);
      return;
    }
    if (!this.headEnds) this.owner.replace(body);
    this.owner.resume();
  }

  bodyAnswered(common: CommonResponse | undefined): boolean {
    if (this.waiting !== 'body') return false;
    if (this.mode.body === 'STREAMED') return this.pieceAnswered(common);
    this.settle();
    if (!this.mutateHead(common)) return true;
    const target = this.target as MutationTarget;
    const kept = this.owner.buffered();
    const body = mutatedBody(common, kept);
    if (body !== kept) {
      const length = headerValue(target.headers, 'content-length');
      if (length !== undefined && Number(length) !== body.length) {
        this.owner.fail('mismatch_between_content_length_and_the_length_of_the_mutated_body');
        return true;
      }
      this.owner.replace(body);
    }
    this.letGo();
    return true;
  }

  private pieceAnswered(common: CommonResponse | undefined): boolean {
    const piece = this.pieces.shift();
    if (piece === undefined) return false;
    if (this.pieces.length === 0) this.settle();
    this.owner.inject(mutatedBody(common, piece.bytes), piece.end);
    if (this.pieces.length === 0 && this.trailers !== null) this.letGo();
    return true;
  }

  trailersAnswered(mutation: HeaderMutation | undefined): boolean {
    if (this.waiting !== 'trailers' || this.trailers === null) return false;
    this.settle();
    if (mutate(trailersTarget(this.trailers), mutation, this.owner.settings)) this.owner.resume();
    else this.owner.fail('ext_proc_error_invalid_header_mutation');
    return true;
  }

  private mutateHead(common: CommonResponse | undefined): boolean {
    const target = this.target as MutationTarget;
    if (mutate(target, common?.headerMutation, this.owner.settings)) return true;
    this.owner.fail('ext_proc_error_invalid_header_mutation');
    return false;
  }

  private settle(): void {
    this.waiting = 'nothing';
    this.owner.settled();
  }

  /** Head and body go on; trailers that wait are sent first. */
  private letGo(): void {
    if (this.trailers !== null && this.mode.trailers) this.sendTrailers(this.trailers);
    else this.owner.resume();
  }

  /** The message is answered otherwise: nothing of it is asked or let go any more. */
  stop(): void {
    this.done = true;
    this.waiting = 'nothing';
    this.pieces.length = 0;
  }

  /** Nothing more comes from the processor: everything goes on as it is. */
  finish(): void {
    const held = this.waiting !== 'nothing';
    this.done = true;
    this.waiting = 'nothing';
    for (const { bytes, end } of this.pieces.splice(0)) this.owner.inject(bytes, end);
    if (held) this.owner.resume();
  }
}

/** The body as the answer wants it; the very same bytes when it wants nothing. */
function mutatedBody(common: CommonResponse | undefined, body: Uint8Array): Uint8Array {
  const mutation = common?.bodyMutation?.mutation;
  if (mutation?.case === 'body') return mutation.value;
  return mutation?.case === 'clearBody' && mutation.value ? EMPTY : body;
}
