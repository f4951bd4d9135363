import type { Counter, Gauge, Stats } from '../../base/stats.ts';
import type { DetectorKind } from '../cluster-config.ts';

export const DETECTOR_KINDS: readonly DetectorKind[] = [
  'consecutive_5xx',
  'consecutive_gateway_failure',
  'consecutive_local_origin_failure',
  'success_rate',
  'local_origin_success_rate',
  'failure_percentage',
  'local_origin_failure_percentage',
];

/** `cluster.<name>.outlier_detection.*`, all present from the start as in Envoy. */
export class OutlierStats {
  readonly active: Gauge;
  readonly enforcedTotal: Counter;
  readonly overflow: Counter;
  readonly detected: ReadonlyMap<DetectorKind, Counter>;
  readonly enforced: ReadonlyMap<DetectorKind, Counter>;
  /** Deprecated twins that Envoy still counts. */
  readonly total: Counter;
  readonly consecutive5xx: Counter;
  readonly successRate: Counter;

  constructor(stats: Stats, clusterPrefix: string) {
    const prefix = `${clusterPrefix}outlier_detection.`;
    this.active = stats.gauge(`${prefix}ejections_active`);
    this.enforcedTotal = stats.counter(`${prefix}ejections_enforced_total`);
    this.overflow = stats.counter(`${prefix}ejections_overflow`);
    this.total = stats.counter(`${prefix}ejections_total`);
    this.consecutive5xx = stats.counter(`${prefix}ejections_consecutive_5xx`);
    this.successRate = stats.counter(`${prefix}ejections_success_rate`);
    const pair = (word: string): Map<DetectorKind, Counter> =>
      new Map(DETECTOR_KINDS.map((kind) => [kind, stats.counter(`${prefix}ejections_${word}_${kind}`)]));
    this.detected = pair('detected');
    this.enforced = pair('enforced');
  }
}
