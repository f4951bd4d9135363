import { once } from 'node:events';
import { connect as http2Connect } from 'node:http2';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createProxyCore, type ProxyCore } from '../../proxy-core/index.ts';
import { applied, bootstrap, boundPort, cluster, get } from './support.ts';

const SIZE = 4 * 1024 * 1024;
const DATA = Buffer.alloc(SIZE);
for (let i = 0; i < SIZE; i++) DATA[i] = (i * 31 + (i >> 8)) & 255;

const HCM = `
          http2_protocol_options: { allow_connect: true }
          upgrade_configs: [{ upgrade_type: CONNECT }, { upgrade_type: websocket }]`;
const ROUTES = `              - match: { connect_matcher: {} }
                route: { cluster: service, upgrade_configs: [{ upgrade_type: CONNECT, connect_config: {} }] }
              - match: { prefix: /retried }
                route: { cluster: service, retry_policy: { retry_on: 5xx } }
              - match: { prefix: / }
                route: { cluster: service }`;

let core: ProxyCore;
let server: Server;
let onSocket: (socket: Socket) => void;
const sockets = new Set<Socket>();
let port: number;
let admin: number;

beforeEach(async () => {
  core = createProxyCore({});
  server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    onSocket(socket);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  const service = `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  const text = bootstrap({ routes: ROUTES, hcm: HCM, clusters: cluster('service', [service]) });
  await applied(
    core,
    `${text}\nadmin: { address: { socket_address: { address: 127.0.0.1, port_value: 0 } } }\n`,
  );
  port = boundPort(core);
  admin = core.state().admin?.port ?? 0;
});

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  server.close();
  await core.close({ drain: 0 });
});

/** Everything that counts what is under way falls back to nothing. */
async function settled(): Promise<void> {
  const names = [
    'cluster.service.upstream_cx_active',
    'cluster.service.upstream_rq_active',
    'cluster.service.upstream_rq_pending_active',
    'http.main.downstream_rq_active',
    'http.main.downstream_cx_upgrades_active',
  ];
  let left: string[] = [];
  for (let deadline = Date.now() + 10_000; Date.now() < deadline; ) {
    const { body } = await get(admin, '/stats', {}, false);
    left = names.filter((name) => !body.includes(`${name}: 0\n`));
    if (left.length === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(left).toEqual([]);
}

/** What comes behind the head of an answer, until it is `size` bytes or the end comes. */
function read(stream: NodeJS.ReadableStream, size: number, head = true): Promise<Buffer> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let length = 0;
    let start = head ? -1 : 0;
    const done = (): void => resolve(Buffer.concat(chunks).subarray(Math.max(0, start)));
    stream.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (start < 0) {
        const end = Buffer.concat(chunks).indexOf('\r\n\r\n');
        if (end >= 0) start = end + 4;
      }
      if (start >= 0 && length - start >= size) done();
    });
    stream.on('end', done);
  });
}

describe.each(['/chat', '/retried'])('a WebSocket at %s', (path) => {
  test('whose client does not wait for the answer: nothing goes before it, and nothing is lost', async () => {
    let before = 0;
    onSocket = (socket) => {
      let head = '';
      const onHead = (chunk: Buffer): void => {
        head += chunk.toString('latin1');
        const end = head.indexOf('\r\n\r\n');
        if (end < 0) return;
        socket.off('data', onHead);
        before = head.length - end - 4;
        socket.on('data', () => {});
        socket.pause();
        setTimeout(() => {
          socket.removeAllListeners('data');
          socket.write(
            'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n',
          );
          socket.pipe(socket);
        }, 50);
      };
      socket.on('data', onHead);
    };
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(`GET ${path} HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n`);
    socket.write(DATA);
    expect((await read(socket, SIZE)).equals(DATA)).toBe(true);
    expect(before).toBe(0);
    socket.destroy();
    await settled();
  });
});

describe('CONNECT that ends here', () => {
  test('over HTTP/1: everything comes back, and the end of the host is the end of the connection', async () => {
    onSocket = (socket) => {
      let left = SIZE;
      socket.on('data', (chunk: Buffer) => {
        left -= chunk.length;
        socket.write(chunk);
        if (left === 0) socket.end();
      });
    };
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write('CONNECT a.test:443 HTTP/1.1\r\nhost: a.test:443\r\n\r\n');
    socket.write(DATA);
    const ended = once(socket, 'end');
    expect((await read(socket, SIZE)).equals(DATA)).toBe(true);
    await ended;
    await settled();
  });

  test('over HTTP/2: both ends close their side', async () => {
    let hostSawEnd = false;
    onSocket = (socket) => {
      socket.on('end', () => {
        hostSawEnd = true;
      });
      socket.pipe(socket);
    };
    const session = http2Connect(`http://127.0.0.1:${port}`);
    const stream = session.request(
      { ':method': 'CONNECT', ':authority': 'a.test:443' },
      { endStream: false },
    );
    const [headers] = await once(stream, 'response');
    expect(headers[':status']).toBe(200);
    stream.end(DATA);
    const closed = once(stream, 'close');
    expect((await read(stream, SIZE + 1, false)).equals(DATA)).toBe(true);
    await closed;
    expect([stream.rstCode, hostSawEnd]).toEqual([0, true]);
    session.close();
    await settled();
  });

  test.each(['client', 'host'])('a reset by the %s in the middle leaves nothing behind', async (who) => {
    onSocket = (socket) => {
      socket.on('data', () => {
        if (who === 'host') socket.resetAndDestroy();
      });
    };
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write('CONNECT a.test:443 HTTP/1.1\r\nhost: a.test:443\r\n\r\n');
    await once(socket, 'data');
    socket.on('data', () => {});
    const closed = once(socket, 'close');
    socket.write(DATA.subarray(0, 100_000));
    if (who === 'client') socket.resetAndDestroy();
    await closed;
    await settled();
  });
});
