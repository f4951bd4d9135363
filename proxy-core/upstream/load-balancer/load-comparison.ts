import type { Narrator } from '../../facade/decision.ts';
import type { LoadBalancingConfig } from '../cluster-config.ts';
import type { UpstreamHost } from '../host.ts';
import type { LoadBalancerContext } from '../types.ts';
import { DrawFor, deriveDraw } from './policy.ts';

/** A position holds so many bits; beside it stands the locality that was picked. */
const POSITION_BITS = 42;
/** Beyond so many hosts compared, a position keeps the outcome alone. */
const MOST_KEPT = 4;
/** For the outcome alone: its index, and above it its active requests. */
const INDEX_UNIT = 2 ** 21;

/**
 * LEAST_REQUEST among hosts of equal weight: the least busy of a few random ones, or of all
 * (envoy LeastRequestLoadBalancer::unweightedHostPick). The position of a pick keeps how busy the hosts compared were;
 * which ones they were follows from the draw.
 */
export class LoadComparison {
  lastPosition = 0;
  /** How many hosts a position tells the requests of, and one more than the most that it can say of each. */
  private readonly kept: number;
  private readonly unit: number;

  constructor(private readonly config: LoadBalancingConfig['leastRequest']) {
    const { fullScan, choiceCount } = config;
    this.kept = fullScan || choiceCount > MOST_KEPT ? 0 : choiceCount;
    this.unit = this.kept === 0 ? INDEX_UNIT : 2 ** Math.floor(POSITION_BITS / this.kept);
  }

  /** Index of the host; the list is not empty. */
  pick(hosts: readonly UpstreamHost[], context: LoadBalancerContext): number {
    const { fullScan, choiceCount } = this.config;
    const rounds = fullScan ? hosts.length : choiceCount;
    const most = this.unit - 1;
    let best = -1;
    let fewest = 0;
    let ties = 0;
    let position = 0;
    let scale = 1;
    for (let i = 0; i < rounds; i++) {
      const draw = deriveDraw(context.random, DrawFor.host + i);
      const index = fullScan ? i : draw % hosts.length;
      const active = (hosts[index] as UpstreamHost).stats.rqActive;
      if (this.kept > 0) {
        position += Math.min(active, most) * scale;
        scale *= this.unit;
      }
      if (best < 0 || active < fewest) {
        best = index;
        fewest = active;
        ties = 1;
      } else if (fullScan && active === fewest) {
        // Each of the equals keeps the same chance.
        ties++;
        if (draw % ties === 0) best = index;
      }
    }
    this.lastPosition = this.kept > 0 ? position : best + Math.min(fewest, most) * INDEX_UNIT;
    return best;
  }

  /** @param position Of a recorded pick; -1 = with the load of now. */
  explain(
    hosts: readonly UpstreamHost[],
    context: LoadBalancerContext,
    position: number,
    narrator: Narrator,
  ): UpstreamHost | null {
    const { lastPosition } = this;
    const now = position < 0 ? this.pick(hosts, context) : -1;
    const at = position < 0 ? this.lastPosition : position;
    this.lastPosition = lastPosition;
    return this.kept === 0
      ? this.tellOutcome(hosts, at, narrator)
      : this.tellCompared(hosts, context, at, now, narrator);
  }

  private tellCompared(
    hosts: readonly UpstreamHost[],
    context: LoadBalancerContext,
    position: number,
    now: number,
    narrator: Narrator,
  ): UpstreamHost | null {
    const seen: string[] = [];
    let best = -1;
    let fewest = 0;
    let rest = position;
    for (let i = 0; i < this.kept; i++) {
      const index = deriveDraw(context.random, DrawFor.host + i) % hosts.length;
      const active = rest % this.unit;
      rest = Math.floor(rest / this.unit);
      seen.push(`${hosts[index]?.address ?? ''} (${active} active)`);
      if (best >= 0 && active >= fewest) continue;
      best = index;
      fewest = active;
    }
    narrator.note(
      'neutral',
      `${this.kept} random hosts are compared by active requests, and the one with fewest is picked: ${seen.join(', ')}.`,
      null,
    );
    return hosts[now < 0 ? best : now] ?? null;
  }

  private tellOutcome(
    hosts: readonly UpstreamHost[],
    position: number,
    narrator: Narrator,
  ): UpstreamHost | null {
    const { fullScan, choiceCount } = this.config;
    const host = hosts[position % INDEX_UNIT] ?? null;
    narrator.note(
      'neutral',
      `${fullScan ? `All ${hosts.length} hosts` : `${choiceCount} random hosts`} are compared by active requests, and the one with fewest is picked: ${host?.address ?? 'none'} (${Math.floor(position / INDEX_UNIT)} active).`,
      null,
    );
    return host;
  }
}
