import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { RealClock } from '../../../../proxy-core/base/real-clock.ts';
import type { ProxyCore } from '../../../../proxy-core/index.ts';
import {
  agent,
  answer,
  applied,
  bootstrap,
  boundPort,
  cluster,
  eventually,
  get,
  source,
} from '../../../integration/support.ts';
import { CoreRig } from './rig.ts';

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function rigOf(options: ConstructorParameters<typeof CoreRig>[0] = {}): CoreRig {
  const rig = new CoreRig(options);
  cleanups.push(() => rig.close());
  return rig;
}

async function freePort(): Promise<number> {
  const server = await holding();
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A server of somebody else on a free port. */
async function holding(): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

async function stat(core: ProxyCore, name: string): Promise<number> {
  const { body } = await get(adminPort(core), `/stats?filter=^${name}$`, {}, false);
  return Number(body.split(': ')[1]);
}

const ADMIN = 'admin: { address: { socket_address: { address: 127.0.0.1, port_value: 0 } } }\n';
const fixed = (text: string): string =>
  `              - { match: { prefix: / }, direct_response: { status: 200, body: { inline_string: ${text} } } }`;
const adminPort = (core: ProxyCore): number => core.state().admin?.port ?? 0;

describe('apply', () => {
  test('a port that is taken: nothing changes, the diagnostic names listener, address and line', async () => {
    const { core } = rigOf();
    const held = await holding();
    cleanups.push(() => held.close());
    const taken = (held.address() as AddressInfo).port;
    await applied(core, bootstrap({ routes: fixed('one') }));
    const port = boundPort(core);
    const second = bootstrap({ routes: fixed('two') }).replace(
      '  clusters:',
      `  - name: other
    address: { socket_address: { address: 127.0.0.1, port_value: ${taken} } }
    filter_chains: [{}]
  clusters:`,
    );
    const result = await core.apply(source(second));
    expect(result).toMatchObject({ ok: false, version: 1 });
    const error = result.diagnostics.find((each) => each.severity === 'error');
    expect(error?.code).toBe('listener.address-in-use');
    expect(error?.message).toContain(`other cannot bind 127.0.0.1:${taken}`);
    expect(error?.range.line).toBe(second.split('\n').findIndex((line) => line.includes('name: other')) + 1);
    expect((await get(port, '/')).body).toBe('one');
    expect(core.state().listeners.map((each) => each.name)).toEqual(['main']);
    expect(core.events().at(-1)?.text).toContain('v1 keeps running.');
  });

  test('an admin port that is taken: listeners that were bound already are given back', async () => {
    const { core } = rigOf();
    const held = await holding();
    cleanups.push(() => held.close());
    const taken = (held.address() as AddressInfo).port;
    const port = await freePort();
    const text = bootstrap({ routes: fixed('one'), port });
    const admin = `admin: { address: { socket_address: { address: 127.0.0.1, port_value: ${taken} } } }\n`;
    const result = await core.apply(source(admin + text));
    expect(result.diagnostics.map((each) => [each.code, each.path])).toEqual([
      ['admin.unbindable', 'admin.address'],
    ]);
    expect(core.state().version).toBe(0);
    await applied(core, text);
    expect((await get(port, '/')).body).toBe('one');
  });

  test('a listener that is renamed keeps its socket', async () => {
    const { core } = rigOf();
    const port = await freePort();
    await applied(core, bootstrap({ routes: fixed('one'), port }));
    const result = await applied(
      core,
      bootstrap({ routes: fixed('two'), port }).replace('name: main', 'name: renamed'),
    );
    expect(result.listeners).toMatchObject({ added: ['renamed'], removed: ['main'] });
    expect((await get(port, '/', {}, false)).body).toBe('two');
  });

  test('two listeners that change places keep both sockets', async () => {
    const { core } = rigOf();
    const [a, b] = [await freePort(), await freePort()];
    const text = (first: number, second: number): string =>
      bootstrap({ routes: fixed('main'), port: first }).replace(
        '  clusters:',
        `${bootstrap({ routes: fixed('other'), port: second })
          .split('\n')
          .slice(2, -2)
          .join('\n')
          .replace('name: main', 'name: other')}\n  clusters:`,
      );
    await applied(core, text(a, b));
    expect([(await get(a, '/', {}, false)).body, (await get(b, '/', {}, false)).body]).toEqual([
      'main',
      'other',
    ]);
    await applied(core, text(b, a));
    expect([(await get(a, '/', {}, false)).body, (await get(b, '/', {}, false)).body]).toEqual([
      'other',
      'main',
    ]);
  });

  test('a listener without a name is the same one in the next version', async () => {
    const { core } = rigOf();
    const unnamed = (body: string): string =>
      bootstrap({ routes: fixed(body) }).replace('  - name: main\n    address', '  - address');
    await applied(core, unnamed('one'));
    const before = core.state().listeners[0];
    const result = await applied(core, unnamed('two'));
    expect(core.state().listeners[0]?.address).toBe(before?.address);
    expect(result.listeners.added).toEqual([]);
    expect((await get(boundPort(core, before?.name), '/')).body).toBe('two');
  });

  test('applies queue: the last one asked for is the one that runs', async () => {
    const { core } = rigOf();
    const results = await Promise.all(
      ['one', 'two', 'three'].map((body) => core.apply(source(bootstrap({ routes: fixed(body) })))),
    );
    expect(results.map((each) => each.version)).toEqual([1, 2, 3]);
    expect((await get(boundPort(core), '/')).body).toBe('three');
  });
});

/** A kept connection that sends one request at a time. */
class KeptConnection {
  private readonly socket: Socket;
  private text = '';
  ended = false;

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.setEncoding('latin1');
    this.socket.on('data', (piece: string) => {
      this.text += piece;
    });
    this.socket.on('close', () => {
      this.ended = true;
    });
    this.socket.on('error', () => {});
    cleanups.push(() => this.socket.destroy());
  }

  /** The head of the next answer, whose body is `ok`. */
  async request(): Promise<string> {
    this.text = '';
    this.socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    await eventually('an answer', () => this.text.endsWith('ok') || this.ended);
    return this.text;
  }
}

