import { type HeaderList, headerValue } from '../../base/headers.ts';
import { latin1Text } from '../../base/latin1.ts';
import type { RequestHead, ResponseHead } from '../../base/stream-info.ts';
import type { ByteSink, ClientStream, ResetReason, ResponseReceiver, WireCounts } from './codec.ts';
import { ChunkDecoder, ChunkResult } from './http1-body.ts';
import { BodyWriter, headerLine, headerLines } from './http1-encoder.ts';
import { Http1Errors, Http1Violation } from './http1-errors.ts';
import { findHeadEnd, HeadFacts, type HeadRules, listHasToken, parseHeaderLines } from './http1-head.ts';
import type { HeaderKeyFormat, ReceivedKeys } from './http1-header-keys.ts';
import { TrailerReader } from './http1-trailers.ts';

/** Settings of an HTTP/1 client side. */
export interface Http1ClientOptions {
  readonly maxHeadBytes: number;
  readonly maxHeaders: number;
  readonly enableTrailers: boolean;
  readonly headerKeyFormat: HeaderKeyFormat;
  /** Absolute form for every request but CONNECT. */
  readonly sendFullyQualifiedUrl: boolean;
}

/** What a client codec tells the connection that it serves. */
export interface Http1ClientOwner {
  /** The exchange under way is broken off; `onExchangeDone` or `onProtocolError` follows. */
  onExchangeCut(): void;
  /** The exchange is over. Not reusable: the connection must be closed. */
  onExchangeDone(reusable: boolean): void;
  /** The upstream broke the protocol, outside of an exchange too (extra bytes). Close the connection. */
  onProtocolError(): void;
  setReading(on: boolean): void;
}

const State = {
  Idle: 0,
  Head: 1,
  Fixed: 2,
  Chunked: 3,
  Trailers: 4,
  UntilClose: 5,
  Tunnel: 8,
  Complete: 6,
  Dead: 7,
} as const;

/** Methods whose requests get no `content-length: 0` when they have no body (requestShouldHaveNoBody). */
const BODYLESS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE', 'TRACE', 'CONNECT']);
const EMPTY = new Uint8Array(0);

/** The client side of one HTTP/1 connection: one request at a time. It is its own ClientStream. */
export class Http1ClientCodec implements ClientStream {
  readonly wire: WireCounts = { headerBytesReceived: 0, bytesReceived: 0, headerBytesSent: 0, bytesSent: 0 };
  private state: number = State.Idle;
  private receiver: ResponseReceiver | null = null;
  private carry = '';
  private scanned = 0;
  private remaining = 0;
  private keepAlive = true;
  private isHead = false;
  private isConnect = false;
  private upgradeAsked = false;
  private requestDone = false;
  private readonly facts = new HeadFacts();
  private readonly chunks = new ChunkDecoder();
  private readonly rules: HeadRules;
  private readonly trailers: TrailerReader;
  private readonly writer: BodyWriter;
  private paused = false;
  private held: Buffer | null = null;

  constructor(
    private readonly options: Http1ClientOptions,
    private readonly owner: Http1ClientOwner,
    private readonly sink: ByteSink & { readonly buffered: number },
    private readonly bufferLimit: number,
  ) {
    this.rules = {
      maxHeaders: options.maxHeaders,
      underscores: 'allow',
      tooMany: Http1Errors.tooManyHeaders,
      joinRepeated: false,
      preserveCase: options.headerKeyFormat.preserve,
    };
    this.trailers = new TrailerReader(options.maxHeadBytes, this.rules, this.facts);
    this.writer = new BodyWriter(sink, this.wire);
  }

  /** True while an exchange is under way. */
  get busy(): boolean {
    return this.receiver !== null;
  }

  /** True when response bytes have come for the exchange under way. */
  get responseStarted(): boolean {
    return this.state > State.Head || this.carry !== '';
  }

  get congested(): boolean {
    return this.sink.buffered > this.bufferLimit;
  }

