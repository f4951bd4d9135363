import { describe, expect, test } from 'vitest';
import type { UpstreamCluster } from '../../../../../proxy-core/upstream/cluster.ts';
import { context, Notes, run, world } from '../support.ts';

function yaml(cache: Record<string, unknown> = {}, more: Record<string, unknown> = {}): string {
  return JSON.stringify({
    name: 'd',
    lb_policy: 'CLUSTER_PROVIDED',
    ...more,
    cluster_type: {
      name: 'envoy.clusters.dynamic_forward_proxy',
      typed_config: {
        '@type': 'type.googleapis.com/envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig',
        dns_cache_config: { name: 'k', dns_lookup_family: 'V4_ONLY', ...cache },
      },
    },
  });
}

/** Lets promises settle. */
async function settled(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}

function pick(cluster: UpstreamCluster, authority: string): string | null {
  const head = { method: 'GET', authority, path: '/', scheme: 'http', protocol: '', headers: [] };
  return cluster.choose(context({ head }))?.address ?? null;
}

async function load(cluster: UpstreamCluster, host: string): Promise<string> {
  let answered = '';
  const answer = cluster.dynamicHosts?.load(host, () => {
    answered = ', then ready';
  });
  await settled();
  return `${answer}${answered}`;
}

describe('a name', () => {
  test('is resolved once, and then in the cache', async () => {
    const w = world();
    w.resolver.answers.set('shop.test/4', ['127.0.0.7']);
    const cluster = run(w, yaml());
    expect(pick(cluster, 'shop.test:81')).toBeNull();
    expect(await load(cluster, 'shop.test:81')).toBe('loading, then ready');
    expect(await load(cluster, 'shop.test:81')).toBe('in-cache');
    expect(pick(cluster, 'shop.test:81')).toBe('127.0.0.7:81');
    expect(cluster.hosts.map((host) => host.hostname)).toEqual(['shop.test:81']);
  });

  test.each([
    ['shop.test', '127.0.0.7:80'],
    ['shop.test:8080', '127.0.0.7:8080'],
  ])('%s goes to %s', async (name, address) => {
    const w = world();
    w.resolver.answers.set('shop.test/4', ['127.0.0.7']);
    const cluster = run(w, yaml());
    await load(cluster, name);
    expect(pick(cluster, name)).toBe(address);
  });

  test('two names with one address are two hosts', async () => {
    const w = world();
    for (const name of ['a', 'b']) w.resolver.answers.set(`${name}.test/4`, ['127.0.0.7']);
    const cluster = run(w, yaml());
    await load(cluster, 'a.test');
    await load(cluster, 'b.test');
    expect(cluster.hosts.map((host) => host.hostname)).toEqual(['a.test:80', 'b.test:80']);
  });

  test('without an address it says so', async () => {
    const w = world();
    const cluster = run(w, yaml());
    expect(await load(cluster, 'none.test')).toBe('loading, then ready');
    expect(cluster.dynamicHosts?.failure('none.test')).toBe('cares_norecords:Domain name not found');
    expect(pick(cluster, 'none.test')).toBeNull();
  });

  test('that cannot be asked for says why', async () => {
    const w = world();
    w.resolver.answers.set('down.test/4', new Error('no name server'));
    const cluster = run(w, yaml());
    await load(cluster, 'down.test');
    expect(cluster.dynamicHosts?.failure('down.test')).toBe('no name server');
    expect(w.stat('dns_cache.k.dns_query_failure')).toBe(1);
  });

  test('whose answer does not come in time counts as failed', () => {
    const w = world();
    w.resolver.resolve = () => new Promise(() => {});
    const cluster = run(w, yaml({ dns_query_timeout: '2s' }));
    let ready = false;
    cluster.dynamicHosts?.load('slow.test', () => {
      ready = true;
    });
    w.clock.advance(1999);
    expect(ready).toBe(false);
    w.clock.advance(2);
    expect(ready).toBe(true);
    expect(w.stat('dns_cache.k.dns_query_timeout')).toBe(1);
  });

  test('gets another address when its time is over; connections of the old one go', async () => {
    const w = world();
    w.resolver.answers.set('shop.test/4', ['127.0.0.7']);
    const cluster = run(w, yaml({ dns_refresh_rate: '10s' }));
    await load(cluster, 'shop.test');
    let drained = 0;
    const [host] = cluster.hosts;
    if (host !== undefined) host.pool = { drain: () => drained++ };
    w.resolver.answers.set('shop.test/4', ['127.0.0.8']);
    w.clock.advance(10_100);
    await settled();
    expect([pick(cluster, 'shop.test'), drained]).toEqual(['127.0.0.8:80', 1]);
    w.resolver.answers.set('shop.test/4', []);
    w.clock.advance(10_100);
    await settled();
    expect(pick(cluster, 'shop.test')).toBe('127.0.0.8:80');
  });

  test('that nobody asks for any more goes', async () => {
    const w = world();
    w.resolver.answers.set('shop.test/4', ['127.0.0.7']);
    const cluster = run(w, yaml({ host_ttl: '60s' }));
    await load(cluster, 'shop.test');
    w.clock.advance(50_000);
    pick(cluster, 'shop.test');
    w.clock.advance(30_000);
    await settled();
    expect(cluster.hosts).toHaveLength(1);
    w.clock.advance(100_000);
    await settled();
    expect([cluster.hosts.length, w.stat('dns_cache.k.host_removed')]).toEqual([0, 1]);
  });
});

