import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import xxhash from 'xxhash-wasm';
import { xxHash64Text } from '../../../../../proxy-core/base/xxhash64.ts';
import type { UpstreamHost } from '../../../../../proxy-core/upstream/host.ts';
import { buildMaglevTable, maglevSlot } from '../../../../../proxy-core/upstream/load-balancer/maglev.ts';
import { buildRing, ringIndex } from '../../../../../proxy-core/upstream/load-balancer/ring-hash.ts';
import { clusterYaml, context, run, world } from '../support.ts';

function hashed(weights: readonly number[]): Parameters<typeof buildRing>[0] {
  const keys = weights.map((_, i) => `127.0.0.1:${20001 + i}`);
  return { keys, weights, hosts: keys.map((address) => ({ address }) as UpstreamHost) };
}

function countsOf(owners: Uint32Array, hosts: number): number[] {
  const counts = Array<number>(hosts).fill(0);
  for (const owner of owners) counts[owner]!++;
  return counts;
}

test('xxHash64 agrees with the reference implementation for any text and seed', async () => {
  const { h64 } = await xxhash();
  fc.assert(
    fc.property(
      fc.string({ maxLength: 100, unit: 'binary-ascii' }),
      fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      (text, seed) => {
        expect(xxHash64Text(text, seed)).toBe(h64(text, seed));
      },
    ),
  );
});

describe('ring', () => {
  test.each([
    // weights, minimum, maximum, entries by host
    [[1, 1, 1], 1024, 8388608, [342, 342, 342]],
    [[3, 1, 1], 1024, 8388608, [615, 205, 205]],
    [[1], 1024, 8388608, [1024]],
    [[1, 1, 1], 1024, 1024, [342, 341, 341]],
    [[1, 1], 3, 8388608, [2, 2]],
    [[], 1024, 8388608, []],
  ])('weights %o, %i to %i entries: %o', (weights, minimum, maximum, counts) => {
    const ring = buildRing(hashed(weights), minimum, maximum);
    expect(countsOf(ring.owners, weights.length)).toEqual(counts);
    expect([ring.smallest, ring.largest]).toEqual(
      counts.length === 0 ? [0, 0] : [Math.min(...counts), Math.max(...counts)],
    );
  });

  test('entries are in order and a hash finds the first that is not below it', () => {
    const ring = buildRing(hashed([1, 1, 1]), 1024, 8388608);
    for (let i = 1; i < ring.hashes.length; i++) expect(ring.hashes[i]! >= ring.hashes[i - 1]!).toBe(true);
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (hash) => {
        const expected = [...ring.hashes].findIndex((entry) => entry >= hash);
        expect(ringIndex(ring, hash, 0)).toBe(Math.max(0, expected));
      }),
      { numRuns: 50 },
    );
  });

  test('a retry goes on to the next entries and wraps', () => {
    const ring = buildRing(hashed([1, 1, 1]), 3, 3);
    expect([0, 1, 2, 3].map((attempt) => ringIndex(ring, 0n, attempt))).toEqual([0, 1, 2, 0]);
  });

  test('the gauges tell its size', () => {
    const w = world();
    const cluster = run(w, clusterYaml(['20001*3', '20002', '20003'], 'lb_policy: RING_HASH'));
    cluster.choose(context({ hash: 1n }));
    expect(
      ['size', 'min_hashes_per_host', 'max_hashes_per_host'].map((name) =>
        w.stat(`cluster.c.ring_hash_lb.${name}`),
      ),
    ).toEqual([1025, 205, 615]);
  });

  test('a hash keeps its host while another host is ejected, and comes back to it', () => {
    const w = world();
    const cluster = run(
      w,
      clusterYaml(
        [20001, 20002, 20003],
        'lb_policy: RING_HASH\noutlier_detection: {max_ejection_percent: 50, interval: 1s, base_ejection_time: 1s}',
      ),
    );
    const hashes = Array.from({ length: 300 }, (_, i) => xxHash64Text(`key${i}`));
    const where = (): (number | undefined)[] => hashes.map((hash) => cluster.choose(context({ hash }))?.port);
    const before = where();
    for (let i = 0; i < 5; i++) cluster.hosts[0]?.outlier?.putHttpStatus(500);
    const during = where();
    // The ring of two hosts has more entries of each than that of three, so a few others move as well.
    const moved = before.filter((port, i) => port !== 20001 && during[i] !== port).length;
    expect(during).not.toContain(20001);
    expect(moved).toBeLessThan(60);
    w.clock.advance(3000);
    expect(where()).toEqual(before);
  });
});

describe('maglev', () => {
  test('three hosts share 65537 slots to within one', () => {
    const table = buildMaglevTable(hashed([1, 1, 1]), 65537);
    expect(countsOf(table.slots, 3).sort()).toEqual([21845, 21846, 21846]);
    expect([table.smallest, table.largest]).toEqual([21845, 21846]);
  });

  test('weights share it in proportion', () => {
    const counts = countsOf(buildMaglevTable(hashed([3, 1]), 65537).slots, 2);
    expect((counts[0] as number) / 65537).toBeCloseTo(0.75, 3);
  });

  test('every slot is taken, whatever the hosts', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 8 }), (weights) => {
        const table = buildMaglevTable(hashed(weights), 251);
        const counts = countsOf(table.slots, weights.length);
        expect(counts.reduce((a, b) => a + b, 0)).toBe(251);
      }),
    );
  });

  test.each([
    [0n, 0, 0],
    [65537n * 3n + 5n, 0, 5],
    [5n, 1, Number((5n ^ (2n ** 64n - 1n)) % 65537n)],
  ])('hash %s, attempt %i: slot %i', (hash, attempt, slot) => {
    expect(maglevSlot(hash, attempt, 65537)).toBe(slot);
  });
});

/** What a real Envoy picked for the headers key-0 … key-999: the last digit of the port, 29001 to 29003. */
const CHOICES: Readonly<Record<string, string>> = JSON.parse(
  readFileSync(new URL('hash-choices.json', import.meta.url), 'utf8'),
);

const SEVEN = ['29001', '29002*4', '29003*2', '29004*8', '29005*5', '29006*7', '29007*3'];

test.each([
  ['ring_equal', 'RING_HASH', ['29001', '29002', '29003']],
  ['ring_weighted', 'RING_HASH', ['29001*3', '29002', '29003']],
  ['ring_seven', 'RING_HASH', SEVEN],
  ['maglev_equal', 'MAGLEV', ['29001', '29002', '29003']],
  ['maglev_weighted', 'MAGLEV', ['29001*3', '29002', '29003*2']],
  ['maglev_seven', 'MAGLEV', SEVEN],
])('%s picks for 1000 keys what Envoy picks', (name, policy, hosts) => {
  const cluster = run(world(), clusterYaml(hosts, `lb_policy: ${policy}`));
  const mine = Array.from({ length: 1000 }, (_, i) => {
    const host = cluster.choose(context({ hash: xxHash64Text(`key-${i}`) }));
    return (host?.port ?? 0) % 10;
  });
  expect(mine.join('')).toBe(CHOICES[name]);
});
