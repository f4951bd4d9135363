import { describe, expect, test } from 'vitest';
import { SystemDnsResolver } from '../../../../proxy-core/discovery/dns-resolver.ts';
import { lookup } from '../../../../proxy-core/discovery/lookup-family.ts';
import type { DnsLookupFamily } from '../../../../proxy-core/upstream/cluster-config.ts';
import { compiled, TestResolver, type World, world } from '../upstream/support.ts';

const FAIL = new Error('SERVFAIL');

function yaml(names: readonly string[], more = '', type = 'STRICT_DNS'): string {
  const endpoints = names.map((name) => ({
    endpoint: { address: { socket_address: { address: name, port_value: 80 } } },
  }));
  return `name: c\ntype: ${type}\n${more}\nload_assignment: {cluster_name: c, endpoints: [{lb_endpoints: ${JSON.stringify(endpoints)}}]}\n`;
}

async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

async function start(w: World, text: string): Promise<() => string[]> {
  const update = w.manager.update([compiled(text)], null);
  await update.ready();
  update.commit();
  return () => update.view.clusters[0]?.hosts.map((host) => host.address) ?? [];
}

function stats(w: World): number[] {
  return ['attempt', 'success', 'failure', 'no_rebuild'].map((name) => w.stat(`cluster.c.update_${name}`));
}

describe('dns_lookup_family', () => {
  test.each<[DnsLookupFamily, readonly string[] | Error, readonly string[] | Error, string | null, string]>([
    // family, IPv6 answer, IPv4 answer, result, questions
    ['AUTO', ['::1'], ['1.1.1.1'], '::1', 'n/6'],
    ['AUTO', [], ['1.1.1.1'], '1.1.1.1', 'n/6 n/4'],
    ['AUTO', FAIL, ['1.1.1.1'], '1.1.1.1', 'n/6 n/4'],
    ['AUTO', [], [], '', 'n/6 n/4'],
    ['AUTO', FAIL, FAIL, null, 'n/6 n/4'],
    ['V4_ONLY', ['::1'], ['1.1.1.1'], '1.1.1.1', 'n/4'],
    ['V4_ONLY', ['::1'], [], '', 'n/4'],
    ['V6_ONLY', ['::1'], ['1.1.1.1'], '::1', 'n/6'],
    ['V4_PREFERRED', ['::1'], ['1.1.1.1'], '1.1.1.1', 'n/4'],
    ['V4_PREFERRED', ['::1'], [], '::1', 'n/4 n/6'],
    ['ALL', ['::1'], ['1.1.1.1'], '::1 1.1.1.1', 'n/6 n/4'],
    ['ALL', FAIL, ['1.1.1.1'], '1.1.1.1', 'n/6 n/4'],
    ['ALL', FAIL, FAIL, null, 'n/6 n/4'],
  ])('%s with IPv6 %o and IPv4 %o: %s', async (family, six, four, expected, asked) => {
    const resolver = new TestResolver();
    resolver.answers.set('n/6', six);
    resolver.answers.set('n/4', four);
    const result = lookup(resolver, 'n', family);
    if (expected === null) await expect(result).rejects.toThrow('SERVFAIL');
    else expect((await result).join(' ')).toBe(expected);
    expect(resolver.asked.join(' ')).toBe(asked);
  });
});

describe("the system's resolver", () => {
  test.each([
    ['localhost', 6, '::1'],
    ['LocalHost.', 6, '::1'],
    ['shop.localhost', 4, '127.0.0.1'],
    ['127.0.0.1', 4, '127.0.0.1'],
    ['127.0.0.1', 6, ''],
    ['::1', 6, '::1'],
  ] as const)('%s by IPv%i: %s', async (name, family, expected) => {
    expect((await new SystemDnsResolver().resolve(name, family)).join(' ')).toBe(expected);
  });
});

