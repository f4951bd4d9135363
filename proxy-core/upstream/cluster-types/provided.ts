import type { Narrator } from '../../facade/decision.ts';
import type { UpstreamHost } from '../host.ts';
import type { LoadBalancerContext } from '../types.ts';

/** Picks hosts in place of a load balancing policy: what `CLUSTER_PROVIDED` stands for. */
export interface ProvidedBalancer {
  choose(context: LoadBalancerContext): UpstreamHost | null;
  /** The same, told; nothing is made or moved. */
  explain(context: LoadBalancerContext, narrator: Narrator): UpstreamHost | null;
}
