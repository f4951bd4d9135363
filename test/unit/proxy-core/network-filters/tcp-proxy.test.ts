import { createServer as createHttpServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import type { ProxyCore } from '../../../../proxy-core/index.ts';
import { applied, boundPort, eventually, get } from '../../../integration/support.ts';
import { CoreRig } from '../core/rig.ts';
import { directResponse, ECHO, Peer, TcpClient, tcpBootstrap, tcpCluster, tcpProxy } from './tcp-rig.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function cleaned<T extends { close(): unknown }>(what: T): T {
  cleanups.push(() => what.close());
  return what;
}

async function start(text: string): Promise<CoreRig> {
  const rig = cleaned(new CoreRig());
  await applied(rig.core, text);
  return rig;
}

function client(where: number | string): TcpClient {
  const made = new TcpClient(where);
  cleanups.push(() => made.destroy());
  return made;
}

async function stats(core: ProxyCore, pattern: string): Promise<Record<string, number>> {
  const { body } = await get(core.state().admin?.port ?? 0, `/stats?filter=${pattern}`, {}, false);
  const lines = body
    .trim()
    .split('\n')
    .filter((line) => line !== '');
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')), Number(line.slice(line.indexOf(':') + 1))]),
  );
}

/** Every gauge of things under way is at zero. */
async function idle(core: ProxyCore): Promise<boolean> {
  const found = await stats(core, '(cx|rq|flush|connections)_active$');
  return Object.entries(found).every(([name, value]) => name.includes('admin') || value === 0);
}

