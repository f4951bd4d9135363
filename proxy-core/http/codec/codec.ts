import type { HeaderList } from '../../base/headers.ts';
import type { HttpProtocol, RequestHead, ResponseHead } from '../../base/stream-info.ts';

/**
 * What HTTP/1 and HTTP/2 have in common, sans IO: bytes in → calls on a receiver, calls on a stream → bytes in a
 * sink. A server codec hands out one `ServerStream` per request; a client codec starts one `ClientStream` per
 * request. Body bytes are only valid during the call that brings them.
 */

/** Where a codec puts bytes. */
export interface ByteSink {
  writeText(latin1: string): void;
  /** The sink copies what it keeps. */
  writeBytes(bytes: Uint8Array, start: number, end: number): void;
}

/** Why a stream ended without being complete. Envoy: StreamResetReason. */
export type ResetReason =
  | 'local-reset'
  | 'local-refused-stream'
  | 'remote-reset'
  | 'remote-refused-stream'
  | 'connection-failure'
  | 'connection-timeout'
  | 'connection-termination'
  | 'overflow'
  | 'protocol-error';

/** A violation that ends the connection, with what the peer is told (status 0: nothing can be told). */
export interface CodecError {
  readonly status: number;
  readonly body: string;
  /** Response code details: `http1.codec_error`. */
  readonly details: string;
}

/** The request side of one stream, implemented by the connection manager. */
export interface RequestReceiver {
  onRequestHead(head: RequestHead, endStream: boolean): void;
  onRequestBody(bytes: Uint8Array, start: number, end: number, endStream: boolean): void;
  /** Ends the request. */
  onRequestTrailers(trailers: HeaderList): void;
  /** The stream died: the peer reset it, or the connection went. Nothing may be sent any more. */
  onRequestReset(reason: ResetReason, details: string): void;
  /** What the peer has not taken fell to zero after `sendBody` said it is too much. */
  onResponseDrained(): void;
}

/** The response side of one stream. */
export interface ServerStream {
  sendInformational(status: number, headers: HeaderList): void;
  sendHead(head: ResponseHead, endStream: boolean): void;
  sendBody(bytes: Uint8Array, start: number, end: number, endStream: boolean): void;
  sendTrailers(trailers: HeaderList): void;
  /** Ends the stream without completing the response. */
  reset(): void;
  /** The request asks for a tunnel (`Upgrade`, CONNECT): what follows its head is not a body. */
  readonly upgradeRequested: boolean;
  /** The tunnel is refused: treat the request as complete and close after the answer. */
  refuseUpgrade(): void;
  /** HTTP/1: the client asked to close after this exchange. */
  readonly peerCloses: boolean;
  /** HTTP/1: there was no Host line at all (an empty one is allowed). */
  readonly hostMissing?: boolean;
  /** The request was read to its end. */
  readonly requestComplete: boolean;
  /** Stops and resumes the flow of request bytes. Calls do not nest. */
  pauseRequest(): void;
  resumeRequest(): void;
  /** True when the peer takes bytes slower than they come: stop until `onResponseDrained`. */
  readonly congested: boolean;
  /** Bytes of this stream on the wire so far, heads and framing included, and of heads alone. */
  readonly wire: WireCounts;
}

export interface WireCounts {
  headerBytesReceived: number;
  bytesReceived: number;
  headerBytesSent: number;
  bytesSent: number;
}

/** What a server codec asks of the connection that it serves. */
export interface ServerCodecOwner {
  /** A request begins. `started` is the monotonic time of its first byte. */
  onNewStream(stream: ServerStream, protocol: HttpProtocol, started: number): RequestReceiver;
  /** The peer broke the protocol; no further bytes will be understood. */
  onCodecError(error: CodecError, receiver: RequestReceiver): void;
  /** Stop or resume reading from the socket. */
  setReading(on: boolean): void;
}

export interface ServerCodec {
  readonly protocol: HttpProtocol;
  receive(bytes: Buffer, start: number, end: number): void;
  /** The peer half-closed. */
  receiveEnd(): void;
  /** The socket took everything. */
  onDrain(): void;
  /** The connection is gone: every open stream is told. */
  onClose(reason: ResetReason, details: string): void;
  readonly activeStreams: number;
}

/** The response side of one upstream request, implemented by the router. */
export interface ResponseReceiver {
  onInformational(status: number, headers: HeaderList): void;
  onResponseHead(head: ResponseHead, endStream: boolean): void;
  onResponseBody(bytes: Uint8Array, start: number, end: number, endStream: boolean): void;
  onResponseTrailers(trailers: HeaderList): void;
  onResponseReset(reason: ResetReason, details: string): void;
  onRequestDrained(): void;
}

/** The request side of one upstream request. */
export interface ClientStream {
  sendHead(head: RequestHead, endStream: boolean): void;
  sendBody(bytes: Uint8Array, start: number, end: number, endStream: boolean): void;
  sendTrailers(trailers: HeaderList): void;
  /** Gives up: the receiver is not called any more. */
  reset(): void;
  pauseResponse(): void;
  resumeResponse(): void;
  readonly congested: boolean;
  readonly wire: WireCounts;
}
