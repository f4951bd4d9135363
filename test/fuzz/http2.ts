import { VirtualClock } from '../../proxy-core/base/virtual-clock.ts';
import { loadMessage } from '../../proxy-core/config/load.ts';
import { MessageReader } from '../../proxy-core/config/reader.ts';
import { Http2ClientCodec } from '../../proxy-core/http/codec/http2/client.ts';
import { DEFAULT_HTTP2_OPTIONS } from '../../proxy-core/http/codec/http2/options.ts';
import { Http2ServerCodec } from '../../proxy-core/http/codec/http2/server.ts';
import { http2Stats } from '../../proxy-core/http/codec/http2/stats.ts';
import { HTTP_INSPECTOR } from '../../proxy-core/listener/filters/http-inspector.ts';
import { FilterRun, type ListenerFilter } from '../../proxy-core/listener/filters/inspection.ts';
import { proxyProtocol } from '../../proxy-core/listener/filters/proxy-protocol.ts';
import { tlsInspector } from '../../proxy-core/listener/filters/tls-inspector.ts';
import { StatsStore } from '../../proxy-core/observe/stats/store.ts';

const stats = http2Stats(new StatsStore(), 'http2.');
const OPTIONS = { ...DEFAULT_HTTP2_OPTIONS, initialStreamWindow: 65535, initialConnectionWindow: 65535 };
const sink = { buffered: 0, writeText(): void {}, writeBytes(): void {} };
const nothing = (): void => {};

/** Feeds `bytes` in pieces whose lengths come from the bytes themselves. */
function feed(bytes: Uint8Array, receive: (buffer: Buffer, start: number, end: number) => void): void {
  const buffer = Buffer.from(bytes);
  let at = 0;
  while (at < buffer.length) {
    const end = Math.min(buffer.length, at + 1 + ((buffer[at] as number) % 64));
    receive(buffer, at, end);
    at = end;
  }
}

/** Any bytes after a good start: nothing thrown, every stream is told its end once, none is left. */
export function fuzzHttp2Server(bytes: Uint8Array): void {
  let open = 0;
  const codec = new Http2ServerCodec(
    OPTIONS,
    {
      onNewStream: () => {
        open++;
        let over = false;
        const end = (): void => {
          if (over) throw new Error('a stream ended twice');
          over = true;
          open--;
        };
        return {
          onRequestHead: (_head, endStream) => {
            if (endStream) end();
          },
          onRequestBody: (_bytes, _start, _end, endStream) => {
            if (endStream) end();
          },
          onRequestTrailers: end,
          onRequestReset: () => {
            if (!over) end();
          },
          onResponseDrained: nothing,
        };
      },
      onHttp2Failure: nothing,
      onHttp2StreamClosed: nothing,
      onHttp2PingAck: nothing,
    },
    sink,
    () => 0,
    65536,
    stats,
  );
  feed(bytes, (buffer, start, end) => codec.receive(buffer, start, end));
  codec.onClose('connection-termination', '');
  if (open !== 0 || codec.activeStreams !== 0) throw new Error('a stream was left behind');
}

/** Any bytes as an origin's answers. */
export function fuzzHttp2Client(bytes: Uint8Array): void {
  const codec = new Http2ClientCodec(
    OPTIONS,
    {
      onHttp2StreamClosed: nothing,
      onHttp2GoAway: nothing,
      onHttp2Settings: nothing,
      onHttp2Failure: nothing,
      onHttp2PingAck: nothing,
    },
    sink,
    65536,
    stats,
  );
  codec.begin();
  let ended = 0;
  const end = (): void => {
    if (++ended > 1) throw new Error('a stream ended twice');
  };
  const stream = codec.start({
    onInformational: nothing,
    onResponseHead: (_head, endStream) => {
      if (endStream) end();
    },
    onResponseBody: (_bytes, _start, _end, endStream) => {
      if (endStream) end();
    },
    onResponseTrailers: end,
    onResponseReset: end,
    onRequestDrained: nothing,
  });
  stream.sendHead(
    { method: 'GET', authority: 'a', path: '/', scheme: 'http', protocol: '', headers: [] },
    true,
  );
  feed(bytes, (buffer, start, to) => codec.receive(buffer, start, to));
  codec.onClose('connection-termination', '');
  if (ended !== 1 || codec.busy) throw new Error('the stream was never told its end');
}

const TLS_INSPECTOR = 'envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector';

function allListenerFilters(): ListenerFilter[] {
  const text = '{ enable_ja3_fingerprinting: true, enable_ja4_fingerprinting: true }';
  const { root } = loadMessage(text, 'fuzz.yaml', TLS_INSPECTOR);
  if (root === null) throw new Error('the filter cannot be read');
  const store = new StatsStore();
  return [proxyProtocol(null, store), tlsInspector(new MessageReader(root), store), HTTP_INSPECTOR];
}

const inspectors = allListenerFilters();

/** Any bytes before a filter chain is chosen: as they are, as a TLS record, behind PROXY headers. */
export function fuzzInspectors(bytes: Uint8Array): void {
  for (const start of ['', '\x16\x03\x01', 'PROXY TCP4 1.2.3.4 ', '\r\n\r\n\0\r\nQUIT\n\x21']) {
    const input = Buffer.concat([Buffer.from(start, 'latin1'), bytes]);
    const { consumed } = new FilterRun(inspectors, new VirtualClock()).advance(input);
    if (consumed < 0 || consumed > input.length) throw new Error(`consumed ${consumed} of ${input.length}`);
    new FilterRun(inspectors.slice(1), new VirtualClock()).advance(input);
  }
}
