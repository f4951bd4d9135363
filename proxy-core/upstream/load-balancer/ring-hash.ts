import { xxHash64Text } from '../../base/xxhash64.ts';
import type { Narrator } from '../../facade/decision.ts';
import type { LoadBalancingConfig } from '../cluster-config.ts';
import type { UpstreamHost } from '../host.ts';
import type { HostSet } from '../host-set.ts';
import type { LoadBalancerContext } from '../types.ts';
import type { LoadBalancerObserver } from './choose.ts';
import { type HashedHosts, hashedHosts, hashOf } from './hashed.ts';
import type { PickScope, Policy } from './policy.ts';

/** A consistent-hash ring: entries sorted by hash. */
export interface Ring {
  readonly hashes: BigUint64Array;
  /** Host of each entry, as index in `hosts`. */
  readonly owners: Uint32Array;
  readonly hosts: readonly UpstreamHost[];
  /** Entries of the host with fewest and with most. */
  readonly smallest: number;
  readonly largest: number;
}

/** Envoy's RingHashLoadBalancer::Ring: scale weights so that the smallest has whole entries, then hash `<key>_<i>`. */
export function buildRing(hosts: HashedHosts, minimumSize: number, maximumSize: number): Ring {
  const { keys, weights } = hosts;
  const sum = weights.reduce((a, b) => a + b, 0);
  if (sum === 0) {
    return { hashes: new BigUint64Array(0), owners: new Uint32Array(0), hosts: [], smallest: 0, largest: 0 };
  }
  const normalized = weights.map((weight) => weight / sum);
  const least = Math.min(...normalized);
  const scale = Math.min(Math.ceil(least * minimumSize) / least, maximumSize);
  const entries: { hash: bigint; owner: number }[] = [];
  let target = 0;
  let smallest = Number.POSITIVE_INFINITY;
  let largest = 0;
  keys.forEach((key, owner) => {
    const before = entries.length;
    target += scale * (normalized[owner] as number);
    for (let i = 0; entries.length < target; i++) entries.push({ hash: xxHash64Text(`${key}_${i}`), owner });
    smallest = Math.min(smallest, entries.length - before);
    largest = Math.max(largest, entries.length - before);
  });
  entries.sort((a, b) => (a.hash < b.hash ? -1 : a.hash > b.hash ? 1 : 0));
  return {
    hashes: BigUint64Array.from(entries, (entry) => entry.hash),
    owners: Uint32Array.from(entries, (entry) => entry.owner),
    hosts: hosts.hosts,
    smallest,
    largest,
  };
}

/** Index of the first entry with a hash ≥ `hash`, wrapping; `attempt` goes on from there. */
export function ringIndex(ring: Ring, hash: bigint, attempt: number): number {
  const size = ring.hashes.length;
  let low = 0;
  let high = size;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ring.hashes[middle] as bigint) < hash) low = middle + 1;
    else high = middle;
  }
  return ((low === size ? 0 : low) + attempt) % size;
}

export class RingHashPolicy implements Policy {
  readonly lastPosition = 0;

  constructor(
    private readonly config: LoadBalancingConfig,
    private readonly observer: LoadBalancerObserver,
  ) {}

  refresh(): void {}

  pick(scope: PickScope, context: LoadBalancerContext): UpstreamHost | null {
    const ring = this.ring(scope.set, scope.priority);
    if (ring.hashes.length === 0) return null;
    return ring.hosts[ring.owners[ringIndex(ring, hashOf(context), context.attempt)] as number] ?? null;
  }

  explain(
    scope: PickScope,
    context: LoadBalancerContext,
    _position: number,
    narrator: Narrator,
  ): UpstreamHost | null {
    const ring = this.ring(scope.set, scope.priority);
    if (ring.hashes.length === 0) return null;
    const index = ringIndex(ring, hashOf(context), context.attempt);
    const what =
      context.hash === null ? 'No hash policy gave a value: a random hash is used' : `Hash ${context.hash}`;
    const retry = context.attempt > 0 ? `, ${context.attempt} further for the retry` : '';
    narrator.note(
      'neutral',
      `${what}; it falls on entry ${index + 1} of ${ring.hashes.length} of the ring${retry}.`,
      null,
    );
    return ring.hosts[ring.owners[index] as number] ?? null;
  }

  private ring(set: HostSet, priority: number): Ring {
    const known = set.built[priority] as Ring | undefined;
    if (known !== undefined) return known;
    const { minimumSize, maximumSize } = this.config.ringHash;
    const ring = buildRing(hashedHosts(set, priority, this.config), minimumSize, maximumSize);
    set.built[priority] = ring;
    this.observer.onBuilt('ring_hash_lb', ring.hashes.length, ring.smallest, ring.largest);
    return ring;
  }
}
