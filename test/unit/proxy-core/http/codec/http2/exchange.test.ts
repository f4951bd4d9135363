import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { HeaderList } from '../../../../../../proxy-core/base/headers.ts';
import { ClientSide, exchange, requestHead, ServerSide, spoken } from './rig.ts';

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

/** Answers each complete request with its own body and trailers. */
function echo(options = {}): ServerSide {
  return new ServerSide(options, (request) => {
    if (!request.ended) return;
    const { stream, trailers } = request;
    const body = bytes(request.body);
    stream.sendHead({ status: 200, headers: ['x-length', String(body.length)] }, false);
    stream.sendBody(body, 0, body.length, trailers === null);
    if (trailers !== null) stream.sendTrailers(trailers);
  });
}

test('random requests on one connection come back whole, whatever the pieces and windows', () => {
  const request = fc.record({
    length: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.constantFrom(16384, 65535, 65536, 100_000)),
    trailers: fc.boolean(),
    chunks: fc.integer({ min: 1, max: 4 }),
  });
  fc.assert(
    fc.property(
      fc.array(request, { minLength: 1, maxLength: 6 }),
      fc.constantFrom(65535, 70_000, 1 << 20),
      fc.integer({ min: 0, max: 0xffffffff }),
      (requests, window, seed) => {
        const small = { initialStreamWindow: window, initialConnectionWindow: 65535 };
        const client = new ClientSide(small);
        const server = echo(small);
        let state = seed;
        const cut = (): number => {
          state = (Math.imul(state, 1103515245) + 12345) >>> 0;
          return 1 + (state % 3000);
        };
        const sent = requests.map(({ length, trailers, chunks }, index) => {
          const body = bytes(String.fromCharCode(97 + index).repeat(length));
          const { stream, response } = client.start();
          stream.sendHead(requestHead(`/${index}`, 'POST'), false);
          const part = Math.ceil(length / chunks);
          for (let at = 0; at < length; at += Math.max(1, part)) {
            stream.sendBody(body, at, Math.min(length, at + part), false);
          }
          if (trailers) stream.sendTrailers(['x-sum', String(length)]);
          else stream.sendBody(body, 0, 0, true);
          return { response, body, trailers };
        });
        exchange(client, server, cut);
        for (const { response, body, trailers } of sent) {
          expect(response.reset).toBe('');
          expect(response.ended).toBe(true);
          expect(response.body.length).toBe(body.length);
          expect(response.body === body.toString('latin1')).toBe(true);
          expect(response.trailers).toEqual(trailers ? ['x-sum', String(body.length)] : null);
        }
        expect(client.codec.busy).toBe(false);
        expect(server.codec.activeStreams).toBe(0);
      },
    ),
    { numRuns: 60 },
  );
});

