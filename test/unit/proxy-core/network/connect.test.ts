import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { connectOptions, connectPlain } from '../../../../proxy-core/network/connect.ts';

const TARGET = { ip: '127.0.0.1', port: 80, address: '127.0.0.1:80' };

describe('options of a connection', () => {
  test.each([
    ['an address', TARGET, { host: '127.0.0.1', port: 80, noDelay: true }],
    ['a Unix socket', { ip: '', port: -1, address: '/tmp/a' }, { path: '/tmp/a' }],
    [
      'an own address of the same family',
      {
        ...TARGET,
        socketOptions: {
          localAddresses: [
            { ip: '::1', port: 0 },
            { ip: '127.0.0.9', port: 5 },
          ],
          keepAliveDelay: null,
        },
      },
      { host: '127.0.0.1', port: 80, noDelay: true, localAddress: '127.0.0.9', localPort: 5 },
    ],
    [
      'no own address of the family',
      { ...TARGET, socketOptions: { localAddresses: [{ ip: '::1', port: 0 }], keepAliveDelay: null } },
      { host: '127.0.0.1', port: 80, noDelay: true },
    ],
    [
      'probes',
      { ...TARGET, socketOptions: { localAddresses: [], keepAliveDelay: 30_000 } },
      { host: '127.0.0.1', port: 80, noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 },
    ],
  ])('%s', (_name, target, options) => {
    expect(connectOptions(target)).toEqual(options);
  });
});

describe('more than one address', () => {
  let server: Server | null = null;

  afterEach(() => {
    server?.close();
    server = null;
  });

  test('the next one is tried when the first refuses', async () => {
    server = createServer((socket) => socket.end('hello'));
    await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const target = { ip: '127.0.0.77', port, address: '', alternatives: ['127.0.0.1'] };
    const socket = connectPlain(target, null, null);
    const text = await new Promise<string>((resolve, reject) => {
      socket.on('data', (data) => resolve(data.toString()));
      socket.on('error', reject);
    });
    expect([text, socket.remoteAddress]).toEqual(['hello', '127.0.0.1']);
    socket.destroy();
  });

  test('none answers', async () => {
    const target = { ip: '127.0.0.77', port: 9, address: '', alternatives: ['127.0.0.78'] };
    const socket = connectPlain(target, null, null);
    const code = await new Promise((resolve) =>
      socket.on('error', (error) => resolve((error as NodeJS.ErrnoException).code)),
    );
    expect(code).toBe('ECONNREFUSED');
  });
});
