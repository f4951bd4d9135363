import { describe, expect, test } from 'vitest';
import {
  carryHits,
  routeTables,
  type Snapshot,
  SnapshotTable,
} from '../../../../proxy-core/core/snapshot.ts';
import { bootstrap, cluster } from '../../../integration/support.ts';
import { compile } from './rig.ts';

const CLUSTER = cluster('service', ['127.0.0.1:9']);

function compiled(routes: string) {
  const { bootstrap: made } = compile(bootstrap({ clusters: CLUSTER, routes }));
  if (made === null) throw new Error('does not compile');
  return made;
}

const route = (match: string, name = ''): string =>
  `              - { name: "${name}", match: { ${match} }, route: { cluster: service } }\n`;

describe('hits over an apply', () => {
  test.each<[string, string, string, number[]]>([
    ['the same route', route('prefix: /'), route('prefix: /'), [7]],
    ['another position', route('prefix: /'), route('path: /new') + route('prefix: /'), [0, 7]],
    ['another match', route('prefix: /'), route('prefix: /x'), [0]],
    ['another name', route('prefix: /', 'a'), route('prefix: /', 'b'), [0]],
  ])('%s', (_, before, after, expected) => {
    const old = compiled(before);
    const next = compiled(after);
    for (const table of routeTables(old)) {
      for (const each of table.virtualHosts[0]?.routes ?? []) each.hits.count = 7;
    }
    carryHits(old, next);
    expect(routeTables(next)[0]?.virtualHosts[0]?.routes.map((each) => each.hits.count)).toEqual(expected);
  });
});

describe('the table of snapshots', () => {
  const snapshot = (version: number): Snapshot => ({ version }) as Snapshot;

  test.each<[string, number, number, number[]]>([
    ['what records name stays', 10, 3, [3, 4, 5]],
    ['nothing older is needed', 10, 5, [5]],
    ['more than the limit: the oldest goes although a record names it', 2, 1, [4, 5]],
  ])('%s', (_, limit, oldest, expected) => {
    const table = new SnapshotTable(limit);
    for (let version = 1; version <= 5; version++) table.add(snapshot(version));
    table.prune(oldest);
    expect([1, 2, 3, 4, 5].filter((version) => table.get(version) !== undefined)).toEqual(expected);
  });
});
