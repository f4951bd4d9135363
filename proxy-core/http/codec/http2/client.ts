import { type HeaderList, headerValue } from '../../../base/headers.ts';
import type { HttpProtocol, RequestHead } from '../../../base/stream-info.ts';
import type { ByteSink, ClientStream, ResetReason, ResponseReceiver } from '../codec.ts';
import { listHasToken } from '../http1-head.ts';
import { Http2Connection } from './connection.ts';
import { ErrorCode, Http2ConnectionError, MAX_WINDOW, PREFACE, Setting } from './frames.ts';
import type { FieldBlock } from './header-block.ts';
import { readResponse, readTrailers, requestFields, trailerFields } from './messages.ts';
import type { Http2Options } from './options.ts';
import type { Http2Stats } from './stats.ts';
import { Http2Stream } from './stream.ts';

/** What an HTTP/2 client tells the connection that it serves. */
export interface Http2ClientOwner {
  /** A stream left the connection, in whatever way. */
  onHttp2StreamClosed(): void;
  /** The peer takes no new streams; those under way go on. */
  onHttp2GoAway(): void;
  /** The peer's limit may have changed. */
  onHttp2Settings(): void;
  /** The connection cannot go on; its streams were told. */
  onHttp2Failure(error: Http2ConnectionError): void;
  onHttp2PingAck(): void;
}

/** The client side of one HTTP/2 connection. */
export class Http2ClientCodec extends Http2Connection {
  readonly protocol: HttpProtocol = 'HTTP/2';
  private nextStream = 1;

  constructor(
    options: Http2Options,
    private readonly owner: Http2ClientOwner,
    sink: ByteSink & { readonly buffered: number },
    bufferLimit: number,
    stats: Http2Stats,
  ) {
    super(options, sink, bufferLimit, stats);
  }

  /** Sends the preface; call it once, when the connection stands. */
  begin(): void {
    const { options } = this;
    this.sink.writeText(PREFACE);
    this.writer.settings([
      [Setting.HeaderTableSize, options.headerTableSize],
      [Setting.EnablePush, 0],
      [Setting.MaxConcurrentStreams, options.maxConcurrentStreams],
      [Setting.InitialWindowSize, options.initialStreamWindow],
    ]);
    this.openWindow();
  }

  /** How many more streams the connection takes now. */
  get free(): number {
    if (this.dead || this.peerGoAway || this.nextStream > MAX_WINDOW) return 0;
    return Math.min(this.peerMaxStreams, this.options.maxConcurrentStreams) - this.streams.size;
  }

  get busy(): boolean {
    return this.streams.size > 0;
  }

  start(receiver: ResponseReceiver): ClientStream {
    const stream = new Http2ClientStream(
      this.nextStream,
      this,
      this.peerInitialWindow,
      this.options.initialStreamWindow,
      receiver,
    );
    this.nextStream += 2;
    this.streamsOpened++;
    this.streams.set(stream.id, stream);
    this.stats.streamsActive.inc();
    return stream;
  }

  receive(bytes: Buffer, start: number, end: number): void {
    this.receiveFrames(bytes, start, end);
  }

  /** The connection is gone. */
  onClose(reason: ResetReason, details: string): void {
    this.dead = true;
    this.endStreams(reason, details);
  }