  start(receiver: ResponseReceiver): ClientStream {
    this.receiver = receiver;
    this.state = State.Head;
    this.requestDone = false;
    this.keepAlive = true;
    const wire = this.wire;
    wire.headerBytesReceived = 0;
    wire.bytesReceived = 0;
    wire.headerBytesSent = 0;
    wire.bytesSent = 0;
    return this;
  }

  receive(bytes: Buffer, start: number, end: number): void {
    if (this.state === State.Dead) return;
    if (this.paused) {
      const fresh = bytes.subarray(start, end);
      this.held = this.held === null ? Buffer.from(fresh) : Buffer.concat([this.held, fresh]);
      return;
    }
    let position = start;
    try {
      while (position < end) {
        if (this.paused) {
          const fresh = Buffer.from(bytes.subarray(position, end));
          this.held = this.held === null ? fresh : Buffer.concat([fresh, this.held]);
          return;
        }
        position = this.step(bytes, position, end);
        if (position < 0) return;
      }
    } catch (thrown) {
      if (!(thrown instanceof Http1Violation)) throw thrown;
      this.violated();
    }
  }

  private violated(): void {
    const receiver = this.receiver;
    if (receiver !== null) this.owner.onExchangeCut();
    this.receiver = null;
    this.state = State.Dead;
    this.held = null;
    this.owner.onProtocolError();
    receiver?.onResponseReset('protocol-error', '');
  }

  /** Consumes something and returns the new position, -1 when the rest is nobody's. */
  private step(bytes: Buffer, position: number, end: number): number {
    switch (this.state) {
      case State.Head:
        return this.readHead(bytes, position, end);
      case State.Fixed: {
        const length = Math.min(this.remaining, end - position);
        this.remaining -= length;
        this.wire.bytesReceived += length;
        const last = this.remaining === 0;
        // Bytes behind the body are an error of the connection, not of this response.
        if (last && position + length < end) this.keepAlive = false;
        if (last) this.complete(bytes, position, position + length, position + length < end);
        else this.receiver?.onResponseBody(bytes, position, position + length, false);
        return position + length;
      }
      case State.Chunked: {
        const result = this.chunks.next(bytes, position, end);
        this.wire.bytesReceived += this.chunks.position - position;
        if (result === ChunkResult.Data) {
          this.receiver?.onResponseBody(bytes, this.chunks.dataStart, this.chunks.dataEnd, false);
        } else if (result === ChunkResult.LastChunk) {
          this.state = State.Trailers;
        }
        return this.chunks.position;
      }
      case State.Trailers:
        return this.readTrailers(bytes, position, end);
      case State.UntilClose:
      case State.Tunnel:
        this.wire.bytesReceived += end - position;
        this.receiver?.onResponseBody(bytes, position, end, false);
        return end;
      case State.Idle:
        this.state = State.Dead;
        this.owner.onProtocolError();
        return -1;
      default:
        return -1;
    }
  }

  private readHead(bytes: Buffer, position: number, end: number): number {
    const max = this.options.maxHeadBytes;
    const had = this.carry.length;
    const take = Math.min(end, position + max + 4 - had);
    const fresh = latin1Text(bytes, position, take);
    const text = had === 0 ? fresh : this.carry + fresh;
    const headEnd = findHeadEnd(text, this.scanned);
    if (headEnd < 0 || headEnd > max) {
      if (text.length > max) throw new Http1Violation(Http1Errors.headersTooLarge);
      if (!plausibleStatusLine(text)) throw new Http1Violation(Http1Errors.codec);
      this.scanned = Math.max(0, text.length - 2);
      this.carry = text;
      return take;
    }
    this.carry = '';
    this.scanned = 0;
    this.wire.headerBytesReceived += headEnd;
    this.wire.bytesReceived += headEnd;
    const behind = position + headEnd - had;
    this.headDone(text, behind < end);
    return behind;
  }

