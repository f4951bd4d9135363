import type { DnsLookupFamily } from '../upstream/cluster-config.ts';
import type { DnsResolver } from './dns-resolver.ts';

/**
 * The addresses of a name by `dns_lookup_family`: AUTO asks for IPv6 and falls back to IPv4, V4_PREFERRED the
 * reverse, ALL takes both. Rejects when every question that was asked failed.
 */
export async function lookup(
  resolver: DnsResolver,
  name: string,
  family: DnsLookupFamily,
): Promise<readonly string[]> {
  switch (family) {
    case 'V4_ONLY':
      return resolver.resolve(name, 4);
    case 'V6_ONLY':
      return resolver.resolve(name, 6);
    case 'AUTO':
      return firstAnswer(resolver, name, 6, 4);
    case 'V4_PREFERRED':
      return firstAnswer(resolver, name, 4, 6);
    case 'ALL':
      return bothAnswers(resolver, name);
  }
}

async function firstAnswer(
  resolver: DnsResolver,
  name: string,
  first: 4 | 6,
  second: 4 | 6,
): Promise<readonly string[]> {
  try {
    const answer = await resolver.resolve(name, first);
    if (answer.length > 0) return answer;
  } catch {
    // The other family may still be known.
  }
  return resolver.resolve(name, second);
}

async function bothAnswers(resolver: DnsResolver, name: string): Promise<readonly string[]> {
  const [v6, v4] = await Promise.allSettled([resolver.resolve(name, 6), resolver.resolve(name, 4)]);
  if (v6.status === 'rejected' && v4.status === 'rejected') throw v4.reason;
  return [...(v6.status === 'fulfilled' ? v6.value : []), ...(v4.status === 'fulfilled' ? v4.value : [])];
}

/** Milliseconds that an answer may be kept; null when nobody says. */
export async function timeToLive(
  resolver: DnsResolver,
  name: string,
  addresses: readonly string[],
): Promise<number | null> {
  const family = addresses[0]?.includes(':') === true ? 6 : 4;
  const seconds = (await resolver.timeToLive?.(name, family)) ?? null;
  return seconds === null ? null : seconds * 1000;
}
