import { type HeaderList, headerValue } from '../../base/headers.ts';
import { latin1Text } from '../../base/latin1.ts';
import type { HttpProtocol, ResponseHead } from '../../base/stream-info.ts';
import type {
  ByteSink,
  RequestReceiver,
  ResetReason,
  ServerCodec,
  ServerCodecOwner,
  ServerStream,
  WireCounts,
} from './codec.ts';
import { ChunkDecoder, ChunkResult } from './http1-body.ts';
import { BodyWriter, headerLine, headerLines } from './http1-encoder.ts';
import { Http1Errors, Http1Violation } from './http1-errors.ts';
import { findHeadEnd, HeadFacts, type HeadRules } from './http1-head.ts';
import type { HeaderKeyFormat } from './http1-header-keys.ts';
import { parseRequestHead } from './http1-request-head.ts';
import { parseRequestLine, plausibleStart, type RequestLine } from './http1-request-line.ts';
import { TrailerReader } from './http1-trailers.ts';
import { statusLine } from './status.ts';

/** Settings of an HTTP/1 server side; Envoy: Http1ProtocolOptions and HCM limits. */
export interface Http1ServerOptions {
  /** `max_request_headers_kb` in bytes, request line included. */
  readonly maxHeadBytes: number;
  readonly maxHeaders: number;
  readonly underscores: 'allow' | 'drop' | 'reject';
  readonly enableTrailers: boolean;
  readonly allowChunkedLength: boolean;
  readonly acceptHttp10: boolean;
  readonly allowAbsoluteUrl: boolean;
  readonly headerKeyFormat: HeaderKeyFormat;
  /** `allow_custom_methods`. */
  readonly anyMethod: boolean;
  /** Refuse `https://` targets: clear text with `use_remote_address`. */
  readonly refuseHttpsTarget: boolean;
}

const State = { Head: 0, Fixed: 1, Chunked: 2, Trailers: 3, Complete: 4, Tunnel: 5, Dead: 6 } as const;

/** Bytes of pipelined requests kept while an answer is under way; more stay in the kernel. */
const MAX_HELD = 65536;

/**
 * The server side of one HTTP/1 connection: parses requests one after the other and writes their responses. It is
 * its own ServerStream, because HTTP/1 has one stream at a time.
 */
export class Http1ServerCodec implements ServerCodec, ServerStream {
  protocol: HttpProtocol = 'HTTP/1.1';
  readonly wire: WireCounts = { headerBytesReceived: 0, bytesReceived: 0, headerBytesSent: 0, bytesSent: 0 };
  /** The client asked to close after this exchange, or speaks HTTP/1.0 without keep-alive. */
  peerCloses = false;
  hostMissing = false;
  /** The current request asks for another protocol (`Upgrade`, CONNECT). */
  upgradeRequested = false;
  /** True between the first byte of a head and its end. */
  get inHead(): boolean {
    return this.state === State.Head && this.started >= 0;
  }

  private state: number = State.Head;
  private carry = '';
  private scanned = 0;
  private requestLine: RequestLine | null = null;
  private started = -1;
  private remaining = 0;
  private readonly facts = new HeadFacts();
  private readonly chunks = new ChunkDecoder();
  private readonly rules: HeadRules;
  private readonly trailers: TrailerReader;
  private readonly writer: BodyWriter;
  private receiver: RequestReceiver | null = null;
  private isHead = false;
  private isConnect = false;
  private responseDone = false;
  private requestPaused = false;
  private held: Buffer | null = null;
  private parsing = false;
  private readingStopped = false;

  constructor(
    private readonly options: Http1ServerOptions,
    private readonly owner: ServerCodecOwner,
    private readonly sink: ByteSink & { readonly buffered: number },
    private readonly now: () => number,
    /** Congested above this many unsent bytes. */
    private readonly bufferLimit: number,
  ) {
    this.rules = {
      maxHeaders: options.maxHeaders,
      underscores: options.underscores,
      tooMany: Http1Errors.tooManyHeaders,
      joinRepeated: true,
      preserveCase: options.headerKeyFormat.preserve,
    };
    this.trailers = new TrailerReader(options.maxHeadBytes, this.rules, this.facts);
    this.writer = new BodyWriter(sink, this.wire);
  }

