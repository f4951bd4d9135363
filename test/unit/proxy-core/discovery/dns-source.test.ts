import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../../../proxy-core/base/random.ts';
import { VirtualClock } from '../../../../proxy-core/base/virtual-clock.ts';
import { namesOwnMachine, SystemDnsResolver } from '../../../../proxy-core/discovery/dns-resolver.ts';
import { DnsSource } from '../../../../proxy-core/discovery/dns-source.ts';
import { StatsStore } from '../../../../proxy-core/observe/stats/store.ts';
import type { DnsConfig } from '../../../../proxy-core/upstream/cluster-config.ts';

const PLAIN: DnsConfig = {
  lookupFamily: 'V4_ONLY',
  refreshRate: 5000,
  failureRefreshRate: null,
  respectTtl: false,
  minimumRefreshRate: 1000,
  jitter: 0,
  queryTimeout: 0,
  servers: null,
};

interface Name {
  readonly answers?: readonly string[] | Error | 'never';
  readonly ttl?: number | null;
  readonly good?: boolean;
}

/** When the name is asked for in the first two minutes, in seconds, and what was told. */
async function asked(config: Partial<DnsConfig>, { answers = ['127.0.0.1'], ttl = null, good = true }: Name) {
  const clock = new VirtualClock();
  const services = { clock, random: new SeededRandom(1), stats: new StatsStore(), log: () => {} };
  const times: number[] = [];
  const told: string[] = [];
  const resolver = {
    resolve: () =>
      answers === 'never'
        ? new Promise<readonly string[]>(() => {})
        : answers instanceof Error
          ? Promise.reject(answers)
          : Promise.resolve(answers),
    timeToLive: () => Promise.resolve(ttl),
  };
  const source = new DnsSource(
    'a.test',
    { ...PLAIN, ...config },
    services,
    resolver,
    () => times.push(Math.round(clock.now() / 100) / 10),
    (outcome) => {
      told.push(outcome.ok ? outcome.addresses.join(' ') : outcome.reason);
      return good && outcome.ok;
    },
  );
  source.start();
  for (let i = 0; i < 1200; i++) {
    for (let j = 0; j < 12; j++) await Promise.resolve();
    clock.advance(100);
  }
  source.close();
  const start = times[0] ?? 0;
  return { times: times.map((time) => Math.round((time - start) * 10) / 10), told };
}

describe('how often a name is asked for', () => {
  test.each<[string, Partial<DnsConfig>, Name, number]>([
    ['every refresh rate', {}, {}, 5],
    ['the TTL of the answer', { respectTtl: true }, { ttl: 30 }, 30],
    ['a TTL below the minimum', { respectTtl: true, minimumRefreshRate: 10_000 }, { ttl: 1 }, 10],
    ['no TTL known', { respectTtl: true }, { ttl: null }, 5],
    ['a TTL that nobody respects', {}, { ttl: 30 }, 5],
    ['failures at the refresh rate', {}, { answers: new Error('x') }, 5],
  ])('%s', async (_name, config, name, seconds) => {
    const { times } = await asked(config, name);
    const gaps = times.slice(1).map((time, i) => time - (times[i] ?? 0));
    expect(gaps.length).toBeGreaterThan(1);
    for (const gap of gaps) expect(Math.abs(gap - seconds)).toBeLessThan(0.5);
  });

  test('failures back off with jitter up to their limit', async () => {
    const { times } = await asked(
      { failureRefreshRate: { base: 1000, max: 4000 } },
      { answers: new Error('x') },
    );
    const gaps = times.slice(1).map((time, i) => time - (times[i] ?? 0));
    expect(Math.max(...gaps)).toBeLessThanOrEqual(4.2);
    expect(new Set(gaps.map((gap) => gap.toFixed(1))).size).toBeGreaterThan(3);
  });
});

test('an answer that does not come in time is a failure, and the name is asked for again', async () => {
  const { times, told } = await asked({ queryTimeout: 20_000 }, { answers: 'never' });
  expect(told[0]).toBe('no answer in time');
  expect(times.slice(0, 3).map(Math.round)).toEqual([0, 25, 50]);
});

describe('names of this machine', () => {
  test.each([
    ['host.docker.internal', true],
    ['HOST.docker.internal.', true],
    ['host.containers.internal', true],
    ['docker.internal', false],
    ['localhost', false],
  ])('%s: %s', (name, own) => {
    expect(namesOwnMachine(name)).toBe(own);
  });

  test('localhost has both loopback addresses, and addresses are their own answer', async () => {
    const resolver = new SystemDnsResolver();
    expect(await resolver.resolve('localhost', 4)).toEqual(['127.0.0.1']);
    expect(await resolver.resolve('a.localhost', 6)).toEqual(['::1']);
    expect(await resolver.resolve('10.0.0.1', 4)).toEqual(['10.0.0.1']);
    expect(await resolver.resolve('10.0.0.1', 6)).toEqual([]);
  });
});
