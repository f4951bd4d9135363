import type { ClusterStatistics } from './cluster-stats.ts';
import { coarseHealth, isExcluded, type UpstreamHost } from './host.ts';

/** `membership_total` and its like, of the hosts as they are now. */
export function publishMembership(stats: ClusterStatistics, hosts: readonly UpstreamHost[]): void {
  let healthy = 0;
  let degraded = 0;
  let excluded = 0;
  for (const host of hosts) {
    const health = coarseHealth(host.healthFlags);
    if (health === 'healthy') healthy++;
    else if (health === 'degraded') degraded++;
    if (isExcluded(host.healthFlags)) excluded++;
  }
  stats.membershipTotal.set(hosts.length);
  stats.membershipHealthy.set(healthy);
  stats.membershipDegraded.set(degraded);
  stats.membershipExcluded.set(excluded);
}
