import type { HeaderList } from '../../../../../proxy-core/base/headers.ts';
import type { RequestHead, ResponseHead } from '../../../../../proxy-core/base/stream-info.ts';
import type {
  CodecError,
  RequestReceiver,
  ResponseReceiver,
  ServerStream,
} from '../../../../../proxy-core/http/codec/codec.ts';
import {
  Http1ClientCodec,
  type Http1ClientOptions,
} from '../../../../../proxy-core/http/codec/http1-client.ts';
import { LOWER_CASE } from '../../../../../proxy-core/http/codec/http1-header-keys.ts';
import {
  Http1ServerCodec,
  type Http1ServerOptions,
} from '../../../../../proxy-core/http/codec/http1-server.ts';

export const SERVER_OPTIONS: Http1ServerOptions = {
  maxHeadBytes: 60 * 1024,
  maxHeaders: 100,
  underscores: 'allow',
  enableTrailers: true,
  allowChunkedLength: false,
  acceptHttp10: false,
  allowAbsoluteUrl: true,
  headerKeyFormat: LOWER_CASE,
  anyMethod: false,
  refuseHttpsTarget: false,
};

export const CLIENT_OPTIONS: Http1ClientOptions = {
  maxHeadBytes: 80 * 1024,
  maxHeaders: 100,
  enableTrailers: true,
  headerKeyFormat: LOWER_CASE,
  sendFullyQualifiedUrl: false,
};

/** Text that was written, latin1. */
export class TextSink {
  text = '';
  buffered = 0;
  writeText(latin1: string): void {
    this.text += latin1;
  }
  writeBytes(bytes: Uint8Array, start: number, end: number): void {
    this.text += Buffer.from(bytes.subarray(start, end)).toString('latin1');
  }
}

/** A server codec whose requests are noted as plain events and answered by `answer`. */
export class ServerRig {
  readonly sink = new TextSink();
  readonly events: unknown[] = [];
  readonly codec: Http1ServerCodec;
  reading = true;
  stream: ServerStream | null = null;
  private body = '';

  constructor(
    options: Partial<Http1ServerOptions> = {},
    private readonly answer: ((stream: ServerStream, head: RequestHead) => void) | null = null,
  ) {
    this.codec = new Http1ServerCodec(
      { ...SERVER_OPTIONS, ...options },
      {
        onNewStream: (stream) => {
          this.stream = stream;
          this.body = '';
          return this.receiver(stream);
        },
        onCodecError: (error: CodecError) => {
          this.events.push(['error', error.status, error.details]);
        },
        setReading: (on) => {
          this.reading = on;
        },
      },
      this.sink,
      () => 0,
      1024,
    );
  }

  private receiver(stream: ServerStream): RequestReceiver {
    let head: RequestHead | null = null;
    const done = (): void => {
      if (head !== null) this.answer?.(stream, head);
    };
    return {
      onRequestHead: (received, endStream) => {
        head = received;
        this.events.push([
          'head',
          received.method,
          received.authority,
          received.path,
          [...received.headers],
          endStream,
        ]);
        if (endStream) done();
      },
      onRequestBody: (bytes, start, end, endStream) => {
        this.body += Buffer.from(bytes.subarray(start, end)).toString('latin1');
        if (endStream) {
          this.events.push(['body', this.body]);
          done();
        }
      },
      onRequestTrailers: (trailers: HeaderList) => {
        this.events.push(['body', this.body], ['trailers', [...trailers]]);
        done();
      },
      onRequestReset: (reason) => this.events.push(['reset', reason]),
      onResponseDrained: () => this.events.push(['drained']),
    };
  }

  receive(text: string): this {
    const bytes = Buffer.from(text, 'latin1');
    this.codec.receive(bytes, 0, bytes.length);
    return this;
  }

  /** Feeds the text in pieces cut at the given positions. */
  receiveCut(text: string, cuts: readonly number[]): this {
    let from = 0;
    for (const cut of [...cuts].sort((a, b) => a - b)) {
      const to = Math.min(text.length, cut);
      if (to > from) this.receive(text.slice(from, to));
      from = Math.max(from, to);
    }
    if (from < text.length) this.receive(text.slice(from));
    return this;
  }
}

/** A client codec with one request under way. */
export class ClientRig {
  readonly sink = new TextSink();
  readonly events: unknown[] = [];
  readonly codec: Http1ClientCodec;
  private body = '';

  constructor(request: Partial<RequestHead> = {}, options: Partial<Http1ClientOptions> = {}) {
    this.codec = new Http1ClientCodec(
      { ...CLIENT_OPTIONS, ...options },
      {
        onExchangeCut: () => {},
        onExchangeDone: (reusable) => this.events.push(['done', reusable]),
        onProtocolError: () => this.events.push(['protocol-error']),
        setReading: () => {},
      },
      this.sink,
      1024,
    );
    const stream = this.codec.start(this.receiver());
    stream.sendHead(
      { method: 'GET', authority: 'a', path: '/', scheme: 'http', protocol: '', headers: [], ...request },
      true,
    );
  }

  private receiver(): ResponseReceiver {
    return {
      onInformational: (status) => this.events.push(['informational', status]),
      onResponseHead: (head: ResponseHead, endStream) =>
        this.events.push(['head', head.status, [...head.headers], endStream]),
      onResponseBody: (bytes, start, end, endStream) => {
        this.body += Buffer.from(bytes.subarray(start, end)).toString('latin1');
        if (endStream) this.events.push(['body', this.body]);
      },
      onResponseTrailers: (trailers) => this.events.push(['body', this.body], ['trailers', [...trailers]]),
      onResponseReset: (reason) => this.events.push(['reset', reason, this.body]),
      onRequestDrained: () => {},
    };
  }

  receive(text: string): this {
    const bytes = Buffer.from(text, 'latin1');
    this.codec.receive(bytes, 0, bytes.length);
    return this;
  }

  receiveCut(text: string, cuts: readonly number[]): this {
    let from = 0;
    for (const cut of [...cuts].sort((a, b) => a - b)) {
      const to = Math.min(text.length, cut);
      if (to > from) this.receive(text.slice(from, to));
      from = Math.max(from, to);
    }
    if (from < text.length) this.receive(text.slice(from));
    return this;
  }
}
