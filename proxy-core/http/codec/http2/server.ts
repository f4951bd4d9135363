import type { HeaderList } from '../../../base/headers.ts';
import type { HttpProtocol, ResponseHead } from '../../../base/stream-info.ts';
import type {
  ByteSink,
  RequestReceiver,
  ResetReason,
  ServerCodec,
  ServerCodecOwner,
  ServerStream,
} from '../codec.ts';
import { Http2Connection } from './connection.ts';
import { ErrorCode, Http2ConnectionError, MAX_WINDOW, PREFACE, Setting } from './frames.ts';
import type { FieldBlock } from './header-block.ts';
import { type MessageError, readRequest, readTrailers, responseFields, trailerFields } from './messages.ts';
import type { Http2Options } from './options.ts';
import type { Http2Stats } from './stats.ts';
import { Http2Stream } from './stream.ts';

/** What an HTTP/2 server asks of the connection that it serves. */
export interface Http2ServerOwner extends Pick<ServerCodecOwner, 'onNewStream'> {
  /** The connection cannot go on; its streams were told. Close it once what was written is out. */
  onHttp2Failure(error: Http2ConnectionError): void;
  /** A stream left the connection, in whatever way. */
  onHttp2StreamClosed(): void;
  /** The peer answered a PING of ours. */
  onHttp2PingAck(): void;
}

/** Envoy: `overload.premature_reset_min_stream_lifetime_seconds`. */
const PREMATURE_LIFETIME = 1000;
const REMOTE_RESET = 'http2.remote_reset';

/** The server side of one HTTP/2 connection. It says nothing before the client's preface is there. */
export class Http2ServerCodec extends Http2Connection implements ServerCodec {
  readonly protocol: HttpProtocol = 'HTTP/2';
  private matched = 0;
  private drainedAt = -1;

  constructor(
    options: Http2Options,
    private readonly owner: Http2ServerOwner,
    sink: ByteSink & { readonly buffered: number },
    private readonly now: () => number,
    bufferLimit: number,
    stats: Http2Stats,
  ) {
    super(options, sink, bufferLimit, stats);
  }

  receive(bytes: Buffer, start: number, end: number): void {
    let at = start;
    const first = this.matched < PREFACE.length;
    while (this.matched < PREFACE.length && at < end) {
      if (bytes[at] !== PREFACE.charCodeAt(this.matched)) {
        this.fail(new Http2ConnectionError(ErrorCode.ProtocolError, 'bad preface', 'codec_error', true));
        return;
      }
      at++;
      if (++this.matched === PREFACE.length) this.sendFirstSettings();
    }
    if (at < end) this.receiveFrames(bytes, at, end);
    // After the acknowledgement of the client's SETTINGS when they came along, as Envoy does it.
    if (first && this.matched === PREFACE.length) this.openWindow();
  }

  private sendFirstSettings(): void {
    const { options } = this;
    this.writer.settings([
      [Setting.HeaderTableSize, options.headerTableSize],
      [Setting.EnableConnectProtocol, options.allowConnect ? 1 : 0],
      [Setting.MaxConcurrentStreams, options.maxConcurrentStreams],
      [Setting.InitialWindowSize, options.initialStreamWindow],
    ]);
  }

  receiveEnd(): void {
    // The owner decides.
  }

  /** The connection is gone. */
  onClose(reason: ResetReason, details: string): void {
    this.dead = true;
    this.endStreams(reason, details);
  }

  private endStreams(reason: ResetReason, details: string): void {
    const streams = [...this.streams.values()] as Http2ServerStream[];
    this.streams.clear();
    for (const stream of streams) {
      stream.drop();
      stream.tellReset(reason, details);
      stream.onClosed();
    }
  }

  /** First half of a graceful end (section 6.8): the client is asked not to open streams, and may still do so. */
  startDrain(): void {
    this.sendGoAway(MAX_WINDOW, ErrorCode.NoError, '');
  }

  /** Second half: streams that come from now on are refused; those under way go on. */
  finishDrain(): void {
    this.drainedAt = this.highestPeerStream;
    this.sendGoAway(this.highestPeerStream, ErrorCode.NoError, '');
  }

  /** Some answers are complete and wait for their peer to take them. */
  get flushing(): boolean {
    for (const stream of this.streams.values()) if (stream.flushing) return true;
    return false;
  }

