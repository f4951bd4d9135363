import { HealthFlag, type UpstreamHost } from '../host.ts';
import { leaveFailedHost } from '../host-connections.ts';
import type { HostNews } from '../host-news.ts';
import { type CheckerEnvironment, HealthChecker } from './checker.ts';
import { checkText, type HealthCheckConfig } from './config.ts';
import type { CheckOutcome } from './session.ts';

export interface ClusterHealthEnvironment extends Omit<CheckerEnvironment, 'onChecked' | 'onFirstRound'> {
  readonly news: HostNews;
  /** The flags of a host changed. */
  readonly onHealthChange: (host: UpstreamHost) => void;
  /** A host that is checked and passed just now. */
  readonly onPassed: (host: UpstreamHost) => void;
  readonly onFirstRound: () => void;
}

/** The part of a cluster that checks its hosts: what new hosts begin as, what changes cause, and what is told of them. */
export class ClusterHealth {
  /** Settles when every host that there was at the start has its first result. */
  readonly ready: Promise<void>;
  private readonly checker: HealthChecker;
  private begun = false;
  private first = true;

  constructor(
    readonly config: HealthCheckConfig,
    /** `common_lb_config.ignore_new_hosts_until_first_hc`. */
    private readonly excludesNewHosts: boolean,
    private readonly environment: ClusterHealthEnvironment,
  ) {
    let settle: () => void = () => {};
    this.ready = new Promise((resolve) => {
      settle = resolve;
    });
    this.checker = new HealthChecker(config, {
      ...environment,
      onChecked: (host, outcome) => this.onChecked(host, outcome),
      onFirstRound: () => {
        this.first = false;
        environment.onFirstRound();
        settle();
      },
    });
  }

  /** The first round of checks is under way. */
  get started(): boolean {
    return this.begun;
  }

  /** True until the first round is over: load balancing waits for it. */
  get warming(): boolean {
    return this.first;
  }

  /** A host that was never checked counts as failed. */
  prepare(host: UpstreamHost): void {
    if (host.endpointCheck.disabled) return;
    host.set(HealthFlag.failedActiveCheck);
    if (this.excludesNewHosts) host.set(HealthFlag.pendingActiveCheck);
  }

  setHosts(hosts: readonly UpstreamHost[]): void {
    this.begun = true;
    this.checker.setHosts(hosts);
  }

  close(): void {
    this.checker.close();
  }

  private onChecked(host: UpstreamHost, outcome: CheckOutcome): void {
    this.tell(host, outcome);
    if (outcome.transition === 'changed') {
      this.environment.onHealthChange(host);
      if (host.has(HealthFlag.failedActiveCheck)) leaveFailedHost(host);
    }
    if (outcome.succeeded && !host.has(HealthFlag.failedActiveCheck)) this.environment.onPassed(host);
  }

  private tell(host: UpstreamHost, outcome: CheckOutcome): void {
    const { news } = this.environment;
    const name = `${host.address} of ${this.environment.cluster().name}`;
    const asked = checkText(this.config.check);
    const { answer, firstCheck, transition, succeeded } = outcome;
    const reason = `${asked}: ${answer}`;
    const failed = host.has(HealthFlag.failedActiveCheck);
    if (succeeded) {
      if (outcome.degradedChanged) {
        const degraded = host.has(HealthFlag.degradedActiveCheck);
        const text = degraded
          ? `${name} is degraded: its health check says so (${reason}).`
          : `${name} is degraded no longer (${reason}).`;
        news.tell(host, { kind: 'host-health', tone: degraded ? 'warn' : 'ok', text, reason });
      } else if (transition === 'changed' && firstCheck) {
        news.note(host, {
          kind: 'host-health',
          tone: 'ok',
          text: `${name} is healthy: its first health check passed (${reason}).`,
          reason,
        });
      } else if (transition === 'changed') {
        const times = this.config.healthyThreshold;
        const passed = times === 1 ? 'its health check passed' : `${times} health checks passed in a row`;
        news.tell(host, {
          kind: 'host-health',
          tone: 'ok',
          text: `${name} is healthy again: ${passed} (${reason}).`,
          reason,
        });
      }
      return;
    }
    if (transition === 'changed' || firstCheck) {
      const why = this.whyUnhealthy(outcome);
      news.tell(host, {
        kind: 'host-health',
        tone: 'err',
        text: `${name} is unhealthy: ${why} (${reason}).`,
        reason,
        count: 1,
      });
    } else if (!failed) {
      const inRow = host.check?.inRow ?? 0;
      news.note(host, {
        kind: 'host-check',
        tone: 'warn',
        text: `A health check of ${name} failed (${reason}); ${inRow} of ${this.config.unhealthyThreshold} in a row make it unhealthy.`,
        reason,
        count: inRow,
      });
    } else if (host.lastCheckFailure !== answer) {
      news.note(host, {
        kind: 'host-check',
        tone: 'warn',
        text: `${name} still fails its health check, now otherwise (${reason}).`,
        reason,
      });
    }
    host.lastCheckFailure = answer;
  }

  private whyUnhealthy({ failure, firstCheck }: CheckOutcome): string {
    switch (failure) {
      case 'PASSIVE':
        return 'it asked for it in an answer to a request';
      case 'ACTIVE':
        return 'its health check failed';
      default: {
        const times = this.config.unhealthyThreshold;
        if (firstCheck) return 'its first health check failed';
        return times === 1 ? 'its health check failed' : `${times} health checks failed in a row`;
      }
    }
  }
}
