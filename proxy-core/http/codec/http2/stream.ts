import type { HeaderList } from '../../../base/headers.ts';
import type { WireCounts } from '../codec.ts';
import type { Http2Connection } from './connection.ts';

/**
 * What both directions of an HTTP/2 stream share: states, windows, the body that waits for the peer's window, and the
 * body that waits for our reader. The server's and the client's streams add their messages.
 */
export abstract class Http2Stream {
  readonly wire: WireCounts = { headerBytesReceived: 0, bytesReceived: 0, headerBytesSent: 0, bytesSent: 0 };
  /** END_STREAM (or RST_STREAM) went out, came in. */
  localClosed = false;
  remoteClosed = false;
  /** What the peer lets us send; may be negative after its SETTINGS changed. */
  sendWindow: number;
  /** Bytes that it may still send before it breaks flow control. */
  receiveWindow: number;
  /** Bytes handed to the reader that no WINDOW_UPDATE gave back yet. */
  private consumed = 0;
  private readonly queue: Uint8Array[] = [];
  private queueOffset = 0;
  queuedBytes = 0;
  private endQueued = false;
  private checkedBytes = -1;
  private trailersQueued: HeaderList | null = null;
  private paused = false;
  private readonly held: Uint8Array[] = [];
  private heldEnd = false;
  private heldTrailers: HeaderList | null = null;
  /** True while it waits in the connection's list of streams with something to send. */
  listed = false;
  /** Declared content-length minus what came, -1 when none was declared. */
  expectedBody = -1;

  constructor(
    readonly id: number,
    protected readonly connection: Http2Connection,
    sendWindow: number,
    receiveWindow: number,
  ) {
    this.sendWindow = sendWindow;
    this.receiveWindow = receiveWindow;
  }

  // ---- The reader's side.

  /** Hands body bytes on; they are only valid during the call. */
  protected abstract deliverBody(bytes: Uint8Array, start: number, end: number, endStream: boolean): void;
  protected abstract deliverTrailers(trailers: HeaderList): void;
  /** The peer took enough for us to go on after `congested`. */
  protected abstract deliverDrained(): void;
  /** Both sides are done: the stream left the connection. */
  abstract onClosed(): void;

  receiveBody(bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    if (this.paused || this.held.length > 0) {
      // The bytes live in the socket's buffer: keep a copy. Its size is bounded by the stream's window.
      if (end > start) this.held.push(Buffer.from(bytes.subarray(start, end)));
      if (endStream) this.heldEnd = true;
      return;
    }
    this.consume(end - start);
    this.deliverBody(bytes, start, end, endStream);
  }

  receiveTrailers(trailers: HeaderList): void {
    if (this.paused || this.held.length > 0) this.heldTrailers = trailers;
    else this.deliverTrailers(trailers);
  }

  protected pauseReceiving(): void {
    this.paused = true;
  }

  protected resumeReceiving(): void {
    if (!this.paused) return;
    this.paused = false;
    while (this.held.length > 0 && !this.paused) {
      const bytes = this.held.shift() as Uint8Array;
      const last = this.held.length === 0 && this.heldEnd;
      if (last) this.heldEnd = false;
      this.consume(bytes.length);
      this.deliverBody(bytes, 0, bytes.length, last);
    }
    if (this.paused || this.held.length > 0) return;
    if (this.heldEnd) {
      this.heldEnd = false;
      this.deliverBody(EMPTY, 0, 0, true);
    } else if (this.heldTrailers !== null) {
      const trailers = this.heldTrailers;
      this.heldTrailers = null;
      this.deliverTrailers(trailers);
    }
  }

  /** Bytes left our hands: give the window back once half of it is used. */
  private consume(bytes: number): void {
    this.connection.consumed(bytes);
    this.giveBack(bytes);
  }

  /** Window of this stream alone; padding comes here too. */
  giveBack(bytes: number): void {
    if (this.remoteClosed || bytes === 0) return;
    this.consumed += bytes;
    if (this.consumed * 2 < this.connection.options.initialStreamWindow) return;
    this.receiveWindow += this.consumed;
    this.connection.sendWindowUpdate(this.id, this.consumed);
    this.consumed = 0;
  }

  // ---- The writer's side.

  get congested(): boolean {
    return this.queuedBytes + this.connection.buffered > this.connection.bufferLimit;
  }

  protected queueBody(bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    if (this.localClosed || this.endQueued) return;
    let at = start;
    if (this.queuedBytes === 0) at = this.connection.sendData(this, bytes, start, end, endStream);
    if (at < end) {
      this.queue.push(Buffer.from(bytes.subarray(at, end)));
      this.countQueued(end - at);
    }
    if (endStream && !this.localClosed) this.endQueued = true;
    if (this.queuedBytes > 0) this.connection.list(this);
  }

  private countQueued(bytes: number): void {
    this.queuedBytes += bytes;
    this.connection.stats.pendingSendBytes.value += bytes;
  }

  protected queueTrailers(trailers: HeaderList): void {
    if (this.localClosed || this.endQueued) return;
    this.endQueued = true;
    if (this.queuedBytes === 0) this.connection.sendFields(this, trailers, true);
    else this.trailersQueued = trailers;
  }

  /** The window opened. Returns true when it has nothing left to send. */
  sendQueued(): boolean {
    const wasCongested = this.congested;
    while (this.queue.length > 0) {
      const bytes = this.queue[0] as Uint8Array;
      const last = this.queue.length === 1 && this.endQueued && this.trailersQueued === null;
      const at = this.connection.sendData(this, bytes, this.queueOffset, bytes.length, last);
      // Its end, or the end of the connection, dropped what was queued.
      if (this.queue.length === 0) return true;
      this.countQueued(this.queueOffset - at);
      this.queueOffset = at;
      if (at < bytes.length) break;
      this.queue.shift();
      this.queueOffset = 0;
    }
    if (this.queue.length === 0 && this.trailersQueued !== null && !this.localClosed) {
      const trailers = this.trailersQueued;
      this.trailersQueued = null;
      this.connection.sendFields(this, trailers, true);
    }
    if (wasCongested && !this.congested) this.deliverDrained();
    return this.queue.length === 0;
  }

  /** True when all of an answer (or request) that is complete still waits for the peer, as it did last time. */
  stalled(): boolean {
    if (!this.endQueued || this.localClosed) return false;
    const same = this.checkedBytes === this.wire.bytesSent;
    this.checkedBytes = this.wire.bytesSent;
    return same;
  }

  /** Complete on our side, and not yet sent whole. */
  get flushing(): boolean {
    return this.endQueued && !this.localClosed;
  }

  /** The socket took everything: whoever stopped because of `congested` may go on. */
  socketDrained(): void {
    if (!this.localClosed && !this.congested) this.deliverDrained();
  }

  /** Forgets everything that waits, in both directions; the connection gets its window back. */
  drop(): void {
    const held = this.held.splice(0);
    this.queue.length = 0;
    this.countQueued(-this.queuedBytes);
    this.trailersQueued = null;
    this.heldTrailers = null;
    this.heldEnd = false;
    this.localClosed = true;
    this.remoteClosed = true;
    for (const bytes of held) this.connection.consumed(bytes.length);
  }
}

const EMPTY = Buffer.alloc(0);