  private endStreams(reason: ResetReason, details: string): void {
    const streams = [...this.streams.values()] as Http2ClientStream[];
    this.streams.clear();
    for (const stream of streams) {
      stream.drop();
      stream.tellReset(reason, details);
      stream.onClosed();
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

  /** Lets go of a stream whose head was never sent: the peer does not know it. */
  forget(stream: Http2Stream): void {
    if (!this.streams.delete(stream.id)) return;
    stream.drop();
    stream.onClosed();
  }

  // Http2Connection

  protected peerMayOpen(): boolean {
    return false;
  }

  protected wasOpened(id: number): boolean {
    return (id & 1) === 1 && id < this.nextStream;
  }

  protected onNewStream(): void {
    throw new Http2ConnectionError(ErrorCode.ProtocolError, 'HEADERS: invalid stream_id');
  }

  protected onStreamBlock(stream: Http2Stream, block: FieldBlock, endStream: boolean): void {
    const response = stream as Http2ClientStream;
    if (response.headReceived) this.onTrailers(response, block, endStream);
    else this.onHead(response, block, endStream);
  }

  private onHead(stream: Http2ClientStream, block: FieldBlock, endStream: boolean): void {
    if (block.tooLarge) {
      this.stats.headerOverflow.inc();
      this.resetStream(stream, ErrorCode.InternalError, 'protocol-error');
      return;
    }
    const read = readResponse(block);
    if (read === null || read.head.status === 101) throw this.malformed();
    const { head } = read;
    if (head.status < 200) {
      if (endStream) throw this.malformed();
      stream.receiver?.onInformational(head.status, head.headers);
      return;
    }
    stream.headReceived = true;
    if (!stream.isHead && head.status !== 304) stream.expectedBody = read.contentLength;
    if (endStream) {
      if (stream.expectedBody > 0) {
        this.resetStream(stream, ErrorCode.ProtocolError, 'remote-reset');
        return;
      }
      stream.remoteClosed = true;
    }
    stream.deliverHead(head, endStream);
    this.closeIfDone(stream);
  }

  private onTrailers(stream: Http2ClientStream, block: FieldBlock, endStream: boolean): void {
    const trailers = endStream ? readTrailers(block) : null;
    if (trailers === null) {
      if (!block.tooLarge) throw this.malformed();
      this.resetStream(stream, ErrorCode.InternalError, 'protocol-error');
      return;
    }
    if (stream.expectedBody > 0) {
      this.resetStream(stream, ErrorCode.ProtocolError, 'remote-reset');
      return;
    }
    stream.remoteClosed = true;
    this.stats.trailers.inc();
    stream.receiveTrailers(trailers);
    this.closeIfDone(stream);
  }

  private malformed(): Http2ConnectionError {
    this.stats.rxMessagingError.inc();
    return new Http2ConnectionError(ErrorCode.ProtocolError, 'malformed message');
  }

  protected onStreamReset(stream: Http2Stream, reason: ResetReason): void {
    (stream as Http2ClientStream).tellReset(reason, '');
  }

  protected onConnectionError(error: Http2ConnectionError): void {
    this.endStreams('protocol-error', '');
    this.owner.onHttp2Failure(error);
  }

  /** Streams above the last one were not seen and may be tried again elsewhere. */
  protected onGoAway(lastStream: number): void {
    for (const stream of [...this.streams.values()] as Http2ClientStream[]) {
      if (stream.id <= lastStream || !this.streams.delete(stream.id)) continue;
      stream.drop();
      stream.tellReset('remote-refused-stream', '');
      stream.onClosed();
    }
    this.owner.onHttp2GoAway();
  }

  protected onSettings(): void {
    this.owner.onHttp2Settings();
  }
}

class Http2ClientStream extends Http2Stream implements ClientStream {
  headReceived = false;
  isHead = false;
  private headSent = false;
  /** Protocol of an `Upgrade` that was sent as extended CONNECT, else empty. */
  private upgrade = '';

  constructor(
    id: number,
    private readonly codec: Http2ClientCodec,
    sendWindow: number,
    receiveWindow: number,
    public receiver: ResponseReceiver | null,
  ) {
    super(id, codec, sendWindow, receiveWindow);
  }

  tellReset(reason: ResetReason, details: string): void {
    const receiver = this.receiver;
    this.receiver = null;
    receiver?.onResponseReset(reason, details);
  }

  deliverHead(head: { status: number; headers: HeaderList }, endStream: boolean): void {
    if (this.upgrade !== '' && head.status === 200) {
      head.status = 101;
      head.headers.push('upgrade', this.upgrade, 'connection', 'upgrade');
    }
    this.receiver?.onResponseHead(head, endStream);
    if (endStream) this.responseDone();
  }

  /** The answer is complete: what is left of the request is of no use to anybody. */
  private responseDone(): void {
    this.receiver = null;
    if (!this.localClosed) this.codec.resetStream(this, ErrorCode.NoError, null);
  }

  // Http2Stream

  protected deliverBody(bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    if (end > start || endStream) this.receiver?.onResponseBody(bytes, start, end, endStream);
    if (endStream) this.responseDone();
  }

  protected deliverTrailers(trailers: HeaderList): void {
    if (trailers.length > 0) this.receiver?.onResponseTrailers(trailers);
    else this.receiver?.onResponseBody(NOTHING, 0, 0, true);
    this.responseDone();
  }

  protected deliverDrained(): void {
    this.receiver?.onRequestDrained();
  }

  onClosed(): void {
    // A reader that paused still gets what came before the end.
    this.codec.streamClosed();
  }

  // ClientStream

  sendHead(head: RequestHead, endStream: boolean): void {
    this.headSent = true;
    this.isHead = head.method === 'HEAD';
    this.codec.sendFields(this, requestFields(this.asExtendedConnect(head)), endStream);
  }

  /** An HTTP/1 upgrade travels as extended CONNECT (RFC 8441). */
  private asExtendedConnect(head: RequestHead): RequestHead {
    const connection = headerValue(head.headers, 'connection');
    const upgrade = headerValue(head.headers, 'upgrade');
    if (upgrade === undefined || connection === undefined || !listHasToken(connection, 'upgrade'))
      return head;
    this.upgrade = upgrade;
    const headers: HeaderList = [];
    for (let i = 0; i < head.headers.length; i += 2) {
      const name = head.headers[i] as string;
      if (name !== 'content-length') headers.push(name, head.headers[i + 1] as string);
    }
    return { ...head, method: 'CONNECT', protocol: upgrade, headers };
  }

  sendBody(bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    if (end > start || endStream) this.queueBody(bytes, start, end, endStream);
  }

  sendTrailers(trailers: HeaderList): void {
    if (trailers.length > 0) this.queueTrailers(trailerFields(trailers));
    else this.queueBody(NOTHING, 0, 0, true);
  }

  reset(): void {
    this.receiver = null;
    if (this.headSent) this.codec.resetStream(this, ErrorCode.NoError, null);
    else this.codec.forget(this);
  }

  pauseResponse(): void {
    this.pauseReceiving();
  }

  resumeResponse(): void {
    this.resumeReceiving();
  }
}

const NOTHING = new Uint8Array(0);