  private headDone(text: string, extra: boolean): void {
    // `HTTP/1.1 200 OK`; the phrase is dropped.
    if (!plausibleStatusLine(text)) throw new Http1Violation(Http1Errors.codec);
    const lineFeed = text.indexOf('\n');
    const status = digits3(text, 9);
    const after = text.charCodeAt(12);
    if (status < 100 || (after !== 32 && after !== 13 && after !== 10))
      throw new Http1Violation(Http1Errors.codec);
    const minor = text.charCodeAt(7) - 48;
    const facts = this.facts;
    facts.reset();
    const headers: HeaderList = [];
    parseHeaderLines(text, lineFeed + 1, this.rules, headers, facts);
    if (facts.host !== null) headers.push('host', facts.host);
    let chunked = false;
    if (facts.transferEncoding !== null) {
      if (facts.transferEncoding.toLowerCase() !== 'chunked')
        throw new Http1Violation(Http1Errors.transferEncoding);
      if (facts.contentLength >= 0) throw new Http1Violation(Http1Errors.lengthAndChunked);
      chunked = true;
    }
    const receiver = this.receiver as ResponseReceiver;
    if (status < 200 && status >= 100 && status !== 101) {
      receiver.onInformational(status, headers);
      return;
    }
    if (status === 204 && (chunked || facts.contentLength > 0)) throw new Http1Violation(Http1Errors.codec);
    if (minor === 0)
      this.keepAlive = facts.connection !== null && listHasToken(facts.connection, 'keep-alive');
    if (facts.connection !== null && listHasToken(facts.connection, 'close')) this.keepAlive = false;
    const head: ResponseHead = { status, headers };
    if (facts.keys !== null) this.keepSpelling(head, facts.keys, text, lineFeed);
    if ((status === 101 && this.upgradeAsked) || (this.isConnect && status >= 200 && status < 300)) {
      this.keepAlive = false;
      this.state = State.Tunnel;
      receiver.onResponseHead(head, false);
      return;
    }
    const none =
      this.isHead ||
      status === 204 ||
      status === 304 ||
      status < 200 ||
      (!chunked && facts.contentLength === 0);
    if (none) {
      if (extra) this.keepAlive = false;
      this.finish(extra, receiver, head);
      return;
    }
    if (chunked) {
      this.state = State.Chunked;
      this.chunks.reset();
    } else if (facts.contentLength > 0) {
      this.state = State.Fixed;
      this.remaining = facts.contentLength;
    } else {
      this.state = State.UntilClose;
      this.keepAlive = false;
    }
    receiver.onResponseHead(head, false);
  }

  private keepSpelling(head: ResponseHead, keys: ReceivedKeys, text: string, lineFeed: number): void {
    head.keys = keys;
    if (this.options.headerKeyFormat.preserve?.forwardReasonPhrase === true) {
      keys.reasonPhrase = text.slice(13, lineFeed).trimEnd();
    }
  }

  private readTrailers(bytes: Buffer, position: number, end: number): number {
    const trailers: HeaderList = [];
    const behind = this.trailers.read(bytes, position, end, trailers);
    if (behind < 0) return end;
    this.wire.bytesReceived += this.trailers.length;
    const extra = behind < end;
    if (extra) this.keepAlive = false;
    if (trailers.length > 0) {
      const receiver = this.receiver;
      this.state = State.Complete;
      this.release(extra);
      receiver?.onResponseTrailers(trailers);
    } else this.complete(EMPTY, 0, 0, extra);
    return behind;
  }

  private complete(bytes: Uint8Array, start: number, end: number, extra: boolean): void {
    const receiver = this.receiver;
    this.state = State.Complete;
    this.release(extra);
    receiver?.onResponseBody(bytes, start, end, true);
  }

  private finish(extra: boolean, receiver: ResponseReceiver, head: ResponseHead): void {
    this.state = State.Complete;
    this.release(extra);
    receiver.onResponseHead(head, true);
  }

