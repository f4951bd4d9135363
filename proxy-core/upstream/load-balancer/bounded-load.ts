import type { Narrator } from '../../facade/decision.ts';
import type { LoadBalancingConfig } from '../cluster-config.ts';
import type { UpstreamHost } from '../host.ts';
import type { HostSet } from '../host-set.ts';
import type { LoadBalancerContext } from '../types.ts';
import { type HashedHosts, hashedHosts, hashOf } from './hashed.ts';
import { MersenneTwister } from './mersenne-twister.ts';
import type { PickScope, Policy } from './policy.ts';

/**
 * `hash_balance_factor`: a host that has more than its bounded share of the active requests passes one on to another
 * host, found by a shuffle that the hash seeds (envoy BoundedLoadHashingLoadBalancer, arXiv 1908.08762).
 */
export class BoundedLoadPolicy implements Policy {
  readonly lastPosition = 0;
  private readonly hosts = new WeakMap<HostSet, HashedHosts[]>();

  constructor(
    private readonly inner: Policy,
    private readonly config: LoadBalancingConfig,
  ) {}

  refresh(set: HostSet): void {
    this.inner.refresh(set);
  }

  pick(scope: PickScope, context: LoadBalancerContext): UpstreamHost | null {
    const host = this.inner.pick(scope, context);
    return host === null ? null : this.bounded(scope, context, host, null);
  }

  explain(
    scope: PickScope,
    context: LoadBalancerContext,
    position: number,
    narrator: Narrator,
  ): UpstreamHost | null {
    const host = this.inner.explain(scope, context, position, narrator);
    return host === null ? null : this.bounded(scope, context, host, narrator);
  }

  private bounded(
    scope: PickScope,
    context: LoadBalancerContext,
    host: UpstreamHost,
    narrator: Narrator | null,
  ): UpstreamHost {
    const all = this.hashed(scope);
    const total = all.weights.reduce((sum, weight) => sum + weight, 0);
    const share = (index: number): number => (all.weights[index] ?? 0) / total;
    const own = this.overload(host, share(all.hosts.indexOf(host)));
    if (own <= 1) return host;
    narrator?.note(
      'neutral',
      `${host.address} has ${host.stats.rqActive} active requests, more than \`hash_balance_factor\` ${this.config.hashBalanceFactor} % allows: another host is looked for.`,
      null,
    );
    const random = new MersenneTwister(Number(hashOf(context) & 0xffffffffn));
    const order = all.hosts.map((_, i) => i);
    let best = host;
    let least = own;
    for (let i = 0; i < order.length; i++) {
      const j = i + random.below(order.length - i);
      const index = order[j] as number;
      order[j] = order[i] as number;
      order[i] = index;
      const other = all.hosts[index] as UpstreamHost;
      if (other === host) continue;
      const load = this.overload(other, share(index));
      if (load <= 1) return other;
      if (load < least) {
        least = load;
        best = other;
      }
    }
    return best;
  }

  private overload(host: UpstreamHost, share: number): number {
    const active = host.cluster?.stats.upstreamRqActive.value ?? 0;
    const slots = Math.floor(((active + 1) * this.config.hashBalanceFactor + 99) / 100);
    return host.stats.rqActive / Math.max(1, Math.ceil(slots * share));
  }

  private hashed({ set, priority }: PickScope): HashedHosts {
    let known = this.hosts.get(set);
    if (known === undefined) {
      known = set.priorities.map((_, i) => hashedHosts(set, i, this.config));
      this.hosts.set(set, known);
    }
    return known[priority] as HashedHosts;
  }
}
