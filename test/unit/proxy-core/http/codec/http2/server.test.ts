import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Http2Options } from '../../../../../../proxy-core/http/codec/http2/options.ts';
import { fields, frame, ServerSide, START, spoken } from './rig.ts';

const GET = [':method', 'GET', ':scheme', 'http', ':authority', 'a.test', ':path', '/'];
const headers = (list: readonly string[], id = 1, flags = 5): Buffer => frame(1, flags, id, fields(list));
const u32 = (value: number): number[] => [
  value >>> 24,
  (value >>> 16) & 255,
  (value >>> 8) & 255,
  value & 255,
];

function talk(bytes: Buffer[], options: Partial<Http2Options> = {}): ServerSide {
  const server = new ServerSide(options);
  const all = Buffer.concat([START, ...bytes]);
  server.codec.receive(all, 0, all.length);
  return server;
}

describe('requests', () => {
  test.each([
    ['plain', GET, '/', 'a.test', []],
    [
      'Host instead of :authority',
      [':method', 'GET', ':scheme', 'http', ':path', '/x', 'host', 'h.test'],
      '/x',
      'h.test',
      [],
    ],
    ['Host beside :authority', [...GET, 'host', 'other'], '/', 'a.test', []],
    [
      'cookie crumbs are joined',
      [...GET, 'cookie', 'a=1', 'x', 'y', 'cookie', 'b=2'],
      '/',
      'a.test',
      ['cookie', 'a=1; b=2', 'x', 'y'],
    ],
    ['te: trailers', [...GET, 'te', 'trailers'], '/', 'a.test', ['te', 'trailers']],
    ['underscores', [...GET, 'a_b', '1'], '/', 'a.test', ['a_b', '1']],
  ])('%s', (_name, list, path, authority, rest) => {
    const request = talk([headers(list)]).requests[0];
    expect(request?.head).toMatchObject({ path, authority, headers: rest });
    expect(request?.ended).toBe(true);
  });

  test('padding and priority are read and dropped', () => {
    const block = fields(GET);
    const server = talk([
      frame(1, 0x28 | 4, 1, Buffer.concat([Buffer.from([3, 0, 0, 0, 0, 9]), block, Buffer.alloc(3)])),
      frame(0, 8, 1, Buffer.concat([Buffer.from([2]), Buffer.from('hello'), Buffer.alloc(2)])),
      frame(0, 1, 1, Buffer.from('!')),
    ]);
    expect(server.requests[0]).toMatchObject({ body: 'hello!', ended: true });
  });

  test('CONTINUATION frames make one block', () => {
    const block = fields([...GET, 'x', 'y']);
    const server = talk([
      frame(1, 1, 1, block.subarray(0, 3)),
      frame(9, 0, 1, block.subarray(3, 9)),
      frame(9, 4, 1, block.subarray(9)),
    ]);
    expect(server.requests[0]?.head).toMatchObject({ path: '/', headers: ['x', 'y'] });
  });

  test('extended CONNECT becomes an upgrade, and its 101 goes out as 200', () => {
    const server = talk(
      [
        headers(
          [
            ':method',
            'CONNECT',
            ':protocol',
            'websocket',
            ':scheme',
            'http',
            ':path',
            '/c',
            ':authority',
            'a',
          ],
          1,
          4,
        ),
      ],
      { allowConnect: true },
    );
    const request = server.requests[0];
    expect(request?.head).toMatchObject({
      method: 'GET',
      path: '/c',
      headers: ['upgrade', 'websocket', 'connection', 'upgrade'],
    });
    expect(request?.stream.upgradeRequested).toBe(true);
    server.sink.take();
    request?.stream.sendHead(
      { status: 101, headers: ['upgrade', 'websocket', 'connection', 'upgrade'] },
      false,
    );
    expect(spoken(server.sink.take())).toEqual(['HEADERS 1 :status=200']);
  });
});

const MESSAGING = 'http2.violation.of.messaging.rule';
const FIELD = 'http2.invalid.header.field';

