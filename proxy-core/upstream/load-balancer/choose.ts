import type { Narrator } from '../../facade/decision.ts';
import type { LoadBalancingConfig } from '../cluster-config.ts';
import type { UpstreamHost } from '../host.ts';
import { type HostSet, localityName, Source } from '../host-set.ts';
import { availablePercent, loadWithout, type PriorityLoad } from '../priority-load.ts';
import type { LoadBalancerContext } from '../types.ts';
import type { Balancer } from './balancer.ts';
import { BoundedLoadPolicy } from './bounded-load.ts';
import { LocalitySchedules } from './locality.ts';
import { MaglevPolicy } from './maglev.ts';
import { DrawFor, deriveDraw, type PickScope, type Policy } from './policy.ts';
import { RandomPolicy } from './random.ts';
import { RingHashPolicy } from './ring-hash.ts';
import { ScheduledPolicy } from './scheduled.ts';
import { type ZoneEvent, ZoneRouting } from './zone-aware.ts';

/** Room for the position inside a source, beside the locality that was picked. */
const LOCALITY_UNIT = 2 ** 42;

/** Told of a pick in panic (`lb_healthy_panic`), of zones, and of sizes of rings and tables. */
export interface LoadBalancerObserver {
  onPanicPick(): void;
  onZone(event: ZoneEvent): void;
  now(): number;
  /** The hosts of the proxy's own cluster, for zone-aware routing; null without. */
  localHosts(name: string): HostSet | null;
  onBuilt(kind: 'ring_hash_lb' | 'maglev_lb', size: number, smallest: number, largest: number): void;
}

/**
 * Picks hosts for one cluster: priority by the draw, then panic or not, then locality, then the policy
 * (envoy LoadBalancerBase::chooseHost). `explain` takes the same way with a narrator and moves nothing.
 */
export class LoadBalancer implements Balancer {
  private readonly policy: Policy;
  private readonly localities: LocalitySchedules | null;
  private readonly zones: ZoneRouting | null;
  private readonly scope: PickScope;
  private lastLocality = 0;

  constructor(
    private readonly config: LoadBalancingConfig,
    seed: number,
    private set: HostSet,
    private readonly observer: LoadBalancerObserver,
  ) {
    this.policy = createPolicy(config, seed, observer);
    this.localities = config.localityWeighted && !isHashed(config) ? new LocalitySchedules(seed) : null;
    this.zones =
      config.zoneAware === null || isHashed(config)
        ? null
        : new ZoneRouting(config.zoneAware, config, observer);
    this.scope = { set, priority: 0, source: Source.healthy };
    this.use(set);
  }

  use(set: HostSet): void {
    this.set = set;
    this.scope.set = set;
    this.policy.refresh(set);
    this.localities?.refresh(set);
  }

  /** Where in its schedule the last pick was; with the host set's id it makes the pick repeatable. */
  get lastPosition(): number {
    return this.policy.lastPosition + this.lastLocality * LOCALITY_UNIT;
  }

  choose(context: LoadBalancerContext): UpstreamHost | null {
    const { set, scope } = this;
    const { load } = set;
    const slot = slotOf(set, this.config, context);
    const count = set.priorities.length;
    const priority = slot % count;
    scope.priority = priority;
    this.lastLocality = 0;
    if (load.panic[priority] === true) {
      this.observer.onPanicPick();
      if (this.config.failTrafficOnPanic && !isHashed(this.config)) return null;
      scope.source = Source.all;
    } else {
      const degraded = slot >= count;
      scope.source = degraded ? Source.degraded : Source.healthy;
      if (this.localities !== null) {
        const locality = this.localities.pick(priority, degraded);
        if (locality >= 0) {
          this.lastLocality = locality + 1;
          scope.source = Source.firstLocality + 2 * locality + (degraded ? 1 : 0);
        }
      } else if (this.zones !== null && priority === 0 && !degraded) {
        const locality = this.zones.pick(set, context.random, null);
        if (locality >= 0) scope.source = Source.firstLocality + 2 * locality;
      }
    }
    return this.policy.pick(scope, context);
  }

  leftOut(): string {
    return '';
  }

  explain(
    set: HostSet,
    context: LoadBalancerContext,
    position: number,
    narrator: Narrator,
  ): UpstreamHost | null {
    const count = set.priorities.length;
    const slot = slotOf(set, this.config, context);
    const priority = slot % count;
    const degraded = slot >= count;
    narratePriorities(set, this.config, priority, degraded, narrator);
    let source: number = degraded ? Source.degraded : Source.healthy;
    let inner = position;
    if (set.load.panic[priority] === true) {
      if (this.config.failTrafficOnPanic && !isHashed(this.config)) {
        narrator.note('bad', '`fail_traffic_on_panic` is set: no host is picked.', null);
        return null;
      }
      source = Source.all;
    } else if (this.localities !== null) {
      const picked = position >= LOCALITY_UNIT ? Math.floor(position / LOCALITY_UNIT) - 1 : -1;
      const locality = position >= 0 ? picked : this.localities.peek(priority, degraded);
      const view = set.priorities[priority]?.localities[locality];
      if (view !== undefined) {
        source = Source.firstLocality + 2 * locality + (degraded ? 1 : 0);
        narrator.note(
          'neutral',
          `Locality \`${localityName(view.locality)}\` is picked by its weight ${degraded ? view.degradedWeight : view.healthyWeight}.`,
          null,
        );
      }
    } else if (this.zones !== null && priority === 0 && !degraded) {
      const locality = this.zones.pick(set, context.random, narrator);
      if (locality >= 0) source = Source.firstLocality + 2 * locality;
    }
    if (position >= 0) inner = position % LOCALITY_UNIT;
    const scope: PickScope = { set, priority, source };
    return this.policy.explain(scope, context, inner, narrator);
  }
}

