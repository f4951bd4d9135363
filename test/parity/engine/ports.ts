import { createServer } from 'node:net';

/**
 * Ports below the range that the system hands to outgoing connections, so that a port stays free between
 * choosing it and binding it. Each process starts somewhere else.
 */
const FIRST = 11_000;
const COUNT = 20_000;
let next = (process.pid * 97) % COUNT;

export async function freePort(): Promise<number> {
  for (let tries = 0; tries < COUNT; tries++) {
    const port = FIRST + next;
    next = (next + 1) % COUNT;
    if (await canBind(port)) return port;
  }
  throw new Error('no free port on loopback');
}

function canBind(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
