import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { CoreOptions, ProxyCore } from '../../../../proxy-core/index.ts';
import { applied, boundPort, eventually, get } from '../../../integration/support.ts';
import { CoreRig } from '../core/rig.ts';
import { directResponse, ECHO, TcpClient, tcpBootstrap } from '../network-filters/tcp-rig.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function start(text: string, options: CoreOptions = {}): Promise<CoreRig> {
  const rig = new CoreRig(options);
  cleanups.push(() => rig.close());
  await applied(rig.core, text);
  return rig;
}

function client(where: number | string, host = '127.0.0.1'): TcpClient {
  const made = new TcpClient(where, host);
  cleanups.push(() => made.destroy());
  return made;
}

/** What the proxy says to a connection before it closes. */
async function said(where: number | string, host = '127.0.0.1'): Promise<string> {
  const one = client(where, host);
  await eventually('the end', () => one.ended);
  return one.text;
}

async function admin(core: ProxyCore, path: string): Promise<string> {
  return (await get(core.state().admin?.port ?? 0, path, {}, false)).body;
}

async function stat(core: ProxyCore, name: string): Promise<number> {
  return Number((await admin(core, `/stats?filter=${name}$`)).trim().split(': ')[1]);
}

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'attache-listener-'));
  cleanups.push(() => rmSync(made, { recursive: true }));
  return made;
}

const pipe = (path: string, mode = ''): string => `{ pipe: { path: ${JSON.stringify(path)}${mode} } }`;
const HI = directResponse('hi');
const manager = (body: string, more = ''): string =>
  `{ name: h, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager, stat_prefix: h, ${more} route_config: { virtual_hosts: [{ name: v, domains: ["*"], routes: [{ match: { prefix: / }, direct_response: { status: 200, body: { inline_string: ${body} } } }] }] }, http_filters: [{ name: r, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router } }] } }`;
const ASK = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n';

async function post(core: ProxyCore, path: string): Promise<void> {
  const one = client(core.state().admin?.port ?? 0);
  one.send(`POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n`);
  await eventually('OK', () => one.text.includes('OK'));
}

describe('addresses', () => {
  test('a Unix socket with its mode, shown everywhere', async () => {
    const path = join(folder(), 'l.sock');
    const { core } = await start(tcpBootstrap({ address: pipe(path, ', mode: 432'), filters: HI }));
    expect(await said(path)).toBe('hi');
    expect(statSync(path).mode & 0o777).toBe(0o660);
    expect(core.state().listeners[0]?.address).toBe(path);
    expect(await admin(core, '/listeners')).toContain(`main::${path}`);
  });

  test('a Unix socket that a dead program left gives way, a live one does not', async () => {
    const path = join(folder(), 'l.sock');
    const left = createServer();
    await new Promise<void>((resolve) => left.listen(path, resolve));
    const rig = new CoreRig();
    cleanups.push(() => rig.close());
    const source = { file: 't.yaml', text: tcpBootstrap({ address: pipe(path), filters: HI }) };
    const refused = await rig.core.apply(source);
    expect(refused.diagnostics.map((each) => each.code)).toContain('listener.address-in-use');
    // A server that is closed takes its file with it: one that is not reachable is made by hand.
    const holder = left as unknown as { _handle: { close(): void } };
    holder._handle.close();
    expect((await rig.core.apply(source)).ok).toBe(true);
    expect(await said(path)).toBe('hi');
  });

  const hasIpv6 = Object.values(networkInterfaces()).some((all) =>
    all?.some(({ address }) => address === '::1'),
  );
  if (!hasIpv6) console.log('This machine has no ::1: three rows of addresses are left out.');

  test.each(
    [
      ['::1', '', '::1', true],
      ['::', ', ipv4_compat: true', '::1', true],
      ['::', ', ipv4_compat: true', '127.0.0.1', true],
      ['::', '', '127.0.0.1', false],
      ['0.0.0.0', '', '127.0.0.1', true],
    ].filter(([address]) => hasIpv6 || address === '0.0.0.0') as [string, string, string, boolean][],
  )('%s%s, a client of %s: %s', async (address, more, from, reaches) => {
    const { core } = await start(
      tcpBootstrap({
        address: `{ socket_address: { address: "${address}", port_value: 0${more} } }`,
        filters: HI,
      }),
    );
    expect(await said(boundPort(core), from)).toBe(reaches ? 'hi' : '');
    if (!reaches) return;
    // An IPv4 client of a dual-stack socket is an IPv4 client.
    const [row] = core.rows({ from: 1, limit: 1 }).rows;
    const shown = from.includes(':') ? `[${from}]:` : `${from}:`;
    expect(core.record(row?.seq ?? 0)?.remote.startsWith(shown)).toBe(true);
  });

  test('additional addresses, with the ports that were bound', async () => {
    const path = join(folder(), 'l.sock');
    const { core } = await start(
      tcpBootstrap({
        listener: `additional_addresses: [{ address: { socket_address: { address: 127.0.0.2, port_value: 0 } } }, { address: ${pipe(path)} }],`,
        filters: HI,
      }),
    );
    const shown = (await admin(core, '/listeners')).trim().split('\n');
    const second = /^main::127\.0\.0\.2:(\d+)$/.exec(shown[1] ?? '')?.[1];
    expect(shown).toHaveLength(3);
    expect(await said(boundPort(core))).toBe('hi');
    expect(await said(Number(second), '127.0.0.2')).toBe('hi');
    expect(await said(path)).toBe('hi');
  });
});