  /** Resets complete answers of which nothing was taken since the last call (Envoy: `tx_flush_timeout`). */
  resetStalled(): void {
    for (const stream of [...this.streams.values()]) {
      if (!stream.stalled()) continue;
      this.stats.txFlushTimeout.inc();
      this.resetStream(stream, ErrorCode.NoError, null);
    }
  }

  ping(): void {
    this.sendPing();
  }

  protected override onPingAck(): void {
    this.owner.onHttp2PingAck();
  }

  streamClosed(): void {
    this.stats.streamsActive.dec();
    this.owner.onHttp2StreamClosed();
  }

  // Http2Connection

  protected peerMayOpen(id: number): boolean {
    return (id & 1) === 1;
  }

  protected wasOpened(): boolean {
    return false;
  }

  protected override isPremature(stream: Http2Stream): boolean {
    return this.now() - (stream as Http2ServerStream).started < PREMATURE_LIFETIME;
  }

  protected onNewStream(id: number, block: FieldBlock, endStream: boolean): void {
    if (this.drainedAt >= 0) {
      this.stats.streamRefusedErrors.inc();
      this.sendReset(id, ErrorCode.RefusedStream);
      return;
    }
    const started = this.now();
    const { options } = this;
    const stream = new Http2ServerStream(
      id,
      this,
      this.peerInitialWindow,
      options.initialStreamWindow,
      started,
    );
    stream.wire.headerBytesReceived = block.wireBytes;
    stream.wire.bytesReceived = block.wireBytes;
    stream.remoteClosed = endStream;
    const read = readRequest(block, options.allowConnect, options.underscores);
    if (typeof read !== 'string') stream.describe(read.head);
    this.streams.set(id, stream);
    this.stats.streamsActive.inc();
    const receiver = this.owner.onNewStream(stream, 'HTTP/2', started);
    stream.receiver = receiver;
    if (typeof read === 'string') {
      this.refuseMessage(stream, read);
      return;
    }
    if (read.droppedUnderscores > 0) this.stats.droppedHeadersWithUnderscores.add(read.droppedUnderscores);
    stream.expectedBody = read.contentLength;
    if (endStream && read.contentLength > 0) {
      this.resetStream(stream, ErrorCode.ProtocolError, 'protocol-error');
      return;
    }
    receiver.onRequestHead(read.head, endStream);
  }

  protected onStreamBlock(stream: Http2Stream, block: FieldBlock, endStream: boolean): void {
    const trailers = endStream ? readTrailers(block) : null;
    if (trailers === null) {
      this.refuseMessage(
        stream as Http2ServerStream,
        block.tooLarge ? 'http2.too_many_headers' : 'http2.violation.of.messaging.rule',
      );
      return;
    }
    if (stream.expectedBody > 0) {
      this.resetStream(stream, ErrorCode.ProtocolError, 'protocol-error');
      return;
    }
    stream.remoteClosed = true;
    this.stats.trailers.inc();
    stream.receiveTrailers(trailers);
    this.closeIfDone(stream);
  }

  /** Reference section 4.2. */
  private refuseMessage(stream: Http2ServerStream, error: MessageError): void {
    if (error === 'http2.too_many_headers') {
      this.stats.headerOverflow.inc();
      this.refuseStream(stream, ErrorCode.InternalError, 'remote-reset', error);
      return;
    }
    if (error === 'http2.unexpected_underscore') {
      this.stats.rejectedWithUnderscores.inc();
      this.refuseStream(stream, ErrorCode.RefusedStream, 'remote-reset', error);
      return;
    }
    this.stats.rxMessagingError.inc();
    const alone = this.options.streamErrorOnInvalidMessage;
    this.refuseStream(stream, alone ? ErrorCode.ProtocolError : null, 'protocol-error', error);
    if (alone) return;
    throw new Http2ConnectionError(ErrorCode.ProtocolError, 'malformed message', 'codec_error', true);
  }

  /** The stream is gone before its reader hears of it, so that this code goes out (null: nothing) and no other. */
  private refuseStream(
    stream: Http2ServerStream,
    code: number | null,
    reason: ResetReason,
    details: string,
  ): void {
    if (!this.streams.delete(stream.id)) return;
    if (code !== null) this.sendReset(stream.id, code);
    stream.drop();
    stream.tellReset(reason, details);
    stream.onClosed();
  }

