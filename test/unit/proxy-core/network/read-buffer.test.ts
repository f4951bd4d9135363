import { createHash } from 'node:crypto';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { FlushQueue } from '../../../../proxy-core/network/flush-queue.ts';
import { readAccepted, readInto } from '../../../../proxy-core/network/read-buffer.ts';
import { SocketTransport } from '../../../../proxy-core/network/transport.ts';

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function listen(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as { port: number }).port;
}

/** Bytes in which no two blocks are alike. */
function content(length: number, seed: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let state = seed;
  for (let at = 0; at + 4 <= length; at += 4) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes.writeUInt32LE(state, at);
  }
  return bytes;
}

const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** Passes what the origin sends on, and stops reading while the client is behind. */
function relay(originPort: number, prefix: string): Server {
  const queue = new FlushQueue();
  return createServer({ pauseOnConnect: true, allowHalfOpen: true }, (accepted: Socket) => {
    const down = new SocketTransport(
      (read) => readAccepted(accepted, read),
      {
        onBytes: () => {},
        onEnd: () => {},
        onDrain: () => up.resumeReading(),
        onClose: () => up.destroy(),
      },
      queue,
    );
    const up: SocketTransport = new SocketTransport(
      (read) => connect({ port: originPort, host: '127.0.0.1', onread: readInto(read) }),
      {
        onBytes: (bytes, start, end) => {
          if (prefix !== '') down.writeText(prefix);
          down.writeBytes(bytes, start, end);
          if (down.buffered > 200_000) up.pauseReading();
        },
        onEnd: () => down.end(),
        onDrain: () => {},
        onClose: () => {},
      },
      queue,
    );
    down.socket.resume();
  });
}

/** Reads everything, in such small steps at first that the proxy cannot get rid of what it has. */
async function readSlowly(port: number): Promise<Buffer> {
  const socket = connect(port, '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    if (chunks.length > 300) return;
    socket.pause();
    void turn()
      .then(() => turn())
      .then(() => socket.resume());
  });
  await new Promise((resolve) => socket.on('end', resolve));
  return Buffer.concat(chunks);
}

test('large bodies of two connections at a time arrive as they were sent, to readers that are behind', async () => {
  const bodies = [content(24_000_000, 1), content(24_000_000, 2)] as const;
  let next = 0;
  const origin = await listen(
    createServer((socket) => {
      socket.end(next++ % 2 === 0 ? bodies[0] : bodies[1]);
    }),
  );
  const port = await listen(relay(origin, ''));
  const got = await Promise.all([readSlowly(port), readSlowly(port)]);
  expect(got.map(digest).sort()).toEqual(bodies.map(digest).sort());
});

test('text that was gathered before leaves before the bytes', async () => {
  const body = content(6_000_000, 3);
  const origin = await listen(createServer((socket) => void socket.end(body)));
  const port = await listen(relay(origin, '[chunk]'));
  const got = await readSlowly(port);
  const pieces = got.toString('latin1').split('[chunk]');
  expect(pieces.length).toBeGreaterThan(2);
  expect(digest(Buffer.from(pieces.join(''), 'latin1'))).toBe(digest(body));
});