describe('connection limits', () => {
  const limited = (key: string, more = ''): string =>
    tcpBootstrap({
      top: `layered_runtime: { layers: [{ name: s, static_layer: { ${key}: 2 } }] },`,
      listener: more,
      filters: ECHO,
    });

  test.each([
    ['envoy.resource_limits.listener.main.connection_limit', '', 2, 'downstream_cx_overflow'],
    ['overload.global_downstream_max_connections', '', 2, 'downstream_global_cx_overflow'],
    ['overload.global_downstream_max_connections', 'ignore_global_conn_limit: true,', 4, ''],
  ])('%s %s', async (key, more, taken, counter) => {
    const { core } = await start(limited(key, more));
    const clients = [1, 2, 3, 4].map(() => client(boundPort(core)).send('x'));
    const served = (): number => clients.filter((each) => each.text === 'x').length;
    const closed = (): number => clients.filter((each) => each.ended).length;
    await eventually('all decided', () => served() + closed() === 4);
    expect(served()).toBe(taken);
    if (counter !== '') expect(await stat(core, `listener.127.*${counter}`)).toBe(4 - taken);
    for (const each of clients) each.destroy();
    await eventually('no connection', () => core.state().listeners[0]?.activeConnections === 0);
    const late = client(boundPort(core)).send('y');
    await eventually('room again', () => late.text === 'y');
  });

  test('the overload manager says the same', async () => {
    const { core } = await start(
      tcpBootstrap({
        top: 'overload_manager: { resource_monitors: [{ name: m, typed_config: { "@type": type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig, max_active_downstream_connections: 1 } }] },',
        filters: ECHO,
      }),
    );
    const one = client(boundPort(core)).send('x');
    await eventually('an echo', () => one.text === 'x');
    expect(await said(boundPort(core))).toBe('');
  });
});

