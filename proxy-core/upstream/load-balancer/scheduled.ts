import type { Narrator } from '../../facade/decision.ts';
import type { LoadBalancingConfig } from '../cluster-config.ts';
import type { UpstreamHost } from '../host.ts';
import type { HostSet } from '../host-set.ts';
import type { LoadBalancerContext } from '../types.ts';
import { EdfSchedule } from './edf.ts';
import { DrawFor, deriveDraw, type PickScope, type Policy } from './policy.ts';

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

  constructor(
    private readonly config: LoadBalancingConfig,
    private readonly seed: number,
  ) {
    this.leastRequest = config.policy === 'LEAST_REQUEST';
  }

  refresh(set: HostSet): void {
    const before = this.states;
    this.states = set.priorities.map((p, priority) =>
      p.sources.map((hosts, source) => ({
        edf: sameWeights(hosts) ? null : new EdfSchedule(this.weightsOf(hosts), this.prePicks(hosts)),
        index: before[priority]?.[source]?.index ?? this.seed,
        picks: 0,
      })),
    );
  }

  pick(scope: PickScope, context: LoadBalancerContext): UpstreamHost | null {
    const hosts = scope.set.priorities[scope.priority]?.sources[scope.source];
    const state = this.states[scope.priority]?.[scope.source];
    if (hosts === undefined || state === undefined || hosts.length === 0) return null;
    if (state.edf !== null) {
      this.lastPosition = state.picks++;
      const next = hosts[state.edf.peek()];
      if (next === undefined) return null;
      state.edf.pick(this.weightOf(next));
      return next;
    }
    if (this.leastRequest) return this.leastLoaded(hosts, context, null);
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
    const state = this.states[scope.priority]?.[scope.source];
    if (hosts.length === 0) return null;
    if (sameWeights(hosts)) {
      if (this.leastRequest) return this.leastLoaded(hosts, context, narrator);
      const index = position >= 0 ? position : (state?.index ?? this.seed);
      const turn = index % hosts.length;
      narrator.note(
        'neutral',
        `All weights are equal: hosts take turns, and it is the turn of host ${turn + 1} of ${hosts.length}.`,
        null,
      );
      return hosts[turn] ?? null;
    }
    const schedule = this.replay(hosts, position >= 0 ? position : (state?.picks ?? 0));
    const weights = hosts.map((host) => `${host.address} ${host.weight}`).join(', ');
    narrator.note(
      'neutral',
      `Weights differ (${weights}): the host whose turn comes first by 1/weight is picked${this.leastRequest ? ', weights divided by active requests' : ''}.`,
      null,
    );
    return hosts[schedule.peek()] ?? null;
  }

  private leastLoaded(
    hosts: readonly UpstreamHost[],
    context: LoadBalancerContext,
    narrator: Narrator | null,
  ): UpstreamHost | null {
    const { choiceCount, fullScan } = this.config.leastRequest;
    const seen: UpstreamHost[] | null = narrator === null ? null : [];
    let best: UpstreamHost | null = null;
    let ties = 0;
    const rounds = fullScan ? hosts.length : choiceCount;
    for (let i = 0; i < rounds; i++) {
      const draw = deriveDraw(context.random, DrawFor.host + i);
      const host = hosts[fullScan ? i : draw % hosts.length] as UpstreamHost;
      seen?.push(host);
      if (best === null || host.stats.rqActive < best.stats.rqActive) {
        best = host;
        ties = 1;
      } else if (fullScan && host.stats.rqActive === best.stats.rqActive) {
        // Each of the equals keeps the same chance.
        ties++;
        if (draw % ties === 0) best = host;
      }
    }
    if (narrator !== null && seen !== null) {
      const list = seen.map((host) => `${host.address} (${host.stats.rqActive} active)`).join(', ');
      narrator.note(
        'neutral',
        `${fullScan ? 'All hosts' : `${rounds} random hosts`} are compared by active requests: ${list}.`,
        null,
      );
    }
    return best;
  }

  private replay(hosts: readonly UpstreamHost[], picks: number): EdfSchedule {
    const schedule = new EdfSchedule(this.weightsOf(hosts), this.prePicks(hosts));
    const round = hosts.reduce((n, host) => n + host.weight, 0);
    const count = picks <= REPLAY_LIMIT ? picks : round + (picks % round);
    for (let i = 0; i < count; i++) schedule.pick(this.weightOf(hosts[schedule.peek()] as UpstreamHost));
    return schedule;
  }

  private prePicks(hosts: readonly UpstreamHost[]): number {
    return hosts.length === 0 ? 0 : this.seed % hosts.reduce((n, host) => n + host.weight, 0);
  }

  private weightsOf(hosts: readonly UpstreamHost[]): number[] {
    return hosts.map((host) => this.weightOf(host));
  }

  private weightOf(host: UpstreamHost): number {
    if (!this.leastRequest) return host.weight;
    const bias = this.config.leastRequest.activeRequestBias;
    if (bias === 0) return host.weight;
    const active = host.stats.rqActive + 1;
    return host.weight / (bias === 1 ? active : active ** bias);
  }
}

export function sameWeights(hosts: readonly UpstreamHost[]): boolean {
  const first = hosts[0]?.weight;
  for (const host of hosts) if (host.weight !== first) return false;
  return true;
}
