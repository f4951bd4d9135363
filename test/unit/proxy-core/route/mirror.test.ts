import { expect, test } from 'vitest';
import { selectMirrors, shadowAuthority } from '../../../../proxy-core/route/mirror.ts';
import type { ClusterAction } from '../../../../proxy-core/route/types.ts';
import { compileTable, head, input, oneHost, recordingNarrator } from './support.ts';

function mirrorsOf(policies: string, random = 0, headers: string[] = [], method = 'GET') {
  const { table } = compileTable(
    oneHost(`- { match: { prefix: / }, route: { cluster: a, request_mirror_policies: ${policies} } }`),
  );
  const action = table.virtualHosts[0]?.routes[0]?.action as ClusterAction;
  const narrator = recordingNarrator();
  const request = head('/', headers, { method });
  const mirrors = selectMirrors(action, request, input('/', headers, {}, { random }), narrator);
  return { clusters: mirrors.map((each) => each.cluster), notes: narrator.notes };
}

const TENTH = 'runtime_fraction: { default_value: { numerator: 10 } }';

test.each<[string, string, number, string[], string[]]>([
  ['every request', '[{ cluster: b }]', 99, [], ['b']],
  ['several', '[{ cluster: b }, { cluster: c }]', 99, [], ['b', 'c']],
  ['a fraction that is hit', `[{ cluster: b, ${TENTH} }]`, 109, [], ['b']],
  ['a fraction that is missed', `[{ cluster: b, ${TENTH} }]`, 110, [], []],
  ['a header names it', '[{ cluster_header: X-Shadow }]', 0, ['x-shadow', 'c'], ['c']],
  ['a header that is missing', '[{ cluster_header: X-Shadow }]', 0, [], []],
])('mirrored by %s', (_name, policies, random, headers, clusters) => {
  const found = mirrorsOf(policies, random, headers);
  expect(found.clusters).toEqual(clusters);
  expect(found.notes.length).toBeGreaterThan(0);
});

test('CONNECT is never mirrored', () => {
  expect(mirrorsOf('[{ cluster: b }]', 0, [], 'CONNECT').clusters).toEqual([]);
});

test.each([
  ['x.test', 'x.test-shadow'],
  ['x.test:8080', 'x.test-shadow:8080'],
  ['[::1]', '[::1]-shadow'],
  ['[::1]:80', '[::1]-shadow:80'],
])('host %s becomes %s', (host, shadow) => expect(shadowAuthority(host)).toBe(shadow));
