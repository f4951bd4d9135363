import type { Narrator } from '../../facade/decision.ts';
import type { UpstreamHost } from '../host.ts';
import type { HostSet, HostView } from '../host-set.ts';
import type { LoadBalancerContext } from '../types.ts';

/** Picks hosts of a cluster: the whole of it, or by subsets. */
export interface Balancer {
  /** Where in its schedule the last pick was; with the host set's id it makes the pick repeatable. */
  readonly lastPosition: number;
  /** From now on picks are made out of this set. */
  use(set: HostSet): void;
  choose(context: LoadBalancerContext): UpstreamHost | null;
  /** The same pick, told and without moving any schedule. `position` < 0 means the running schedule. */
  explain(
    set: HostSet,
    context: LoadBalancerContext,
    position: number,
    narrator: Narrator,
  ): UpstreamHost | null;
  /** Why a host took no part in a pick although it is healthy; empty when it did. */
  leftOut(set: HostSet, context: LoadBalancerContext, view: HostView): string;
}
