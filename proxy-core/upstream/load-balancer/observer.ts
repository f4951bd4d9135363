import type { Clock } from '../../base/clock.ts';
import type { Counter, Stats } from '../../base/stats.ts';
import type { HostSet } from '../host-set.ts';
import type { LoadBalancerObserver } from './choose.ts';

/** What a cluster's balancer tells, as Envoy's statistics. */
export function balancerObserver(
  stats: Stats,
  prefix: string,
  clock: Clock,
  panics: Counter,
  localHosts: (name: string) => HostSet | null,
): LoadBalancerObserver {
  return {
    onPanicPick: () => panics.inc(),
    onZone: (event) => stats.counter(prefix + event).inc(),
    onBuilt: (kind, size, smallest, largest) => {
      stats.gauge(`${prefix}${kind}.size`).set(size);
      const words = kind === 'ring_hash_lb' ? 'hashes' : 'entries';
      stats.gauge(`${prefix}${kind}.min_${words}_per_host`).set(smallest);
      stats.gauge(`${prefix}${kind}.max_${words}_per_host`).set(largest);
    },
    now: () => clock.now(),
    localHosts,
  };
}