describe('flow control', () => {
  test.each([
    ['exactly at the window', 65535],
    ['one before', 65534],
    ['one after', 65536],
  ])('trailers after a body that ends %s are not lost', (_name, length) => {
    const client = new ClientSide({ initialStreamWindow: 65535 });
    const server = echo({ initialStreamWindow: 65535, initialConnectionWindow: 65535 });
    const { stream, response } = client.start();
    stream.sendHead(requestHead('/', 'POST'), false);
    stream.sendBody(Buffer.alloc(length, 'x'), 0, length, false);
    stream.sendTrailers(['grpc-status', '0']);
    exchange(client, server);
    expect(server.requests[0]?.trailers).toEqual(['grpc-status', '0']);
    expect(response).toMatchObject({ ended: true, trailers: ['grpc-status', '0'], reset: '' });
    expect(response.body.length).toBe(length);
  });

  test('a paused reader stops the peer at the window; memory stays within it', () => {
    const client = new ClientSide();
    const server = new ServerSide({ initialStreamWindow: 65535, initialConnectionWindow: 65535 });
    const { stream } = client.start();
    stream.sendHead(requestHead('/', 'POST'), false);
    exchange(client, server);
    const request = server.requests[0];
    request?.stream.pauseRequest();
    stream.sendBody(Buffer.alloc(1_000_000, 'x'), 0, 1_000_000, true);
    const moved = exchange(client, server);
    expect(moved.up).toBeLessThan(66_000);
    expect(request?.body).toBe('');
    expect(stream.congested).toBe(false);
    request?.stream.resumeRequest();
    exchange(client, server);
    expect(request?.body.length).toBe(1_000_000);
    expect(request?.ended).toBe(true);
  });

  test('a stream that nobody reads does not hold up another one', () => {
    const client = new ClientSide();
    const server = echo({ initialStreamWindow: 65535 });
    const slow = client.start();
    slow.stream.sendHead(requestHead('/slow', 'POST'), false);
    exchange(client, server);
    server.requests[0]?.stream.pauseRequest();
    slow.stream.sendBody(Buffer.alloc(500_000), 0, 500_000, true);
    const quick = client.start();
    quick.stream.sendHead(requestHead('/quick'), true);
    exchange(client, server);
    expect(quick.response.ended).toBe(true);
    expect(slow.response.ended).toBe(false);
  });

  test('a body waits while the socket is full and goes on when it drains', () => {
    const client = new ClientSide();
    const server = new ServerSide({}, () => {}, 1000);
    const { stream, response } = client.start();
    stream.sendHead(requestHead('/'), true);
    exchange(client, server);
    server.sink.buffered = 5000;
    const answer = server.requests[0]?.stream;
    answer?.sendHead({ status: 200, headers: [] }, false);
    answer?.sendBody(Buffer.alloc(3000), 0, 3000, true);
    expect(answer?.congested).toBe(true);
    exchange(client, server);
    expect(response.ended).toBe(false);
    server.sink.buffered = 0;
    server.codec.onDrain();
    exchange(client, server);
    expect(response.ended).toBe(true);
  });
});

test('an answer that nobody takes is given up after two looks without progress', () => {
  const client = new ClientSide({ initialStreamWindow: 65535 });
  const server = new ServerSide();
  const { stream, response } = client.start();
  stream.sendHead(requestHead('/'), true);
  stream.pauseResponse();
  exchange(client, server);
  const answer = server.requests[0]?.stream;
  answer?.sendHead({ status: 200, headers: [] }, false);
  answer?.sendBody(Buffer.alloc(100_000), 0, 100_000, true);
  exchange(client, server);
  expect(server.codec.flushing).toBe(true);
  server.codec.resetStalled();
  expect(server.codec.activeStreams).toBe(1);
  server.codec.resetStalled();
  expect(server.codec.activeStreams).toBe(0);
  expect(server.count('tx_flush_timeout')).toBe(1);
  exchange(client, server);
  expect(response.reset).toBe('remote-reset');
});

test('an answer complete before the request is flushed whole, then the stream is reset with NO_ERROR', () => {
  const client = new ClientSide({ initialStreamWindow: 65535 });
  const server = new ServerSide();
  const { stream, response } = client.start();
  stream.sendHead(requestHead('/', 'POST'), false);
  exchange(client, server);
  server.sink.take();
  const answer = server.requests[0]?.stream;
  answer?.sendHead({ status: 200, headers: [] }, false);
  answer?.sendBody(Buffer.alloc(200_000), 0, 200_000, true);
  let said: string[] = [];
  for (let down = server.sink.take(); down.length > 0; down = server.sink.take()) {
    said = said.concat(spoken(down));
    client.codec.receive(down, 0, down.length);
    const up = client.sink.take();
    server.codec.receive(up, 0, up.length);
  }
  expect(response).toMatchObject({ ended: true, reset: '' });
  expect(response.body.length).toBe(200_000);
  expect(said.at(-1)).toBe('RST_STREAM 1 code 0');
  expect(said.at(-2)).toMatch(/^DATA 1 \d+ end$/);
});

