import type { Narrator } from '../../facade/decision.ts';
import type { LoadBalancingConfig, ZoneAwareConfig } from '../cluster-config.ts';
import { coarseHealth } from '../host.ts';
import { type HostSet, localityName, Source } from '../host-set.ts';
import { DrawFor, deriveDraw } from './policy.ts';

/** Counters under `cluster.<name>.`. */
export type ZoneEvent =
  | 'lb_recalculate_zone_structures'
  | 'lb_local_cluster_not_ok'
  | 'lb_zone_cluster_too_small'
  | 'lb_zone_routing_all_directly'
  | 'lb_zone_routing_sampled'
  | 'lb_zone_routing_cross_zone'
  | 'lb_zone_no_capacity_left';

interface ZoneState {
  readonly set: HostSet;
  readonly local: HostSet | null;
  /** Why zones play no part; empty when they do. */
  readonly off: string;
  /** Index of the proxy's own locality among those of the set. */
  readonly home: number;
  /** Share of the picks that stay at home, in hundredths of a percent; 10,000 = all. */
  readonly atHome: number;
  /** Room of each other locality, summed up. */
  readonly residual: readonly number[];
  readonly text: string;
}

/**
 * Zone-aware routing (envoy ZoneAwareLoadBalancerBase): requests stay in the proxy's zone as far as its hosts there are
 * not fewer, in share, than the proxies there; the rest goes where there is room.
 */
export class ZoneRouting {
  private state: ZoneState | null = null;

  constructor(
    private readonly zone: ZoneAwareConfig,
    private readonly config: LoadBalancingConfig,
    private readonly observer: {
      onZone(event: ZoneEvent): void;
      localHosts(name: string): HostSet | null;
    },
  ) {}

  /** Index of the locality to pick in, -1 when zones play no part. */
  pick(set: HostSet, random: number, narrator: Narrator | null): number {
    const local = this.observer.localHosts(this.zone.localCluster);
    let { state } = this;
    if (state === null || state.set !== set || state.local !== local) {
      state = this.structures(set, local, narrator === null);
      if (narrator === null) this.state = state;
    }
    if (state.off !== '') {
      narrator?.note('neutral', `Zones play no part: ${state.off}.`, null);
      return -1;
    }
    if (deriveDraw(random, DrawFor.zoneEnabled) % 100 >= this.zone.routingEnabled) return -1;
    narrator?.note('neutral', state.text, null);
    const silent = narrator === null;
    if (state.atHome === 10_000) {
      if (silent) this.observer.onZone('lb_zone_routing_all_directly');
      return state.home;
    }
    const draw = deriveDraw(random, DrawFor.zone) % 10_000;
    if (draw < state.atHome) {
      if (silent) this.observer.onZone('lb_zone_routing_sampled');
      narrator?.note('neutral', `The draw ${draw} is below ${state.atHome}: the own zone is taken.`, null);
      return state.home;
    }
    if (silent) this.observer.onZone('lb_zone_routing_cross_zone');
    return this.elsewhere(state, random, silent);
  }

  private elsewhere(state: ZoneState, random: number, count: boolean): number {
    const { residual } = state;
    const room = residual[residual.length - 1] ?? 0;
    const draw = deriveDraw(random, DrawFor.zoneElsewhere);
    if (room === 0) {
      if (count) this.observer.onZone('lb_zone_no_capacity_left');
      return draw % residual.length;
    }
    const threshold = draw % room;
    return residual.findIndex((sum) => threshold < sum);
  }

  private structures(set: HostSet, local: HostSet | null, count: boolean): ZoneState {
    const event = (name: ZoneEvent): void => {
      if (count) this.observer.onZone(name);
    };
    event('lb_recalculate_zone_structures');
    const own = localityName(this.zone.locality);
    const first = set.priorities[0];
    const none = (off: string): ZoneState => ({
      set,
      local,
      off,
      home: -1,
      atHome: 0,
      residual: [],
      text: '',
    });
    if (first === undefined || first.localities.length < 2) return none('the hosts are in one zone');
    const localViews = local?.priorities[0]?.views ?? [];
    const here = localViews.filter(({ flags }) => coarseHealth(flags) === 'healthy');
    const names = first.localities.map(({ locality }) => localityName(locality));
    const home = names.indexOf(own);
    const sizes = names.map((_, i) => first.sources[Source.firstLocality + 2 * i]?.length ?? 0);
    if (home < 0 || sizes[home] === 0) return none(`no healthy host is in the own zone \`${own}\``);
    const healthy = sizes.reduce((sum, size) => sum + size, 0);
    if (healthy < this.zone.minimumClusterSize) {
      event('lb_zone_cluster_too_small');
      return none(
        `${healthy} healthy hosts are fewer than \`min_cluster_size\` ${this.zone.minimumClusterSize}`,
      );
    }
    if (here.length === 0 || (100 * here.length) / localViews.length < this.config.panicThreshold) {
      event('lb_local_cluster_not_ok');
      return none(`the own cluster \`${this.zone.localCluster}\` is not healthy enough`);
    }
    const share = (part: number, whole: number): number => Math.floor((10_000 * part) / whole);
    const upstream = sizes.map((size) => share(size, healthy));
    const proxies = names.map((name) =>
      share(here.filter(({ host }) => localityName(host.locality) === name).length, here.length),
    );
    const [mine, ours] = [upstream[home] as number, proxies[home] as number];
    const told = `Own zone \`${own}\`: ${mine / 100} % of the healthy hosts, ${ours / 100} % of the proxies`;
    if (mine >= ours) {
      return { set, local, off: '', home, atHome: 10_000, residual: [], text: `${told}: all stays there.` };
    }
    const atHome = Math.floor((mine * 10_000) / ours);
    let sum = 0;
    const residual = upstream.map((here, i) => {
      if (i !== home) sum += Math.max(0, here - (proxies[i] as number));
      return sum;
    });
    return { set, local, off: '', home, atHome, residual, text: `${told}: ${atHome / 100} % stays there.` };
  }
}
