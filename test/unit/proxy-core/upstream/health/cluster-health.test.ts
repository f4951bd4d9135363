import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import type { UpstreamCluster } from '../../../../../proxy-core/upstream/cluster.ts';
import { clusterState } from '../../../../../proxy-core/upstream/cluster-state.ts';
import { clusterYaml, compiled, context, Notes, picks, type World, world } from '../support.ts';

const CHECK =
  'timeout: 1s, interval: 5s, no_traffic_interval: 5s, unhealthy_threshold: 1, healthy_threshold: 1';
const HTTP = `common_lb_config: {update_merge_window: 0s, healthy_panic_threshold: {value: 0}}\nhealth_checks: [{${CHECK}, http_health_check: {path: /hc}}]`;

interface Asked {
  readonly line: string;
  readonly headers: readonly string[];
  readonly body: string;
}

class Upstream {
  status = 200;
  headers: Record<string, string> = {};
  connections = 0;
  readonly asked: Asked[] = [];
  readonly server: Server;

  constructor() {
    this.server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += String(chunk);
      });
      request.on('end', () => {
        this.asked.push({ line: `${request.method} ${request.url}`, headers: request.rawHeaders, body });
        response.writeHead(this.status, this.headers).end('ok');
      });
    });
    this.server.on('connection', () => {
      this.connections++;
    });
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }
}

const open: { close(): void; closeAllConnections?(): void }[] = [];
const worlds: World[] = [];

afterEach(() => {
  for (const w of worlds.splice(0)) w.manager.close();
  for (const server of open.splice(0)) {
    server.closeAllConnections?.();
    server.close();
  }
});

async function upstreams(n: number): Promise<Upstream[]> {
  const all = Array.from({ length: n }, () => new Upstream());
  for (const each of all) {
    open.push(each.server);
    await new Promise<void>((resolve) => each.server.listen(0, '127.0.0.1', resolve));
  }
  return all;
}

