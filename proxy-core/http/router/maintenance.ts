import type { Cluster } from '../../upstream/types.ts';
import type { ActiveStream } from '../stream.ts';

/** `upstream.maintenance_mode.<cluster>`: the percentage of requests to refuse. True when this one is. */
export function inMaintenance(stream: ActiveStream, cluster: Cluster): boolean {
  const { runtime } = stream.snapshot;
  if (runtime.size === 0) return false;
  const share = runtime.get(`upstream.maintenance_mode.${cluster.config.name}`);
  if (typeof share !== 'number' || stream.path.services.random.next() % 100 >= share) return false;
  cluster.stats.upstreamRqMaintenanceMode.inc();
  return true;
}