  get activeStreams(): number {
    return this.receiver === null ? 0 : 1;
  }

  get congested(): boolean {
    return this.sink.buffered > this.bufferLimit;
  }

  receive(bytes: Buffer, start: number, end: number): void {
    if (this.state === State.Dead) return;
    if (this.held !== null || this.parsing || this.requestPaused || this.state === State.Complete) {
      this.hold(bytes, start, end);
      return;
    }
    this.parse(bytes, start, end);
  }

  private parse(bytes: Buffer, start: number, end: number): void {
    this.parsing = true;
    let position = start;
    try {
      while (position < end) {
        if (this.requestPaused || this.state === State.Complete) {
          this.hold(bytes, position, end);
          break;
        }
        position = this.step(bytes, position, end);
      }
    } catch (thrown) {
      if (!(thrown instanceof Http1Violation)) throw thrown;
      this.fail(thrown);
    } finally {
      this.parsing = false;
    }
  }

  /** Consumes something; returns the new position. */
  private step(bytes: Buffer, position: number, end: number): number {
    switch (this.state) {
      case State.Head:
        return this.readHead(bytes, position, end);
      case State.Fixed: {
        const length = Math.min(this.remaining, end - position);
        this.remaining -= length;
        this.wire.bytesReceived += length;
        const last = this.remaining === 0;
        if (last) this.state = State.Complete;
        this.receiver?.onRequestBody(bytes, position, position + length, last);
        if (last) this.requestEnded();
        return position + length;
      }
      case State.Chunked: {
        const result = this.chunks.next(bytes, position, end);
        this.wire.bytesReceived += this.chunks.position - position;
        if (result === ChunkResult.Data) {
          this.receiver?.onRequestBody(bytes, this.chunks.dataStart, this.chunks.dataEnd, false);
        } else if (result === ChunkResult.LastChunk) {
          this.state = State.Trailers;
        }
        return this.chunks.position;
      }
      case State.Trailers:
        return this.readTrailers(bytes, position, end);
      case State.Tunnel:
        this.wire.bytesReceived += end - position;
        this.receiver?.onRequestBody(bytes, position, end, false);
        return end;
      default:
        return end;
    }
  }

  private readHead(bytes: Buffer, position: number, end: number): number {
    const max = this.options.maxHeadBytes;
    if (this.started < 0) this.started = this.now();
    const had = this.carry.length;
    // A head never needs more than the limit, however much came with it.
    const take = Math.min(end, position + max + 4 - had);
    const fresh = latin1Text(bytes, position, take);
    const text = had === 0 ? fresh : this.carry + fresh;
    if (this.requestLine === null) {
      const lineFeed = text.indexOf('\n');
      if (lineFeed < 0) {
        if (!plausibleStart(text, this.options.anyMethod)) throw new Http1Violation(Http1Errors.codec);
        return this.keepHead(text, take, max);
      }
      const lineEnd = text.charCodeAt(lineFeed - 1) === 13 ? lineFeed - 1 : lineFeed;
      this.requestLine = parseRequestLine(text, 0, lineEnd, this.options.anyMethod);
      this.scanned = lineFeed;
      if (this.requestLine.version !== '1.1' && !this.options.acceptHttp10) {
        throw new Http1Violation(Http1Errors.lowVersion);
      }
      if (this.requestLine.version === '') {
        // HTTP/0.9: the line is the whole request, and the only one of its connection.
        this.wire.headerBytesReceived = this.wire.bytesReceived = lineFeed + 1;
        this.headDone(text.slice(0, lineFeed + 1), lineFeed + 1);
        return end;
      }
    }
    const headEnd = findHeadEnd(text, this.scanned);
    if (headEnd < 0) {
      // The line feed before the blank line may be among the last two bytes.
      this.scanned = Math.max(this.scanned, text.length - 2);
      return this.keepHead(text, take, max);
    }
    if (headEnd > max) throw new Http1Violation(Http1Errors.headersTooLarge);
    this.wire.headerBytesReceived = this.wire.bytesReceived = headEnd;
    const lineEnd = text.indexOf('\n') + 1;
    this.headDone(text, lineEnd);
    return position + headEnd - had;
  }

