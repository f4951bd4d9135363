import type { HeaderList } from '../../base/headers.ts';
import type { RequestHead, ResponseHead } from '../../base/stream-info.ts';
import type { ClientStream, ResetReason, ResponseReceiver } from '../../http/codec/codec.ts';
import { Http1ClientCodec, type Http1ClientOwner } from '../../http/codec/http1-client.ts';
import { Http2ClientCodec, type Http2ClientOwner } from '../../http/codec/http2/client.ts';
import type { ConnectTarget } from '../../network/connect.ts';
import type { FlushQueue } from '../../network/flush-queue.ts';
import type { ClientTls } from '../../network/tls/client.ts';
import type { ClusterConfig, ClusterStats } from '../types.ts';
import { CheckConnection, type CheckConnectionOwner } from './check-connection.ts';

const MAX_RESPONSE_HEAD = 80 * 1024;

export interface CheckClientSettings {
  readonly target: ConnectTarget;
  readonly codec: 'HTTP1' | 'HTTP2';
  readonly alpn: readonly string[];
  readonly tls: ClientTls | null;
  readonly cluster: ClusterConfig;
  readonly stats: ClusterStats;
  readonly queue: FlushQueue;
}

/** The end of one exchange: the answer went to the receiver's other calls, or there is none. */
export interface CheckReceiver {
  onHead(head: ResponseHead, endStream: boolean): void;
  onBody(bytes: Uint8Array, start: number, end: number, endStream: boolean): void;
  onTrailers(trailers: HeaderList): void;
  /** No answer, or not the whole of it; told to people. */
  onFailed(reason: string): void;
}

/** One connection that carries one exchange at a time, opened when it is needed. */
export class CheckClient
  implements CheckConnectionOwner, Http1ClientOwner, Http2ClientOwner, ResponseReceiver
{
  private connection: CheckConnection | null = null;
  private codec: Http1ClientCodec | Http2ClientCodec | null = null;
  private stream: ClientStream | null = null;
  private waiting: { readonly head: RequestHead; readonly body: Uint8Array | null } | null = null;
  /** The connection takes no further exchange. */
  private spent = false;

  constructor(
    private readonly settings: CheckClientSettings,
    private readonly receiver: CheckReceiver,
  ) {}

  private get inFlight(): boolean {
    return this.stream !== null || this.waiting !== null;
  }

  send(head: RequestHead, body: Uint8Array | null): void {
    if (this.connection === null) {
      const { target, codec, alpn, tls, stats, queue } = this.settings;
      this.spent = false;
      this.waiting = { head, body };
      this.connection = new CheckConnection(target, codec, alpn, tls, stats, queue, this);
      return;
    }
    if (this.codec === null) this.waiting = { head, body };
    else this.begin(this.codec, head, body);
  }

  /** After an answer: keeps the connection for the next exchange if both sides may. */
  settle(reuse: boolean): void {
    this.stream = null;
    if (!reuse || this.spent) this.close();
  }

  /** Ends the exchange under way and keeps the connection where the protocol allows it. */
  abandon(): void {
    if (!(this.codec instanceof Http2ClientCodec) || this.spent) {
      this.close();
      return;
    }
    const { stream } = this;
    this.stream = null;
    stream?.reset();
  }

  close(): void {
    const { connection } = this;
    this.connection = null;
    this.codec = null;
    this.stream = null;
    this.waiting = null;
    connection?.close();
  }

  private begin(
    codec: Http1ClientCodec | Http2ClientCodec,
    head: RequestHead,
    body: Uint8Array | null,
  ): void {
    const stream = codec.start(this);
    this.stream = stream;
    stream.sendHead(head, body === null);
    if (body !== null) stream.sendBody(body, 0, body.length, true);
  }

  private open(connection: CheckConnection): Http1ClientCodec | Http2ClientCodec {
    const { cluster, stats, codec } = this.settings;
    if (codec === 'HTTP2') {
      const http2 = new Http2ClientCodec(
        cluster.http2.options,
        this,
        connection.transport,
        cluster.perConnectionBufferLimit,
        stats.http2,
      );
      http2.begin();
      return http2;
    }
    return new Http1ClientCodec(
      {
        maxHeadBytes: MAX_RESPONSE_HEAD,
        maxHeaders: cluster.maxHeadersCount,
        enableTrailers: cluster.enableTrailers,
        sendFullyQualifiedUrl: cluster.sendFullyQualifiedUrl,
        headerKeyFormat: cluster.headerKeyFormat,
      },
      this,
      connection.transport,
      cluster.perConnectionBufferLimit,
    );
  }

  private fail(reason: string): void {
    const asked = this.inFlight;
    this.close();
    if (asked) this.receiver.onFailed(reason);
  }

  // CheckConnectionOwner

  onConnected(): void {
    const { connection, waiting } = this;
    if (connection === null) return;
    this.codec = this.open(connection);
    this.waiting = null;
    if (waiting !== null) this.begin(this.codec, waiting.head, waiting.body);
  }

  onBytes(bytes: Buffer, start: number, end: number): void {
    this.codec?.receive(bytes, start, end);
  }

  onEnd(): void {
    this.codec?.onClose('connection-termination', '');
    this.fail('the host closed the connection');
  }

  onDrain(): void {
    this.codec?.onDrain();
  }

  onClose(reason: string): void {
    this.fail(reason === '' ? 'the host closed the connection' : reason);
  }

  // Http1ClientOwner and Http2ClientOwner

  onExchangeCut(): void {
    this.spent = true;
  }

  onExchangeDone(reusable: boolean): void {
    if (!reusable) this.spent = true;
  }

  onProtocolError(): void {
    this.spent = true;
    if (!this.inFlight) this.close();
  }

  setReading(on: boolean): void {
    if (on) this.connection?.transport.resumeReading();
    else this.connection?.transport.pauseReading();
  }

  onHttp2StreamClosed(): void {}

  onHttp2Settings(): void {}

  onHttp2PingAck(): void {}

  /** The host goes: an answer under way may still come. */
  onHttp2GoAway(): void {
    this.spent = true;
    if (!this.inFlight) this.close();
  }

  onHttp2Failure(): void {
    this.fail('the host broke the protocol');
  }

  // ResponseReceiver

  onInformational(): void {}

  onResponseHead(head: ResponseHead, endStream: boolean): void {
    this.receiver.onHead(head, endStream);
  }

  onResponseBody(bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    this.receiver.onBody(bytes, start, end, endStream);
  }

  onResponseTrailers(trailers: HeaderList): void {
    this.receiver.onTrailers(trailers);
  }

  onResponseReset(reason: ResetReason, details: string): void {
    if (this.stream === null) return;
    this.stream = null;
    if (reason !== 'remote-reset' && reason !== 'remote-refused-stream') this.close();
    this.receiver.onFailed(details === '' ? resetText(reason) : details);
  }

  onRequestDrained(): void {}
}

function resetText(reason: ResetReason): string {
  switch (reason) {
    case 'protocol-error':
      return 'the answer breaks the protocol';
    case 'remote-reset':
    case 'remote-refused-stream':
      return 'the host reset the stream';
    default:
      return 'the host closed the connection without an answer';
  }
}