describe('drain', () => {
  test('a removed listener refuses at once; its connections go on, close more and more often, and end with the drain time', async () => {
    const rig = rigOf({ drainTime: 10_000 });
    const { core, clock } = rig;
    await applied(core, ADMIN + bootstrap({ routes: fixed('ok') }));
    const port = boundPort(core);
    const kept = new KeptConnection(port);
    expect(await kept.request()).toContain('200 OK');
    await applied(core, `${ADMIN}static_resources: {}`);
    await expect(get(port, '/', {}, false)).rejects.toThrow('ECONNREFUSED');
    // Nothing of the drain time has passed: no response says close.
    expect(await kept.request()).not.toContain('connection: close');
    expect(await stat(core, 'listener_manager.total_listeners_draining')).toBe(1);
    clock.advance(9_999);
    expect(kept.ended).toBe(false);
    clock.advance(1);
    await eventually('the end of the connection', () => kept.ended);
    expect(await stat(core, 'listener_manager.total_listeners_draining')).toBe(0);
  });

  test.each([
    [0, 0, 0],
    [5_000, 20, 80],
    [10_000, 100, 100],
  ])(
    '/drain_listeners?graceful: %i ms into 10 s, close is said in %i to %i of 100 responses',
    async (elapsed, least, most) => {
      const { core, clock } = rigOf({ drainTime: 10_000 });
      await applied(core, ADMIN + bootstrap({ routes: fixed('ok') }));
      const port = boundPort(core);
      const admin = adminPort(core);
      await post(admin, '/drain_listeners?graceful&skip_exit');
      clock.advance(elapsed);
      let closes = 0;
      for (let i = 0; i < 100; i++) {
        if ((await new KeptConnection(port).request()).includes('connection: close')) closes++;
      }
      expect(closes).toBeGreaterThanOrEqual(least);
      expect(closes).toBeLessThanOrEqual(most);
    },
  );

  test('/drain_listeners?graceful stops accepting after the drain time', async () => {
    const { core, clock } = rigOf({ drainTime: 10_000 });
    await applied(core, ADMIN + bootstrap({ routes: fixed('ok') }));
    const port = boundPort(core);
    await post(adminPort(core), '/drain_listeners?graceful');
    expect((await get(port, '/', {}, false)).body).toBe('ok');
    clock.advance(10_000);
    await expect(get(port, '/', {}, false)).rejects.toThrow('ECONNREFUSED');
  });

  test('/drain_listeners refuses new connections, closes none, says close to none, and still lists them', async () => {
    const { core, clock } = rigOf({ drainTime: 10_000 });
    await applied(core, ADMIN + bootstrap({ routes: fixed('ok') }));
    const port = boundPort(core);
    const kept = new KeptConnection(port);
    await kept.request();
    await post(adminPort(core), '/drain_listeners');
    await expect(get(port, '/', {}, false)).rejects.toThrow('ECONNREFUSED');
    clock.advance(20_000);
    expect(await kept.request()).not.toContain('connection: close');
    expect((await get(adminPort(core), '/listeners', {}, false)).body).toBe(`main::127.0.0.1:${port}\n`);
    expect(await stat(core, 'listener_manager.listener_stopped')).toBe(1);
  });

  test('/drain_listeners?inboundonly leaves the others alone', async () => {
    const { core } = rigOf();
    await applied(core, ADMIN + bootstrap({ routes: fixed('ok') }));
    await post(adminPort(core), '/drain_listeners?inboundonly');
    expect((await get(boundPort(core), '/', {}, false)).body).toBe('ok');
  });

  test('/healthcheck/fail: every response ends its connection until /healthcheck/ok', async () => {
    const { core } = rigOf();
    await applied(core, ADMIN + bootstrap({ routes: fixed('ok') }));
    const admin = adminPort(core);
    const kept = new KeptConnection(boundPort(core));
    await kept.request();
    await post(admin, '/healthcheck/fail');
    expect(await get(admin, '/ready', {}, false)).toMatchObject({ status: 503, body: 'DRAINING\n' });
    expect(await stat(core, 'server.live')).toBe(0);
    expect(await kept.request()).toContain('connection: close');
    await eventually('the end of the connection', () => kept.ended);
    await post(admin, '/healthcheck/ok');
    expect(await get(admin, '/ready', {}, false)).toMatchObject({ status: 200, body: 'LIVE\n' });
    expect(await new KeptConnection(boundPort(core)).request()).not.toContain('connection: close');
  });
});

