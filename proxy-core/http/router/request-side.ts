import type { HeaderList } from '../../base/headers.ts';
import type { RequestHead } from '../../base/stream-info.ts';
import type { ServerStream } from '../codec/codec.ts';
import { RequestBuffer } from './request-buffer.ts';
import type { UpstreamRequest } from './upstream-request.ts';

const EMPTY = new Uint8Array(0);

/**
 * The request as it goes upstream. Its body waits here for a connection, and stays as long as a retry, a mirror or an
 * internal redirect may need it.
 */
export class RequestSide {
  trailers: HeaderList | null = null;
  /** It was received whole, and when; -1 before. */
  ended = false;
  completeAt = -1;
  /** The whole body is kept. */
  keeps = false;
  /** There was more of it than may be kept. */
  overflowed = false;
  private body: RequestBuffer | null = null;
  private paused = false;

  constructor(
    readonly head: RequestHead,
    private readonly stream: ServerStream,
  ) {}

  get chunks(): readonly Buffer[] {
    return this.body?.list ?? [];
  }

  /** Returns how much there is now. */
  keep(bytes: Uint8Array, start: number, end: number): number {
    this.body ??= new RequestBuffer();
    this.body.add(bytes, start, end);
    return this.body.length;
  }

  drop(): void {
    this.body?.clear();
  }

  /** Sends what is there so far. */
  sendTo(request: UpstreamRequest): void {
    const empty = (this.body === null || this.body.length === 0) && this.trailers === null;
    request.sendHead(this.head, empty && this.ended);
    if (!empty && !request.holdsBody) this.sendBodyTo(request);
  }

  /** The tunnel stands: what waited for it goes. */
  release(request: UpstreamRequest): void {
    request.holdsBody = false;
    if (request.done) return;
    if (this.body !== null && this.body.length > 0) this.sendBodyTo(request);
    else if (this.trailers !== null) this.sendBodyTo(request);
    else if (this.ended) request.sendBody(EMPTY, 0, 0, true);
  }

  private sendBodyTo(request: UpstreamRequest): void {
    const { body, trailers } = this;
    const chunks = this.chunks;
    const last = this.ended && trailers === null ? chunks.length - 1 : -1;
    for (let i = 0; i < chunks.length; i++) {
      const chunk = chunks[i] as Buffer;
      request.sendBody(chunk, 0, chunk.length, i === last);
    }
    if (trailers !== null) request.sendTrailers(trailers);
    if (!this.keeps) body?.clear();
    this.resume(request);
  }

  pause(): void {
    if (this.paused) return;
    this.paused = true;
    this.stream.pauseRequest();
  }

  resume(request: UpstreamRequest): void {
    if (!this.paused || request.stream?.congested === true) return;
    this.paused = false;
    this.stream.resumeRequest();
  }
}
