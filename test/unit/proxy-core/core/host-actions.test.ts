import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import {
  applied,
  bootstrap,
  boundPort,
  cluster,
  get,
  source,
  startOrigin,
} from '../../../integration/support.ts';
import { CoreRig } from './rig.ts';

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const ROUTE = `              - { match: { prefix: / }, route: { cluster: shop } }`;

async function shop(): Promise<{ rig: CoreRig; addresses: string[]; port: number }> {
  const rig = new CoreRig();
  cleanups.push(() => rig.close());
  const origins = [await startOrigin(), await startOrigin()];
  for (const origin of origins) cleanups.push(() => origin.close());
  const addresses = origins.map((origin) => origin.address);
  await applied(rig.core, bootstrap({ routes: ROUTE, clusters: cluster('shop', addresses) }));
  return { rig, addresses, port: boundPort(rig.core) };
}

describe('a host taken out by hand', () => {
  test('is out for traffic, state, explanation and history, and back with unejectHost', async () => {
    const { rig, addresses, port } = await shop();
    const { core } = rig;
    const [first = '', second = ''] = addresses;
    const ref = { cluster: 'shop', address: first };
    core.ejectHost(ref);
    for (let i = 0; i < 6; i++) expect((await get(port, '/')).status).toBe(200);
    const state = (): string[] =>
      core
        .state()
        .clusters[0]?.hosts.map((host) => `${host.address} ${host.healthFlags} ${host.totalRequests}`) ?? [];
    expect(state()).toEqual([`${first} /ejected_manually 0`, `${second} healthy 6`]);
    const decision = core.explain({ method: 'GET', url: `http://127.0.0.1:${port}/`, headers: [] });
    const picked = decision.steps.find((step) => step.kind === 'load-balancing');
    expect(picked?.candidates.map(({ name, reason }) => `${name} ${reason}`)).toEqual([
      `${first} ejected by hand (\`/ejected_manually\`)`,
      `${second} picked`,
    ]);
    core.unejectHost(ref);
    expect(state()[0]).toBe(`${first} healthy 0`);
    expect(core.hostHistory(ref)).toMatchObject({
      check: null,
      entries: [
        { kind: 'host-ejected', manual: true, healthFlags: '/ejected_manually' },
        { kind: 'host-returned', manual: true, healthFlags: 'healthy' },
      ],
    });
    expect(core.events().filter((event) => event.detector === 'manual')).toHaveLength(2);
  });

  test.each([
    [{ cluster: 'nobody', address: '127.0.0.1:1' }, 'core.no-cluster'],
    [{ cluster: 'shop', address: '127.0.0.1:1' }, 'core.no-host'],
  ])('%o: %s', async (ref, code) => {
    const { core } = (await shop()).rig;
    expect(() => core.ejectHost(ref)).toThrow(expect.objectContaining({ code }));
    expect(() => core.unejectHost(ref)).toThrow(expect.objectContaining({ code }));
    expect(core.hostHistory(ref)).toEqual({ check: null, connectionEnds: [], entries: [] });
  });
});

test('a core that closes does not wait for the first health check of a host that never answers', async () => {
  const silent = createServer(() => {});
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => silent.close());
  const rig = new CoreRig();
  const clusters = `  - name: shop
    health_checks: [{ timeout: 600s, interval: 1s, unhealthy_threshold: 1, healthy_threshold: 1, http_health_check: { path: / } }]
    load_assignment: { cluster_name: shop, endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${(silent.address() as AddressInfo).port} } } } }] }] }
`;
  const applying = rig.core.apply(source(bootstrap({ routes: ROUTE, clusters })));
  // It has begun to wait.
  await new Promise((resolve) => setTimeout(resolve, 50));
  await rig.close();
  expect((await applying).ok).toBe(true);
});
