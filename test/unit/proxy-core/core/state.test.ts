import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { answer, applied, bootstrap, boundPort, cluster, get } from '../../../integration/support.ts';
import { CoreRig } from './rig.ts';

const rigs: CoreRig[] = [];

afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.close();
});

function rigOf(): CoreRig {
  const rig = new CoreRig();
  rigs.push(rig);
  return rig;
}

test('nothing runs before the first apply', () => {
  expect(rigOf().core.state()).toEqual({
    version: 0,
    source: '',
    appliedAt: 0,
    listeners: [],
    routeConfigs: [],
    clusters: [],
    admin: null,
  });
});

test('listeners, routes with their hits, and clusters of the running version', async () => {
  const rig = rigOf();
  const origin = await rig.origin(answer(200));
  const text = bootstrap({
    clusters: cluster('service', [origin.address]),
    routes: `              - { name: items, match: { path: /items }, route: { cluster: service } }
              - { match: { prefix: / }, redirect: { path_redirect: /items } }`,
  });
  await applied(rig.core, text);
  await get(boundPort(rig.core), '/items');
  await get(boundPort(rig.core), '/other');
  await get(boundPort(rig.core), '/another');
  const { version, source, listeners, routeConfigs, clusters } = rig.core.state();
  expect({ version, source }).toEqual({ version: 1, source: 'test.yaml' });
  expect(listeners).toMatchObject([
    {
      name: 'main',
      address: `127.0.0.1:${boundPort(rig.core)}`,
      status: 'listening',
      filterChains: [
        {
          kind: 'http',
          tls: false,
          routeConfig: 'main',
          clusters: ['service'],
          httpFilters: ['envoy.filters.http.router'],
        },
      ],
    },
  ]);
  expect(
    routeConfigs[0]?.virtualHosts[0]?.routes.map(({ name, hits, clusters: to }) => [name, hits, to]),
  ).toEqual([
    ['items', 1, ['service']],
    ['prefix /', 2, []],
  ]);
  expect(clusters.map(({ name, hosts }) => [name, hosts.map((host) => host.address)])).toEqual([
    ['service', [origin.address]],
  ]);
  // Hits go on over an apply, while the match stays.
  await applied(rig.core, text.replace('path_redirect: /items', 'path_redirect: /else'));
  expect(rig.core.state().routeConfigs[0]?.virtualHosts[0]?.routes.map((each) => each.hits)).toEqual([1, 2]);
});

const socket = (port: number): string => `{ socket_address: { address: 127.0.0.1, port_value: ${port} } }`;

test('a Unix socket is shown by its path', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'attache-'));
  const path = join(folder, 'listener.sock');
  const { core } = rigOf();
  await applied(
    core,
    bootstrap({ clusters: '' })
      .replace(socket(0), `{ pipe: { path: ${path} } }`)
      .replace('cluster: service', 'cluster_header: x'),
  );
  expect(core.state().listeners).toMatchObject([{ address: path, status: 'listening' }]);
  await core.close({ drain: 0 });
  rmSync(folder, { recursive: true });
});

test('a listener that does not bind is not down', async () => {
  const { core } = rigOf();
  await applied(
    core,
    bootstrap({ clusters: '' })
      .replace('  - name: main\n', '  - name: main\n    bind_to_port: false\n')
      .replace('cluster: service', 'cluster_header: x')
      .replace(socket(0), socket(8080)),
  );
  expect(core.state().listeners).toMatchObject([{ address: '127.0.0.1:8080', status: 'listening' }]);
});

test('after /drain_listeners a listener is there and drains', async () => {
  const { core } = rigOf();
  await applied(
    core,
    `admin: { address: ${socket(0)} }\n${bootstrap({ clusters: '' }).replace('cluster: service', 'cluster_header: x')}`,
  );
  const { port } = core.state().admin ?? { port: 0 };
  await fetch(`http://127.0.0.1:${port}/drain_listeners`, {
    method: 'POST',
    headers: { connection: 'close' },
  });
  expect(core.state().listeners.map((each) => each.status)).toEqual(['draining']);
});
