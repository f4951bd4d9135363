import { Timer, type TimerOwner } from '../../base/clock.ts';
import type { CoreServices } from '../../config/compile-context.ts';
import { HealthFlag, type UpstreamHost } from '../host.ts';
import type { HealthCheckConfig } from './config.ts';
import type { FailureType, HealthLogEvent } from './event-log.ts';
import { firstInterval, type HealthTransition, type IntervalLimits, nextInterval } from './interval.ts';
import type { CheckPacer, Paced } from './pacer.ts';
import type { Probe, ProbeResult } from './probe.ts';
import type { HealthCheckStats } from './stats.ts';

/** What a session asks of the checker that it belongs to. */
export interface SessionOwner {
  readonly config: HealthCheckConfig;
  readonly services: CoreServices;
  readonly stats: HealthCheckStats;
  /** The cluster has made a connection since it exists. */
  readonly hasTraffic: boolean;
  readonly limits: IntervalLimits;
  readonly pacer: CheckPacer;
  /** Writes to the event log. */
  log(host: UpstreamHost, event: HealthLogEvent): void;
  /** After every check, and after a failure that traffic told of. */
  onChecked(session: HostSession, outcome: CheckOutcome): void;
}

export interface CheckOutcome {
  readonly succeeded: boolean;
  readonly transition: HealthTransition;
  readonly firstCheck: boolean;
  /** Null for a success. */
  readonly failure: FailureType | null;
  readonly answer: string;
  /** The host became degraded, or is so no longer. */
  readonly degradedChanged: boolean;
}

/** Milliseconds by which a timer may be late before it counts as a pause of this process. */
const PAUSE = 100;

const TimerKind = { Interval: 0, Timeout: 1 } as const;

/** The active check of one host: when it is asked next and what its answers make of it (envoy ActiveHealthCheckSession). */
export class HostSession implements TimerOwner, Paced {
  /** What the last check said, and when; empty before the first. */
  lastAnswer = '';
  lastAt = 0;
  private healthyInRow = 0;
  private unhealthyInRow = 0;
  private firstCheck = true;
  private closed = false;
  /** Monotonic milliseconds at which the check under way fails; -1 once a pause was made good. */
  private due = -1;
  private readonly interval = new Timer(this, TimerKind.Interval);
  private readonly timeout = new Timer(this, TimerKind.Timeout);
  private readonly probe: Probe;

  constructor(
    readonly host: UpstreamHost,
    private readonly owner: SessionOwner,
    makeProbe: (sink: (result: ProbeResult) => void) => Probe,
  ) {
    this.probe = makeProbe((result) => this.onResult(result));
    if (!host.has(HealthFlag.failedActiveCheck)) owner.stats.healthy.inc();
    if (host.has(HealthFlag.degradedActiveCheck)) owner.stats.degraded.inc();
  }

  /** True until the first check has ended. */
  get pending(): boolean {
    return this.firstCheck;
  }

  /** Successes in a row of an unhealthy host, or failures in a row of a healthy one. */
  get inRow(): number {
    return this.host.has(HealthFlag.failedActiveCheck) ? this.healthyInRow : this.unhealthyInRow;
  }

  /** Milliseconds until the next check; -1 while one is under way. */
  get nextIn(): number {
    return this.interval.armed ? Math.max(0, this.interval.deadline - this.owner.services.clock.now()) : -1;
  }

  start(): void {
    const { config, services, limits } = this.owner;
    const delay = firstInterval(config, services.random, limits);
    if (delay === 0) this.owner.pacer.add(this);
    else services.clock.arm(this.interval, delay);
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    const { clock } = this.owner.services;
    clock.disarm(this.interval);
    clock.disarm(this.timeout);
    if (!this.host.has(HealthFlag.failedActiveCheck)) this.owner.stats.healthy.dec();
    if (this.host.has(HealthFlag.degradedActiveCheck)) this.owner.stats.degraded.dec();
    this.probe.close();
  }

  onTimer(timer: Timer): void {
    if (timer.kind === TimerKind.Interval) {
      this.owner.pacer.add(this);
      return;
    }
    if (this.wasPaused()) return;
    this.probe.cancel();
    this.fail('NETWORK_TIMEOUT', false, false, `no answer within ${this.owner.config.timeout / 1000} s`);
  }

  /** While this process stood still no answer could be taken: the host gets that time once more. */
  private wasPaused(): boolean {
    const { services, config } = this.owner;
    const late = services.clock.now() - this.due;
    if (this.due < 0 || late < PAUSE) return false;
    this.due = -1;
    services.clock.arm(this.timeout, Math.min(late, config.timeout));
    return true;
  }

  /** An answer to traffic said `x-envoy-immediate-health-check-fail`. */
  failPassively(): void {
    if (this.closed) return;
    this.host.set(HealthFlag.excludedViaImmediateFail);
    this.setUnhealthy('PASSIVE', false, 'an answer to a request said x-envoy-immediate-health-check-fail');
  }

