import type { LoadBalancingConfig } from '../cluster-config.ts';
import type { HostSet } from '../host-set.ts';
import type { Balancer } from './balancer.ts';
import { LoadBalancer, type LoadBalancerObserver } from './choose.ts';
import { SubsetLoadBalancer, type SubsetStats } from './subset.ts';

/** The balancer of a cluster: by subsets when it has them. */
export function createBalancer(
  config: LoadBalancingConfig,
  seed: number,
  set: HostSet,
  observer: LoadBalancerObserver,
  stats: SubsetStats,
): Balancer {
  const { subset } = config;
  if (subset === null) return new LoadBalancer(config, seed, set, observer);
  return new SubsetLoadBalancer(
    { ...config, subset },
    set,
    (own, inner) => new LoadBalancer(inner, seed, own, observer),
    stats,
  );
}
