import { xxHash64Text } from '../../base/xxhash64.ts';
import type { Narrator } from '../../facade/decision.ts';
import type { LoadBalancingConfig } from '../cluster-config.ts';
import type { UpstreamHost } from '../host.ts';
import type { HostSet } from '../host-set.ts';
import type { LoadBalancerContext } from '../types.ts';
import type { LoadBalancerObserver } from './choose.ts';
import { type HashedHosts, hashedHosts, hashOf } from './hashed.ts';
import type { PickScope, Policy } from './policy.ts';

const FREE = 0xffffffff;
const RANGE = 1n << 64n;

export interface MaglevTable {
  /** Host of each slot, as index in `hosts`. Empty without hosts. */
  readonly slots: Uint32Array;
  readonly hosts: readonly UpstreamHost[];
  readonly smallest: number;
  readonly largest: number;
}

/** Envoy's MaglevTable: hosts sorted by key take their next free slot in rounds, as often as their weights allow. */
export function buildMaglevTable(hosts: HashedHosts, size: number): MaglevTable {
  const count = hosts.hosts.length;
  if (count === 0) return { slots: new Uint32Array(0), hosts: [], smallest: 0, largest: 0 };
  const order = hosts.keys.map((_, i) => i).sort((a, b) => compare(hosts.keys[a], hosts.keys[b]));
  const modulus = BigInt(size);
  const sum = hosts.weights.reduce((a, b) => a + b, 0);
  const maxWeight = Math.max(...hosts.weights) / sum;
  const entries = order.map((owner) => {
    const key = hosts.keys[owner] as string;
    const weight = (hosts.weights[owner] as number) / sum;
    return {
      owner,
      weight,
      target: weight,
      at: Number(xxHash64Text(key, 0n) % modulus),
      skip: Number((xxHash64Text(key, 1n) % (modulus - 1n)) + 1n),
      taken: 0,
    };
  });
  const slots = new Uint32Array(size).fill(FREE);
  let filled = 0;
  for (let round = 1; filled < size; round++) {
    for (const entry of entries) {
      if (filled >= size) break;
      if (round * entry.weight < entry.target) continue;
      entry.target += maxWeight;
      while (slots[entry.at] !== FREE) entry.at = (entry.at + entry.skip) % size;
      slots[entry.at] = entry.owner;
      entry.at = (entry.at + entry.skip) % size;
      entry.taken++;
      filled++;
    }
  }
  const taken = entries.map((entry) => entry.taken);
  return { slots, hosts: hosts.hosts, smallest: Math.min(...taken), largest: Math.max(...taken) };
}

/** Slot of a hash; a retry looks elsewhere. */
export function maglevSlot(hash: bigint, attempt: number, size: number): number {
  const mixed = attempt === 0 ? hash : hash ^ (RANGE - BigInt(attempt));
  return Number(mixed % BigInt(size));
}

export class MaglevPolicy implements Policy {
  readonly lastPosition = 0;

  constructor(
    private readonly config: LoadBalancingConfig,
    private readonly observer: LoadBalancerObserver,
  ) {}

  refresh(): void {}

  pick(scope: PickScope, context: LoadBalancerContext): UpstreamHost | null {
    const table = this.table(scope.set, scope.priority);
    if (table.slots.length === 0) return null;
    return (
      table.hosts[table.slots[maglevSlot(hashOf(context), context.attempt, table.slots.length)] as number] ??
      null
    );
  }

  explain(
    scope: PickScope,
    context: LoadBalancerContext,
    _position: number,
    narrator: Narrator,
  ): UpstreamHost | null {
    const host = this.pick(scope, context);
    const size = this.table(scope.set, scope.priority).slots.length;
    if (host === null) return null;
    const what =
      context.hash === null ? 'No hash policy gave a value: a random hash is used' : `Hash ${context.hash}`;
    narrator.note(
      'neutral',
      `${what}; it falls on slot ${maglevSlot(hashOf(context), context.attempt, size)} of ${size} of the Maglev table.`,
      null,
    );
    return host;
  }

  private table(set: HostSet, priority: number): MaglevTable {
    const known = set.built[priority] as MaglevTable | undefined;
    if (known !== undefined) return known;
    const table = buildMaglevTable(hashedHosts(set, priority, this.config), this.config.maglevTableSize);
    set.built[priority] = table;
    this.observer.onBuilt('maglev_lb', table.slots.length, table.smallest, table.largest);
    return table;
  }
}

function compare(a: string | undefined, b: string | undefined): number {
  return a === b ? 0 : (a ?? '') < (b ?? '') ? -1 : 1;
}
