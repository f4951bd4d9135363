import type { Narrator } from '../../facade/decision.ts';
import type { UpstreamCluster } from '../cluster.ts';
import type { UpstreamHost } from '../host.ts';
import type { HostSet } from '../host-set.ts';
import { pickSlot } from '../load-balancer/choose.ts';
import { DrawFor, deriveDraw } from '../load-balancer/policy.ts';
import { computePriorityLoad, type PriorityLoad } from '../priority-load.ts';
import type { LoadBalancerContext } from '../types.ts';
import type { AggregateConfig } from './config.ts';
import type { ProvidedBalancer } from './provided.ts';

interface Member {
  readonly cluster: UpstreamCluster;
  readonly priority: number;
}

/** The priorities of all clusters in one row, as they stand now. */
interface Row {
  readonly sets: readonly (HostSet | null)[];
  readonly members: readonly Member[];
  readonly load: PriorityLoad;
}

/**
 * `envoy.clusters.aggregate`: the priorities of its clusters, one cluster after the other, share the traffic as the
 * priorities of one cluster do; the cluster that is drawn then picks in its own way.
 */
export class AggregateBalancer implements ProvidedBalancer {
  private row: Row | null = null;

  constructor(
    private readonly cluster: UpstreamCluster,
    private readonly config: AggregateConfig,
    private readonly find: (name: string) => UpstreamCluster | null,
  ) {}

  choose(context: LoadBalancerContext): UpstreamHost | null {
    const { slot, member, count } = this.draw(context);
    return member?.cluster.choose({ ...fields(context), slot: slotIn(member, slot >= count) }) ?? null;
  }

  explain(context: LoadBalancerContext, narrator: Narrator): UpstreamHost | null {
    const { slot, member, count } = this.draw(context);
    const { load, members } = this.current();
    const parts = members.map(
      ({ cluster, priority }, i) =>
        `\`${cluster.name}\` priority ${priority}: health ${load.health[i]} %, load ${(load.healthyLoad[i] ?? 0) + (load.degradedLoad[i] ?? 0)} %`,
    );
    narrator.note(
      'neutral',
      parts.length === 0 ? 'None of its clusters exists.' : `${parts.join('; ')}.`,
      null,
    );
    if (member === undefined) return null;
    narrator.note('neutral', `Cluster \`${member.cluster.name}\` is drawn.`, member.cluster.config.source);
    const inner = { ...fields(context), slot: slotIn(member, slot >= count) };
    return member.cluster.explainChoice(inner, narrator);
  }

  private draw(context: LoadBalancerContext): { slot: number; member: Member | undefined; count: number } {
    const { load, members } = this.current();
    const draw =
      context.hash === null
        ? deriveDraw(context.random, DrawFor.priority) % 100
        : Number(context.hash % 100n);
    const slot = pickSlot(members.length, load, draw);
    return { slot, member: members[slot % Math.max(1, members.length)], count: members.length };
  }

  private current(): Row {
    const clusters = this.config.clusters.map((name) => this.find(name));
    const sets = clusters.map((each) => each?.hostSet ?? null);
    const { row } = this;
    if (row !== null && sets.every((set, i) => set === row.sets[i])) return row;
    const members: Member[] = [];
    const counts: HostSet['priorities'][number]['counts'][] = [];
    clusters.forEach((cluster, i) => {
      sets[i]?.priorities.forEach((each, priority) => {
        // A cluster of this kind inside this one would bring nothing: its hosts are those of others.
        if (cluster === null || cluster === this.cluster) return;
        members.push({ cluster, priority });
        counts.push(each.counts);
      });
    });
    const { overprovisioningFactor, panicThreshold } = this.cluster.config.loadBalancing;
    const made = { sets, members, load: computePriorityLoad(counts, overprovisioningFactor, panicThreshold) };
    this.row = made;
    return made;
  }
}

/** The priority that the aggregate has drawn, as the cluster itself would have. */
function slotIn(member: Member, degraded: boolean): number {
  return degraded ? member.cluster.hostSet.priorities.length + member.priority : member.priority;
}

function fields(context: LoadBalancerContext): LoadBalancerContext {
  const { random, hash, attempt, criteria = null, overrideHost = null, head = null, info = null } = context;
  return { random, hash, attempt, criteria, overrideHost, head, info };
}
