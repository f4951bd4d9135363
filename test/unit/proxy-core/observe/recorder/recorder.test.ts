import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Recorder } from '../../../../../proxy-core/observe/recorder/recorder.ts';
import { attempt, connection, stream } from '../stream.ts';

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function record(recorder: Recorder, over: Parameters<typeof stream>[0] = {}): number {
  const info = stream(over);
  recorder.begin(info);
  if (info.record >= 0) recorder.end(info);
  return info.record;
}

describe('a record', () => {
  test('runs first, and is replaced under the same seq when it ends', () => {
    const recorder = new Recorder();
    const info = stream({ responseCode: 0, end: -1, attempts: [] });
    recorder.begin(info);
    expect(recorder.row(1)).toMatchObject({ seq: 1, done: false, duration: -1, method: 'GET', status: 0 });
    info.responseCode = 503;
    info.responseFlags = ['URX', 'UF'];
    info.localReply = true;
    info.end = info.start + 12.5;
    recorder.end(info);
    expect(recorder.row(1)).toEqual({
      seq: 1,
      at: info.startWall,
      method: 'GET',
      authority: 'shop.local',
      path: '/inventory/items?x=1',
      status: 503,
      flags: 'URX,UF',
      details: 'via_upstream',
      local: true,
      done: true,
      protocol: 'HTTP/1.1',
      listener: 'main',
      route: 'inventory',
      cluster: 'inventory_service',
      host: '127.0.0.1:9001',
      attempts: 0,
      requestBytes: 0,
      responseBytes: 2,
      duration: 12.5,
    });
  });

  test('a route without a name is called by its id', () => {
    const recorder = new Recorder();
    expect(recorder.row(record(recorder, { routeName: '' }))?.route).toBe('shop_routes/shop/2');
    expect(recorder.row(record(recorder, { routeName: '', routeIndex: -1 }))?.route).toBe('');
  });

  test('reads back as the stream that was recorded', () => {
    const recorder = new Recorder();
    const info = stream({
      attempts: [
        attempt({ status: 503, resetReason: '' }),
        attempt({
          hostAddress: '127.0.0.1:9002',
          position: 2 ** 41 + 5,
          secured: 1000.15,
          circumstances: {
            override: { address: '127.0.0.1:9002', strict: true },
            refused: ['127.0.0.1:9001'],
            priorities: [0, 2],
          },
        }),
      ],
      responseTrailers: ['grpc-status', '0'],
      requestTrailers: ['checksum', 'abc'],
      responseFlags: ['DC'],
    });
    recorder.begin(info);
    recorder.end(info);
    expect(recorder.streamInfo(1)).toEqual(info);
  });

  test('a local reply without upstream reads back, too', () => {
    const recorder = new Recorder();
    const info = stream({
      requestHead: null,
      upstreamResponseHead: null,
      responseHead: { status: 404, headers: ['date', 'x', 'server', 'envoy'] },
      attempts: [],
      upstreamLocal: null,
      upstreamProtocol: null,
      upstreamHost: '',
      clusterName: '',
      clusterStatName: '',
      routeIndex: -1,
      routeName: '',
      connection: connection({ local: { ip: '/tmp/socket', port: -1 } }),
    });
    recorder.begin(info);
    recorder.end(info);
    expect(recorder.streamInfo(1)).toEqual(info);
  });

  test('detail: both sides of the request and of the response, timing in microseconds', () => {
    const recorder = new Recorder({ logLine: (info) => `line of ${info.requestId}` });
    const seq = record(recorder);
    const detail = recorder.detail(seq);
    expect(detail?.request).toEqual({
      startLine: 'GET /inventory/items?x=1 HTTP/1.1',
      headers: [
        ['host', 'shop.local'],
        ['user-agent', 'curl/7.88.1'],
        ['accept', '*/*'],
      ],
      trailers: [],
      bodyKept: 0,
      bodyLength: 0,
    });
    expect(detail?.upstreamRequest?.headers).toContainEqual(['x-request-id', 'id-1']);
    expect(detail?.response?.startLine).toBe('HTTP/1.1 200 OK');
    expect(detail?.timing.end).toBe(5000);
    expect(detail?.timing.attempts[0]).toMatchObject({ connectStarted: null, firstByte: 4000, status: 200 });
    expect(detail?.logLine).toBe('line of id-1');
  });

  test('nothing went upstream: no upstream request', () => {
    const recorder = new Recorder();
    const seq = record(recorder, { attempts: [attempt({ sentFirst: -1, resetReason: 'overflow' })] });
    expect(recorder.detail(seq)?.upstreamRequest).toBeNull();
  });
});

