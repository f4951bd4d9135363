import type { HeaderList } from '../../../../../../proxy-core/base/headers.ts';
import type { RequestHead, ResponseHead } from '../../../../../../proxy-core/base/stream-info.ts';
import type {
  ClientStream,
  RequestReceiver,
  ResetReason,
  ResponseReceiver,
  ServerStream,
} from '../../../../../../proxy-core/http/codec/codec.ts';
import { HpackDecoder } from '../../../../../../proxy-core/http/codec/hpack/decoder.ts';
import { HpackEncoder } from '../../../../../../proxy-core/http/codec/hpack/encoder.ts';
import { Http2ClientCodec } from '../../../../../../proxy-core/http/codec/http2/client.ts';
import {
  FRAME_HEADER,
  type Http2ConnectionError,
  PREFACE,
  read32,
  writeFrameHeader,
} from '../../../../../../proxy-core/http/codec/http2/frames.ts';
import {
  DEFAULT_HTTP2_OPTIONS,
  type Http2Options,
} from '../../../../../../proxy-core/http/codec/http2/options.ts';
import { Http2ServerCodec } from '../../../../../../proxy-core/http/codec/http2/server.ts';
import { http2Stats } from '../../../../../../proxy-core/http/codec/http2/stats.ts';
import { StatsStore } from '../../../../../../proxy-core/observe/stats/store.ts';

/** Bytes that were written; `buffered` is set by tests that play a slow socket. */
export class MemorySink {
  buffered = 0;
  private parts: Buffer[] = [];

  writeText(latin1: string): void {
    this.parts.push(Buffer.from(latin1, 'latin1'));
  }

  writeBytes(bytes: Uint8Array, start: number, end: number): void {
    this.parts.push(Buffer.from(bytes.subarray(start, end)));
  }

  take(): Buffer {
    const all = Buffer.concat(this.parts);
    this.parts = [];
    return all;
  }
}

/** What one request became at the server, or one response at the client. */
export interface Message {
  head: RequestHead | ResponseHead | null;
  body: string;
  trailers: HeaderList | null;
  ended: boolean;
  reset: string;
}

const emptyMessage = (): Message => ({ head: null, body: '', trailers: null, ended: false, reset: '' });

export class ServerSide {
  readonly sink = new MemorySink();
  readonly stats = new StatsStore();
  readonly requests: (Message & { stream: ServerStream })[] = [];
  readonly codec: Http2ServerCodec;
  failure: Http2ConnectionError | null = null;
  now = 0;

  constructor(
    options: Partial<Http2Options> = {},
    private readonly onRequest: (request: Message & { stream: ServerStream }) => void = () => {},
    bufferLimit = 1024 * 1024,
  ) {
    this.codec = new Http2ServerCodec(
      { ...DEFAULT_HTTP2_OPTIONS, ...options },
      {
        onNewStream: (stream) => this.receiver(stream),
        onHttp2Failure: (error) => {
          this.failure = error;
        },
        onHttp2StreamClosed: () => {},
        onHttp2PingAck: () => {},
      },
      this.sink,
      () => this.now,
      bufferLimit,
      http2Stats(this.stats, 'http2.'),
    );
  }

  private receiver(stream: ServerStream): RequestReceiver {
    const request = { ...emptyMessage(), stream };
    this.requests.push(request);
    return {
      onRequestHead: (head, endStream) => {
        request.head = head;
        request.ended = endStream;
        this.onRequest(request);
      },
      onRequestBody: (bytes, start, end, endStream) => {
        request.body += Buffer.from(bytes.subarray(start, end)).toString('latin1');
        request.ended = endStream;
        if (endStream) this.onRequest(request);
      },
      onRequestTrailers: (trailers) => {
        request.trailers = trailers;
        request.ended = true;
        this.onRequest(request);
      },
      onRequestReset: (reason, details) => {
        request.reset = `${reason} ${details}`;
        // As the connection manager does with every stream that ended before its answer.
        request.stream.reset();
      },
      onResponseDrained: () => {},
    };
  }

  count(name: string): number {
    return this.stats.counter(`http2.${name}`).value;
  }
}

export class ClientSide {
  readonly sink = new MemorySink();
  readonly codec: Http2ClientCodec;
  failure: Http2ConnectionError | null = null;
  goAway = false;

  constructor(options: Partial<Http2Options> = {}) {
    this.codec = new Http2ClientCodec(
      { ...DEFAULT_HTTP2_OPTIONS, maxHeadBytes: 80 * 1024, ...options },
      {
        onHttp2StreamClosed: () => {},
        onHttp2GoAway: () => {
          this.goAway = true;
        },
        onHttp2Settings: () => {},
        onHttp2Failure: (error) => {
          this.failure = error;
        },
        onHttp2PingAck: () => {},
      },
      this.sink,
      1024 * 1024,
      http2Stats(new StatsStore(), 'http2.'),
    );
    this.codec.begin();
  }