  /** The turn has come: asks the host. */
  begin(): void {
    if (this.closed) return;
    const { services, stats, config } = this.owner;
    this.probe.start();
    this.due = services.clock.now() + config.timeout;
    services.clock.arm(this.timeout, config.timeout);
    stats.attempt.inc();
  }

  private onResult(result: ProbeResult): void {
    if (this.closed) return;
    if (result.kind === 'success') this.succeed(result.degraded, result.answer);
    else this.fail(result.type, result.retriable, result.exclude, result.answer);
  }

  private succeed(degraded: boolean, answer: string): void {
    const { host, owner } = this;
    const { config, stats } = owner;
    const firstCheck = this.firstCheck;
    this.unhealthyInRow = 0;
    let transition: HealthTransition = 'unchanged';
    if (host.has(HealthFlag.failedActiveCheck)) {
      // The very first answer counts at once: a start does not wait for the threshold.
      if (firstCheck || ++this.healthyInRow === config.healthyThreshold) {
        host.clear(
          HealthFlag.activeCheckTimeout | HealthFlag.excludedViaImmediateFail | HealthFlag.failedActiveCheck,
        );
        stats.healthy.inc();
        transition = 'changed';
        host.healthySince = owner.services.clock.now();
        owner.log(host, { kind: 'add_healthy_event', firstCheck });
      } else transition = 'change-pending';
    }
    if (transition !== 'changed' && config.alwaysLogSuccess) {
      owner.log(host, { kind: 'successful_health_check_event' });
    }
    transition = this.clearPending(transition);
    const degradedChanged = degraded !== host.has(HealthFlag.degradedActiveCheck);
    if (degradedChanged) {
      if (degraded) {
        host.set(HealthFlag.degradedActiveCheck);
        stats.degraded.inc();
        owner.log(host, { kind: 'degraded_healthy_host' });
      } else {
        // Envoy leaves the gauge as it is here.
        owner.log(host, { kind: 'no_longer_degraded_host' });
        host.clear(HealthFlag.degradedActiveCheck);
      }
      if (transition === 'unchanged') transition = 'changed';
    }
    stats.success.inc();
    this.end({ succeeded: true, transition, firstCheck, failure: null, answer, degradedChanged });
  }

  private fail(type: FailureType, retriable: boolean, exclude: boolean, answer: string): void {
    if (exclude) this.host.set(HealthFlag.excludedViaImmediateFail);
    const outcome = this.setUnhealthy(type, retriable, answer);
    this.schedule(outcome);
  }

  /** Counts a failure and moves the host; the next check is not scheduled. */
  private setUnhealthy(type: FailureType, retriable: boolean, answer: string): CheckOutcome {
    const { host, owner } = this;
    const { config, stats } = owner;
    const firstCheck = this.firstCheck;
    const network = type === 'NETWORK' || type === 'NETWORK_TIMEOUT';
    this.healthyInRow = 0;
    let transition: HealthTransition = 'unchanged';
    if (!host.has(HealthFlag.failedActiveCheck)) {
      // A bad answer counts at once; silence must reach the threshold.
      if ((!network && !retriable) || ++this.unhealthyInRow === config.unhealthyThreshold) {
        host.set(HealthFlag.failedActiveCheck);
        stats.healthy.dec();
        transition = 'changed';
        owner.log(host, { kind: 'eject_unhealthy_event', failure: type });
      } else transition = 'change-pending';
    }
    if (type === 'NETWORK_TIMEOUT' && host.has(HealthFlag.failedActiveCheck)) {
      host.set(HealthFlag.activeCheckTimeout);
    } else host.clear(HealthFlag.activeCheckTimeout);
    transition = this.clearPending(transition);
    if (firstCheck || config.alwaysLogFailures) {
      owner.log(host, { kind: 'health_check_failure_event', failure: type, firstCheck });
    }
    stats.failure.inc();
    if (network) stats.networkFailure.inc();
    else if (type === 'PASSIVE') stats.passiveFailure.inc();
    const outcome: CheckOutcome = {
      succeeded: false,
      transition,
      firstCheck,
      failure: type,
      answer,
      degradedChanged: false,
    };
    this.report(outcome);
    return outcome;
  }

  private clearPending(transition: HealthTransition): HealthTransition {
    if (!this.host.has(HealthFlag.pendingActiveCheck)) return transition;
    this.host.clear(HealthFlag.pendingActiveCheck);
    return 'changed';
  }

  private end(outcome: CheckOutcome): void {
    this.report(outcome);
    this.schedule(outcome);
  }

  private report(outcome: CheckOutcome): void {
    this.firstCheck = false;
    this.lastAnswer = outcome.answer;
    this.lastAt = this.owner.services.clock.wall();
    this.owner.onChecked(this, outcome);
  }

  private schedule({ succeeded, transition }: CheckOutcome): void {
    // What the outcome caused may have taken the host away.
    if (this.closed) return;
    const { config, services, hasTraffic, limits } = this.owner;
    services.clock.disarm(this.timeout);
    services.clock.arm(
      this.interval,
      nextInterval(config, succeeded, transition, hasTraffic, services.random, limits),
    );
  }
}