describe('bodies', () => {
  test('pieces are put together; only the prefix is kept and the whole is counted', () => {
    const recorder = new Recorder({ maxBodyPrefix: 10 });
    const info = stream();
    recorder.begin(info);
    recorder.requestBody(info, bytes('xxhello yy'), 2, 8);
    recorder.requestBody(info, bytes('world!'), 0, 6);
    recorder.responseBody(info, bytes('ok'), 0, 2);
    recorder.end(info);
    const slice = recorder.body(1, 'request', 0, 100);
    expect(new TextDecoder().decode(slice?.bytes)).toBe('hello worl');
    expect(slice).toMatchObject({ offset: 0, kept: 10, total: 12 });
    expect(new TextDecoder().decode(recorder.body(1, 'request', 6, 3)?.bytes)).toBe('wor');
    expect(recorder.detail(1)?.response).toMatchObject({ bodyKept: 2, bodyLength: 2 });
  });

  test('a body is there while its request runs', () => {
    const recorder = new Recorder();
    const info = stream({ end: -1 });
    recorder.begin(info);
    recorder.requestBody(info, bytes('abc'), 0, 3);
    expect(recorder.body(1, 'request', 0, 10)?.kept).toBe(3);
    expect(recorder.row(1)?.requestBytes).toBe(3);
  });
});

describe('bounds', () => {
  test('the oldest goes when there are too many', () => {
    const recorder = new Recorder({ maxRecords: 3 });
    for (let i = 0; i < 5; i++) record(recorder);
    expect(recorder.state()).toMatchObject({ records: 3, firstSeq: 3, lastSeq: 5, total: 5 });
    expect(recorder.row(2)).toBeNull();
    expect(recorder.rows({ from: 0, limit: 10 })).toMatchObject({ skipped: 2 });
  });

  test('the oldest goes when there are too many bytes, and memory stays bounded', () => {
    const recorder = new Recorder({ maxRecords: 10_000, maxBytes: 1 << 20 });
    const body = new Uint8Array(60_000);
    for (let i = 0; i < 100; i++) {
      const info = stream();
      recorder.begin(info);
      recorder.responseBody(info, body, 0, body.length);
      recorder.end(info);
    }
    const state = recorder.state();
    expect(state.bytes).toBeLessThanOrEqual(1 << 20);
    expect(state.records).toBeGreaterThan(5);
    expect(state.firstSeq).toBeGreaterThan(50);
    expect(recorder.detail(state.firstSeq)).not.toBeNull();
    expect(recorder.detail(100)?.response?.bodyKept).toBe(60_000);
  });

  test('bytes of records that left by count are not counted', () => {
    const recorder = new Recorder({ maxRecords: 10 });
    for (let i = 0; i < 10_000; i++) record(recorder);
    expect(recorder.state().bytes).toBeLessThan(20_000);
  });

  test('a request that runs while everything else is overwritten ends without harm', () => {
    const recorder = new Recorder({ maxRecords: 4 });
    const slow = stream({ end: -1 });
    recorder.begin(slow);
    for (let i = 0; i < 10; i++) record(recorder);
    recorder.requestBody(slow, bytes('late'), 0, 4);
    slow.end = slow.start + 1;
    recorder.end(slow);
    expect(recorder.row(1)).toBeNull();
    expect(recorder.row(11)?.done).toBe(true);
  });

  test('a head that is larger than any entry is cut, not refused', () => {
    const recorder = new Recorder({ maxBytes: 1 << 20 });
    const huge = 'x'.repeat(300_000);
    const seq = record(recorder, {
      receivedHead: {
        method: 'GET',
        authority: 'a',
        path: '/',
        scheme: 'http',
        protocol: '',
        headers: ['h', huge],
      },
    });
    expect(recorder.row(seq)?.path).toBe('/');
    expect(recorder.detail(seq)?.request.headers[1]?.[1]?.length).toBeGreaterThan(100_000);
  });

  test('clearing frees the memory; a running request is not recorded any further', () => {
    const recorder = new Recorder();
    record(recorder);
    const running = stream({ end: -1 });
    recorder.begin(running);
    expect(recorder.clear().freedBytes).toBeGreaterThan(100);
    recorder.end(running);
    expect(recorder.state()).toMatchObject({ records: 0, bytes: 0 });
    expect(recorder.row(2)).toBeNull();
    expect(recorder.row(record(recorder))?.seq).toBe(3);
  });

  test('switched off, it gives out no handles', () => {
    const recorder = new Recorder();
    recorder.setRecording(false);
    expect(record(recorder)).toBe(-1);
    expect(recorder.state()).toMatchObject({ recording: false, records: 0 });
  });
});

