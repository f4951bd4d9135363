import { CallbackTimer, type Clock } from '../../base/clock.ts';
import type { HeaderList } from '../../base/headers.ts';
import type { ClientSideWeightsConfig } from '../cluster-config.ts';
import type { UpstreamHost } from '../host.ts';
import type { LoadReportSink } from '../types.ts';
import { type LoadReport, loadReportOf } from './orca.ts';

const MAX_WEIGHT = 0xffffffff;

/** Requests per second by utilization, errors counted in; 0 when the report does not say enough. */
export function weightOfReport(report: LoadReport, errorUtilizationPenalty: number): number {
  const { rps, eps, applicationUtilization, cpuUtilization } = report;
  if (!(rps > 0)) return 0;
  let utilization = applicationUtilization > 0 ? applicationUtilization : cpuUtilization;
  if (eps > 0) utilization += (eps / rps) * errorUtilizationPenalty;
  if (!(utilization > 0)) return 0;
  return Math.max(1, Math.floor(Math.min(MAX_WEIGHT, rps / utilization)));
}

/** What one host has reported. */
class HostLoad implements LoadReportSink {
  weight = 0;
  /** Monotonic milliseconds; -1 = no report counts. */
  since = -1;
  last = -1;

  constructor(
    private readonly config: ClientSideWeightsConfig,
    private readonly clock: Clock,
  ) {}

  onHeaders(headers: HeaderList): void {
    const report = loadReportOf(headers);
    const weight = report === null ? 0 : weightOfReport(report, this.config.errorUtilizationPenalty);
    if (weight === 0) return;
    const now = this.clock.now();
    if (this.since < 0) this.since = now;
    this.last = now;
    this.weight = weight;
  }

  /** 0 during the blackout period and when the last report is too old. */
  valid(now: number): number {
    if (this.since < 0 || now - this.since < this.config.blackoutPeriod) return 0;
    if (now - this.last > this.config.weightExpirationPeriod) {
      this.since = -1;
      return 0;
    }
    return this.weight;
  }
}

/**
 * `client_side_weighted_round_robin`: every `weight_update_period` hosts get the weight that their reports make; those
 * that reported nothing get the median of the others (envoy ClientSideWeightedRoundRobinLoadBalancer).
 */
export class ClientSideWeights {
  private hosts: readonly UpstreamHost[] = [];
  private readonly loads = new WeakMap<UpstreamHost, HostLoad>();
  private readonly timer: CallbackTimer;

  constructor(
    private readonly config: ClientSideWeightsConfig,
    private readonly clock: Clock,
    private readonly onWeights: () => void,
  ) {
    this.timer = new CallbackTimer(clock, () => this.update());
    this.timer.arm(config.weightUpdatePeriod);
  }

  setHosts(hosts: readonly UpstreamHost[]): void {
    this.hosts = hosts;
    for (const host of hosts) {
      if (this.loads.has(host)) continue;
      const load = new HostLoad(this.config, this.clock);
      this.loads.set(host, load);
      host.loadReports = load;
    }
  }

  close(): void {
    this.timer.disarm();
  }

  private update(): void {
    const now = this.clock.now();
    const weights = this.hosts.map((host) => this.loads.get(host)?.valid(now) ?? 0);
    const known = weights.filter((weight) => weight > 0).sort((a, b) => a - b);
    const usual = median(known);
    let changed = false;
    this.hosts.forEach((host, i) => {
      const weight = weights[i] || usual;
      if (host.weight === weight) return;
      host.weight = weight;
      changed = true;
    });
    if (changed) this.onWeights();
    this.timer.arm(this.config.weightUpdatePeriod);
  }
}

function median(sorted: readonly number[]): number {
  if (sorted.length === 0) return 1;
  const middle = sorted.length >> 1;
  const upper = sorted[middle] as number;
  return sorted.length % 2 === 1 ? upper : Math.floor(((sorted[middle - 1] as number) + upper) / 2);
}
