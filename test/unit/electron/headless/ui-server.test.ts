import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { AppService } from '../../../../electron/app/app-service.ts';
import { RecentFiles } from '../../../../electron/app/recent-files.ts';
import { UiServer } from '../../../../electron/headless/ui-server.ts';
import { row, ScriptedCore } from '../scripted-core.ts';

let folder: string;
let core: ScriptedCore;
let app: AppService;
let server: UiServer;
let origin: string;
let socketUrl: (token: string) => string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'attache-ui-'));
  mkdirSync(join(folder, 'assets'));
  writeFileSync(join(folder, 'index.html'), '<html><head></head></html>');
  writeFileSync(join(folder, 'assets/a.js'), 'let a;');
  core = new ScriptedCore();
  const recent = new RecentFiles(join(folder, 'home'));
  app = new AppService({ core, shell: 'browser', settings: {}, recent, watch: false });
  server = new UiServer({ app, folder, port: 0 });
  await server.start();
  origin = new URL(server.url).origin;
  socketUrl = (token) => `${origin.replace('http', 'ws')}/ws?token=${token}`;
});

afterAll(async () => {
  await server.close();
  await app.close(0);
  rmSync(folder, { recursive: true, force: true });
});

/** Status of a refused upgrade, close code of a closed socket, or `open`. */
function knock(url: string, headers: Record<string, string> = {}): Promise<number | 'open'> {
  return new Promise((resolve) => {
    const socket = new WebSocket(url, { headers });
    socket.on('unexpected-response', (_request, response) => {
      resolve(response.statusCode ?? 0);
      socket.terminate();
    });
    socket.on('error', () => {});
    socket.on('close', (code) => resolve(code));
    socket.on('open', () =>
      setTimeout(() => {
        if (socket.readyState === WebSocket.OPEN) resolve('open');
        socket.close();
      }, 100),
    );
  });
}

function get(path: string, headers: Record<string, string> = {}) {
  return new Promise<{ status: number; headers: Record<string, unknown>; body: string }>(
    (resolve, reject) => {
      const sent = request(origin + path, { headers }, (response) => {
        let body = '';
        response.on('data', (chunk) => {
          body += chunk;
        });
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
        );
      });
      sent.on('error', reject).end();
    },
  );
}

describe('the page', () => {
  it('comes with a strict policy and the nonce that the policy names', async () => {
    const { status, headers, body } = await get('/');
    expect(status).toBe(200);
    const policy = String(headers['content-security-policy']);
    const nonce = /<meta property="csp-nonce" nonce="([^"]+)"/.exec(body)?.[1];
    expect(policy).toContain("default-src 'none'; script-src 'self';");
    expect(policy).toContain(`'nonce-${nonce}'`);
    expect(policy).toContain(`connect-src 'self' ws://${new URL(origin).host};`);
    expect((await get('/')).body).not.toBe(body);
  });

  it.each([
    ['/assets/a.js', 200],
    ['/nothing.js', 404],
    ['/../../etc/passwd', 404],
    ['/%2e%2e/%2e%2e/etc/passwd', 404],
    ['/assets', 404],
    ['/%', 404],
    ['/a%00b', 404],
  ])('answers %s with %i', async (path, status) => {
    expect((await get(path)).status).toBe(status);
  });

  it.each([['evil.example'], ['127.0.0.1:1'], ['localhost']])('refuses the host %s', async (host) => {
    expect((await get('/', { host })).status).toBe(403);
  });
});

describe('the socket', () => {
  it('opens with the token, without an Origin or with its own', async () => {
    expect(await knock(socketUrl(server.token))).toBe('open');
    expect(await knock(socketUrl(server.token), { origin })).toBe('open');
  });

  it.each(['', 'wrong', 'x'.repeat(10_000)])('closes with 4401 for the token %.10s', async (token) => {
    expect(await knock(socketUrl(token), { origin })).toBe(4401);
  });

  it.each([['http://evil.example'], ['null'], ['https://127.0.0.1'], ['http://127.0.0.1:1']])(
    'refuses the Origin %s even with the token',
    async (foreign) => {
      expect(await knock(socketUrl(server.token), { origin: foreign })).toBe(403);
    },
  );

  it('refuses another Host (a name that was made to resolve to loopback)', async () => {
    expect(
      await knock(socketUrl(server.token), { host: 'evil.example', origin: 'http://evil.example' }),
    ).toBe(403);
  });

  it('closes when what arrives is no call', async () => {
    const socket = new WebSocket(socketUrl(server.token));
    const closed = new Promise((resolve) => socket.on('close', resolve));
    socket.on('open', () => socket.send('{"id":"x"}'));
    expect(await closed).toBe(1008);
  });

  it('answers calls, tells errors with their code, and pushes rows until acknowledged', async () => {
    core.put(row(1), row(2));
    const socket = new WebSocket(socketUrl(server.token));
    const received: Record<string, unknown>[] = [];
    socket.on('message', (data) => received.push(JSON.parse(String(data))));
    await new Promise((resolve) => socket.on('open', resolve));
    const call = (id: number, name: string, args?: unknown) =>
      socket.send(JSON.stringify({ id, call: name, args }));
    const answer = (id: number) => expect.poll(() => received.find((one) => one['id'] === id));
    call(1, 'app.resync');
    await answer(1).toMatchObject({ result: { recorder: { lastSeq: 2 }, info: { shell: 'browser' } } });
    call(2, 'explain', { method: 'GET', url: 'http://h/', headers: [] });
    await answer(2).toEqual({ id: 2, error: { code: 'core.no-snapshot', message: 'Nothing runs.' } });
    call(3, 'config.openDialog');
    await answer(3).toMatchObject({ error: { code: 'not-supported' } });
    call(4, 'records.body', { seq: 1, side: 'request', offset: 0, length: 10 });
    await answer(4).toEqual({ id: 4, result: { base64: 'AP8K', offset: 0, kept: 3, total: 3 } });
    const rows = () => received.filter((one) => one['event'] === 'rows').map((one) => one['payload']);
    await expect.poll(() => rows().length).toBe(1);
    core.put(row(3));
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(rows()).toMatchObject([{ batch: 1, rows: [{ seq: 1 }, { seq: 2 }] }]);
    call(5, 'rows.ack', { batch: 1 });
    await expect.poll(rows).toMatchObject([{ batch: 1 }, { batch: 2, rows: [{ seq: 3 }] }]);
    socket.close();
  });
});