describe('the client side', () => {
  const answered = (list: HeaderList, status = 200): ClientSide['failure'] => {
    const client = new ClientSide();
    const server = new ServerSide({}, (request) => {
      request.stream.sendHead({ status, headers: list }, true);
    });
    client.start().stream.sendHead(requestHead('/'), true);
    exchange(client, server);
    return client.failure;
  };

  test('a malformed head ends the connection', () => {
    expect(answered(['x', 'y'])).toBeNull();
    expect(answered(['X-Upper', 'y'])?.code).toBe(1);
    expect(answered([], 101)?.code).toBe(1);
  });

  test('1xx heads come before the answer', () => {
    const client = new ClientSide();
    const server = new ServerSide({}, ({ stream }) => {
      stream.sendInformational(103, ['link', '</a>']);
      stream.sendHead({ status: 204, headers: [] }, true);
    });
    const { stream, response } = client.start();
    stream.sendHead(requestHead('/'), true);
    exchange(client, server);
    expect(response).toMatchObject({ informational: [103], ended: true, head: { status: 204 } });
  });

  test('content-length that does not hold resets the stream', () => {
    const client = new ClientSide();
    const server = new ServerSide({}, ({ stream }) => {
      stream.sendHead({ status: 200, headers: ['content-length', '10'] }, false);
      stream.sendBody(bytes('short'), 0, 5, true);
    });
    const { stream, response } = client.start();
    stream.sendHead(requestHead('/'), true);
    exchange(client, server);
    expect(response.reset).toBe('remote-reset');
    expect(client.failure).toBeNull();
  });

  test('HEAD keeps its content-length without a body', () => {
    const client = new ClientSide();
    const server = new ServerSide({}, ({ stream }) => {
      stream.sendHead({ status: 200, headers: ['content-length', '10'] }, false);
      stream.sendBody(bytes('0123456789'), 0, 10, true);
    });
    const { stream, response } = client.start();
    stream.sendHead(requestHead('/', 'HEAD'), true);
    exchange(client, server);
    expect(response).toMatchObject({ ended: true, body: '', reset: '' });
  });

  test("the peer's stream limit and GOAWAY are kept to", () => {
    const client = new ClientSide();
    const server = new ServerSide({ maxConcurrentStreams: 3 });
    exchange(client, server);
    expect(client.codec.free).toBe(3);
    client.start().stream.sendHead(requestHead('/'), true);
    expect(client.codec.free).toBe(2);
    exchange(client, server);
    server.codec.finishDrain();
    const late = client.start();
    late.stream.sendHead(requestHead('/late'), true);
    exchange(client, server);
    expect(client.goAway).toBe(true);
    expect(client.codec.free).toBe(0);
    expect(late.response.reset).toBe('remote-refused-stream');
  });

  test('giving up before the head leaves no trace; after it RST_STREAM goes out', () => {
    const client = new ClientSide();
    const server = new ServerSide();
    exchange(client, server);
    client.start().stream.reset();
    expect(client.sink.take().length).toBe(0);
    const { stream } = client.start();
    stream.sendHead(requestHead('/'), false);
    stream.reset();
    expect(spoken(client.sink.take()).at(-1)).toBe('RST_STREAM 3 code 0');
    expect(client.codec.busy).toBe(false);
  });

  test('an upgrade travels as extended CONNECT and comes back as 101', () => {
    const client = new ClientSide();
    const server = new ServerSide({ allowConnect: true }, ({ stream }) => {
      stream.sendHead({ status: 101, headers: ['upgrade', 'websocket', 'connection', 'upgrade'] }, false);
    });
    const { stream, response } = client.start();
    stream.sendHead(requestHead('/ws', 'GET', ['connection', 'Upgrade', 'upgrade', 'websocket']), false);
    exchange(client, server);
    expect(server.requests[0]?.stream.upgradeRequested).toBe(true);
    expect(response.head).toMatchObject({ status: 101 });
  });

  test('any bytes from the server: never throws, every stream hears its end', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (junk, shaken) => {
        const client = new ClientSide();
        const server = new ServerSide();
        if (shaken) exchange(client, server);
        const { stream, response } = client.start();
        stream.sendHead(requestHead('/'), true);
        client.codec.receive(Buffer.from(junk), 0, junk.length);
        client.codec.onClose('connection-termination', '');
        expect(response.ended || response.reset !== '').toBe(true);
        expect(client.codec.busy).toBe(false);
      }),
      { numRuns: 300 },
    );
  });
});
