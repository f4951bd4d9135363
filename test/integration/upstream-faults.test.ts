import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createProxyCore, type ProxyCore } from '../../proxy-core/index.ts';
import {
  agent,
  answer,
  applied,
  bootstrap,
  boundPort,
  cluster,
  eventually,
  get,
  startOrigin,
} from './support.ts';

let core: ProxyCore;
const closing: (() => Promise<void> | void)[] = [];

beforeEach(() => {
  core = createProxyCore({});
});

afterEach(async () => {
  await core.close({ drain: 0 });
  for (const close of closing.splice(0)) await close();
});

/** Applies a configuration with an admin interface; the port of its listener. */
async function serve(text: string): Promise<number> {
  await applied(
    core,
    `${text}admin: { address: { socket_address: { address: 127.0.0.1, port_value: 0 } } }\n`,
  );
  return boundPort(core);
}

/** A counter of the cluster, as the admin interface prints it. */
async function counter(name: string): Promise<number> {
  const { body } = await get(
    core.state().admin?.port ?? 0,
    `/stats?filter=^cluster.service.${name}$`,
    {},
    false,
  );
  return Number(body.split(': ')[1] ?? 0);
}

type NameServerAnswer = 'address' | 'nxdomain' | 'empty' | 'servfail' | 'refused' | 'silence';
const RESPONSE_CODES: Readonly<Record<NameServerAnswer, number>> = {
  address: 0,
  nxdomain: 3,
  empty: 0,
  servfail: 2,
  refused: 5,
  silence: 0,
};

/** A name server that knows one address for every name, until it is told to answer otherwise. */
class NameServer {
  answer: NameServerAnswer = 'address';
  asked = 0;
  private readonly socket: UdpSocket = createSocket('udp4');

  async listen(): Promise<number> {
    this.socket.on('message', (query, from) => {
      this.asked++;
      if (this.answer === 'silence') return;
      this.socket.send(this.reply(query), from.port, from.address);
    });
    await new Promise<void>((resolve) => this.socket.bind(0, '127.0.0.1', resolve));
    return this.socket.address().port;
  }

  close(): void {
    this.socket.close();
  }

  private reply(query: Buffer): Buffer {
    let end = 12;
    for (let length = query[end] ?? 0; length > 0; length = query[end] ?? 0) end += length + 1;
    const found = this.answer === 'address' && query.readUInt16BE(end + 1) === 1;
    const head = Buffer.alloc(12);
    query.copy(head, 0, 0, 2);
    head.writeUInt16BE(0x8580 | RESPONSE_CODES[this.answer], 2);
    head.writeUInt16BE(1, 4);
    head.writeUInt16BE(found ? 1 : 0, 6);
    const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 127, 0, 0, 1]);
    return Buffer.concat([head, query.subarray(12, end + 5), ...(found ? [record] : [])]);
  }
}

/**
 * What Envoy 1.36.4 was seen to do when the name server of a running cluster changes its mind. An answer without
 * addresses is an answer: STRICT_DNS has no hosts then, LOGICAL_DNS keeps its one. A failure keeps what was there.
 */
describe('a name server', () => {
  test.each<[string, NameServerAnswer, number, 'update_success' | 'update_failure']>([
    ['STRICT_DNS', 'nxdomain', 503, 'update_success'],
    ['STRICT_DNS', 'empty', 503, 'update_success'],
    ['STRICT_DNS', 'servfail', 200, 'update_failure'],
    ['STRICT_DNS', 'refused', 200, 'update_failure'],
    ['LOGICAL_DNS', 'nxdomain', 200, 'update_failure'],
    ['LOGICAL_DNS', 'empty', 200, 'update_failure'],
    ['LOGICAL_DNS', 'servfail', 200, 'update_failure'],
  ])(
    '%s, then %s: %d',
    async (type, later, status, counted) => {
      const names = new NameServer();
      const port = await names.listen();
      const origin = await startOrigin(answer(200, 'here'));
      closing.push(
        () => names.close(),
        () => origin.close(),
      );
      const text = bootstrap({
        clusters: cluster(
          'service',
          [`shop.test:${origin.port}`],
          `
    type: ${type}
    dns_lookup_family: V4_ONLY
    dns_refresh_rate: 0.1s
    dns_resolvers: [{ socket_address: { address: 127.0.0.1, port_value: ${port} } }]`,
        ),
      });
      const listener = await serve(text);
      expect((await get(listener, '/', {}, false)).status).toBe(200);
      names.answer = later;
      const before = await counter(counted);
      await eventually('two more answers', async () => (await counter(counted)) >= before + 2);
      await eventually(
        'what it comes to',
        async () => (await get(listener, '/', {}, false)).status === status,
      );
      const failures = core.events().filter((event) => event.kind === 'dns-failed');
      expect(failures.map((event) => event.host)).toEqual(['shop.test']);
      names.answer = 'address';
      await eventually('the return', () => core.events().some((event) => event.kind === 'cluster-resolved'));
      await eventually('traffic', async () => (await get(listener, '/', {}, false)).status === 200);
    },
    30_000,
  );
});

/** A server of raw bytes; `sockets` are the connections that it has. */
async function raw(onData: (socket: Socket) => void): Promise<{ port: number; sockets: Set<Socket> }> {
  const sockets = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('data', () => onData(socket));
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, sockets };
}

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

describe('half of a connection', () => {
  test('a host that ends its side while idle: no later request meets that connection', async () => {
    const host = await raw((socket) => socket.write(OK));
    const listener = await serve(bootstrap({ clusters: cluster('service', [`127.0.0.1:${host.port}`]) }));
    for (let i = 1; i <= 5; i++) {
      expect((await get(listener, '/')).status).toBe(200);
      // Only its sending side: the host would still read, and never answer.
      for (const socket of host.sockets) socket.end();
      await eventually('its end', async () => (await counter('upstream_cx_destroy_remote')) === i);
    }
    expect(await counter('upstream_cx_total')).toBe(5);
    expect(await counter('upstream_cx_destroy_with_active_rq')).toBe(0);
  });

  test('a host that ends its side in place of an answer: 503 UC, and a retry takes another connection', async () => {
    let requests = 0;
    const host = await raw((socket) => {
      if (++requests % 2 === 1) socket.end();
      else socket.write(OK);
    });
    const listener = await serve(
      bootstrap({
        clusters: cluster('service', [`127.0.0.1:${host.port}`]),
        routes: `              - { match: { path: /again }, route: { cluster: service, retry_policy: { retry_on: reset } } }
              - { match: { prefix: / }, route: { cluster: service } }`,
      }),
    );
    expect((await get(listener, '/')).status).toBe(503);
    expect(core.rows({ from: 0, limit: 1 }).rows[0]?.flags).toBe('UC');
    requests = 0;
    expect((await get(listener, '/again')).status).toBe(200);
    agent.destroy();
  });

  test('a host that accepts and never answers: each try ends at its timeout, and the last one is told', async () => {
    const host = await raw(() => {});
    const listener = await serve(
      bootstrap({
        clusters: cluster('service', [`127.0.0.1:${host.port}`]),
        routes: `              - { match: { prefix: / }, route: { cluster: service, timeout: 5s, retry_policy: { retry_on: 5xx, num_retries: 1, per_try_timeout: 0.1s } } }`,
      }),
    );
    const { status, body } = await get(listener, '/');
    expect([status, body]).toEqual([504, 'upstream request timeout']);
    expect(await counter('upstream_rq_per_try_timeout')).toBe(2);
    await eventually('no connection left', () => core.state().clusters[0]?.hosts[0]?.activeConnections === 0);
  });
});
