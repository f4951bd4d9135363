import type { Narrator } from '../../facade/decision.ts';
import type { CompiledCluster } from '../cluster-config.ts';
import type { UpstreamHost } from '../host.ts';
import type { HostSet } from '../host-set.ts';
import type { LoadBalancerContext } from '../types.ts';
import type { Balancer } from './balancer.ts';
import { narrateHosts } from './narrate-hosts.ts';
import { selectOverrideHost } from './override-host.ts';

/** Tells a pick among the hosts of `set`: the host that a filter wants, else what balancing takes; then every host. */
export function explainPick(
  set: HostSet,
  balancer: Balancer,
  config: CompiledCluster,
  context: LoadBalancerContext,
  wall: number,
  narrator: Narrator,
): UpstreamHost | null {
  const wanted = context.overrideHost;
  const { overrideHostStatus } = config.loadBalancing;
  let host = wanted == null ? null : selectOverrideHost(set, wanted, overrideHostStatus, narrator);
  if (host === null && wanted?.strict !== true) {
    host = balancer.explain(set, context, context.position ?? -1, narrator);
  }
  narrateHosts(set, host, config, wall, narrator, (view) => balancer.leftOut(set, context, view));
  return host;
}
