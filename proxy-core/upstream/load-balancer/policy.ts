import type { Narrator } from '../../facade/decision.ts';
import type { UpstreamHost } from '../host.ts';
import type { HostSet } from '../host-set.ts';
import type { LoadBalancerContext } from '../types.ts';

/** Where a policy picks: one source of one priority of one host set. */
export interface PickScope {
  set: HostSet;
  priority: number;
  /** Number of the source in the priority's `sources`. */
  source: number;
}

/**
 * How one host is taken out of a source. `position` is the schedule's position to use: -1 means the running schedule,
 * which a pick moves on unless it is being explained.
 */
export interface Policy {
  /** Position that the last pick used, for the record; 0 for policies without a schedule. */
  readonly lastPosition: number;
  /** A new host set is in use. */
  refresh(set: HostSet): void;
  pick(scope: PickScope, context: LoadBalancerContext): UpstreamHost | null;
  explain(
    scope: PickScope,
    context: LoadBalancerContext,
    position: number,
    narrator: Narrator,
  ): UpstreamHost | null;
}

/** An independent 32-bit draw number `index` out of one draw in [0, 2^53). */
export function deriveDraw(random: number, index: number): number {
  let z =
    (random >>> 0) ^ Math.imul((random / 0x100000000) >>> 0, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b);
  z = Math.imul(z ^ (z >>> 16), 0x7feb352d);
  z = Math.imul(z ^ (z >>> 15), 0x846ca68b);
  return (z ^ (z >>> 16)) >>> 0;
}

/** Draws of one pick by purpose, so that each stays independent of the others. */
export const DrawFor = { zoneEnabled: -3, zoneElsewhere: -2, zone: -1, priority: 0, host: 1 } as const;
