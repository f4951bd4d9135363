import type { LoadBalancingConfig } from '../cluster-config.ts';
import type { UpstreamHost } from '../host.ts';
import { type HostSet, Source } from '../host-set.ts';
import type { LoadBalancerContext } from '../types.ts';

/** The hosts that a ring or table is made of: the healthy ones, all in panic; with their keys and weights. */
export interface HashedHosts {
  readonly hosts: readonly UpstreamHost[];
  readonly keys: readonly string[];
  readonly weights: readonly number[];
}

export function hashedHosts(set: HostSet, priority: number, config: LoadBalancingConfig): HashedHosts {
  const mine = set.priorities[priority];
  const source = set.load.panic[priority] === true ? Source.all : Source.healthy;
  const weightAt = new Map(mine?.views.map((view) => [view.host, view.weight]));
  let hosts = mine?.sources[source] ?? [];
  let weights = hosts.map((host) => weightAt.get(host) ?? host.weight);
  if (config.localityWeighted && mine !== undefined && mine.localities.length > 0) {
    const flat: UpstreamHost[] = [];
    const scaled: number[] = [];
    mine.localities.forEach((locality, i) => {
      const members = mine.sources[Source.firstLocality + 2 * i] ?? [];
      const sum = members.reduce((n, host) => n + (weightAt.get(host) ?? host.weight), 0);
      if (locality.healthyWeight === 0 || sum === 0) return;
      for (const host of members) {
        flat.push(host);
        scaled.push((locality.healthyWeight * (weightAt.get(host) ?? host.weight)) / sum);
      }
    });
    hosts = flat;
    weights = scaled;
  }
  const keys = hosts.map((host) => hashKey(host, config));
  return { hosts, keys, weights };
}

/** Metadata `hash_key`, else the name when it is asked for, else the address. */
function hashKey(host: UpstreamHost, config: LoadBalancingConfig): string {
  const own = host.metadata.get('envoy.lb')?.hash_key;
  if (typeof own === 'string' && own !== '') return own;
  return config.useHostnameForHashing && host.hostname !== '' ? host.hostname : host.address;
}

/** The request's hash, or a random one. */
export function hashOf(context: LoadBalancerContext): bigint {
  return context.hash ?? BigInt(context.random) * 2048n;
}