describe('STRICT_DNS', () => {
  test('each address is a host, and the name shows as hostname', async () => {
    const w = world();
    w.resolver.answers.set('a/6', ['::1', '::2']);
    w.resolver.answers.set('b/4', ['1.1.1.1']);
    expect((await start(w, yaml(['a', 'b', '9.9.9.9'])))().sort()).toEqual([
      '1.1.1.1:80',
      '9.9.9.9:80',
      '[::1]:80',
      '[::2]:80',
    ]);
    expect(w.manager.view.clusters[0]?.hosts.map((host) => host.hostname).sort()).toEqual([
      '9.9.9.9',
      'a',
      'a',
      'b',
    ]);
  });

  test('two names with one address are one host', async () => {
    const w = world();
    w.resolver.answers.set('a/6', ['::1']);
    w.resolver.answers.set('b/6', ['::1']);
    expect((await start(w, yaml(['a', 'b'])))()).toEqual(['[::1]:80']);
  });

  test.each<[string, readonly string[] | Error, string[], number[]]>([
    // what the second question gets: hosts, attempts, successes, failures, no rebuild
    ['the same', ['::1'], ['[::1]:80'], [2, 2, 0, 1]],
    ['another address', ['::2'], ['[::2]:80'], [2, 2, 0, 0]],
    ['no address', [], [], [2, 2, 0, 0]],
    ['a failure keeps the last answer', FAIL, ['[::1]:80'], [2, 1, 1, 0]],
  ])('after 5 s: %s', async (_name, second, expected, counters) => {
    const w = world();
    w.resolver.answers.set('a/6', ['::1']);
    const hosts = await start(w, yaml(['a'], 'dns_lookup_family: V6_ONLY'));
    w.resolver.answers.set('a/6', second);
    w.clock.advance(4999);
    await settled();
    expect(stats(w)).toEqual([1, 1, 0, 0]);
    w.clock.advance(1);
    await settled();
    expect(hosts()).toEqual(expected);
    expect(stats(w)).toEqual(counters);
  });

  test('a name that does not resolve does not stop the start', async () => {
    const w = world();
    w.resolver.answers.set('a/6', FAIL);
    w.resolver.answers.set('a/4', FAIL);
    const hosts = await start(w, yaml(['a']));
    expect(hosts()).toEqual([]);
    expect(w.events.map((event) => event.text)).toEqual([
      'a of c could not be resolved (SERVFAIL): it gives no host until the name resolves.',
    ]);
    for (let i = 0; i < 3; i++) {
      w.clock.advance(5000);
      await settled();
    }
    expect(w.events).toHaveLength(1);
    w.resolver.answers.set('a/4', ['1.1.1.1']);
    w.clock.advance(5000);
    await settled();
    expect(hosts()).toEqual(['1.1.1.1:80']);
    expect(w.events.at(-1)).toMatchObject({
      kind: 'cluster-resolved',
      text: 'a of c resolves again: 1.1.1.1.',
    });
  });

  test('a host that stays in the answer keeps its connections and numbers', async () => {
    const w = world();
    w.resolver.answers.set('a/6', ['::1', '::2']);
    await start(w, yaml(['a']));
    const kept = w.manager.view.clusters[0]?.hosts[1];
    w.resolver.answers.set('a/6', ['::3', '::2']);
    w.clock.advance(5000);
    await settled();
    expect(w.manager.view.clusters[0]?.hosts[1]).toBe(kept);
  });

  test('dns_refresh_rate and dns_failure_refresh_rate', async () => {
    const w = world();
    w.resolver.answers.set('a/4', FAIL);
    await start(
      w,
      yaml(
        ['a'],
        'dns_lookup_family: V4_ONLY\ndns_refresh_rate: 60s\ndns_failure_refresh_rate: {base_interval: 1s, max_interval: 2s}',
      ),
    );
    for (let i = 0; i < 20; i++) {
      w.clock.advance(500);
      await settled();
    }
    // Ten seconds with waits of up to one and then two seconds.
    expect(stats(w)[0]).toBeGreaterThan(5);
    w.resolver.answers.set('a/4', ['1.1.1.1']);
    w.clock.advance(2000);
    await settled();
    const [before] = stats(w);
    w.clock.advance(59_000);
    await settled();
    expect(stats(w)[0]).toBe(before);
  });

  test('an answer after the end is dropped and nothing is asked again', async () => {
    const w = world();
    w.resolver.answers.set('a/6', ['::1']);
    const update = w.manager.update([compiled(yaml(['a']))], null);
    update.abandon();
    await settled();
    expect(update.view.clusters[0]?.hosts).toEqual([]);
    expect(w.clock.pending).toBe(0);
  });

  test('warming waits no longer than 5 s for an answer', async () => {
    const w = world();
    w.resolver.resolve = () => new Promise(() => {});
    const update = w.manager.update([compiled(yaml(['a']))], null);
    let ready = false;
    update.ready().then(() => {
      ready = true;
    });
    w.clock.advance(4999);
    await settled();
    expect([ready, w.stat('cluster_manager.warming_clusters')]).toEqual([false, 1]);
    w.clock.advance(1);
    await settled();
    expect([ready, w.stat('cluster_manager.warming_clusters')]).toEqual([true, 0]);
  });
});

describe('LOGICAL_DNS', () => {
  test('the first address is the only host', async () => {
    const w = world();
    w.resolver.answers.set('a/6', ['::1', '::2']);
    expect((await start(w, yaml(['a'], '', 'LOGICAL_DNS')))()).toEqual(['[::1]:80']);
    expect(w.manager.view.clusters[0]?.hosts[0]?.alternatives).toEqual(['::2']);
  });

  test.each<[string, readonly string[] | Error]>([
    ['no address', []],
    ['a failure', FAIL],
  ])('%s keeps the host and counts as failure', async (_name, second) => {
    const w = world();
    w.resolver.answers.set('a/6', ['::1']);
    const hosts = await start(w, yaml(['a'], 'dns_lookup_family: V6_ONLY', 'LOGICAL_DNS'));
    w.resolver.answers.set('a/6', second);
    w.clock.advance(5000);
    await settled();
    expect(hosts()).toEqual(['[::1]:80']);
    expect(stats(w)).toEqual([2, 1, 1, 0]);
    expect(w.events[0]?.text).toContain('the last answer stays in use (::1)');
  });
});
