import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import type { RequestHead } from '../../../../../proxy-core/base/stream-info.ts';
import type {
  AsyncRequestOptions,
  AsyncResponse,
} from '../../../../../proxy-core/http/async-client/client.ts';
import { eventually, Origin } from '../data-path-rig.ts';
import { ClientRig } from './client-rig.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0).reverse()) close();
});

async function rigWith(answer: (socket: import('node:net').Socket, head: string) => void) {
  const origin = new Origin((head, socket) => answer(socket, head));
  await origin.listen();
  const rig = new ClientRig([origin.port]);
  closers.push(
    () => rig.close(),
    () => origin.close(),
  );
  return { origin, rig };
}

const head = (more: readonly string[] = []): RequestHead => ({
  method: 'GET',
  authority: 'service.test',
  path: '/check',
  scheme: 'http',
  protocol: '',
  headers: [...more],
});

const PLAIN: AsyncRequestOptions = { timeout: 0 };

function ask(
  rig: ClientRig,
  cluster: string,
  options = PLAIN,
  body: Uint8Array | null = null,
): Promise<AsyncResponse> {
  const more = body === null ? [] : ['content-length', String(body.length)];
  return new Promise((resolve) => rig.client.request(cluster, head(more), body, options, resolve));
}

const text = (response: AsyncResponse): string => response.body.toString('latin1');

describe('a request of the proxy itself', () => {
  test('brings the answer whole, and tells the service that it is internal', async () => {
    const { origin, rig } = await rigWith((socket) =>
      socket.write(
        'HTTP/1.1 201 Created\r\nx-a: 1\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n',
      ),
    );
    const response = await ask(rig, 'a', { timeout: 5000 }, Buffer.from('question'));
    expect([response.status, text(response), response.failure]).toEqual([201, 'hello', '']);
    expect(response.headers).toContain('x-a');
    expect(origin.heads[0]).toBe(
      'GET /check HTTP/1.1\r\nhost: service.test\r\ncontent-length: 8\r\nx-envoy-internal: true\r\nx-envoy-expected-rq-timeout-ms: 5000',
    );
    expect(rig.counter('cluster.a.internal.upstream_rq_201')).toBe(1);
    expect(rig.counter('cluster.a.upstream_rq_completed')).toBe(1);
    expect(rig.gauge('cluster.a.upstream_rq_active')).toBe(0);
    expect(rig.counter('http.async-client.rq_total')).toBe(1);
  });

  test('uses its connection again', async () => {
    const { origin, rig } = await rigWith((socket) =>
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'),
    );
    for (let i = 0; i < 3; i++) await ask(rig, 'a');
    expect([origin.connections, origin.heads.length]).toEqual([1, 3]);
  });

  test.each([
    ['of a cluster that nobody knows', 'nobody', 503, '', 'cluster_not_found'],
    ['of a cluster without hosts', 'empty', 503, 'no healthy upstream', 'no_healthy_upstream'],
  ])('%s is answered at once', async (_what, cluster, status, body, failure) => {
    const rig = new ClientRig([]);
    closers.push(() => rig.close());
    const response = await ask(rig, cluster);
    expect([response.status, text(response), response.failure]).toEqual([status, body, failure]);
  });

  test('a refused connection is a 503 with its reason', async () => {
    const server: Server = createServer();
    const port = await new Promise<number>((resolve) =>
      server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)),
    );
    await new Promise((resolve) => server.close(resolve));
    const rig = new ClientRig([port]);
    closers.push(() => rig.close());
    const response = await ask(rig, 'a');
    expect(response.status).toBe(503);
    expect(response.failure).toContain('remote_connection_failure');
    expect(rig.counter('cluster.a.upstream_cx_connect_fail')).toBe(1);
  });

  test('no answer in time is a 504, and the exchange is given up', async () => {
    const { origin, rig } = await rigWith(() => {});
    const response = await ask(rig, 'a', { timeout: 50 });
    expect([response.status, response.failure]).toEqual([504, 'response_timeout']);
    expect(rig.counter('cluster.a.upstream_rq_timeout')).toBe(1);
    await eventually(() => origin.open === 0);
  });

  test('an answer that breaks off says so', async () => {
    const { rig } = await rigWith((socket) =>
      socket.end('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf'),
    );
    const response = await ask(rig, 'a');
    expect([response.status, text(response)]).toEqual([200, 'half']);
    expect(response.failure).toBe('upstream_reset_after_response_started{protocol_error}');
  });

  test('a cancelled request is never answered and leaves nothing behind', async () => {
    const { origin, rig } = await rigWith(() => {});
    let answered = false;
    const call = rig.client.request('a', head(), null, PLAIN, () => {
      answered = true;
    });
    await eventually(() => origin.heads.length === 1);
    call.cancel();
    await eventually(() => origin.open === 0);
    expect([answered, rig.gauge('cluster.a.upstream_rq_active')]).toEqual([false, 0]);
  });

  test('without Envoy headers when they are not wanted', async () => {
    const { origin, rig } = await rigWith((socket) => socket.write('HTTP/1.1 204 No Content\r\n\r\n'));
    await ask(rig, 'a', { timeout: 1000, sendInternal: false, sendExpectedTimeout: false });
    expect(origin.heads[0]).toBe('GET /check HTTP/1.1\r\nhost: service.test');
    expect(rig.counter('cluster.a.external.upstream_rq_204')).toBe(1);
  });
});
