import type { RequestHead, ResponseHead } from '../../proxy-core/base/stream-info.ts';
import type { ServerStream } from '../../proxy-core/http/codec/codec.ts';
import { Http1ClientCodec } from '../../proxy-core/http/codec/http1-client.ts';
import { LOWER_CASE } from '../../proxy-core/http/codec/http1-header-keys.ts';
import { Http1ServerCodec } from '../../proxy-core/http/codec/http1-server.ts';

class LengthSink {
  readonly buffered = 0;
  written = 0;
  writeText(text: string): void {
    this.written += text.length;
  }
  writeBytes(_bytes: Uint8Array, start: number, end: number): void {
    this.written += end - start;
  }
}

const LIMITS = {
  maxHeadBytes: 4096,
  maxHeaders: 20,
  enableTrailers: true,
  headerKeyFormat: LOWER_CASE,
  anyMethod: true,
  sendFullyQualifiedUrl: false,
} as const;

/** Feeds `bytes` in pieces whose lengths come from the bytes themselves. */
function feed(bytes: Uint8Array, receive: (piece: Buffer) => void): void {
  const buffer = Buffer.from(bytes);
  let at = 0;
  while (at < buffer.length) {
    const length = 1 + ((buffer[at] as number) % 64);
    receive(buffer.subarray(at, at + length));
    at += length;
  }
}

/** Any bytes as requests: heads within their limits, at most one error, nothing thrown. */
export function fuzzHttp1Server(bytes: Uint8Array): void {
  let errors = 0;
  const check = (head: RequestHead): void => {
    if (head.headers.length > 2 * LIMITS.maxHeaders) throw new Error('more headers than the limit');
    for (const text of head.headers) {
      for (let i = 0; i < text.length; i++) {
        const code = text.charCodeAt(i);
        if ((code < 32 && code !== 9) || code === 127)
          throw new Error(`control byte in ${JSON.stringify(text)}`);
      }
    }
  };
  const codec = new Http1ServerCodec(
    {
      ...LIMITS,
      underscores: 'allow',
      allowChunkedLength: false,
      acceptHttp10: true,
      allowAbsoluteUrl: true,
      refuseHttpsTarget: false,
    },
    {
      onNewStream: (stream: ServerStream) => ({
        onRequestHead: (head, endStream) => {
          check(head);
          if (endStream) stream.sendHead({ status: 200, headers: [] }, true);
        },
        onRequestBody: (_bytes, start, end, endStream) => {
          if (start > end) throw new Error('a body that ends before it starts');
          if (endStream) stream.sendHead({ status: 200, headers: [] }, true);
        },
        onRequestTrailers: () => stream.sendHead({ status: 200, headers: [] }, true),
        onRequestReset: () => {},
        onResponseDrained: () => {},
      }),
      onCodecError: () => {
        errors++;
      },
      setReading: () => {},
    },
    new LengthSink(),
    () => 0,
    65536,
  );
  feed(bytes, (piece) => codec.receive(piece, 0, piece.length));
  codec.onClose('connection-termination', '');
  if (errors > 1) throw new Error(`${errors} errors from one connection`);
}

/** Any bytes as responses: ended at most once, by an end or by a reset. */
export function fuzzHttp1Client(bytes: Uint8Array): void {
  let ends = 0;
  const codec = new Http1ClientCodec(
    LIMITS,
    { onExchangeCut: () => {}, onExchangeDone: () => {}, onProtocolError: () => {}, setReading: () => {} },
    new LengthSink(),
    65536,
  );
  const end = (endStream: boolean): void => {
    if (endStream) ends++;
  };
  const stream = codec.start({
    onInformational: () => {},
    onResponseHead: (head: ResponseHead, endStream) => {
      if (head.status < 100 || head.status > 999) throw new Error(`status ${head.status}`);
      end(endStream);
    },
    onResponseBody: (_bytes, _start, _end, endStream) => end(endStream),
    onResponseTrailers: () => end(true),
    onResponseReset: () => end(true),
    onRequestDrained: () => {},
  });
  stream.sendHead(
    { method: 'GET', authority: 'a', path: '/', scheme: 'http', protocol: '', headers: [] },
    true,
  );
  feed(bytes, (piece) => codec.receive(piece, 0, piece.length));
  codec.onClose('connection-termination', '');
  if (ends !== 1) throw new Error(`the response ended ${ends} times`);
}
