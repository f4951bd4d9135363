import type { DetectorKind } from '../cluster-config.ts';
import type { OutlierHostMonitor } from './monitor.ts';

/** Takes one line without its line end (`cluster_manager.outlier_detection.event_log_path`). */
export type LineSink = (line: string) => void;

export interface EjectLine {
  readonly kind: DetectorKind;
  readonly cluster: string;
  readonly monitor: OutlierHostMonitor;
  readonly enforced: boolean;
  /** Wall milliseconds, and monotonic milliseconds for the age. */
  readonly wall: number;
  readonly now: number;
  readonly average: number;
  readonly threshold: number;
}

/** `OutlierDetectionEvent` as Envoy writes it: one JSON object, snake case, 64-bit numbers as strings. */
export function ejectLine(line: EjectLine): string {
  const { monitor } = line;
  const consecutive = line.kind.startsWith('consecutive');
  const local = line.kind.startsWith('local_origin') || line.kind === 'consecutive_local_origin_failure';
  const rate = Math.trunc(Math.max(0, (local ? monitor.localOrigin : monitor.external).rate));
  const cause = consecutive
    ? { eject_consecutive_event: {} }
    : line.kind.endsWith('failure_percentage')
      ? { eject_failure_percentage_event: { host_success_rate: rate } }
      : {
          eject_success_rate_event: {
            host_success_rate: rate,
            cluster_average_success_rate: Math.trunc(line.average),
            cluster_success_rate_ejection_threshold: Math.trunc(line.threshold),
          },
        };
  return JSON.stringify({
    type: typeWord(line.kind),
    timestamp: timestamp(line.wall),
    ...age(monitor.unejectedAt, line.now),
    cluster_name: line.cluster,
    upstream_url: monitor.host.address,
    action: 'EJECT',
    num_ejections: monitor.ejections,
    enforced: line.enforced,
    ...cause,
  });
}

/** A return always says CONSECUTIVE_5XX and `enforced: false`, whatever the cause was; so does Envoy. */
export function unejectLine(cluster: string, monitor: OutlierHostMonitor, wall: number, now: number): string {
  return JSON.stringify({
    type: 'CONSECUTIVE_5XX',
    timestamp: timestamp(wall),
    ...age(monitor.ejectedAt, now),
    cluster_name: cluster,
    upstream_url: monitor.host.address,
    action: 'UNEJECT',
    num_ejections: monitor.ejections,
    enforced: false,
  });
}

function typeWord(kind: DetectorKind): string {
  switch (kind) {
    case 'local_origin_success_rate':
      return 'SUCCESS_RATE_LOCAL_ORIGIN';
    case 'local_origin_failure_percentage':
      return 'FAILURE_PERCENTAGE_LOCAL_ORIGIN';
    default:
      return kind.toUpperCase();
  }
}

function age(since: number, now: number): { secs_since_last_action?: string } {
  return since < 0 ? {} : { secs_since_last_action: String(Math.floor((now - since) / 1000)) };
}

/** Protobuf JSON: milliseconds only when there are any. */
function timestamp(wall: number): string {
  return new Date(wall).toISOString().replace('.000Z', 'Z');
}
