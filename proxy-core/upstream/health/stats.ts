import type { Counter, Gauge, Stats } from '../../base/stats.ts';

/** `cluster.<name>.health_check.*`, all present from the start as in Envoy. */
export class HealthCheckStats {
  readonly attempt: Counter;
  readonly success: Counter;
  readonly failure: Counter;
  readonly networkFailure: Counter;
  readonly passiveFailure: Counter;
  readonly verifyCluster: Counter;
  readonly healthy: Gauge;
  readonly degraded: Gauge;

  constructor(stats: Stats, clusterPrefix: string) {
    const prefix = `${clusterPrefix}health_check.`;
    this.attempt = stats.counter(`${prefix}attempt`);
    this.success = stats.counter(`${prefix}success`);
    this.failure = stats.counter(`${prefix}failure`);
    this.networkFailure = stats.counter(`${prefix}network_failure`);
    this.passiveFailure = stats.counter(`${prefix}passive_failure`);
    this.verifyCluster = stats.counter(`${prefix}verify_cluster`);
    this.healthy = stats.gauge(`${prefix}healthy`);
    this.degraded = stats.gauge(`${prefix}degraded`);
  }
}
