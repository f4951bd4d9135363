import type { Narrator } from '../../facade/decision.ts';
import type { LoadBalancingConfig } from '../cluster-config.ts';
import type { UpstreamHost } from '../host.ts';
import type { HostSet } from '../host-set.ts';
import type { LoadBalancerContext } from '../types.ts';
import { EdfSchedule } from './edf.ts';
import { LoadComparison } from './load-comparison.ts';
import type { PickScope, Policy } from './policy.ts';
import { slowStartFactor } from './slow-start.ts';

/** A schedule is replayed pick by pick up to here; beyond, by whole rounds. */
const REPLAY_LIMIT = 200_000;

interface SourceState {
  /** Null while all weights are equal. */
  edf: EdfSchedule | null;
  /** Turns of the unweighted pick: starts at a random number and survives host set changes. */
  index: number;
  /** Picks of the weighted schedule since the host set came. */
  picks: number;
}

/**
 * ROUND_ROBIN and LEAST_REQUEST (envoy EdfLoadBalancerBase): with equal weights a plain turn or a few random
 * hosts compared; with unequal ones an earliest-deadline-first schedule.
 */
export class ScheduledPolicy implements Policy {
  lastPosition = 0;
  /** By priority, then by source. */
  private states: SourceState[][] = [];
  private readonly leastRequest: boolean;
  private readonly comparison: LoadComparison;
  /** The schedule goes by configured weights alone. */
  private readonly replays: boolean;

  constructor(
    private readonly config: LoadBalancingConfig,
    private readonly seed: number,
    private readonly observer: { now(): number },
  ) {
    this.leastRequest = config.policy === 'LEAST_REQUEST';
    this.comparison = new LoadComparison(config.leastRequest);
    this.replays = !this.leastRequest && config.slowStart === null;
  }

  refresh(set: HostSet): void {
    const before = this.states;
    this.states = set.priorities.map((p, priority) =>
      p.sources.map((hosts, source) => {
        const weights = hosts.map((host) => host.weight);
        const loaded = hosts.map((host) => this.weightOf(host, host.weight));
        return {
          edf: allEqual(weights) && !this.anyInSlowStart(hosts) ? null : this.schedule(loaded),
          index: before[priority]?.[source]?.index ?? this.seed,
          picks: 0,
        };
      }),
    );
  }

  pick(scope: PickScope, context: LoadBalancerContext): UpstreamHost | null {
    const hosts = scope.set.priorities[scope.priority]?.sources[scope.source];
    const state = this.states[scope.priority]?.[scope.source];
    if (hosts === undefined || state === undefined || hosts.length === 0) return null;
    if (state.edf !== null) {
      const index = state.edf.peek();
      const next = hosts[index];
      if (next === undefined) return null;
      // Weights that change with time or load cannot be replayed: the outcome is kept in place of the turn.
      this.lastPosition = this.replays ? state.picks++ : index;
      state.edf.pick(this.weightOf(next, next.weight));
      return next;
    }
    if (this.leastRequest) {
      const index = this.comparison.pick(hosts, context);
      this.lastPosition = this.comparison.lastPosition;
      return hosts[index] ?? null;
    }
    const index = state.index;
    this.lastPosition = index;
    state.index = index + 1;
    return hosts[index % hosts.length] ?? null;
  }

  explain(
    scope: PickScope,
    context: LoadBalancerContext,
    position: number,
    narrator: Narrator,
  ): UpstreamHost | null {
    const hosts = scope.set.priorities[scope.priority]?.sources[scope.source] ?? [];
    if (hosts.length === 0) return null;
    const weights = weightsIn(scope, hosts);
    this.tellSlowStart(hosts, narrator);
    if (!this.leastRequest && this.config.slowStart !== null) {
      return this.explainGrowing(scope, hosts, weights, position, narrator);
    }
    return this.leastRequest
      ? this.explainLeastRequest(scope, hosts, weights, context, position, narrator)
      : this.explainRoundRobin(scope, hosts, weights, position, narrator);
  }

  private explainRoundRobin(
    scope: PickScope,
    hosts: readonly UpstreamHost[],
    weights: readonly number[],
    position: number,
    narrator: Narrator,
  ): UpstreamHost | null {
    const state = this.states[scope.priority]?.[scope.source];
    if (allEqual(weights)) {
      const turn = (position >= 0 ? position : (state?.index ?? this.seed)) % hosts.length;
      narrator.note(
        'neutral',
        `All weights are equal: hosts take turns, and it is the turn of host ${turn + 1} of ${hosts.length}.`,
        null,
      );
      return hosts[turn] ?? null;
    }
    narrator.note(
      'neutral',
      `Weights differ (${listWeights(hosts, weights)}): each host is due again after 1/weight, and the one that is due first is picked.`,
      null,
    );
    return hosts[this.replay(weights, position >= 0 ? position : (state?.picks ?? 0)).peek()] ?? null;
  }