async function until(condition: () => boolean): Promise<void> {
  for (const end = Date.now() + 5000; !condition(); ) {
    if (Date.now() > end) throw new Error('it did not come to be');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

async function start(yaml: string): Promise<{ w: World; cluster: UpstreamCluster }> {
  const w = world();
  worlds.push(w);
  const update = w.manager.update([compiled(yaml)], null);
  await update.ready();
  update.commit();
  return { w, cluster: update.view.clusters[0] as UpstreamCluster };
}

function flags(cluster: UpstreamCluster): string[] {
  return clusterState(cluster).hosts.map((host) => host.healthFlags);
}

describe('HTTP checks of real hosts', () => {
  test('the first round ends before the cluster is ready; what follows moves hosts in and out', async () => {
    const [good, bad] = (await upstreams(2)) as [Upstream, Upstream];
    bad.status = 503;
    const { w, cluster } = await start(clusterYaml([good.port, bad.port], HTTP));
    expect(flags(cluster)).toEqual(['healthy', '/failed_active_hc']);
    expect(new Set(picks(cluster, 20))).toEqual(new Set([good.port]));
    expect(clusterState(cluster).hosts[1]).toMatchObject({
      health: 'unhealthy',
      healthReason: 'fails its health check: 503 Service Unavailable',
      check: { answer: '503 Service Unavailable' },
    });
    expect(clusterState(cluster).healthCheck).toMatchObject({ check: 'GET /hc', interval: 5000 });
    const notes = new Notes();
    cluster.explainChoice(context(), notes);
    expect(notes.candidates[1]?.reason).toBe(
      'unhealthy: fails its health check: 503 Service Unavailable (`/failed_active_hc`)',
    );

    bad.status = 200;
    good.status = 500;
    w.clock.advance(5000);
    await until(() => flags(cluster).join() === '/failed_active_hc,healthy');
    expect(new Set(picks(cluster, 20))).toEqual(new Set([bad.port]));
    expect(cluster.news.history.list(`127.0.0.1:${bad.port}`).map((entry) => entry.text)).toEqual([
      `127.0.0.1:${bad.port} of c is unhealthy: its health check failed (GET /hc: 503 Service Unavailable).`,
      `127.0.0.1:${bad.port} of c is healthy again: its health check passed (GET /hc: 200 OK).`,
    ]);
    // One connection for both checks.
    expect([good.connections, bad.connections]).toEqual([1, 1]);
  });

  test.each([
    ['', 'GET /hc', ['host', 'c', 'user-agent', 'Envoy/HC'], ''],
    ['host: shop.local', 'GET /hc', ['host', 'shop.local', 'user-agent', 'Envoy/HC'], ''],
    ['method: HEAD', 'HEAD /hc', ['host', 'c', 'user-agent', 'Envoy/HC'], ''],
    [
      'method: POST, send: {text: "616263"}',
      'POST /hc',
      ['host', 'c', 'user-agent', 'Envoy/HC', 'content-length', '3'],
      'abc',
    ],
    [
      'request_headers_to_add: [{header: {key: x-by, value: "%PROTOCOL%"}}], request_headers_to_remove: [user-agent]',
      'GET /hc',
      ['host', 'c', 'x-by', 'HTTP/1.1'],
      '',
    ],
  ])('{%s} asks %s with %o', async (settings, line, headers, body) => {
    const [host] = (await upstreams(1)) as [Upstream];
    const comma = settings === '' ? '' : ', ';
    await start(
      clusterYaml(
        [host.port],
        `health_checks: [{${CHECK}, http_health_check: {path: /hc${comma}${settings}}}]`,
      ),
    );
    expect(host.asked).toEqual([{ line, headers, body }]);
  });

  test('reuse_connection: false opens a connection for each check', async () => {
    const [host] = (await upstreams(1)) as [Upstream];
    const { w } = await start(
      clusterYaml([host.port], HTTP.replace('timeout: 1s', 'timeout: 1s, reuse_connection: false')),
    );
    w.clock.advance(5000);
    await until(() => host.asked.length === 2);
    expect(host.connections).toBe(2);
  });

  test('an unchanged cluster keeps its checks over an update, and a check that goes leaves no timer', async () => {
    const [host] = (await upstreams(1)) as [Upstream];
    const yaml = clusterYaml([host.port], HTTP);
    const { w, cluster } = await start(yaml);
    const same = w.manager.update([compiled(yaml)], null);
    await same.ready();
    same.commit();
    expect(host.asked).toHaveLength(1);
    expect(same.view.get('c')).toBe(cluster);
    w.manager.update([], null).commit();
    expect(w.clock.pending).toBe(0);
  });

  test('a new host gets no traffic until its first check', async () => {
    const [first, second] = (await upstreams(2)) as [Upstream, Upstream];
    const { w, cluster } = await start(clusterYaml([first.port], HTTP));
    const next = w.manager.update([compiled(clusterYaml([first.port, second.port], HTTP))], null);
    next.commit();
    expect(flags(cluster)).toEqual(['healthy', '/failed_active_hc']);
    expect(clusterState(cluster).hosts[1]?.healthReason).toBe('not checked yet');
    expect(new Set(picks(cluster, 10))).toEqual(new Set([first.port]));
    await until(() => flags(cluster).join() === 'healthy,healthy');
    expect(new Set(picks(cluster, 10))).toEqual(new Set([first.port, second.port]));
  });
});

test('a passing check brings back what outlier detection ejected, unless it may not', async () => {
  for (const [setting, expected] of [
    ['', 'healthy'],
    [', successful_active_health_check_uneject_host: false', '/failed_outlier_check'],
  ] as const) {
    const [host] = (await upstreams(1)) as [Upstream];
    const { w, cluster } = await start(
      clusterYaml(
        [host.port],
        `${HTTP}\noutlier_detection: {consecutive_5xx: 1, max_ejection_percent: 100, interval: 100s${setting}}`,
      ),
    );
    cluster.hosts[0]?.outlier?.putHttpStatus(500);
    expect(flags(cluster)).toEqual(['/failed_outlier_check']);
    w.clock.advance(5000);
    await until(() => w.stat('cluster.c.health_check.success') === 2);
    expect(flags(cluster)).toEqual([expected]);
  }
});

test('hosts that nobody listens at, or that never answer, fail with the reason', async () => {
  const silent = createTcpServer(() => {});
  open.push(silent);
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const { port } = silent.address() as AddressInfo;
  const gone = createTcpServer();
  await new Promise<void>((resolve) => gone.listen(0, '127.0.0.1', resolve));
  const refused = (gone.address() as AddressInfo).port;
  await new Promise<void>((resolve) => gone.close(() => resolve()));
  const w = world();
  worlds.push(w);
  const update = w.manager.update([compiled(clusterYaml([port, refused], HTTP))], null);
  const cluster = update.view.clusters[0] as UpstreamCluster;
  await until(() => w.stat('cluster.c.health_check.network_failure') === 1);
  w.clock.advance(1000);
  await update.ready();
  expect(clusterState(cluster).hosts.map((host) => host.healthReason)).toEqual([
    'fails its health check: no answer within 1 s',
    'fails its health check: connection refused',
  ]);
});

describe('TCP checks', () => {
  test.each([
    ['', 'healthy'],
    ['send: {text: "70696e67"}, receive: [{text: "6e67"}]', 'healthy'],
    ['send: {text: "70696e67"}, receive: [{text: "676e"}]', '/failed_active_hc/active_hc_timeout'],
    ['receive: [{text: "5052"}], proxy_protocol_config: {version: V1}', 'healthy'],
    ['receive: [{text: "51554954"}], proxy_protocol_config: {version: V2}', 'healthy'],
  ])('{%s} of a host that echoes: %s', async (settings, expected) => {
    const echo = createTcpServer((socket) => {
      socket.on('data', (bytes) => socket.write(bytes.toString('latin1').replace('ping', 'png'), 'latin1'));
      socket.on('error', () => {});
    });
    open.push(echo);
    await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
    const { port } = echo.address() as AddressInfo;
    const w = world();
    worlds.push(w);
    const update = w.manager.update(
      [compiled(clusterYaml([port], `health_checks: [{${CHECK}, tcp_health_check: {${settings}}}]`))],
      null,
    );
    const cluster = update.view.clusters[0] as UpstreamCluster;
    if (expected === 'healthy') await update.ready();
    else {
      // The bytes come and do not match; then the time is up.
      await new Promise((resolve) => setTimeout(resolve, 50));
      w.clock.advance(1000);
      await update.ready();
    }
    expect(flags(cluster)).toEqual([expected]);
  });
});