describe('limits', () => {
  test('max_hosts', async () => {
    const w = world();
    const cluster = run(w, yaml({ max_hosts: 1 }));
    expect(await load(cluster, 'a.test')).toBe('loading, then ready');
    expect(await load(cluster, 'b.test')).toBe('overflow');
    expect(w.stat('dns_cache.k.host_overflow')).toBe(1);
  });

  test('max_pending_requests', () => {
    const w = world();
    w.resolver.resolve = () => new Promise(() => {});
    const cluster = run(w, yaml({ dns_cache_circuit_breaker: { max_pending_requests: 1 } }));
    const first = (): void => {};
    expect(cluster.dynamicHosts?.load('a.test', first)).toBe('loading');
    expect(cluster.dynamicHosts?.load('b.test', () => {})).toBe('pending-overflow');
    cluster.dynamicHosts?.cancel('a.test', first);
    expect(cluster.dynamicHosts?.load('b.test', () => {})).toBe('loading');
  });
});

test('names that are wanted at once are asked for at once', async () => {
  const w = world();
  w.resolver.answers.set('shop.test/4', ['127.0.0.7']);
  const cluster = run(w, yaml({ preresolve_hostnames: [{ address: 'shop.test', port_value: 443 }] }));
  await settled();
  expect(pick(cluster, 'shop.test:443')).toBe('127.0.0.7:443');
});

test('clusters that name one cache share it; the last one takes it down', async () => {
  const w = world();
  w.resolver.answers.set('shop.test/4', ['127.0.0.7']);
  const update = w.manager.update([], null);
  update.commit();
  const cluster = run(w, yaml(), yaml().replace('"name":"d"', '"name":"e"'));
  await load(cluster, 'shop.test');
  expect(pick(w.manager.view.get('e') as UpstreamCluster, 'shop.test')).toBe('127.0.0.7:80');
  expect(w.stat('dns_cache.k.num_hosts')).toBe(1);
  w.manager.update([], null).commit();
  expect(w.stat('dns_cache.k.num_hosts')).toBe(0);
});

test('other settings under the same name make another cache', async () => {
  const w = world();
  w.resolver.answers.set('a.test/4', ['127.0.0.7']);
  w.resolver.answers.set('b.test/4', ['127.0.0.8']);
  await load(run(w, yaml({ max_hosts: 1 })), 'a.test');
  const cluster = run(w, yaml({ max_hosts: 2 }));
  expect(await load(cluster, 'a.test')).toBe('loading, then ready');
  expect(await load(cluster, 'b.test')).toBe('loading, then ready');
});

test('explained: what is in the cache and what would be resolved', async () => {
  const w = world();
  const cluster = run(w, yaml());
  const notes = new Notes();
  const head = {
    method: 'GET',
    authority: 'shop.test',
    path: '/',
    scheme: 'http',
    protocol: '',
    headers: [],
  };
  expect(cluster.explainChoice(context({ head }), notes)).toBeNull();
  expect(notes.notes[0]).toBe(
    '`shop.test` is not in the DNS cache `k`: a request would have it resolved first.',
  );
});