  /** Round robin in slow start: a recorded pick carries its outcome as position. */
  private explainGrowing(
    scope: PickScope,
    hosts: readonly UpstreamHost[],
    weights: readonly number[],
    position: number,
    narrator: Narrator,
  ): UpstreamHost | null {
    const state = this.states[scope.priority]?.[scope.source];
    narrator.note(
      'neutral',
      state?.edf == null
        ? 'All hosts have their whole weight, and all weights are equal: hosts take turns.'
        : `Each host is due again after 1/weight (${listWeights(hosts, weights)}, times its share in slow start), and the one that is due first is picked.`,
      null,
    );
    if (position >= 0) return hosts[position % hosts.length] ?? null;
    return hosts[state?.edf?.peek() ?? (state?.index ?? this.seed) % hosts.length] ?? null;
  }

  /** With weights how busy the hosts were is not kept: a recorded pick carries its outcome as position. */
  private explainLeastRequest(
    scope: PickScope,
    hosts: readonly UpstreamHost[],
    weights: readonly number[],
    context: LoadBalancerContext,
    position: number,
    narrator: Narrator,
  ): UpstreamHost | null {
    if (!allEqual(weights)) {
      narrator.note(
        'neutral',
        `Weights differ (${listWeights(hosts, weights)}): each host is due again after 1/weight, the weight divided by its active requests, and the one that is due first is picked.`,
        null,
      );
      const state = this.states[scope.priority]?.[scope.source];
      return hosts[position >= 0 ? position : (state?.edf?.peek() ?? 0)] ?? null;
    }
    return this.comparison.explain(hosts, context, position, narrator);
  }

  private replay(weights: readonly number[], picks: number): EdfSchedule {
    const schedule = this.schedule(weights);
    const round = weights.reduce((n, weight) => n + weight, 0);
    const count = picks <= REPLAY_LIMIT ? picks : round + (picks % round);
    for (let i = 0; i < count; i++) schedule.pick(weights[schedule.peek()] as number);
    return schedule;
  }

  /** The start of a schedule: a random part of the first round is over. */
  private schedule(weights: readonly number[]): EdfSchedule {
    const round = weights.reduce((n, weight) => n + weight, 0);
    return new EdfSchedule(weights, round === 0 ? 0 : Math.floor(this.seed % Math.max(1, round)));
  }

  private weightOf(host: UpstreamHost, weight: number): number {
    const { slowStart } = this.config;
    const grown =
      slowStart === null ? weight : weight * slowStartFactor(host, slowStart, this.observer.now());
    if (!this.leastRequest) return grown;
    const bias = this.config.leastRequest.activeRequestBias;
    if (bias === 0) return grown;
    const active = host.stats.rqActive + 1;
    return grown / (bias === 1 ? active : active ** bias);
  }

  private anyInSlowStart(hosts: readonly UpstreamHost[]): boolean {
    const { slowStart } = this.config;
    if (slowStart === null) return false;
    const now = this.observer.now();
    return hosts.some((host) => slowStartFactor(host, slowStart, now) < 1);
  }

  private tellSlowStart(hosts: readonly UpstreamHost[], narrator: Narrator): void {
    const { slowStart } = this.config;
    if (slowStart === null) return;
    const now = this.observer.now();
    const young = hosts.flatMap((host) => {
      const factor = slowStartFactor(host, slowStart, now);
      return factor < 1 ? [`${host.address} ${Math.round(factor * 100)} %`] : [];
    });
    if (young.length > 0)
      narrator.note('neutral', `In slow start, by their share of the weight: ${young.join(', ')}.`, null);
  }
}

/** The weights as they were when the set was made; a host's own may have changed since. */
function weightsIn(scope: PickScope, hosts: readonly UpstreamHost[]): number[] {
  const views = scope.set.priorities[scope.priority]?.views ?? [];
  const byHost = new Map(views.map((view) => [view.host, view.weight]));
  return hosts.map((host) => byHost.get(host) ?? host.weight);
}

function listWeights(hosts: readonly UpstreamHost[], weights: readonly number[]): string {
  return hosts.map((host, i) => `${host.address} ${weights[i]}`).join(', ');
}

function allEqual(weights: readonly number[]): boolean {
  return weights.every((weight) => weight === weights[0]);
}
