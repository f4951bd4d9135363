import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';

/** One call as the upstream saw it. */
export interface GrpcCall {
  readonly path: string;
  readonly headers: Record<string, unknown>;
  readonly body: Buffer;
}

export interface GrpcAnswer {
  readonly headers?: Record<string, string | number>;
  /** Written one by one. */
  readonly body?: readonly Uint8Array[];
  /** Left out: the answer is its head alone. */
  readonly trailers?: Record<string, string>;
}

/** Lines of the cluster `origin` that speaks HTTP/2. */
export const HTTP2_CLUSTER = `type: STATIC
typed_extension_protocol_options:
  envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
    "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
    explicit_http_config: { http2_protocol_options: {} }`;

export const frame = (message: Uint8Array | string): Buffer => {
  const bytes = Buffer.from(message);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
};

/** A gRPC server of few words. */
export class GrpcOrigin {
  readonly calls: GrpcCall[] = [];
  private readonly server: Http2Server;

  constructor(answer: (call: GrpcCall) => GrpcAnswer) {
    this.server = createServer();
    this.server.on('stream', (stream, headers) => {
      const parts: Buffer[] = [];
      stream.on('error', () => {});
      stream.on('data', (bytes: Buffer) => parts.push(bytes));
      stream.on('end', () => {
        const call = { path: String(headers[':path']), headers, body: Buffer.concat(parts) };
        this.calls.push(call);
        respond(stream, answer(call));
      });
    });
  }

  listen(): Promise<void> {
    return new Promise((resolve) => this.server.listen(0, '127.0.0.1', resolve));
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  close(): void {
    this.server.close();
  }
}

function respond(stream: ServerHttp2Stream, answer: GrpcAnswer): void {
  const { trailers, body = [] } = answer;
  const headers = { ':status': 200, 'content-type': 'application/grpc', ...answer.headers };
  stream.respond(headers, { waitForTrailers: trailers !== undefined, endStream: trailers === undefined });
  if (trailers === undefined) return;
  stream.on('wantTrailers', () => stream.sendTrailers(trailers));
  for (const piece of body) stream.write(piece);
  stream.end();
}