describe('malformed messages end the connection in silence (reference 4.2)', () => {
  test.each([
    ['upper-case name', [...GET, 'X-A', '1'], FIELD],
    ['NUL in a value', [...GET, 'x', 'a\0b'], FIELD],
    ['empty name', [...GET, '', 'a'], FIELD],
    ['connection', [...GET, 'connection', 'close'], FIELD],
    ['transfer-encoding', [...GET, 'transfer-encoding', 'chunked'], FIELD],
    ['te other than trailers', [...GET, 'te', 'gzip'], FIELD],
    ['repeated pseudo-header', [...GET, ':path', '/'], FIELD],
    ['unknown pseudo-header', [':nope', 'x', ...GET], FIELD],
    ['pseudo-header after a field', ['x', 'y', ...GET], FIELD],
    ['no :method', GET.slice(2), MESSAGING],
    ['no :scheme', [':method', 'GET', ':path', '/', ':authority', 'a'], MESSAGING],
    ['no :path', GET.slice(0, 6), MESSAGING],
    ['path without a slash', [...GET.slice(0, 6), ':path', 'x'], MESSAGING],
    ['neither :authority nor Host', [':method', 'GET', ':scheme', 'http', ':path', '/'], MESSAGING],
    [':protocol without allow_connect', [':protocol', 'websocket', ...GET], MESSAGING],
  ])('%s', (_name, list, details) => {
    const server = talk([headers(list)]);
    expect(server.requests[0]?.reset).toBe(`protocol-error ${details}`);
    expect(server.failure).not.toBeNull();
    expect(server.count('rx_messaging_error')).toBe(1);
    expect(spoken(server.sink.take()).filter((said) => /^(GOAWAY|RST_STREAM)/.test(said))).toEqual([]);
  });

  test('override_stream_error_on_invalid_http_message: other streams go on', () => {
    const server = talk([headers([...GET, 'X', '1']), headers(GET, 3)], {
      streamErrorOnInvalidMessage: true,
    });
    expect(server.failure).toBeNull();
    expect(spoken(server.sink.take())).toEqual(['RST_STREAM 1 code 1']);
    expect(server.requests[1]?.ended).toBe(true);
  });

  test.each([
    ['too many fields', [...GET, ...Array.from({ length: 101 }, (_, i) => [`h${i}`, '1']).flat()]],
    ['too long a head', [...GET, 'x', 'y'.repeat(15_000), 'z', 'y'.repeat(1000)]],
  ])('%s: the stream alone is reset with INTERNAL_ERROR', (_name, list) => {
    const server = talk([headers(list)], { maxHeadBytes: 15_500 });
    expect(spoken(server.sink.take())).toEqual(['RST_STREAM 1 code 2']);
    expect(server.requests[0]?.reset).toBe('remote-reset http2.too_many_headers');
    expect(server.failure).toBeNull();
  });

  test.each([
    ['shorter', [frame(0, 1, 1, Buffer.from('abc'))]],
    ['longer', [frame(0, 0, 1, Buffer.from('abcdef'))]],
  ])('a body %s than content-length', (_name, rest) => {
    const server = talk([headers([...GET, 'content-length', '5'], 1, 4), ...rest]);
    expect(spoken(server.sink.take())).toEqual(['RST_STREAM 1 code 1']);
    expect(server.requests[0]?.reset).toBe('remote-reset http2.remote_reset');
  });
});

describe('connection errors', () => {
  test.each([
    ['even stream id', headers(GET, 2), 1],
    ['DATA on an idle stream', frame(0, 0, 1, [1]), 1],
    ['frame too long', frame(0, 0, 1, Buffer.alloc(16385)), 6],
    ['HEADERS on stream 0', headers(GET, 0), 1],
    ['CONTINUATION from nowhere', frame(9, 4, 1), 1],
    ['PUSH_PROMISE', frame(5, 4, 1, [0, 0, 0, 2]), 1],
    ['SETTINGS of the wrong size', frame(4, 0, 0, [1]), 6],
    ['SETTINGS on a stream', frame(4, 0, 1), 1],
    ['window beyond 2^31-1', frame(8, 0, 0, u32(0x7fffffff)), 3],
    ['zero window increment', frame(8, 0, 0, u32(0)), 1],
    ['PING of the wrong size', frame(6, 0, 0, [1]), 6],
    ['RST_STREAM on an idle stream', frame(3, 0, 1, u32(8)), 1],
    ['broken HPACK', frame(1, 5, 1, [0xff, 0xff, 0xff]), 9],
  ])('%s', (_name, bytes, code) => {
    const server = talk([bytes]);
    expect(spoken(server.sink.take()).at(-1)).toBe(`GOAWAY code ${code}`);
    expect(server.failure?.code).toBe(code);
  });

  test('a wrong preface is not answered', () => {
    const server = new ServerSide();
    const text = Buffer.from('GET / HTTP/1.1\r\n\r\n');
    server.codec.receive(text, 0, text.length);
    expect(server.sink.take().length).toBe(0);
    expect(server.failure).not.toBeNull();
  });
});

