import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { connect as http2Connect } from 'node:http2';
import { type Socket, connect as tcpConnect } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { captureLines } from '../../../../../electron/app/capture/capture.ts';
import { CaptureRig, exchange } from './capture-rig.ts';

let rig: CaptureRig;
beforeEach(() => {
  rig = new CaptureRig();
});
afterEach(() => rig.close());

describe('TLS that is opened', () => {
  test('a request inside goes to the real host over verified TLS, and is recorded with both certificates', async () => {
    const identity = await rig.identity('localhost');
    const { port } = await rig.origin(identity);
    await rig.start(['localhost'], [identity.caFile]);
    const socket = await rig.secure(`localhost:${port}`, { ca: rig.developmentCa });
    expect(socket.getPeerCertificate().subjectaltname).toBe('DNS:localhost');
    const { status, body } = await exchange(
      socket,
      `POST /pay?x=1 HTTP/1.1\r\nHost: localhost:${port}\r\nX-Key: 7\r\nContent-Length: 5\r\n\r\nhello`,
    );
    expect(status).toBe(200);
    const seen = /\{.*\}/s.exec(body)?.[0] ?? '';
    expect(JSON.parse(seen)).toMatchObject({ method: 'POST', url: '/pay?x=1', body: 'hello' });
    expect(Object.keys(JSON.parse(seen).headers).filter((name) => name.startsWith('x-'))).toEqual(['x-key']);
    const [row] = await rig.records(1, ({ path }) => path === '/pay?x=1');
    expect(row).toMatchObject({
      status: 200,
      authority: `localhost:${port}`,
      cluster: 'attache.capture.https',
    });
    const detail = rig.core.record(row?.seq ?? 0);
    expect(detail?.connection.tls?.local?.names).toEqual(['DNS:localhost']);
    expect(detail?.connection.tls?.local?.issuer).toContain('Attaché development CA');
    expect(detail?.connection.upstream.tls?.peer?.names).toEqual(['DNS:localhost']);
    expect(detail?.connection.upstream.tls?.peer?.fingerprint).not.toBe(
      detail?.connection.tls?.local?.fingerprint,
    );
    // The client's own address comes through the inner connection.
    expect(detail?.remote).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(detail?.connection.directRemote).not.toBe(detail?.remote);
  });

  test('HTTP/2 inside', async () => {
    const identity = await rig.identity('localhost');
    const { port } = await rig.origin(identity);
    await rig.start(['localhost'], [identity.caFile]);
    const socket = await rig.secure(`localhost:${port}`, { ca: rig.developmentCa, alpn: ['h2'] });
    expect(socket.alpnProtocol).toBe('h2');
    const session = http2Connect(`https://localhost:${port}`, { createConnection: () => socket });
    const stream = session.request({ ':path': '/two' });
    const status = await new Promise((resolve) =>
      stream.on('response', (headers) => resolve(headers[':status'])),
    );
    let text = '';
    for await (const chunk of stream) text += String(chunk);
    session.close();
    expect(status).toBe(200);
    expect(JSON.parse(text)).toMatchObject({ url: '/two', httpVersion: '2.0' });
  });

  test('a WebSocket inside', async () => {
    const identity = await rig.identity('localhost');
    const { port, server } = await rig.origin(identity);
    server.on('upgrade', (request, socket: Socket) => {
      const accept = createHash('sha1')
        .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
        .digest('base64');
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
      );
      socket.pipe(socket);
    });
    await rig.start(['localhost'], [identity.caFile]);
    const socket = await rig.secure(`localhost:${port}`, { ca: rig.developmentCa });
    const frame = '\x81\x85\x01\x02\x03\x04iohhn';
    const text = await talk(
      socket,
      `GET /chat HTTP/1.1\r\nHost: localhost:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n${frame}`,
      frame,
    );
    expect(text).toContain('HTTP/1.1 101 Switching Protocols');
    expect(text.toLowerCase()).toContain('sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=');
    socket.destroy();
    const [row] = await rig.records(1, ({ path }) => path === '/chat');
    expect(row).toMatchObject({ status: 101, responseBytes: frame.length, requestBytes: frame.length });
  });

  test('clear text inside goes on in the clear', async () => {
    const port = await rig.tcp((socket) =>
      socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nclear')),
    );
    await rig.start(['localhost'], []);
    const { socket } = await rig.connect(`localhost:${port}`);
    const { body } = await exchange(socket, `GET / HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`);
    expect(body).toBe('clear');
  });

  test.each([
    ['an authority that nobody trusts', 'localhost', false],
    ['another name', 'other.test', true],
  ])(
    'a host with a certificate of %s is answered for with 503 and the reason',
    async (_what, name, trusted) => {
      const identity = await rig.identity(name);
      const { port } = await rig.origin(identity);
      await rig.start(['localhost'], trusted ? [identity.caFile] : []);
      const socket = await rig.secure(`localhost:${port}`, { ca: rig.developmentCa });
      const { status, body } = await exchange(socket, `GET /bad HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`);
      expect(status).toBe(503);
      expect(body).toContain('CERTIFICATE_VERIFY_FAILED');
      const [row] = await rig.records(1, ({ path }) => path === '/bad');
      expect(row?.flags).toBe('UF');
      expect(rig.core.record(row?.seq ?? 0)?.connection.upstream.failure).toContain(
        'CERTIFICATE_VERIFY_FAILED',
      );
    },
  );
});

