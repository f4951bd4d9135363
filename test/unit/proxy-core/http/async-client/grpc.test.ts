import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import {
  type GrpcEnd,
  type GrpcReply,
  type GrpcTarget,
  grpcStream,
  grpcTimeout,
  grpcUnary,
} from '../../../../../proxy-core/http/async-client/grpc.ts';
import { GrpcFrameReader, grpcFrame } from '../../../../../proxy-core/http/async-client/grpc-frames.ts';
import { eventually } from '../data-path-rig.ts';
import { ClientRig } from './client-rig.ts';
import { ByteServer } from './grpc-server.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0).reverse()) close();
});

async function start(server: ByteServer): Promise<ClientRig> {
  await server.listen();
  const rig = new ClientRig([server.port], true);
  closers.push(
    () => server.close(),
    () => rig.close(),
  );
  return rig;
}

const target = (more: Partial<GrpcTarget> = {}): GrpcTarget => ({
  cluster: 'a',
  authority: 'a',
  service: 'test.Service',
  method: 'Ask',
  timeout: 5000,
  metadata: [],
  ...more,
});

const call = (rig: ClientRig, text: string, more: Partial<GrpcTarget> = {}): Promise<GrpcReply> =>
  new Promise((resolve) => grpcUnary(rig.client, target(more), Buffer.from(text), resolve));

describe('a unary call', () => {
  test('sends one message with its metadata and brings the answer', async () => {
    const server = new ByteServer().unary('/test.Service/Ask', (bytes, done) =>
      done(null, Buffer.concat([Buffer.from('re: '), bytes])),
    );
    const rig = await start(server);
    const reply = await call(rig, 'question', { metadata: ['x-token', 'abc'] });
    expect({ ...reply, bytes: Buffer.from(reply.bytes ?? []).toString() }).toEqual({
      status: 0,
      message: 'OK',
      failure: '',
      bytes: 're: question',
    });
    expect(server.seen[0]?.metadata).toMatchObject({ 'x-token': 'abc', 'x-envoy-internal': 'true' });
    expect(rig.counter('cluster.a.internal.upstream_rq_200')).toBe(1);
  });

  test.each([
    ['an error of the service', 7, 'no % entry'],
    ['an error without words', 16, ''],
  ])('brings %s', async (_what, code, details) => {
    const rig = await start(
      new ByteServer().unary('/test.Service/Ask', (_b, done) => done({ code, details })),
    );
    expect(await call(rig, '')).toEqual({ status: code, message: details, failure: '', bytes: null });
  });

  test('of a method that is not there is unimplemented', async () => {
    const rig = await start(new ByteServer());
    expect((await call(rig, '')).status).toBe(12);
  });

  test('without an answer in time is unavailable, by the proxy', async () => {
    const rig = await start(new ByteServer().unary('/test.Service/Ask', () => {}));
    const reply = await call(rig, '', { timeout: 60 });
    expect([reply.status, reply.failure, reply.bytes]).toEqual([14, 'response_timeout', null]);
  });

  test('to a cluster without hosts is unavailable', async () => {
    const rig = await start(new ByteServer());
    const reply = await call(rig, '', { cluster: 'empty' });
    expect([reply.status, reply.failure]).toEqual([14, 'no_healthy_upstream']);
  });

  test('with a message over the limit ends', async () => {
    const rig = await start(
      new ByteServer().unary('/test.Service/Ask', (_b, done) => done(null, Buffer.alloc(100))),
    );
    expect((await call(rig, '', { maxMessage: 50 })).status).toBe(8);
  });
});

describe('a call with streams', () => {
  test('carries messages both ways until both sides end', async () => {
    const server = new ByteServer().stream('/test.Service/Ask', (stream) => {
      stream.on('data', (bytes: Buffer) => stream.write(Buffer.from(bytes.toString().toUpperCase())));
      stream.on('end', () => stream.end());
    });
    const rig = await start(server);
    const got: string[] = [];
    const end = await new Promise<GrpcEnd>((resolve) => {
      const stream = grpcStream(rig.client, target({ timeout: 0 }), {
        onMessage: (bytes) => {
          got.push(Buffer.from(bytes).toString());
          if (got.length === 1) stream.send(Buffer.from('two'), false);
          else stream.end();
        },
        onEnd: resolve,
      });
      stream.send(Buffer.from('one'), false);
    });
    expect(got).toEqual(['ONE', 'TWO']);
    expect(end.status).toBe(0);
  });

  test('that is cancelled tells the service and calls nothing back', async () => {
    let cancelled = false;
    let opened = false;
    const server = new ByteServer().stream('/test.Service/Ask', (stream) => {
      opened = true;
      stream.resume();
      stream.on('cancelled', () => {
        cancelled = true;
      });
    });
    const rig = await start(server);
    let ended = false;
    const stream = grpcStream(rig.client, target({ timeout: 0 }), {
      onMessage: () => {},
      onEnd: () => {
        ended = true;
      },
    });
    stream.send(Buffer.from('x'), false);
    await eventually(() => opened);
    stream.cancel();
    await eventually(() => cancelled);
    expect([ended, rig.gauge('cluster.a.upstream_rq_active')]).toEqual([false, 0]);
  });
});

test.each([
  [0.4, '1m'],
  [200, '200m'],
  [99_999_999, '99999999m'],
  [100_000_000, '100000S'],
])('%s ms is grpc-timeout %s', (milliseconds, text) => {
  expect(grpcTimeout(milliseconds)).toBe(text);
});

describe('frames', () => {
  test('are read back whatever the pieces', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 40 })),
        fc.integer({ min: 1, max: 20 }),
        (messages, size) => {
          const wire = Buffer.concat(messages.map((message) => grpcFrame(message)));
          const reader = new GrpcFrameReader(0);
          const got: number[][] = [];
          for (let at = 0; at < wire.length; at += size) {
            reader.add(wire, at, Math.min(wire.length, at + size));
            for (let next = reader.next(); next !== null; next = reader.next())
              got.push([...(next as Uint8Array)]);
          }
          expect(got).toEqual(messages.map((message) => [...message]));
        },
      ),
    );
  });

  test('any bytes at all throw nothing', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const reader = new GrpcFrameReader(10);
        reader.add(bytes, 0, bytes.length);
        for (let i = 0; i < 50; i++) {
          const next = reader.next();
          if (next === null || typeof next === 'string') break;
        }
      }),
    );
  });
});