  start(): { stream: ClientStream; response: Message & { informational: number[] } } {
    const response = { ...emptyMessage(), informational: [] as number[] };
    const receiver: ResponseReceiver = {
      onInformational: (status) => response.informational.push(status),
      onResponseHead: (head, endStream) => {
        response.head = head;
        response.ended = endStream;
      },
      onResponseBody: (bytes, start, end, endStream) => {
        response.body += Buffer.from(bytes.subarray(start, end)).toString('latin1');
        response.ended = endStream;
      },
      onResponseTrailers: (trailers) => {
        response.trailers = trailers;
        response.ended = true;
      },
      onResponseReset: (reason: ResetReason) => {
        response.reset = reason;
      },
      onRequestDrained: () => {},
    };
    return { stream: this.codec.start(receiver), response };
  }
}

/** Carries bytes both ways until neither side has more to say; `cut` gives the length of each piece. */
export function exchange(
  client: ClientSide,
  server: ServerSide,
  cut: () => number = () => 65536,
): { up: number; down: number } {
  const moved = { up: 0, down: 0 };
  for (let rounds = 0; rounds < 10_000; rounds++) {
    const up = client.sink.take();
    for (let at = 0; at < up.length; ) {
      const end = Math.min(up.length, at + Math.max(1, cut()));
      server.codec.receive(up, at, end);
      at = end;
    }
    const down = server.sink.take();
    for (let at = 0; at < down.length; ) {
      const end = Math.min(down.length, at + Math.max(1, cut()));
      client.codec.receive(down, at, end);
      at = end;
    }
    moved.up += up.length;
    moved.down += down.length;
    if (up.length === 0 && down.length === 0) return moved;
  }
  throw new Error('the two sides never fall silent');
}

export function requestHead(path: string, method = 'GET', headers: HeaderList = []): RequestHead {
  return { method, authority: 'a.test', path, scheme: 'http', protocol: '', headers };
}

// ---- Raw frames, for what a well-behaved client never sends.

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly payload: Buffer;
}

export function frame(type: number, flags: number, id: number, payload: Uint8Array | number[] = []): Buffer {
  const bytes = Buffer.from(payload);
  const header = Buffer.alloc(FRAME_HEADER);
  writeFrameHeader(header, 0, bytes.length, type, flags, id);
  return Buffer.concat([header, bytes]);
}

export function fields(list: readonly string[]): Buffer {
  const encoder = new HpackEncoder();
  encoder.setMaxTableSize(0);
  encoder.begin();
  for (let i = 0; i < list.length; i += 2) encoder.field(list[i] as string, list[i + 1] as string);
  return Buffer.from(encoder.target.subarray(0, encoder.length));
}

export function frames(bytes: Buffer): Frame[] {
  const found: Frame[] = [];
  for (let at = 0; at + FRAME_HEADER <= bytes.length; ) {
    const length = bytes.readUIntBE(at, 3);
    const start = at + FRAME_HEADER;
    found.push({
      type: bytes[at + 3] as number,
      flags: bytes[at + 4] as number,
      id: read32(bytes, at + 5),
      payload: bytes.subarray(start, start + length),
    });
    at = start + length;
  }
  return found;
}

export const START = Buffer.concat([Buffer.from(PREFACE, 'latin1'), frame(4, 0, 0)]);

/** In words: `HEADERS 1 end`, `RST_STREAM 1 code 8`, `GOAWAY code 1`. Settings and window updates are left out. */
export function spoken(bytes: Buffer): string[] {
  const decoder = new HpackDecoder(4096);
  const said: string[] = [];
  for (const { type, flags, id, payload } of frames(bytes)) {
    const end = (flags & 1) !== 0 ? ' end' : '';
    if (type === 0) said.push(`DATA ${id} ${payload.length}${end}`);
    else if (type === 1) {
      const found: string[] = [];
      decoder.decode(payload, 0, payload.length, {
        onField: (name, value) => found.push(`${name}=${value}`),
      });
      said.push(`HEADERS ${id} ${found.join(' ')}${end}`);
    } else if (type === 3) said.push(`RST_STREAM ${id} code ${read32(payload, 0)}`);
    else if (type === 6) said.push(flags === 1 ? 'PING ack' : 'PING');
    else if (type === 7) said.push(`GOAWAY code ${read32(payload, 4)}`);
  }
  return said;
}