describe('tcp_proxy', () => {
  test('the upstream ends first, the client may still send', async () => {
    const peer = await cleaned(
      new Peer((socket, index) => {
        socket.end('bye');
        socket.on('data', (chunk) => {
          peer.received[index] += chunk.toString();
        });
      }),
    ).listen();
    const { core } = await start(
      tcpBootstrap({ filters: tcpProxy('cluster: a'), clusters: tcpCluster('a', [peer.port]) }),
    );
    const one = client(boundPort(core));
    await eventually('the end', () => one.ended);
    expect(one.text).toBe('bye');
    one.send('late');
    await eventually('the late bytes', () => peer.received[0] === 'late');
    one.socket.end();
    await eventually('nothing under way', () => idle(core));
  });

  test('weighted clusters get their shares', async () => {
    const [one, two] = [
      await cleaned(new Peer((s) => s.end('1'))).listen(),
      await cleaned(new Peer((s) => s.end('2'))).listen(),
    ];
    const weighted = 'weighted_clusters: { clusters: [{ name: one, weight: 3 }, { name: two, weight: 1 }] }';
    const { core } = await start(
      tcpBootstrap({
        filters: tcpProxy(weighted),
        clusters: `${tcpCluster('one', [one.port])}, ${tcpCluster('two', [two.port])}`,
      }),
    );
    const port = boundPort(core);
    for (let i = 0; i < 200; i++) {
      const each = client(port);
      await eventually('an answer', () => each.ended);
      each.destroy();
    }
    expect(one.sockets.length + two.sockets.length).toBe(200);
    expect(Math.abs(one.sockets.length - 150)).toBeLessThan(35);
    expect(core.state().listeners[0]?.filterChains[0]).toMatchObject({
      kind: 'tcp',
      clusters: ['one', 'two'],
    });
  });

  test('the source address keeps its host', async () => {
    const peers = await Promise.all(
      [1, 2, 3, 4].map((n) => cleaned(new Peer((s) => s.end(String(n)))).listen()),
    );
    const { core } = await start(
      tcpBootstrap({
        filters: tcpProxy('cluster: a, hash_policy: [{ source_ip: {} }]'),
        clusters: tcpCluster(
          'a',
          peers.map((peer) => peer.port),
          'lb_policy: RING_HASH,',
        ),
      }),
    );
    const answers = new Set<string>();
    for (let i = 0; i < 12; i++) {
      const each = client(boundPort(core));
      await eventually('an answer', () => each.ended);
      answers.add(each.text);
    }
    expect(answers.size).toBe(1);
  });

  test('a second attempt goes to another host', async () => {
    const dead = await new Peer().listen();
    const { port } = dead;
    dead.close();
    const peer = await cleaned(new Peer((s) => s.end('ok'))).listen();
    const { core } = await start(
      tcpBootstrap({
        filters: tcpProxy('cluster: a, max_connect_attempts: 2'),
        clusters: tcpCluster('a', [port, peer.port]),
      }),
    );
    for (let i = 0; i < 2; i++) {
      const each = client(boundPort(core));
      await eventually('an answer', () => each.ended);
      expect(each.text).toBe('ok');
    }
  });

  test('idle for `idle_timeout`: both sides close; bytes put it off', async () => {
    const peer = await cleaned(Peer.keeping(true)).listen();
    const { core, clock } = await start(
      tcpBootstrap({
        filters: tcpProxy('cluster: a, idle_timeout: 10s'),
        clusters: tcpCluster('a', [peer.port]),
      }),
    );
    const one = client(boundPort(core)).send('a');
    await eventually('an echo', () => one.text === 'a');
    clock.advance(8000);
    one.send('b');
    await eventually('an echo', () => one.text === 'ab');
    clock.advance(8000);
    one.send('c');
    await eventually('an echo', () => one.text === 'abc');
    clock.advance(10_100);
    await eventually('the end', () => one.ended);
    expect(await stats(core, 'idle_timeout$')).toMatchObject({ 'tcp.t.idle_timeout': 1 });
    await eventually('nothing under way', () => idle(core));
  });

  test('an upstream that does not read holds the client back, and gets everything in the end', async () => {
    const peer = await cleaned(new Peer((socket) => socket.pause())).listen();
    const { core } = await start(
      tcpBootstrap({
        filters: tcpProxy('cluster: a'),
        listener: 'per_connection_buffer_limit_bytes: 65536,',
        clusters: tcpCluster('a', [peer.port], 'per_connection_buffer_limit_bytes: 65536,'),
      }),
    );
    const size = 64 * 1024 * 1024;
    const one = client(boundPort(core));
    const block = Buffer.alloc(1024 * 1024);
    for (let i = 0; i < size; i += block.length) {
      block.fill(i / block.length);
      one.socket.write(Buffer.from(block));
    }
    one.socket.end();
    const paused = 'tcp.t.downstream_flow_control_paused_reading_total';
    await eventually('a pause', async () => ((await stats(core, paused))[paused] ?? 0) > 0);
    const taken = size - one.socket.writableLength;
    // Kernel buffers on both ways and 64 KiB of our own; never all of it.
    expect(taken).toBeLessThan(size / 2);
    let got = 0;
    let wrong = 0;
    peer.sockets[0]?.on('data', (chunk) => {
      for (let at = 0; at < chunk.length; at += 4096) {
        if (chunk[at] !== (((got + at) / block.length) & 255)) wrong++;
      }
      got += chunk.length;
    });
    peer.sockets[0]?.resume();
    await eventually('all bytes', () => got === size, 20_000);
    expect(wrong).toBe(0);
    expect(
      (await stats(core, 'resumed_reading_total'))['tcp.t.downstream_flow_control_resumed_reading_total'],
    ).toBeGreaterThan(0);
  }, 30_000);

  test('a client that does not read holds the upstream back', async () => {
    const size = 32 * 1024 * 1024;
    const peer = await cleaned(new Peer((socket) => socket.end(Buffer.alloc(size, 7)))).listen();
    const { core } = await start(
      tcpBootstrap({
        filters: tcpProxy('cluster: a'),
        listener: 'per_connection_buffer_limit_bytes: 32768,',
        clusters: tcpCluster('a', [peer.port]),
      }),
    );
    const one = client(boundPort(core));
    one.socket.removeAllListeners('data').pause();
    const paused = 'cluster.a.upstream_flow_control_paused_reading_total';
    await eventually('a pause', async () => ((await stats(core, paused))[paused] ?? 0) > 0);
    let got = 0;
    one.socket.on('data', (chunk) => {
      got += chunk.length;
    });
    one.socket.resume();
    await eventually('all bytes', () => got === size, 20_000);
  }, 30_000);

  test('what a client sent before it left still arrives', async () => {
    const peer = await cleaned(new Peer((socket) => socket.pause())).listen();
    const { core } = await start(
      tcpBootstrap({ filters: tcpProxy('cluster: a'), clusters: tcpCluster('a', [peer.port]) }),
    );
    const size = 600_000;
    const one = client(boundPort(core));
    one.socket.write(Buffer.alloc(size, 1));
    one.socket.end();
    await eventually('a connection', () => peer.sockets.length === 1);
    let got = 0;
    let ended = false;
    peer.sockets[0]?.on('data', (chunk) => {
      got += chunk.length;
    });
    peer.sockets[0]?.on('end', () => {
      ended = true;
      peer.sockets[0]?.end();
    });
    peer.sockets[0]?.resume();
    await eventually('everything', () => got === size && ended);
    await eventually('nothing under way', () => idle(core));
  });

  test('aborts, resets and refusals of every kind leave nothing behind', async () => {
    const peer = await cleaned(
      new Peer((socket, index) => {
        if (index % 3 === 0) socket.resetAndDestroy();
        else if (index % 3 === 1) socket.write('x'.repeat(20_000));
        else socket.end('y');
      }),
    ).listen();
    const { core } = await start(
      tcpBootstrap({ filters: tcpProxy('cluster: a'), clusters: tcpCluster('a', [peer.port]) }),
    );
    const port = boundPort(core);
    for (let i = 0; i < 60; i++) {
      const each = client(port).send('z'.repeat((i % 5) * 10_000));
      if (i % 4 === 0) each.socket.resetAndDestroy();
      else if (i % 4 === 1) each.socket.once('data', () => each.destroy());
      else if (i % 4 === 2) each.socket.end();
      else each.socket.once('connect', () => each.socket.resetAndDestroy());
    }
    const left = async (): Promise<boolean> => {
      for (const socket of peer.sockets) socket.destroy();
      return idle(core);
    };
    await eventually('nothing under way', left, 15_000);
    expect(core.state().listeners[0]?.activeConnections).toBe(0);
  });

  test('a record tells cluster, host, bytes, duration and flags, and why', async () => {
    const peer = await cleaned(Peer.keeping(true)).listen();
    const { core } = await start(
      tcpBootstrap({ filters: tcpProxy('cluster: a'), clusters: tcpCluster('a', [peer.port]) }),
    );
    const one = client(boundPort(core)).send('ping');
    await eventually('an echo', () => one.text === 'ping');
    expect(core.rows({ from: 1, limit: 9 }).rows[0]).toMatchObject({
      method: 'TCP',
      done: false,
      requestBytes: 4,
    });
    one.socket.end();
    await eventually('a finished record', () => core.rows({ from: 1, limit: 9 }).rows[0]?.done === true);
    const [row] = core.rows({ from: 1, limit: 9 }).rows;
    expect(row).toMatchObject({
      method: 'TCP',
      authority: `127.0.0.1:${boundPort(core)}`,
      protocol: 'TCP',
      cluster: 'a',
      host: `127.0.0.1:${peer.port}`,
      status: 0,
      flags: '',
      requestBytes: 4,
      responseBytes: 4,
    });
    const seq = row?.seq ?? 0;
    expect(core.record(seq)?.request).toMatchObject({ headers: [], bodyKept: 4, bodyLength: 4 });
    expect(Buffer.from(core.body(seq, 'response', 0, 10)?.bytes ?? []).toString()).toBe('ping');
    const decision = core.explainRecord(seq);
    expect(decision?.headline).toContain('4 bytes in, 4 bytes out');
    expect(decision?.outcome).toMatchObject({ cluster: 'a', host: `127.0.0.1:${peer.port}` });
    expect(decision?.steps.map((each) => each.kind)).toEqual([
      'listener',
      'filter-chain',
      'cluster',
      'load-balancing',
    ]);
    // Rates are of requests.
    expect(core.metrics().every((tick) => tick.requests === 0)).toBe(true);
  });
});

