import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { createProxyCore, type ProxyCore } from '../../proxy-core/index.ts';
import {
  answer,
  applied,
  bootstrap,
  boundPort,
  cluster,
  eventually,
  get,
  type Origin,
  source,
  startOrigin,
} from './support.ts';

const cleanups: (() => Promise<unknown> | undefined)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function newCore(options: Parameters<typeof createProxyCore>[0] = {}): ProxyCore {
  const core = createProxyCore(options);
  cleanups.push(() => core.close({ drain: 0 }));
  return core;
}

async function newOrigin(): Promise<Origin> {
  const origin = await startOrigin();
  cleanups.push(() => origin.close());
  return origin;
}

describe('bad configuration', () => {
  test('a port in use: a clear message with the address and its place, the rest goes on', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    cleanups.push(() => new Promise((resolve) => other.close(resolve)));
    const taken = (other.address() as { port: number }).port;
    const origin = await newOrigin();
    const core = newCore();
    const result = await core.apply(
      source(bootstrap({ port: taken, clusters: cluster('service', [origin.address]) })),
    );
    expect(result.ok).toBe(false);
    const error = result.diagnostics.find((d) => d.code === 'listener.address-in-use');
    expect(error?.message).toContain(`127.0.0.1:${taken}`);
    expect(error?.range.line).toBeGreaterThan(1);
    await applied(core, bootstrap({ clusters: cluster('service', [origin.address]) }));
    expect((await get(boundPort(core), '/x')).status).toBe(200);
  });

  test('a port that becomes taken does not stop what already serves', async () => {
    const origin = await newOrigin();
    const core = newCore();
    await applied(core, bootstrap({ clusters: cluster('service', [origin.address]) }));
    const port = boundPort(core);
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    cleanups.push(() => new Promise((resolve) => other.close(resolve)));
    const taken = (other.address() as { port: number }).port;
    const result = await core.apply(
      source(bootstrap({ port: taken, clusters: cluster('service', [origin.address]) })),
    );
    expect(result.ok).toBe(false);
    expect((await get(port, '/x')).status).toBe(200);
  });

  test('10 MB of garbage is refused within two seconds', () => {
    let seed = 1;
    const bytes = Buffer.alloc(10 * 1024 * 1024);
    for (let i = 0; i < bytes.length; i++) {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      bytes[i] = 32 + ((seed >>> 16) % 95);
    }
    const core = newCore();
    const started = performance.now();
    const { ok, diagnostics } = core.validate(source(bytes.toString('latin1')));
    expect(performance.now() - started).toBeLessThan(2000);
    expect(ok).toBe(false);
    expect(diagnostics.length).toBeGreaterThan(0);
    expect(diagnostics.length).toBeLessThan(1000);
  });

  test('100 errors are reported at once, each with its own line', () => {
    const clusters = Array.from({ length: 100 }, (_, i) => `  - { name: c${i}, connect_timeout: 5 }\n`).join(
      '',
    );
    const text = bootstrap({
      clusters,
      routes: '              - { match: { prefix: / }, route: { cluster: c0 } }',
    });
    const { diagnostics } = newCore().validate(source(text));
    const errors = diagnostics.filter((d) => d.severity === 'error');
    expect(errors).toHaveLength(100);
    expect(new Set(errors.map((d) => d.range.line)).size).toBe(100);
  });
});