/** Consistent hashing picks the priority by the request's hash, the others by the draw. */
function priorityDraw(config: LoadBalancingConfig, context: LoadBalancerContext): number {
  if (isHashed(config)) {
    return context.hash === null ? context.random % 100 : Number(context.hash % 100n);
  }
  return deriveDraw(context.random, DrawFor.priority) % 100;
}

export function isHashed(config: LoadBalancingConfig): boolean {
  return config.policy === 'RING_HASH' || config.policy === 'MAGLEV';
}

function slotOf(set: HostSet, config: LoadBalancingConfig, context: LoadBalancerContext): number {
  const given = context.slot;
  return given ?? pickSlot(set.priorities.length, loadFor(set, context), priorityDraw(config, context));
}

/** The load without the priorities that a retry keeps away from, as long as any other is available. */
function loadFor(
  set: HostSet,
  context: LoadBalancerContext,
): Pick<PriorityLoad, 'healthyLoad' | 'degradedLoad'> {
  const { priorities } = context;
  if (priorities === undefined || priorities === null || priorities.excluded.size === 0) return set.load;
  const rest = loadWithout(set.load, priorities.excluded);
  if (rest === null) priorities.reset();
  return rest ?? set.load;
}

/** Index of the priority in the healthy loads, or in the degraded ones plus their number. */
export function pickSlot(
  count: number,
  load: Pick<PriorityLoad, 'healthyLoad' | 'degradedLoad'>,
  draw: number,
): number {
  const { healthyLoad, degradedLoad } = load;
  if (count === 1 && healthyLoad[0] === 100) return 0;
  let sum = 0;
  for (let i = 0; i < count; i++) {
    sum += healthyLoad[i] as number;
    if (draw < sum) return i;
  }
  for (let i = 0; i < count; i++) {
    sum += degradedLoad[i] as number;
    if (draw < sum) return count + i;
  }
  return 0;
}

function narratePriorities(
  set: HostSet,
  config: LoadBalancingConfig,
  priority: number,
  degraded: boolean,
  narrator: Narrator,
): void {
  const { load, priorities } = set;
  const counts = priorities[priority]?.counts;
  if (counts === undefined) return;
  const counted = counts.hosts - counts.excluded;
  const available = Math.floor(availablePercent(counts));
  if (priorities.length > 1 || degraded) {
    const parts = priorities.map((p, i) => {
      const total = p.counts.hosts - p.counts.excluded;
      return `priority ${i}: ${p.counts.healthy} of ${total} healthy × ${config.overprovisioningFactor / 100} = health ${load.health[i]} %, load ${(load.healthyLoad[i] ?? 0) + (load.degradedLoad[i] ?? 0)} %`;
    });
    narrator.note(
      'neutral',
      `${parts.join('; ')}. Priority ${priority} is drawn${degraded ? ', among its degraded hosts' : ''}.`,
      null,
    );
  }
  if (load.panic[priority] === true) {
    narrator.note(
      'bad',
      `Panic: ${available} % of ${counted} hosts are available, below \`healthy_panic_threshold\` ${config.panicThreshold} %. All hosts get traffic, also bad ones.`,
      null,
    );
  } else if (counts.hosts === 0) {
    narrator.note('bad', 'The cluster has no hosts.', null);
  } else if (counts.healthy + counts.degraded === 0) {
    narrator.note(
      'bad',
      `None of ${counts.hosts} hosts is available, and \`healthy_panic_threshold\` is ${config.panicThreshold} %: no healthy upstream.`,
      null,
    );
  } else if (available < 100) {
    narrator.note(
      'neutral',
      `No panic: ${available} % of ${counted} hosts are available, \`healthy_panic_threshold\` is ${config.panicThreshold} %.`,
      null,
    );
  }
}

function createPolicy(config: LoadBalancingConfig, seed: number, observer: LoadBalancerObserver): Policy {
  const bounded = (policy: Policy): Policy =>
    config.hashBalanceFactor > 0 ? new BoundedLoadPolicy(policy, config) : policy;
  switch (config.policy) {
    case 'ROUND_ROBIN':
    case 'LEAST_REQUEST':
      return new ScheduledPolicy(config, seed, observer);
    case 'RANDOM':
      return new RandomPolicy();
    case 'RING_HASH':
      return bounded(new RingHashPolicy(config, observer));
    case 'MAGLEV':
      return bounded(new MaglevPolicy(config, observer));
  }
}
