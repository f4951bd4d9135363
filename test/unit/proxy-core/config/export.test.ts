import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { exportConfig, exportText } from '../../../../proxy-core/config/export.ts';
import { BASE, SEED } from './base-config.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'attache-export-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const FRAGMENT = `# our listener
${SEED}# and its cluster
clusters:
- name: inventory_service # three hosts
  type: STATIC
  load_assignment:
    cluster_name: inventory_service
    endpoints:
    - lb_endpoints:
      - endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: 9001 } } }
      - endpoint: { address: { socket_address: { address: 10.0.0.1, port_value: 9001 } } }
`;

test('a configuration that Envoy takes is written byte for byte', () => {
  const text = `# why\n${BASE}# end\n`;
  const report = exportConfig({ file: '/somewhere/shop.yaml', text }, { directory: join(folder, 'new') });
  expect(report.files).toEqual([join(folder, 'new', 'shop.yaml')]);
  expect(readFileSync(report.files[0]!, 'utf8')).toBe(text);
  expect(readdirSync(join(folder, 'new'))).toEqual(['shop.yaml']);
  expect(report.changes).toEqual([]);
  expect(report.loopback.map(({ path, address, range }) => [path, address, range.line])).toEqual([
    ['admin.address.socket_address.address', '127.0.0.1', 4],
    ['static_resources.listeners[0].address.socket_address.address', '127.0.0.1', 13],
    [
      'static_resources.clusters[0].load_assignment.endpoints[0].lb_endpoints[0].endpoint.address.socket_address.address',
      '127.0.0.1',
      47,
    ],
  ]);
});

test('a fragment is wrapped, its router completed, its comments kept', () => {
  const { text, changes } = exportText({ file: 'a.yaml', text: FRAGMENT });
  expect(changes).toEqual(['Line 22: Add typed_config with Router', 'Line 2: Wrap in static_resources']);
  expect(text.split('\n').filter((line) => line.includes('#'))).toEqual([
    '  # our listener',
    '  # and its cluster',
    '  - name: inventory_service # three hosts',
  ]);
  expect(text).toContain(
    '          - name: envoy.filters.http.router\n            typed_config:\n              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router\n',
  );
});

test('clusters of the command line are left out, and named', () => {
  const givenClusters = new Map([['inventory_service', ['127.0.0.1:1']]]);
  const report = exportConfig(
    { file: 'a.yaml', text: SEED, givenClusters, merge: 'admin: {}' },
    { directory: folder },
  );
  expect(readFileSync(join(folder, 'a.yaml'), 'utf8')).not.toContain('consecutive_5xx');
  expect(report.notices.map((one) => one.message)).toEqual([
    'The cluster inventory_service was given on the command line and is not in the exported file.',
    '--config-yaml is not in the exported file.',
  ]);
});

test('with errors nothing is written', () => {
  expect(() => exportConfig({ file: 'a.yaml', text: 'foo: 1\n' }, { directory: folder })).toThrowError(
    'Nothing was exported: a.yaml has 1 error. Line 1: Bootstrap has no field “foo”.',
  );
  expect(readdirSync(folder)).toEqual([]);
});

test('a folder that cannot be made is said, and leaves nothing behind', () => {
  writeFileSync(join(folder, 'file'), '');
  expect(() =>
    exportConfig({ file: 'a.yaml', text: BASE }, { directory: join(folder, 'file') }),
  ).toThrowError(/^Nothing was exported to .*a\.yaml/);
  expect(readdirSync(folder)).toEqual(['file']);
});

test('real Envoy takes the exported fragment', () => {
  const envoy = process.env['ENVOY_BIN'];
  const { text } = exportText({ file: 'a.yaml', text: FRAGMENT });
  if (envoy === undefined || !existsSync(envoy)) {
    console.log('ENVOY_BIN names no Envoy: the exported fragment is checked by our own loader only.');
    expect(exportText({ file: 'a.yaml', text })).toMatchObject({ text, changes: [] });
    return;
  }
  const file = join(folder, 'a.yaml');
  writeFileSync(file, text);
  const run = spawnSync(
    envoy,
    ['--mode', 'validate', '-c', file, '--base-id', '77', '--use-dynamic-base-id'],
    { encoding: 'utf8' },
  );
  expect(run.stderr + run.stdout).toContain('OK');
  expect(run.status).toBe(0);
});