describe('floods', () => {
  const many = (count: number, make: (i: number) => Buffer): Buffer[] =>
    Array.from({ length: count }, (_, i) => make(i));
  test.each([
    ['empty DATA', [headers(GET, 1, 4), ...many(3, () => frame(0, 0, 1))], 'inbound_empty_frames_flood'],
    [
      'PING nobody reads the answers of',
      many(1100, () => frame(6, 0, 0, Buffer.alloc(8))),
      'outbound_control_flood',
    ],
    ['SETTINGS', many(1100, () => frame(4, 0, 0)), 'outbound_control_flood'],
    ['PRIORITY', many(150, () => frame(2, 0, 1, [0, 0, 0, 3, 1])), 'inbound_priority_frames_flood'],
    ['WINDOW_UPDATE', many(50, () => frame(8, 0, 0, u32(1))), 'inbound_window_update_frames_flood'],
    [
      'rapid reset',
      many(600, (i) => Buffer.concat([headers(GET, i * 2 + 1), frame(3, 0, i * 2 + 1, u32(8))])),
      null,
    ],
    [
      'CONTINUATION without end',
      [frame(1, 0, 1, fields(GET)), ...many(1100, () => frame(9, 0, 1, [0x40, 1, 97, 1, 98]))],
      null,
    ],
  ])('%s', (_name, bytes, counter) => {
    const server = new ServerSide();
    const all = Buffer.concat([START, ...bytes]);
    server.codec.receive(all, 0, START.length);
    server.sink.buffered = 1;
    server.codec.receive(all, START.length, all.length);
    expect(server.failure?.code).toBe(11);
    if (counter !== null) expect(server.count(counter)).toBe(1);
  });

  test('answers in more frames than may wait', () => {
    const server = new ServerSide({ maxOutboundFrames: 50 }, ({ stream }) => {
      stream.sendHead({ status: 200, headers: [] }, false);
      for (let i = 0; i < 100; i++) stream.sendBody(Buffer.from('x'), 0, 1, false);
    });
    server.sink.buffered = 1;
    const all = Buffer.concat([START, headers(GET, 1)]);
    server.codec.receive(all, 0, all.length);
    expect([server.failure?.code, server.count('outbound_flood')]).toEqual([11, 1]);
    expect(server.requests[0]?.reset).not.toBe('');
  });

  test('streams that live a second may be reset as often as one likes', () => {
    const server = new ServerSide();
    server.codec.receive(START, 0, START.length);
    for (let i = 0; i < 600; i++) {
      const open = headers(GET, i * 2 + 1);
      server.codec.receive(open, 0, open.length);
      server.now += 1000;
      const reset = frame(3, 0, i * 2 + 1, u32(8));
      server.codec.receive(reset, 0, reset.length);
      server.sink.take();
    }
    expect(server.failure).toBeNull();
    expect(server.codec.activeStreams).toBe(0);
  });

  test('more streams than allowed are refused', () => {
    const server = talk([headers(GET, 1), headers(GET, 3), headers(GET, 5)], { maxConcurrentStreams: 2 });
    expect(spoken(server.sink.take())).toEqual(['RST_STREAM 5 code 7']);
    expect(server.requests.length).toBe(2);
  });
});

test('bytes that wait for a window are counted until they leave, whole or with their stream', () => {
  const server = new ServerSide({}, ({ stream }) => {
    stream.sendHead({ status: 200, headers: [] }, false);
    stream.sendBody(Buffer.alloc(70_000), 0, 70_000, true);
  });
  const waiting = (): number => server.stats.gauge('http2.pending_send_bytes').value;
  const feed = (...frames: Buffer[]): void => {
    const bytes = Buffer.concat(frames);
    server.codec.receive(bytes, 0, bytes.length);
  };
  feed(START, headers(GET, 1));
  expect(waiting()).toBe(70_000 - 65_535);
  feed(frame(8, 0, 0, u32(100_000)), frame(8, 0, 1, u32(1000)));
  expect(waiting()).toBe(70_000 - 65_535 - 1000);
  feed(frame(8, 0, 1, u32(100_000)));
  expect(waiting()).toBe(0);
  feed(headers(GET, 3), frame(3, 0, 3, u32(8)));
  expect(waiting()).toBe(0);
});

describe('graceful end', () => {
  test('GOAWAY twice; after the second one new streams are refused and the old ones finish', () => {
    const server = talk([headers(GET, 1)]);
    server.sink.take();
    server.codec.startDrain();
    server.codec.finishDrain();
    const late = headers(GET, 3);
    server.codec.receive(late, 0, late.length);
    server.requests[0]?.stream.sendHead({ status: 200, headers: [] }, true);
    expect(spoken(server.sink.take())).toEqual([
      'GOAWAY code 0',
      'GOAWAY code 0',
      'RST_STREAM 3 code 7',
      'HEADERS 1 :status=200 end',
    ]);
    expect(server.codec.activeStreams).toBe(0);
  });
});

test('any bytes in any pieces: never throws, tells every stream its end', () => {
  const pieces = fc.array(
    fc.oneof(
      fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
      fc
        .tuple(
          fc.integer({ min: 0, max: 10 }),
          fc.integer({ min: 0, max: 255 }),
          fc.integer({ min: 0, max: 9 }),
          fc.uint8Array({ maxLength: 30 }),
        )
        .map(([type, flags, id, payload]) => frame(type, flags, id, payload)),
      fc.constantFrom(
        headers(GET, 1, 4),
        headers(GET, 3),
        headers(GET, 5, 4),
        frame(0, 1, 1, [1]),
        frame(3, 0, 1, u32(8)),
      ),
    ),
    { maxLength: 30 },
  );
  fc.assert(
    fc.property(pieces, fc.integer({ min: 1, max: 50 }), (parts, cut) => {
      const server = new ServerSide();
      const all = Buffer.concat([START, ...parts]);
      for (let at = 0; at < all.length; at += cut)
        server.codec.receive(all, at, Math.min(all.length, at + cut));
      server.codec.onClose('connection-termination', 'gone');
      expect(server.codec.activeStreams).toBe(0);
      for (const request of server.requests) expect(request.reset !== '' || request.ended).toBe(true);
    }),
    { numRuns: 300 },
  );
});
