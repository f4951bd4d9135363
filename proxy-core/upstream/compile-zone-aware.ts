import type { CompileContext } from '../config/compile-context.ts';
import type { MessageReader } from '../config/reader.ts';
import type { ZoneAwareConfig } from './cluster-config.ts';
import { runtimeNumber } from './compile-outlier.ts';

/** `zone_aware_lb_config`. It acts only where the bootstrap names the proxy's own cluster, in other clusters than that. */
export function readZoneAware(
  reader: MessageReader | undefined,
  ctx: CompileContext,
  name: string,
): ZoneAwareConfig | null {
  const enabled = reader?.message('routing_enabled')?.number('value');
  const minimum = reader?.number('min_cluster_size');
  const { localCluster = '', locality } = ctx.node;
  if (localCluster === '' || localCluster === name || locality === undefined) return null;
  return {
    localCluster,
    locality: { ...locality, weight: null },
    routingEnabled: runtimeNumber(ctx, 'upstream.zone_routing.enabled') ?? enabled ?? 100,
    minimumClusterSize: runtimeNumber(ctx, 'upstream.zone_routing.min_cluster_size') ?? minimum ?? 6,
  };
}