describe('changes since a cursor', () => {
  test('a request that began and ended in between comes once', () => {
    const recorder = new Recorder();
    const from = recorder.cursor;
    record(recorder);
    const running = stream({ end: -1 });
    recorder.begin(running);
    const first = recorder.changedSince(from, 100);
    expect(first.rows.map((row) => [row.seq, row.done])).toEqual([
      [1, true],
      [2, false],
    ]);
    recorder.end(running);
    const second = recorder.changedSince(first.cursor, 100);
    expect(second.rows.map((row) => [row.seq, row.done])).toEqual([[2, true]]);
    expect(recorder.changedSince(second.cursor, 100).rows).toEqual([]);
  });

  test('when it lags, the newest come and the rest is counted', () => {
    const recorder = new Recorder({ maxRecords: 50 });
    for (let i = 0; i < 200; i++) record(recorder);
    const { rows, skipped } = recorder.changedSince(0, 10);
    expect(rows.map((row) => row.seq)).toEqual([191, 192, 193, 194, 195, 196, 197, 198, 199, 200]);
    expect(skipped).toBeGreaterThanOrEqual(150);
  });
});

test('whatever happens, what is given out is what was recorded', () => {
  const step = fc.oneof(
    fc.record({
      kind: fc.constant('begin' as const),
      path: fc.string({ unit: 'binary-ascii', maxLength: 40 }),
    }),
    fc.record({ kind: fc.constant('end' as const), at: fc.nat(5) }),
    fc.record({ kind: fc.constant('body' as const), at: fc.nat(5), size: fc.nat(90_000) }),
    fc.record({ kind: fc.constant('clear' as const) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const recorder = new Recorder({ maxRecords: 8, maxBytes: 1 << 20 });
      const running: ReturnType<typeof stream>[] = [];
      const paths = new Map<number, string>();
      for (const s of steps) {
        if (s.kind === 'begin') {
          const path = `/${s.path.replaceAll('\0', '')}`;
          const info = stream({
            receivedHead: {
              method: 'GET',
              authority: 'h',
              path,
              scheme: 'http',
              protocol: '',
              headers: ['a', path],
            },
          });
          recorder.begin(info);
          running.push(info);
          paths.set(info.record, path);
        } else if (s.kind === 'clear') {
          recorder.clear();
        } else {
          const info = running[s.at % Math.max(1, running.length)];
          if (info === undefined) continue;
          if (s.kind === 'end') {
            running.splice(running.indexOf(info), 1);
            recorder.end(info);
          } else {
            recorder.responseBody(info, new Uint8Array(s.size).fill(info.record & 255), 0, s.size);
          }
        }
      }
      const { rows, state } = recorder.rows({ from: 0, limit: 100 });
      expect(rows.length).toBeLessThanOrEqual(state.records);
      expect(state.bytes).toBeLessThanOrEqual(state.maxBytes);
      for (const row of rows) {
        expect(row.path).toBe(paths.get(row.seq));
        expect(recorder.detail(row.seq)?.request.headers).toContainEqual(['a', paths.get(row.seq)]);
        const body = recorder.body(row.seq, 'response', 0, 1e6);
        expect(body?.bytes.every((byte) => byte === (row.seq & 255))).toBe(true);
      }
    }),
  );
});
