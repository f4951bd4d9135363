import { SeededRandom } from '../../base/random.ts';
import type { LoadBalancingConfig } from '../cluster-config.ts';
import type { UpstreamHost } from '../host.ts';
import type { HostSet } from '../host-set.ts';
import type { LoadBalancerContext } from '../types.ts';
import type { LoadBalancerObserver } from './choose.ts';
import { createBalancer } from './create.ts';
import type { SubsetStats } from './subset.ts';

/** How often a host was picked; null = none could be. */
export interface PickCount {
  readonly host: UpstreamHost | null;
  readonly picks: number;
}

const NOT_COUNTED = { inc: () => {}, set: () => {} };

const SILENT_SUBSETS: SubsetStats = {
  active: NOT_COUNTED,
  created: NOT_COUNTED,
  removed: NOT_COUNTED,
  selected: NOT_COUNTED,
  fallback: NOT_COUNTED,
  fallbackPanic: NOT_COUNTED,
};

/**
 * Many picks with the draws that follow `context.random`, made by a balancer of their own: what runs is neither moved
 * nor counted.
 */
export function pickDistribution(
  config: LoadBalancingConfig,
  set: HostSet,
  context: LoadBalancerContext,
  draws: number,
  observer: Pick<LoadBalancerObserver, 'now' | 'localHosts'>,
): PickCount[] {
  const silent = { ...observer, onPanicPick: () => {}, onZone: () => {}, onBuilt: () => {} };
  const random = new SeededRandom(context.random);
  const balancer = createBalancer(config, random.next() % 0x100000000, set, silent, SILENT_SUBSETS);
  const counts = new Map<UpstreamHost | null, number>();
  for (let i = 0; i < draws; i++) {
    const host = balancer.choose({ ...context, random: random.next() });
    counts.set(host, (counts.get(host) ?? 0) + 1);
  }
  return [...counts].map(([host, picks]) => ({ host, picks })).sort((a, b) => b.picks - a.picks);
}
