import * as fs from 'node:fs';
import * as http from 'node:http';
import * as os from 'node:os';
import * as path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { AdminServer } from '../../../../../proxy-core/observe/admin/server.ts';
import { FakeBackend } from './backend.ts';

const open: AdminServer[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()));
});

async function listen(backend = new FakeBackend(), addressPath?: string): Promise<AdminServer> {
  const server = await AdminServer.listen(backend, {
    address: { ip: '127.0.0.1', port: 0 },
    ...(addressPath === undefined ? {} : { addressPath }),
  });
  open.push(server);
  return server;
}

function get(
  server: AdminServer,
  target: string,
  options: http.RequestOptions = {},
  body = '',
): Promise<{ status: number; headers: http.IncomingHttpHeaders; names: readonly string[]; body: string }> {
  return new Promise((resolve, reject) => {
    const { ip, port } = server.address;
    const request = http.request({ host: ip, port, path: target, agent: false, ...options }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          names: response.rawHeaders.filter((_, i) => i % 2 === 0),
          body: text,
        }),
      );
    });
    request.on('error', reject);
    request.end(body);
  });
}

test('answers over a socket with Envoy’s headers', async () => {
  const server = await listen();
  const answer = await get(server, '/ready');
  expect(answer).toMatchObject({ status: 200, body: 'LIVE\n' });
  expect(answer.names).toContain('transfer-encoding');
  expect(answer.headers).toMatchObject({
    'content-type': 'text/plain; charset=UTF-8',
    'cache-control': 'no-cache, max-age=0',
    'x-content-type-options': 'nosniff',
  });
});

test('HEAD has the headers and no body', async () => {
  const answer = await get(await listen(), '/stats', { method: 'HEAD' });
  expect(answer).toMatchObject({ status: 200, body: '' });
});

test('form parameters count as query parameters', async () => {
  const backend = new FakeBackend();
  const answer = await get(
    await listen(backend),
    '/logging',
    { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
    'level=debug',
  );
  expect(answer.body).toContain('admin: debug');
});

test('a body that is too large is refused', async () => {
  const answer = await get(await listen(), '/logging', { method: 'POST' }, 'x'.repeat(2_000_000));
  expect(answer.status).toBe(413);
});

test('it counts itself', async () => {
  const backend = new FakeBackend();
  const server = await listen(backend);
  await get(server, '/ready');
  await get(server, '/nope');
  const { stats } = backend;
  const { body } = await get(server, '/stats?filter=http.admin.downstream_rq_total');
  expect(body).toBe('http.admin.downstream_rq_total: 3\n');
  expect(stats.counter('http.admin.downstream_rq_2xx').value).toBeGreaterThanOrEqual(1);
  expect(stats.counter('listener.admin.http.admin.downstream_rq_4xx').value).toBe(1);
  expect(stats.counter('listener.admin.downstream_cx_total').value).toBe(3);
});

test('a page that throws is a 500, and the next one works', async () => {
  const backend = new FakeBackend();
  backend.clusters = () => {
    throw new Error('no clusters');
  };
  const server = await listen(backend);
  expect(await get(server, '/clusters')).toMatchObject({
    status: 500,
    body: '/clusters could not be shown: no clusters\n',
  });
  expect((await get(server, '/ready')).status).toBe(200);
});

test('/quitquitquit answers before it quits', async () => {
  const backend = new FakeBackend();
  const answer = await get(await listen(backend), '/quitquitquit', { method: 'POST' });
  expect(answer.body).toBe('OK\n');
  expect(backend.done).toEqual(['quit']);
});

test('the bound address is written where it was asked for', async () => {
  const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'admin-')), 'address');
  const server = await listen(new FakeBackend(), file);
  expect(fs.readFileSync(file, 'utf8')).toBe(`127.0.0.1:${server.address.port}`);
});

test('a port in use says so', async () => {
  const first = await listen();
  const { port } = first.address;
  await expect(
    AdminServer.listen(new FakeBackend(), { address: { ip: '127.0.0.1', port } }),
  ).rejects.toMatchObject({
    code: 'admin.unbindable',
    message: `The admin interface cannot listen on 127.0.0.1:${port}: the address is in use by another program. Choose another port, or 0 for any free one.`,
  });
});