  protected onStreamReset(stream: Http2Stream, _reason: ResetReason): void {
    (stream as Http2ServerStream).tellReset('remote-reset', REMOTE_RESET);
  }

  protected onConnectionError(error: Http2ConnectionError): void {
    const details =
      error.details === 'codec_error' ? `codec_error:${error.text.replaceAll(' ', '_')}` : error.details;
    this.endStreams('protocol-error', details);
    this.owner.onHttp2Failure(error);
  }

  protected onGoAway(): void {
    // The client will open no more streams; it closes when it has its answers.
  }

  protected onSettings(): void {}

  /** The whole answer is out before the request is: the client may stop sending (section 8.1). */
  protected override onLocalEnd(stream: Http2Stream): void {
    if (!stream.remoteClosed) this.resetStream(stream, ErrorCode.NoError, null);
  }
}

class Http2ServerStream extends Http2Stream implements ServerStream {
  receiver: RequestReceiver | null = null;
  upgradeRequested = false;
  readonly peerCloses = false;
  private isHead = false;
  /** An upgrade that came as extended CONNECT and goes on as HTTP/1's `Upgrade` (RFC 8441). */
  private extendedConnect = false;

  constructor(
    id: number,
    private readonly codec: Http2ServerCodec,
    sendWindow: number,
    receiveWindow: number,
    readonly started: number,
  ) {
    super(id, codec, sendWindow, receiveWindow);
  }

  /** Notes what the answer depends on; turns extended CONNECT into what the rest of the proxy knows. */
  describe(head: { method: string; protocol: string; headers: HeaderList }): void {
    this.isHead = head.method === 'HEAD';
    if (head.method !== 'CONNECT') return;
    this.upgradeRequested = true;
    if (head.protocol === '') return;
    this.extendedConnect = true;
    head.method = 'GET';
    head.headers.push('upgrade', head.protocol, 'connection', 'upgrade');
    head.protocol = '';
  }

  tellReset(reason: ResetReason, details: string): void {
    const receiver = this.receiver;
    this.receiver = null;
    receiver?.onRequestReset(reason, details);
  }

  // Http2Stream

  protected deliverBody(bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    if (end > start || endStream) this.receiver?.onRequestBody(bytes, start, end, endStream);
  }

  protected deliverTrailers(trailers: HeaderList): void {
    if (trailers.length > 0) this.receiver?.onRequestTrailers(trailers);
    else this.receiver?.onRequestBody(NOTHING, 0, 0, true);
  }

  protected deliverDrained(): void {
    this.receiver?.onResponseDrained();
  }

  onClosed(): void {
    this.receiver = null;
    this.codec.streamClosed();
  }

  // ServerStream

  get requestComplete(): boolean {
    return this.remoteClosed;
  }

  sendInformational(status: number, headers: HeaderList): void {
    this.codec.sendFields(this, responseFields({ status, headers }), false);
  }

  sendHead(head: ResponseHead, endStream: boolean): void {
    const accepted = this.extendedConnect && head.status === 101;
    this.codec.sendFields(this, responseFields(accepted ? { ...head, status: 200 } : head), endStream);
  }

  sendBody(bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    if (this.isHead) {
      if (endStream) this.queueBody(NOTHING, 0, 0, true);
    } else if (end > start || endStream) this.queueBody(bytes, start, end, endStream);
  }

  sendTrailers(trailers: HeaderList): void {
    if (trailers.length > 0 && !this.isHead) this.queueTrailers(trailerFields(trailers));
    else this.queueBody(NOTHING, 0, 0, true);
  }

  reset(): void {
    this.receiver = null;
    // Envoy: ConnectionManagerImpl::doEndStream.
    this.codec.resetStream(this, this.upgradeRequested ? ErrorCode.ConnectError : ErrorCode.NoError, null);
  }

  refuseUpgrade(): void {
    // The answer ends the stream; the connection stays.
  }

  pauseRequest(): void {
    this.pauseReceiving();
  }

  resumeRequest(): void {
    this.resumeReceiving();
  }
}

const NOTHING = new Uint8Array(0);