  private keepHead(text: string, position: number, max: number): number {
    if (text.length > max) throw new Http1Violation(Http1Errors.headersTooLarge);
    this.carry = text;
    return position;
  }

  /** A whole head stands in `text`, its header lines from `lines` on. */
  private headDone(text: string, lines: number): void {
    const line = this.requestLine as RequestLine;
    const { facts } = this;
    const request = parseRequestHead(line, text, lines, this.rules, facts, this.options);
    this.carry = '';
    this.scanned = 0;
    this.requestLine = null;
    // Whatever is not 1.1 and was let through is spoken to as HTTP/1.0, `HTTP/9.9` included (Envoy).
    this.protocol = line.version === '1.1' ? 'HTTP/1.1' : 'HTTP/1.0';
    this.peerCloses = request.peerCloses;
    this.upgradeRequested = request.tunnel;
    this.hostMissing = facts.host === null;
    this.isHead = line.method === 'HEAD';
    this.isConnect = line.method === 'CONNECT';
    const started = this.started;
    this.started = -1;
    this.responseDone = false;
    this.wire.headerBytesSent = 0;
    this.wire.bytesSent = 0;
    const bodyless = !request.tunnel && !request.chunked && facts.contentLength <= 0;
    if (request.tunnel) this.state = State.Tunnel;
    else if (request.chunked) {
      this.state = State.Chunked;
      this.chunks.reset();
    } else if (bodyless) this.state = State.Complete;
    else {
      this.state = State.Fixed;
      this.remaining = facts.contentLength;
    }
    const receiver = this.owner.onNewStream(this, this.protocol, started);
    this.receiver = receiver;
    receiver.onRequestHead(request.head, bodyless);
    if (bodyless) this.requestEnded();
  }

  private readTrailers(bytes: Buffer, position: number, end: number): number {
    const trailers: HeaderList = [];
    const behind = this.trailers.read(bytes, position, end, trailers);
    if (behind < 0) return end;
    this.wire.bytesReceived += this.trailers.length;
    this.state = State.Complete;
    if (this.options.enableTrailers && trailers.length > 0) this.receiver?.onRequestTrailers(trailers);
    else this.receiver?.onRequestBody(EMPTY, 0, 0, true);
    this.requestEnded();
    return behind;
  }

  private fail(violation: Http1Violation): void {
    const started = this.started;
    this.state = State.Dead;
    this.held = null;
    this.carry = '';
    this.protocol = 'HTTP/1.1';
    this.peerCloses = true;
    if (this.receiver === null) {
      this.responseDone = false;
      this.isHead = false;
      this.wire.headerBytesSent = 0;
      this.wire.bytesSent = 0;
      this.receiver = this.owner.onNewStream(this, this.protocol, started < 0 ? this.now() : started);
      this.started = -1;
    }
    this.owner.onCodecError(violation.error, this.receiver);
  }

  /** The request head never came in time: the owner answers on a stream of its own. */
  abandonHead(): RequestReceiver {
    this.state = State.Dead;
    this.peerCloses = true;
    this.responseDone = false;
    this.isHead = false;
    this.receiver = this.owner.onNewStream(this, this.protocol, this.started);
    this.started = -1;
    return this.receiver;
  }

  private hold(bytes: Buffer, start: number, end: number): void {
    const fresh = bytes.subarray(start, end);
    this.held = this.held === null ? Buffer.from(fresh) : Buffer.concat([this.held, fresh]);
    if (this.held.length >= MAX_HELD || this.requestPaused) this.stopReading(true);
  }

  private stopReading(stop: boolean): void {
    if (this.readingStopped === stop) return;
    this.readingStopped = stop;
    this.owner.setReading(!stop);
  }

