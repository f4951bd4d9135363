import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { createProxyCore, type ProxyCore, VirtualClock } from '../../proxy-core/index.ts';
import { answer, boundPort, eventually, get, type Origin, startOrigin } from './support.ts';

/** The user's own listener file, as it was handed over. */
const file = join(__dirname, '../fixtures/seed-listener.yaml');
const cleanups: (() => Promise<unknown> | undefined)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function inventory(): Promise<Origin[]> {
  const hosts = await Promise.all(['one', 'two', 'three'].map((name) => startOrigin(answer(200, name))));
  cleanups.push(() => Promise.all(hosts.map((host) => host.close())));
  return hosts;
}

/** Which of the hosts answered, over so many requests. */
async function spread(port: number, requests: number): Promise<Record<string, number>> {
  const seen: Record<string, number> = {};
  for (let i = 0; i < requests; i++) {
    const { status, body } = await get(port, `/inventory/${i}`);
    seen[`${status} ${body}`] = (seen[`${status} ${body}`] ?? 0) + 1;
  }
  return seen;
}

function free(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(false);
    });
    socket.on('error', () => resolve(true));
  });
}

describe('the seed listener with --cluster', () => {
  test('from the command line on 8080: the fifth consecutive 503 ejects host 3', async () => {
    expect(await free(8080), 'port 8080 is needed: the file says so').toBe(true);
    const hosts = await inventory();
    const cluster = `inventory_service=${hosts.map((host) => host.address).join(',')}`;
    const child: ChildProcess = spawn(
      process.execPath,
      ['build/out/cli.cjs', '-c', file, '--cluster', cluster],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
    cleanups.push(() => {
      child.kill('SIGKILL');
      return exit;
    });
    let output = '';
    child.stdout?.on('data', (chunk) => {
      output += String(chunk);
    });
    await eventually('the line of the listener', () => output.includes('0.0.0.0:8080'), 15_000);

    expect(await spread(8080, 30)).toEqual({ '200 one': 10, '200 two': 10, '200 three': 10 });
    const [, , third] = hosts as [Origin, Origin, Origin];
    third.handler = answer(503, 'three');
    expect(await spread(8080, 60)).toEqual({
      '200 one': expect.any(Number),
      '200 two': expect.any(Number),
      '503 three': 5,
    });
    expect((await get(8080, '/elsewhere')).status).toBe(404);

    child.kill('SIGTERM');
    expect(await exit).toBe(0);
  });

  test('the ejected host returns after its time, at the sweep after it', async () => {
    const clock = new VirtualClock();
    const core: ProxyCore = createProxyCore({ clock });
    cleanups.push(() => core.close({ drain: 0 }));
    const hosts = await inventory();
    const text = readFileSync(file, 'utf8').replace('0.0.0.0, port_value: 8080', '127.0.0.1, port_value: 0');
    const result = await core.apply({
      file: 'seed-listener.yaml',
      text,
      givenClusters: new Map([['inventory_service', hosts.map((host) => host.address)]]),
    });
    expect(result.ok).toBe(true);
    const port = boundPort(core, 'main_http_listener');
    const [, , third] = hosts as [Origin, Origin, Origin];
    third.handler = answer(503, 'three');
    expect((await spread(port, 30))['503 three']).toBe(5);
    third.handler = answer(200, 'three');

    const ejected = core.events().find((event) => event.kind === 'host-ejected');
    expect(ejected).toMatchObject({
      host: third.address,
      cluster: 'inventory_service',
      detector: 'consecutive_5xx',
      duration: 30_000,
      count: 1,
    });
    const host = (): string | undefined =>
      core.state().clusters[0]?.hosts.find((each) => each.address === third.address)?.health;
    expect(host()).toBe('ejected');
    // Envoy: base_ejection_time 30 s, looked at every 10 s.
    clock.advance(29_000);
    expect(host()).toBe('ejected');
    clock.advance(11_000);
    expect(host()).toBe('healthy');
    expect(core.events().at(-1)?.kind).toBe('host-returned');
    expect(await spread(port, 30)).toEqual({ '200 one': 10, '200 two': 10, '200 three': 10 });
  });

  test('the second host that fails is detected and not ejected: two of three would exceed max_ejection_percent', async () => {
    const core: ProxyCore = createProxyCore({ clock: new VirtualClock() });
    cleanups.push(() => core.close({ drain: 0 }));
    const hosts = await inventory();
    const text = readFileSync(file, 'utf8').replace('0.0.0.0, port_value: 8080', '127.0.0.1, port_value: 0');
    await core.apply({
      file: 'seed-listener.yaml',
      text,
      givenClusters: new Map([['inventory_service', hosts.map((host) => host.address)]]),
    });
    const [, second, third] = hosts as [Origin, Origin, Origin];
    second.handler = answer(503, 'two');
    third.handler = answer(503, 'three');
    await spread(boundPort(core, 'main_http_listener'), 60);
    const events = core.events().filter((event) => event.cluster === 'inventory_service');
    expect(events.filter((event) => event.kind === 'host-ejected')).toHaveLength(1);
    const refused = events.find(
      (event) => event.kind === 'host-not-ejected' && event.detector === 'consecutive_5xx',
    );
    expect(refused?.text).toMatch(/6[67] %/);
    expect(refused?.text).toContain('max_ejection_percent');
  });
});