async function post(port: number, path: string): Promise<string> {
  const answered = await fetch(`http://127.0.0.1:${port}${path}`, {
    method: 'POST',
    headers: { connection: 'close' },
  });
  const body = await answered.text();
  if (answered.status !== 200) throw new Error(`${path}: ${answered.status} ${body}`);
  return body;
}

describe('close', () => {
  test.each([
    ['lets a request under way finish within the drain', 5000, '200'],
    ['cuts it without drain', 0, 'cut'],
  ])('%s, takes no connection and no configuration', async (_, drain, expected) => {
    const rig = rigOf({ clock: new RealClock() });
    const release: (() => void)[] = [];
    const origin = await rig.origin((_request, response) => {
      release.push(() => response.end('ok'));
    });
    await applied(rig.core, bootstrap({ clusters: cluster('service', [origin.address]) }));
    const port = boundPort(rig.core);
    const pending = get(port, '/', {}, false).then(
      ({ status }) => String(status),
      () => 'cut',
    );
    await eventually('the request at the origin', () => release.length > 0);
    const closed = rig.core.close({ drain });
    await expect(rig.core.apply(source('{}'))).rejects.toThrow('closed');
    await expect(get(port, '/', {}, false)).rejects.toThrow('ECONNREFUSED');
    if (drain > 0) release[0]?.();
    expect(await pending).toBe(expected);
    await closed;
    release[0]?.();
  });

  test('twice is once', async () => {
    const { core } = rigOf();
    await applied(core, bootstrap({ routes: fixed('ok') }));
    const port = boundPort(core);
    await Promise.all([core.close({ drain: 0 }), core.close({ drain: 0 })]);
    await expect(get(port, '/', {}, false)).rejects.toThrow('ECONNREFUSED');
  });

  test('no timer is left', async () => {
    const rig = rigOf();
    const origin = await rig.origin(answer(200));
    await applied(rig.core, ADMIN + bootstrap({ clusters: cluster('service', [origin.address]) }));
    await get(boundPort(rig.core), '/');
    agent.destroy();
    await rig.core.close({ drain: 0 });
    await eventually('all timers gone', () => rig.clock.pending === 0);
  });
});

describe('while recording is off', () => {
  test('requests are counted and not kept', async () => {
    const { core, clock } = rigOf({ recorder: { enabled: false } });
    await applied(core, bootstrap({ routes: fixed('ok') }));
    for (let i = 0; i < 5; i++) await get(boundPort(core), '/');
    clock.advance(1000);
    expect(core.recorderState().records).toBe(0);
    expect(core.metrics().at(-1)).toMatchObject({ requests: 5 });
  });
});

test('the interval of stats_flush_interval holds from the apply on', async () => {
  const { core, clock } = rigOf();
  await applied(core, `${ADMIN}stats_flush_interval: 1s\n${bootstrap({ routes: fixed('ok') })}`);
  const uptime = async (): Promise<number> => stat(core, 'server.uptime');
  expect(await uptime()).toBe(0);
  clock.advance(1000);
  expect(await uptime()).toBe(1);
});

test('custom tags are on the Prometheus page', async () => {
  const { core } = rigOf();
  await applied(
    core,
    `${ADMIN}stats_config: { stats_tags: [{ tag_name: site, fixed_value: north }] }\n${bootstrap({ routes: fixed('ok') })}`,
  );
  const page = (await get(adminPort(core), '/stats/prometheus?filter=server.live', {}, false)).body;
  expect(page).toContain('envoy_server_live{site="north"} 1');
});
