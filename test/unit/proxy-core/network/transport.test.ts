import { connect, createServer, type Server, Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { FlushQueue } from '../../../../proxy-core/network/flush-queue.ts';
import { readEvents } from '../../../../proxy-core/network/read-buffer.ts';
import {
  congestionLimit,
  SocketTransport,
  type TransportOwner,
} from '../../../../proxy-core/network/transport.ts';

let server: Server | null = null;

afterEach(() => new Promise((resolve) => (server === null ? resolve(undefined) : server.close(resolve))));

/** Accepts one connection under `owner`, sends `text` to it and waits until the client's side is closed. */
async function exchange(queue: FlushQueue, owner: TransportOwner, text: string): Promise<void> {
  const listening = createServer((socket: Socket) => {
    new SocketTransport((read) => readEvents(socket, read), owner, queue);
  });
  server = listening;
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  const { port } = listening.address() as { port: number };
  const client = connect(port, '127.0.0.1');
  client.on('error', () => {});
  client.write(text);
  await new Promise((resolve) => client.on('close', resolve));
}

test('an exception in what handles the bytes costs that connection, and is told', async () => {
  const queue = new FlushQueue();
  const told: unknown[] = [];
  queue.onDefect = (error) => told.push(error);
  let closed = 0;
  await exchange(
    queue,
    {
      onBytes: () => {
        throw new Error('a defect');
      },
      onEnd: () => {},
      onDrain: () => {},
      onClose: () => {
        closed++;
      },
    },
    'hello',
  );
  expect(told).toEqual([new Error('a defect')]);
  expect(closed).toBe(1);
});

test('the queue goes on after a defect: what was gathered before it leaves', async () => {
  const queue = new FlushQueue();
  queue.onDefect = () => {};
  let flushed = 0;
  queue.enter();
  queue.add({
    flush: () => {
      flushed++;
    },
  });
  queue.leave();
  await exchange(
    queue,
    {
      onBytes: () => {
        throw new Error('a defect');
      },
      onEnd: () => {},
      onDrain: () => {},
      onClose: () => {
        throw new Error('another');
      },
    },
    'x',
  );
  queue.enter();
  queue.add({
    flush: () => {
      flushed++;
    },
  });
  queue.leave();
  expect(flushed).toBe(2);
});

test.each([
  [0, 65_536],
  [1024, 65_536],
  [1_048_576, 1_048_576],
])(
  'a buffer limit of %i bytes stops writers above %i, where the socket surely tells of its drain',
  (limit, expected) => {
    expect(congestionLimit(limit)).toBe(expected);
    expect(new Socket().writableHighWaterMark).toBeLessThanOrEqual(congestionLimit(0));
  },
);