  /** The response is whole: gives the connection back before the receiver hears of it, so that it can be reused at once. */
  private release(extra: boolean): void {
    this.receiver = null;
    if (extra) {
      this.state = State.Dead;
      this.owner.onProtocolError();
      return;
    }
    const reusable = this.keepAlive && this.requestDone;
    this.state = reusable ? State.Idle : State.Dead;
    this.owner.onExchangeDone(reusable);
  }

  /** The upstream half-closed or the connection is gone. */
  onClose(reason: ResetReason, details: string): void {
    const receiver = this.receiver;
    const state = this.state;
    this.receiver = null;
    this.state = State.Dead;
    if (receiver === null) return;
    if (state === State.UntilClose && reason === 'connection-termination') {
      receiver.onResponseBody(EMPTY, 0, 0, true);
    } else if (state === State.Tunnel || (state === State.Head && this.carry === ''))
      receiver.onResponseReset(reason, details);
    else receiver.onResponseReset(reason === 'connection-termination' ? 'protocol-error' : reason, details);
  }

  onDrain(): void {
    this.receiver?.onRequestDrained();
  }

  // ClientStream

  sendHead(head: RequestHead, endStream: boolean): void {
    const keys = head.keys ?? this.options.headerKeyFormat.keys;
    this.isHead = head.method === 'HEAD';
    this.isConnect = head.method === 'CONNECT';
    this.upgradeAsked = headerValue(head.headers, 'upgrade') !== undefined;
    let text = `${head.method} ${this.target(head)} HTTP/1.1\r\n`;
    text += headerLine('host', head.authority, keys) + headerLines(head.headers, keys);
    let chunked = false;
    if (!this.upgradeAsked && !this.isConnect && headerValue(head.headers, 'content-length') === undefined) {
      if (endStream) {
        if (!BODYLESS.has(head.method)) text += headerLine('content-length', '0', keys);
      } else {
        text += headerLine('transfer-encoding', 'chunked', keys);
        chunked = true;
      }
    }
    text += '\r\n';
    this.wire.headerBytesSent += text.length;
    this.wire.bytesSent += text.length;
    this.sink.writeText(text);
    this.writer.start(chunked);
    if (endStream) this.requestDone = true;
  }

  /** RFC 9112 section 3.2. */
  private target(head: RequestHead): string {
    if (this.isConnect) return head.authority;
    return this.options.sendFullyQualifiedUrl ? `${head.scheme}://${head.authority}${head.path}` : head.path;
  }

  sendBody(bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    this.writer.body(bytes, start, end, endStream);
    if (endStream) this.requestDone = true;
  }

  sendTrailers(trailers: HeaderList): void {
    this.writer.trailers(this.options.enableTrailers ? trailers : null);
    this.requestDone = true;
  }

  reset(): void {
    if (this.receiver === null) return;
    this.owner.onExchangeCut();
    this.receiver = null;
    this.state = State.Dead;
    this.held = null;
    this.owner.onExchangeDone(false);
  }

  pauseResponse(): void {
    if (this.paused || this.receiver === null) return;
    this.paused = true;
    this.owner.setReading(false);
  }

  resumeResponse(): void {
    if (!this.paused) return;
    this.paused = false;
    const held = this.held;
    this.held = null;
    if (held !== null) this.receive(held, 0, held.length);
    if (!this.paused) this.owner.setReading(true);
  }
}

/** `HTTP/1.` and a digit, as far as the text goes. */
function plausibleStatusLine(text: string): boolean {
  const start = 'HTTP/1.';
  if (text.length < start.length) return start.startsWith(text);
  if (!text.startsWith(start)) return false;
  const minor = text.charCodeAt(7);
  return text.length < 8 || minor === 48 || minor === 49;
}

function digits3(text: string, at: number): number {
  let value = 0;
  for (let i = at; i < at + 3; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (!(digit >= 0 && digit <= 9)) return -1;
    value = value * 10 + digit;
  }
  return value;
}
