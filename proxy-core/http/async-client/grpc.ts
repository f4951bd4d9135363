import { grpcStatusOfHttp } from '../../base/grpc.ts';
import { type HeaderList, headerValue } from '../../base/headers.ts';
import type { RequestHead, ResponseHead } from '../../base/stream-info.ts';
import type { AsyncCall, AsyncClient, AsyncStream, AsyncStreamReceiver } from './client.ts';
import { GrpcFrameReader, grpcFrame } from './grpc-frames.ts';

/** Where a gRPC method is called. */
export interface GrpcTarget {
  readonly cluster: string;
  /** `:authority`; the cluster's name unless the configuration says otherwise. */
  readonly authority: string;
  /** `envoy.service.auth.v3.Authorization` */
  readonly service: string;
  /** `Check` */
  readonly method: string;
  /** Milliseconds, 0 = no limit. */
  readonly timeout: number;
  /** Metadata to send along. */
  readonly metadata: HeaderList;
  /** `x-envoy-internal` and its like stay away (`skip_envoy_headers`). */
  readonly skipEnvoyHeaders?: boolean;
  /** Bytes that one message from the service may have; 0 = no limit. */
  readonly maxMessage?: number;
}

/** gRPC status codes that the client itself gives. */
export const GrpcStatus = {
  Ok: 0,
  Unknown: 2,
  ResourceExhausted: 8,
  Internal: 13,
  Unavailable: 14,
} as const;

/** How a call ended. */
export interface GrpcEnd {
  readonly status: number;
  readonly message: string;
  /** Response code details when the proxy itself ended it, else empty. */
  readonly failure: string;
}

export interface GrpcReply extends GrpcEnd {
  /** The message of a call that went well, else null. */
  readonly bytes: Uint8Array | null;
}

function grpcHead(target: GrpcTarget): RequestHead {
  const headers: HeaderList = ['te', 'trailers'];
  if (target.timeout > 0) headers.push('grpc-timeout', grpcTimeout(target.timeout));
  headers.push('content-type', 'application/grpc', ...target.metadata);
  return {
    method: 'POST',
    authority: target.authority,
    path: `/${target.service}/${target.method}`,
    scheme: 'http',
    protocol: '',
    headers,
  };
}

/** gRPC over HTTP/2: at most eight digits and a unit. */
export function grpcTimeout(milliseconds: number): string {
  let value = Math.max(1, Math.ceil(milliseconds));
  for (const [unit, next] of [
    ['m', 1000],
    ['S', 60],
    ['M', 60],
  ] as const) {
    if (value < 1e8) return `${value}${unit}`;
    value = Math.ceil(value / next);
  }
  return `${value}H`;
}

/**
 * One message there, one back. `done` is called exactly once unless the call is cancelled, perhaps before this
 * returns.
 */
export function grpcUnary(
  client: AsyncClient,
  target: GrpcTarget,
  request: Uint8Array,
  done: (reply: GrpcReply) => void,
): AsyncCall {
  let reply: Uint8Array | null = null;
  const stream = grpcStream(client, target, {
    onMessage: (bytes) => {
      reply ??= bytes;
    },
    onEnd: (end) => {
      if (end.status === GrpcStatus.Ok && reply === null) {
        done({ status: GrpcStatus.Internal, message: 'no message', failure: end.failure, bytes: null });
      } else done({ ...end, bytes: end.status === GrpcStatus.Ok ? reply : null });
    },
  });
  stream.send(request, true);
  return stream;
}

export interface GrpcStreamReceiver {
  onInitialMetadata?(headers: HeaderList): void;
  /** The bytes are the receiver's. */
  onMessage(bytes: Uint8Array): void;
  /** Nothing more comes. */
  onEnd(end: GrpcEnd): void;
}

export interface GrpcStream extends AsyncCall {
  send(message: Uint8Array, endStream: boolean): void;
  /** Half-closes. */
  end(): void;
  readonly host: string;
}

/** A call with a stream of messages in both directions. */
export function grpcStream(
  client: AsyncClient,
  target: GrpcTarget,
  receiver: GrpcStreamReceiver,
): GrpcStream {
  const call = new GrpcExchange(receiver, target.maxMessage ?? 0);
  const stream = client.stream(
    target.cluster,
    grpcHead(target),
    false,
    {
      timeout: target.timeout,
      sendInternal: target.skipEnvoyHeaders !== true,
      sendForwardedFor: target.skipEnvoyHeaders !== true,
      sendExpectedTimeout: target.skipEnvoyHeaders !== true,
      downstreamProtocol: 'HTTP/2',
    },
    call,
  );
  call.attach(stream);
  return call;
}

class GrpcExchange implements AsyncStreamReceiver, GrpcStream {
  private stream: AsyncStream | null = null;
  private readonly reader: GrpcFrameReader;
  private over = false;
  private failure = '';

  constructor(
    private readonly receiver: GrpcStreamReceiver,
    maxMessage: number,
  ) {
    this.reader = new GrpcFrameReader(maxMessage);
  }

  attach(stream: AsyncStream): void {
    this.stream = stream;
    if (this.over) stream.cancel();
  }

  get host(): string {
    return this.stream?.host ?? '';
  }

  send(message: Uint8Array, endStream: boolean): void {
    if (!this.over) this.stream?.sendBody(grpcFrame(message), endStream);
  }

  end(): void {
    if (!this.over) this.stream?.sendBody(new Uint8Array(0), true);
  }

  cancel(): void {
    if (this.over) return;
    this.over = true;
    this.stream?.cancel();
  }

  private finish(status: number, message: string): void {
    if (this.over) return;
    this.over = true;
    this.stream?.cancel();
    this.receiver.onEnd({ status, message, failure: this.failure });
  }

  onHead(head: ResponseHead, endStream: boolean, failure: string): void {
    this.failure = failure;
    if (head.status !== 200) {
      if (endStream && headerValue(head.headers, 'grpc-status') !== undefined) this.onTrailers(head.headers);
      else this.finish(grpcStatusOfHttp(head.status), `HTTP status ${head.status}`);
      return;
    }
    if (endStream) {
      this.onTrailers(head.headers);
      return;
    }
    this.receiver.onInitialMetadata?.(head.headers);
  }

  onBody(bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    if (this.over) return;
    this.reader.add(bytes, start, end);
    for (;;) {
      const message = this.reader.next();
      if (message === 'malformed') {
        this.finish(GrpcStatus.Internal, 'malformed gRPC frame');
        return;
      }
      if (message === 'too-large') {
        this.finish(GrpcStatus.ResourceExhausted, 'message larger than max_receive_message_length');
        return;
      }
      if (message === null) break;
      this.receiver.onMessage(message);
      if (this.over) return;
    }
    if (endStream) this.finish(GrpcStatus.Unknown, '');
  }

  onTrailers(trailers: HeaderList): void {
    const text = headerValue(trailers, 'grpc-status') ?? '';
    const status = /^\d{1,2}$/.test(text) ? Number(text) : GrpcStatus.Unknown;
    this.finish(status, decodeMessage(headerValue(trailers, 'grpc-message') ?? ''));
  }

  onReset(details: string): void {
    this.failure = details;
    this.finish(GrpcStatus.Internal, '');
  }
}

function decodeMessage(text: string): string {
  return text.replace(/%([0-9a-fA-F]{2})/g, (_all, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
