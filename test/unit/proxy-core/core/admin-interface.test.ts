import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { answer, applied, bootstrap, boundPort, cluster, get, source } from '../../../integration/support.ts';
import { CoreRig } from './rig.ts';

let rig: CoreRig;
let admin: number;
let quits = 0;

beforeAll(async () => {
  rig = new CoreRig({
    version: '1.2.3',
    commandLine: { concurrency: 1 },
    onQuit: () => {
      quits++;
    },
  });
  const origin = await rig.origin(answer(200));
  await applied(
    rig.core,
    `admin: { address: { socket_address: { address: 127.0.0.1, port_value: 0 } } }
node: { id: me, cluster: shop }
layered_runtime: { layers: [{ name: base, static_layer: { some.key: 5, part: { numerator: 1 } } }, { name: top, admin_layer: {} }] }
${bootstrap({
  clusters: cluster('service', [origin.address]),
  routes: `              - { match: { prefix: /half, runtime_fraction: { default_value: { numerator: 0 }, runtime_key: half } }, direct_response: { status: 200 } }
              - { match: { prefix: / }, route: { cluster: service } }`,
})}`,
  );
  admin = rig.core.state().admin?.port ?? 0;
  await get(boundPort(rig.core), '/x');
});

afterAll(() => rig.close());

const read = (path: string): ReturnType<typeof get> => get(admin, path, {}, false);
const post = async (path: string): Promise<[number, string]> => {
  const answered = await fetch(`http://127.0.0.1:${admin}${path}`, {
    method: 'POST',
    headers: { connection: 'close' },
  });
  return [answered.status, await answered.text()];
};

describe('the admin interface of a running core', () => {
  test.each<[string, number, RegExp]>([
    ['/', 200, /<html/i],
    ['/help', 200, /^admin commands are:/],
    ['/ready', 200, /^LIVE\n$/],
    ['/listeners', 200, /^main::127\.0\.0\.1:\d+\n$/],
    ['/listeners?format=json', 200, /"name": ?"main"/],
    ['/clusters', 200, /service::127\.0\.0\.1:\d+::rq_total::1/],
    ['/clusters?format=json', 200, /"address": ?"127\.0\.0\.1"/],
    ['/config_dump', 200, /BootstrapConfigDump/],
    ['/config_dump?resource=static_route_configs', 200, /"name": ?"main"/],
    ['/config_dump?resource=static_listeners', 200, /stat_prefix/],
    ['/server_info', 200, /attache-1\.2\.3\/1\.32\.0\/Clean\/RELEASE\/OpenSSL/],
    ['/stats', 200, /http\.main\.downstream_rq_2xx: 1/],
    ['/stats?usedonly&format=json', 200, /"stats":/],
    ['/stats/prometheus', 200, /envoy_server_live\{\} 1/],
    ['/stats/recentlookups', 200, /./],
    ['/memory', 200, /"allocated"/],
    ['/certs', 200, /"certificates"/],
    ['/runtime', 200, /"some.key"/],
    ['/hot_restart_version', 200, /^11\.104$/],
    ['/init_dump', 200, /^\{\}/],
    ['/contention', 200, /./],
    ['/nowhere', 404, /invalid path/],
    ['/quitquitquit', 405, /POST required/],
  ])('GET %s answers %i', async (path, status, pattern) => {
    const { status: got, body } = await read(path);
    expect(got).toBe(status);
    expect(body).toMatch(pattern);
  });

  test.each([
    ['/reset_counters', /^OK\n$/],
    ['/reopen_logs', /^OK\n$/],
    ['/logging', /active loggers:/],
    ['/logging?level=debug', /debug/],
    ['/healthcheck/ok', /^OK\n$/],
  ])('POST %s answers', async (path, pattern) => {
    const [status, body] = await post(path);
    expect(status).toBe(200);
    expect(body).toMatch(pattern);
  });

  test('/server_info knows node, state and command line', async () => {
    const info = JSON.parse((await read('/server_info')).body);
    expect(info).toMatchObject({
      state: 'LIVE',
      node: { id: 'me', cluster: 'shop' },
      command_line_options: { concurrency: 1 },
    });
  });

  test('/runtime shows each layer; /runtime_modify changes routing at once', async () => {
    const runtime = async (): Promise<unknown> => JSON.parse((await read('/runtime')).body);
    expect(await runtime()).toMatchObject({
      layers: ['base', 'top'],
      entries: { 'some.key': { final_value: '5', layer_values: ['5', ''] } },
    });
    const port = boundPort(rig.core);
    expect((await get(port, '/half')).body).toBe('ok');
    expect(await post('/runtime_modify?half=100&some.key=7')).toEqual([200, 'OK\n']);
    expect((await get(port, '/half')).body).toBe('');
    expect(await runtime()).toMatchObject({
      entries: { 'some.key': { final_value: '7', layer_values: ['5', '7'] } },
    });
    await post('/runtime_modify?half=&some.key=');
    expect((await get(port, '/half')).body).toBe('ok');
    expect(await runtime()).toMatchObject({
      entries: { 'some.key': { final_value: '5', layer_values: ['5', ''] } },
    });
  });

  test('/quitquitquit asks the program to end', async () => {
    expect(await post('/quitquitquit')).toEqual([200, 'OK\n']);
    expect(quits).toBe(1);
  });
});

test('the interface moves with its address, and goes with it', async () => {
  const moving = new CoreRig();
  const at = (more: string): ReturnType<typeof source> => source(`${more}static_resources: {}\n`);
  const address = (ip: string): string =>
    `admin: { address: { socket_address: { address: ${ip}, port_value: 0 } } }\n`;
  await moving.core.apply(at(address('127.0.0.1')));
  const first = moving.core.state().admin;
  await moving.core.apply(at(address('127.0.0.1')));
  expect(moving.core.state().admin).toEqual(first);
  await moving.core.apply(at(address('127.0.0.2')));
  expect(moving.core.state().admin?.address).toBe('127.0.0.2');
  await expect(get(first?.port ?? 0, '/ready', {}, false)).rejects.toThrow('ECONNREFUSED');
  await moving.core.apply(at(''));
  expect(moving.core.state().admin).toBeNull();
  await moving.close();
});