describe('a change in place', () => {
  const DRAIN = 30_000;
  const chain = (name: string, source: string, filters: string, more = ''): string =>
    `{ name: ${name}, filter_chain_match: { source_prefix_ranges: [{ address_prefix: ${source}, prefix_len: 32 }] }, filters: [${filters}]${more} }`;
  const two = (first: string, second: string, third = ''): string =>
    tcpBootstrap({
      chains: `[${chain('tcp', '127.0.0.1', first)}, ${chain('http', '127.0.0.2', second)}${third}]`,
      address: '{ socket_address: { address: 0.0.0.0, port_value: 0 } }',
    });

  async function connected(core: ProxyCore): Promise<{ tcp: TcpClient; http: TcpClient }> {
    const port = boundPort(core);
    const tcp = client(port).send('a');
    const http = client(port, '127.0.0.2');
    await eventually('an echo', () => tcp.text === 'a');
    return { tcp, http };
  }

  async function ask(http: TcpClient): Promise<string> {
    const before = http.text.length;
    http.send(ASK);
    await eventually('an answer', () => /\r\n\r\n\w+$/.test(http.text.slice(before)));
    return http.text.slice(before);
  }

  // Over the loopback interface a connection to 127.0.0.2 comes from 127.0.0.1: the chain goes by the destination.
  const byDestination = (text: string): string => text.replaceAll('source_prefix_ranges', 'prefix_ranges');

  test('routes: connections stay and see the new ones', async () => {
    const { core } = await start(byDestination(two(ECHO, manager('one'))), { drainTime: DRAIN });
    const { tcp, http } = await connected(core);
    expect(await ask(http)).toContain('one');
    await applied(core, byDestination(two(ECHO, manager('two'))));
    const answer = await ask(http);
    expect(answer).toContain('two');
    expect(answer).not.toContain('connection: close');
    tcp.send('b');
    await eventually('an echo', () => tcp.text === 'ab');
    expect(await stat(core, 'listener_manager.total_filter_chains_draining')).toBe(0);
  });

  test('another setting of one chain: its connections go, those of the other stay', async () => {
    const { core, clock } = await start(byDestination(two(ECHO, manager('one'))), { drainTime: DRAIN });
    const { tcp, http } = await connected(core);
    expect(await ask(http)).toContain('one');
    const result = await applied(core, byDestination(two(ECHO, manager('two', 'server_name: other,'))));
    expect(result.listeners.updated).toEqual(['main']);
    expect(await stat(core, 'listener_manager.total_filter_chains_draining')).toBe(1);
    // The response that is still due goes by the old settings and ends the connection.
    const answer = await ask(http);
    expect(answer).toContain('server: envoy');
    expect(answer).toContain('connection: close');
    await eventually('the end', () => http.ended);
    http.destroy();
    await eventually('nothing drains', async () => (await stat(core, 'total_filter_chains_draining')) === 0);
    tcp.send('b');
    await eventually('an echo', () => tcp.text === 'ab');
    clock.advance(DRAIN + 1000);
    tcp.send('c');
    await eventually('an echo', () => tcp.text === 'abc');
  });

  test('a chain that goes: its TCP connections end with the drain time', async () => {
    const { core, clock } = await start(byDestination(two(ECHO, manager('one'))), { drainTime: DRAIN });
    const { tcp, http } = await connected(core);
    expect(await ask(http)).toContain('one');
    await applied(core, byDestination(two(directResponse('gone'), manager('one'))));
    clock.advance(DRAIN - 5000);
    tcp.send('b');
    await eventually('an echo', () => tcp.text === 'ab');
    clock.advance(6000);
    await eventually('the end', () => tcp.ended);
    expect(await ask(http)).not.toContain('connection: close');
    expect(await said(boundPort(core))).toBe('gone');
  });

  test('a chain that comes leaves all others alone', async () => {
    const { core } = await start(byDestination(two(ECHO, manager('one'))), { drainTime: DRAIN });
    const { tcp, http } = await connected(core);
    expect(await ask(http)).toContain('one');
    const third = `, ${chain('third', '127.0.0.3', directResponse('third'))}`;
    await applied(core, byDestination(two(ECHO, manager('one'), third)));
    expect(await ask(http)).not.toContain('connection: close');
    tcp.send('b');
    await eventually('an echo', () => tcp.text === 'ab');
    expect(await said(boundPort(core), '127.0.0.3')).toBe('third');
  });
});

test.each(['gradual', 'immediate'] as const)('drain strategy %s', async (drainStrategy) => {
  const { core } = await start(tcpBootstrap({ filters: manager('ok') }), { drainStrategy });
  const one = client(boundPort(core));
  await post(core, '/drain_listeners?graceful&skip_exit');
  one.send(ASK);
  await eventually('an answer', () => one.text.endsWith('ok'));
  // The drain has only begun: by and by means not yet.
  expect(one.text.includes('connection: close')).toBe(drainStrategy === 'immediate');
});

test('drain_type MODIFY_ONLY: failing health checks end no connection', async () => {
  for (const [listener, closes] of [
    ['', true],
    ['drain_type: MODIFY_ONLY,', false],
  ] as const) {
    const { core } = await start(tcpBootstrap({ listener, filters: manager('ok') }));
    const one = client(boundPort(core));
    await post(core, '/healthcheck/fail');
    one.send(ASK);
    await eventually('an answer', () => one.text.endsWith('ok'));
    expect(one.text.includes('connection: close')).toBe(closes);
  }
});
