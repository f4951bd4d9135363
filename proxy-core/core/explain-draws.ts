import type { PickShare } from '../facade/decision.ts';
import type { LoadBalancerContext, UpstreamCluster } from '../upstream/index.ts';
import type { Narration } from './narration.ts';

/** More would keep the proxy waiting. */
const MAX_DRAWS = 100_000;

/** Where many requests like this one would go, told with the pick of the one. */
export function tellDraws(
  cluster: UpstreamCluster,
  context: LoadBalancerContext,
  draws: number,
  narration: Narration,
): readonly PickShare[] {
  const count = Math.min(MAX_DRAWS, draws);
  const shares = cluster.distribution(context, count).map(({ host, picks }) => ({
    host: host?.address ?? null,
    picks,
  }));
  const text = shares
    .map(({ host, picks }) => `${host ?? 'no host'} ${((100 * picks) / count).toFixed(1)} % (${picks})`)
    .join(', ');
  narration.note('neutral', `Of ${count} draws: ${text}.`, null);
  return shares;
}
