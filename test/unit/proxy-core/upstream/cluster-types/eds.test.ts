import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { compile, picks, run, type World, world } from '../support.ts';

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'attache-eds-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function endpoints(ports: readonly number[], more = '', name = 'c'): string {
  const list = ports.map(
    (port) => `{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: ${port}}}}}`,
  );
  return `resources:
- "@type": type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment
  cluster_name: ${name}
  endpoints: [{lb_endpoints: [${list.join(', ')}]}]
  ${more}
`;
}

function moveIn(text: string): void {
  writeFileSync(join(folder, 'next'), text);
  renameSync(join(folder, 'next'), join(folder, 'eds.yaml'));
}

function start(w: World, text: string) {
  writeFileSync(join(folder, 'eds.yaml'), text);
  return run(
    w,
    `name: c\ntype: EDS\neds_cluster_config: {eds_config: {path_config_source: {path: ${join(folder, 'eds.yaml')}}}}`,
  );
}

/** Waits for real files: until the statistic has the value. */
async function until(w: World, name: string, value: number): Promise<void> {
  for (let i = 0; i < 1000 && w.stat(`cluster.c.${name}`) !== value; i++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(w.stat(`cluster.c.${name}`)).toBe(value);
}

test('hosts come from the file, and change when another one is moved in', async () => {
  const w = world();
  const cluster = start(w, endpoints([1, 2]));
  expect(new Set(picks(cluster, 10))).toEqual(new Set([1, 2]));
  moveIn(endpoints([2, 3]));
  await until(w, 'update_success', 2);
  expect(new Set(picks(cluster, 10))).toEqual(new Set([2, 3]));
  w.manager.close();
});

test.each([
  ['text that cannot be read', 'resources: [', 'update_failure'],
  ['another cluster', endpoints([9], '', 'other'), 'update_rejected'],
  ['two assignments', `${endpoints([9])}${endpoints([9]).replace('resources:\n', '')}`, 'update_rejected'],
  ['a name for an address', endpoints([9]).replace('127.0.0.1', 'localhost'), 'update_rejected'],
])('%s leaves the hosts as they are', async (_name, text, counter) => {
  const w = world();
  const cluster = start(w, endpoints([1]));
  moveIn(text);
  await until(w, counter, 1);
  expect(picks(cluster, 3)).toEqual([1, 1, 1]);
  expect(w.events.map((event) => event.kind)).toEqual(['endpoints-refused']);
  w.manager.close();
});

test('the policy comes with the endpoints; old ones go when they are stale', () => {
  const w = world();
  const cluster = start(
    w,
    endpoints(
      [1],
      'policy: {endpoint_stale_after: 30s, drop_overloads: [{category: x, drop_percentage: {numerator: 5}}]}',
    ),
  );
  expect(cluster.dropOverloads).toEqual([{ category: 'x', percent: 5 }]);
  w.clock.advance(29_000);
  expect(picks(cluster, 1)).toEqual([1]);
  w.clock.advance(2000);
  expect(picks(cluster, 1)).toEqual([0]);
  expect(w.stat('cluster.c.assignment_stale')).toBe(1);
  w.manager.close();
});

test('a file that is not there is refused', () => {
  const { diagnostics } = compile(
    'name: c\ntype: EDS\neds_cluster_config: {eds_config: {path_config_source: {path: /nowhere/eds.yaml}}}',
  );
  expect(diagnostics.map((d) => d.message)).toEqual([
    "paths must refer to an existing path in the system: '/nowhere/eds.yaml' does not exist",
  ]);
});