  private requestEnded(): void {
    if (this.responseDone) this.exchangeDone();
  }

  private exchangeDone(): void {
    this.receiver = null;
    if (this.state === State.Dead) return;
    if (this.peerCloses) {
      // Whatever comes behind the last request is not a request.
      this.state = State.Dead;
      this.held = null;
      return;
    }
    this.state = State.Head;
    this.requestPaused = false;
    if (!this.parsing) this.continueHeld();
  }

  private continueHeld(): void {
    while (
      this.held !== null &&
      !this.requestPaused &&
      this.state !== State.Complete &&
      this.state !== State.Dead
    ) {
      const held = this.held;
      this.held = null;
      this.parse(held, 0, held.length);
    }
    if (this.held === null && !this.requestPaused) this.stopReading(false);
  }

  receiveEnd(): void {
    // The owner decides; a half-closed client may still read its answer.
  }

  onDrain(): void {
    this.receiver?.onResponseDrained();
  }

  onClose(reason: ResetReason, details: string): void {
    const receiver = this.receiver;
    this.receiver = null;
    this.held = null;
    this.state = State.Dead;
    receiver?.onRequestReset(reason, details);
  }

  // ServerStream

  pauseRequest(): void {
    this.requestPaused = true;
    this.stopReading(true);
  }

  resumeRequest(): void {
    if (!this.requestPaused) return;
    this.requestPaused = false;
    if (!this.parsing) this.continueHeld();
  }

  sendInformational(status: number, headers: HeaderList): void {
    const text = `${statusLine(status)}${headerLines(headers, this.options.headerKeyFormat.keys)}\r\n`;
    this.wire.headerBytesSent += text.length;
    this.wire.bytesSent += text.length;
    this.sink.writeText(text);
  }

  sendHead(head: ResponseHead, endStream: boolean): void {
    const status = head.status;
    const keys = head.keys ?? this.options.headerKeyFormat.keys;
    let text = statusLine(status, keys === null ? '' : keys.reasonPhrase);
    if (this.protocol === 'HTTP/1.0' && this.options.acceptHttp10) text = `HTTP/1.0${text.slice(8)}`;
    text += headerLines(head.headers, keys);
    let chunked = false;
    // Envoy: StreamEncoderImpl::encodeHeadersBase.
    if (status === 101) {
      // The tunnel follows.
    } else if (
      headerValue(head.headers, 'content-length') === undefined &&
      status >= 200 &&
      status !== 204 &&
      status !== 304
    ) {
      if (endStream && !this.isHead) {
        if (!this.isConnect || status >= 300) text += headerLine('content-length', '0', keys);
      } else if (this.protocol !== 'HTTP/1.0' && !(this.isConnect && status < 300)) {
        text += headerLine('transfer-encoding', 'chunked', keys);
        chunked = !this.isHead;
      }
    }
    text += '\r\n';
    this.wire.headerBytesSent += text.length;
    this.wire.bytesSent += text.length;
    this.sink.writeText(text);
    this.writer.start(chunked);
    if (endStream) this.sendDone();
  }

  sendBody(bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    if (!this.isHead) this.writer.body(bytes, start, end, endStream);
    if (endStream) this.sendDone();
  }

  sendTrailers(trailers: HeaderList): void {
    if (!this.isHead) {
      this.writer.trailers(this.options.enableTrailers ? trailers : null);
    }
    this.sendDone();
  }

  private sendDone(): void {
    this.responseDone = true;
    if (this.state === State.Complete) this.exchangeDone();
  }

  /** Lets go of the stream without finishing the response; the owner closes the connection. */
  reset(): void {
    this.receiver = null;
    this.held = null;
    this.state = State.Dead;
  }

  /** A refused upgrade is an ordinary request without a body. */
  refuseUpgrade(): void {
    if (this.state === State.Tunnel) {
      this.state = State.Complete;
      this.peerCloses = true;
    }
  }

  /** True when the request has been read to its end. */
  get requestComplete(): boolean {
    return this.state === State.Complete || this.state === State.Head;
  }
}

const EMPTY = new Uint8Array(0);
