import type { Narrator } from '../../facade/decision.ts';
import type { UpstreamHost } from '../host.ts';
import type { LoadBalancerContext } from '../types.ts';
import { DrawFor, deriveDraw, type PickScope, type Policy } from './policy.ts';

/** RANDOM: every host of the source with the same chance, weights ignored. */
export class RandomPolicy implements Policy {
  readonly lastPosition = 0;

  refresh(): void {}

  pick(scope: PickScope, context: LoadBalancerContext): UpstreamHost | null {
    const hosts = scope.set.priorities[scope.priority]?.sources[scope.source];
    if (hosts === undefined || hosts.length === 0) return null;
    return hosts[deriveDraw(context.random, DrawFor.host) % hosts.length] ?? null;
  }

  explain(
    scope: PickScope,
    context: LoadBalancerContext,
    _position: number,
    narrator: Narrator,
  ): UpstreamHost | null {
    const host = this.pick(scope, context);
    const size = scope.set.priorities[scope.priority]?.sources[scope.source]?.length ?? 0;
    if (host !== null)
      narrator.note('neutral', `One of ${size} hosts is drawn at random, each with the same chance.`, null);
    return host;
  }
}