describe('upstream trouble', () => {
  test('down at start: 503 UF with the reason, and it works once the host is there', async () => {
    const placeholder = await startOrigin();
    const port = placeholder.port;
    await placeholder.close();
    const core = newCore();
    await applied(core, bootstrap({ clusters: cluster('service', [`127.0.0.1:${port}`]) }));
    const refused = await get(boundPort(core), '/x');
    expect(refused.status).toBe(503);
    expect(refused.body).toBe(
      'upstream connect error or disconnect/reset before headers. reset reason: remote connection failure, transport failure reason: delayed connect error: Connection refused',
    );
    const origin = await startOrigin(answer(200), port);
    cleanups.push(() => origin.close());
    expect((await get(boundPort(core), '/x')).status).toBe(200);
  });

  test('an upstream that never answers: 504 at the route timeout, and nothing stays behind', async () => {
    const origin = await newOrigin();
    origin.handler = () => {};
    const core = newCore();
    await applied(
      core,
      bootstrap({
        clusters: cluster('service', [origin.address]),
        routes: '              - { match: { prefix: / }, route: { cluster: service, timeout: 0.2s } }',
      }),
    );
    const late = await get(boundPort(core), '/x');
    expect([late.status, late.body]).toEqual([504, 'upstream request timeout']);
    await eventually(
      'active requests back to 0',
      () => core.state().clusters[0]?.hosts[0]?.activeRequests === 0,
    );
    await eventually(
      'connections back to 0',
      () => core.state().clusters[0]?.hosts[0]?.activeConnections === 0,
    );
  });

  test('a client that vanishes mid-request: the upstream request is given up, the record says DC', async () => {
    const origin = await newOrigin();
    let seen: Socket | null = null;
    origin.handler = (request) => {
      seen = request.socket;
    };
    const core = newCore();
    await applied(core, bootstrap({ clusters: cluster('service', [origin.address]) }));
    const client = connect(boundPort(core), '127.0.0.1');
    client.write('POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\nabc');
    await eventually('the request at the origin', () => seen !== null);
    client.destroy();
    await eventually('the upstream connection closed', () => seen?.destroyed === true);
    await eventually('a record with DC', () => core.rows({ from: 0, limit: 10 }).rows[0]?.flags === 'DC');
    expect(core.state().clusters[0]?.hosts[0]?.activeRequests).toBe(0);
    origin.handler = answer(200);
    expect((await get(boundPort(core), '/x')).status).toBe(200);
  });
});

describe('the access log', () => {
  test('a full disk: one clear event, traffic goes on', async () => {
    const origin = await newOrigin();
    const core = newCore({ fileFlushInterval: 50 });
    await applied(
      core,
      bootstrap({ clusters: cluster('service', [origin.address]), accessLog: '/dev/full' }),
    );
    const port = boundPort(core);
    for (let i = 0; i < 5; i++) expect((await get(port, '/x')).status).toBe(200);
    await eventually('the log-failed event', () =>
      core.events().some((event) => event.kind === 'log-failed'),
    );
    const event = core.events().find((each) => each.kind === 'log-failed');
    expect(event?.text).toContain('/dev/full');
    expect(event?.text).toMatch(/no space|full/i);
    expect((await get(port, '/x')).status).toBe(200);
    expect(core.events().filter((each) => each.kind === 'log-failed')).toHaveLength(1);
  });

  test('a folder that does not exist is refused with its line', () => {
    const { ok, diagnostics } = newCore().validate(
      source(
        bootstrap({ clusters: cluster('service', ['127.0.0.1:1']), accessLog: '/nonexistent/dir/x.log' }),
      ),
    );
    expect(ok).toBe(false);
    expect(diagnostics[0]?.message).toContain('/nonexistent/dir/x.log');
    expect(diagnostics[0]?.range.line).toBeGreaterThan(5);
  });

  test('every request has its line, in Envoy’s default format, after close', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'attache-log-'));
    mkdirSync(folder, { recursive: true });
    cleanups.push(async () => rmSync(folder, { recursive: true }));
    const file = join(folder, 'access.log');
    writeFileSync(file, '');
    const origin = await newOrigin();
    const core = createProxyCore({});
    await applied(core, bootstrap({ clusters: cluster('service', [origin.address]), accessLog: file }));
    const port = boundPort(core);
    for (let i = 0; i < 3; i++) await get(port, `/x${i}`, { 'user-agent': 'test' });
    await core.close({ drain: 0 });
    const lines = (await import('node:fs')).readFileSync(file, 'utf8').trim().split('\n');
    expect(lines).toHaveLength(3);
    expect(lines[1]).toMatch(
      /^\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\] "GET \/x1 HTTP\/1\.1" 200 - 0 2 \d+ \d+ "-" "test" "[0-9a-f-]{36}" "127\.0\.0\.1:\d+" "127\.0\.0\.1:\d+"$/,
    );
  });
});