const certificates = new URL('../../../parity/certs/', import.meta.url);
const wrapped = (version: string, inner: string): string =>
  `transport_socket: { name: p, typed_config: { "@type": type.googleapis.com/envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport, config: { version: ${version}, pass_through_tlvs: {} }, transport_socket: { name: i, typed_config: { "@type": type.googleapis.com/envoy.extensions.transport_sockets.${inner} } } } },`;

describe('PROXY protocol to upstreams', () => {
  test.each(['V1', 'V2'])('%s before TLS, to a listener that takes both off again', async (version) => {
    const file = (name: string): string => JSON.stringify(fileURLToPath(new URL(name, certificates)));
    const tls = `transport_socket: { name: t, typed_config: { "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext, common_tls_context: { tls_certificates: [{ certificate_chain: { filename: ${file('server.crt')} }, private_key: { filename: ${file('server.key')} } }] } } }`;
    const far = await start(
      tcpBootstrap({
        listener:
          'listener_filters: [{ name: p, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol } }],',
        chains: `[{ ${tls}, filters: [${ECHO}] }]`,
      }),
    );
    const { core } = await start(
      tcpBootstrap({
        filters: tcpProxy('cluster: a'),
        clusters: tcpCluster('a', [boundPort(far.core)], wrapped(version, 'tls.v3.UpstreamTlsContext')),
      }),
    );
    const one = client(boundPort(core)).send('ping');
    await eventually('an answer', () => one.text === 'ping');
    const [row] = far.core.rows({ from: 1, limit: 1 }).rows;
    expect(row?.authority).toBe(`127.0.0.1:${boundPort(core)}`);
    expect(far.core.record(row?.seq ?? 0)?.remote).toBe(`127.0.0.1:${one.socket.localPort}`);
  });

  test('HTTP clients do not share a connection that tells of one of them', async () => {
    const headers: string[] = [];
    const http = createHttpServer((_request, response) => response.end('ok'));
    const server = createTcpServer((socket) => {
      socket.once('readable', () => {
        const bytes = socket.read() as Buffer;
        const end = bytes.indexOf('\n') + 1;
        headers.push(bytes.subarray(0, end).toString());
        socket.unshift(bytes.subarray(end));
        http.emit('connection', socket);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanups.push(() => server.close());
    const { port } = server.address() as { port: number };
    const manager = `{ name: h, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager, stat_prefix: h, route_config: { virtual_hosts: [{ name: v, domains: ["*"], routes: [{ match: { prefix: / }, route: { cluster: a } }] }] }, http_filters: [{ name: r, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router } }] } }`;
    const { core } = await start(
      tcpBootstrap({
        filters: manager,
        clusters: tcpCluster('a', [port], wrapped('V1', 'raw_buffer.v3.RawBuffer')),
      }),
    );
    const ask = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n';
    const [one, two] = [client(boundPort(core)), client(boundPort(core))];
    for (const each of [one, two, one]) {
      const before = each.text.split('HTTP/1.1 200').length;
      each.send(ask);
      await eventually('an answer', () => each.text.split('HTTP/1.1 200').length > before);
    }
    const local = (each: TcpClient): string => String(each.socket.localPort);
    expect(headers.map((line) => line.split(' ')[4])).toEqual([local(one), local(two)]);
  });
});

test.each([
  [tcpProxy('cluster: a'), 'The bytes go to a as they are: nothing here reads HTTP.', 'a'],
  [directResponse('hi'), 'The filter d takes the bytes.', null],
  ['', 'The connection is closed.', null],
])('a request that no HTTP connection manager takes: %#', async (filters, headline, cluster) => {
  const { core } = await start(tcpBootstrap({ filters, clusters: tcpCluster('a', [1]) }));
  const decision = core.explain({ method: 'GET', url: `http://127.0.0.1:${boundPort(core)}/`, headers: [] });
  expect(decision.headline).toBe(headline);
  expect(decision.outcome.cluster).toBe(cluster);
});

test('a chain of a connection limit and a direct response', async () => {
  const limit =
    '{ name: l, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.network.connection_limit.v3.ConnectionLimit, stat_prefix: l, max_connections: 1 } }';
  const { core } = await start(tcpBootstrap({ filters: `${limit}, ${directResponse('hi')}` }));
  for (let i = 0; i < 3; i++) {
    const each = client(boundPort(core));
    await eventually('the end', () => each.ended);
    expect(each.text).toBe('hi');
    each.destroy();
    await eventually('nothing under way', () => idle(core));
  }
});