describe('what passes through', () => {
  test('hosts that no pattern names keep their own TLS, and leave a record of the connection', async () => {
    const identity = await rig.identity('localhost');
    const { port } = await rig.origin(identity);
    await rig.start(['api.example.com', `localhost:${port + 1}`], []);
    // The client sees the origin's own certificate: only its authority is trusted here.
    const socket: TLSSocket = await rig.secure(`localhost:${port}`, { ca: identity.ca });
    const { status } = await exchange(socket, `GET /private HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`);
    expect(status).toBe(200);
    socket.destroy();
    const [row] = await rig.records(1, ({ method }) => method === 'CONNECT');
    expect(row).toMatchObject({
      authority: `localhost:${port}`,
      status: 200,
      cluster: 'attache.capture.tcp',
    });
    expect(row?.requestBytes).toBeGreaterThan(200);
    expect(rig.core.rows({ from: 1, limit: 100 }).rows.some(({ path }) => path === '/private')).toBe(false);
  });

  test('bytes are not touched, either way', async () => {
    const sent = Buffer.from(Array.from({ length: 200_000 }, (_, index) => (index * 7919) & 255));
    const received: Buffer[] = [];
    const port = await rig.tcp((socket) =>
      socket.on('data', (chunk: Buffer) => {
        received.push(chunk);
        socket.write(chunk);
      }),
    );
    await rig.start([], []);
    const { socket, response } = await rig.connect(`127.0.0.1:${port}`);
    expect(response.statusCode).toBe(200);
    const back: Buffer[] = [];
    await new Promise<void>((resolve) => {
      let length = 0;
      socket.on('data', (chunk: Buffer) => {
        back.push(chunk);
        length += chunk.length;
        if (length === sent.length) resolve();
      });
      socket.write(sent);
    });
    expect(Buffer.concat(received).equals(sent)).toBe(true);
    expect(Buffer.concat(back).equals(sent)).toBe(true);
  });

  test('addresses are never opened: there is no name for a certificate', async () => {
    const identity = await rig.identity('localhost');
    const { port } = await rig.origin(identity);
    await rig.start(['*'], []);
    const socket = await rig.secure(`127.0.0.1:${port}`, { ca: identity.ca });
    expect((await exchange(socket, 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')).status).toBe(200);
  });

  test('a host that refuses is answered for with 503', async () => {
    await rig.start([], []);
    const { response } = await rig.connect('127.0.0.1:1');
    expect(response.statusCode).toBe(503);
  });
});

describe('absolute form', () => {
  test('goes where it says, changed as little as can be', async () => {
    let seen = '';
    const port = await rig.tcp((socket) =>
      socket.on('data', (chunk) => {
        seen += String(chunk);
        socket.write(
          'HTTP/1.1 200 OK\r\nServer: mine\r\nX-Two: 2\r\nDate: now\r\nContent-Length: 2\r\n\r\nok',
        );
      }),
    );
    await rig.start([], []);
    const socket = tcpConnect(rig.port, '127.0.0.1');
    const answer = await exchange(
      socket,
      `GET http://localhost:${port}/a?b HTTP/1.1\r\nHost: localhost:${port}\r\nX-One: 1\r\nProxy-Connection: keep-alive\r\n\r\n`,
    );
    socket.destroy();
    expect(answer.head).toBe('HTTP/1.1 200 OK\r\nServer: mine\r\nX-Two: 2\r\nDate: now\r\nContent-Length: 2');
    expect(seen).toBe(`GET /a?b HTTP/1.1\r\nHost: localhost:${port}\r\nX-One: 1\r\n\r\n`);
    const [row] = await rig.records(1, ({ path }) => path === '/a?b');
    expect(row).toMatchObject({ listener: 'attache.capture', cluster: 'attache.capture.http', status: 200 });
  });

  test('names that there are not', async () => {
    await rig.start([], []);
    const socket = tcpConnect(rig.port, '127.0.0.1');
    const { status, body } = await exchange(
      socket,
      'GET http://no..where/ HTTP/1.1\r\nHost: no..where\r\n\r\n',
    );
    socket.destroy();
    expect([status, body]).toEqual([503, 'DNS resolution failure']);
  });

  test('requests to the proxy itself do not go round for ever', async () => {
    await rig.start([], []);
    const answer = await new Promise<number | undefined>((resolve) => {
      httpRequest({ port: rig.port, host: '127.0.0.1', path: '/' }, (response) => {
        response.resume();
        resolve(response.statusCode);
      }).end();
    });
    expect(answer).toBe(400);
  });
});

describe('the overlay', () => {
  test('is in the state, and in no configuration', async () => {
    const identity = await rig.identity('localhost');
    const capture = await rig.start(['localhost'], [identity.caFile]);
    const state = rig.core.state();
    expect(state.listeners.map(({ name }) => name)).toEqual(['attache.capture', 'attache.intercept']);
    const directory = await rig.folder();
    const source = { file: 'empty.yaml', text: 'static_resources: {}', overlay: capture.overlay };
    const report = rig.core.exportConfig(source, { directory });
    const { readFile } = await import('node:fs/promises');
    for (const file of report.files) expect(await readFile(file, 'utf8')).not.toContain('attache.');
    expect(report.notices).toEqual([]);
  });

  test('goes with the next configuration that has none, and so does what lay on the disk', async () => {
    const capture = await rig.start(['localhost'], []);
    const socket = /"path":"([^"]+)"/.exec(capture.overlay.text)?.[1] ?? '';
    expect(existsSync(socket)).toBe(true);
    await rig.core.apply({ file: 'empty.yaml', text: 'static_resources: {}' });
    expect(rig.core.state().listeners).toEqual([]);
    await capture.close();
    expect(existsSync(socket)).toBe(false);
  });

  test('tells how to use it', async () => {
    const capture = await rig.start(['api.*.example.com'], []);
    const lines = captureLines(capture);
    expect(lines).toContain(`HTTPS_PROXY=http://127.0.0.1:${capture.settings.port}`);
    expect(lines).toContain(capture.caFile);
    expect(lines).toContain('api.*.example.com');
  });
});

/** Sends and waits until what comes back ends with `end`. */
function talk(socket: Socket, text: string, end: string): Promise<string> {
  return new Promise((resolve) => {
    let all = '';
    socket.on('data', (chunk: Buffer) => {
      all += chunk.toString('latin1');
      if (all.endsWith(end)) resolve(all);
    });
    socket.write(text, 'latin1');
  });
}
