import type { Counter, Gauge, Histogram, Stats } from '../base/stats.ts';
import { type Http2Stats, http2Stats } from '../http/codec/http2/stats.ts';
import { type TlsStats, tlsStats } from '../network/tls/stats.ts';
import { ResponseCounters } from './response-counters.ts';
import type { ClusterStats } from './types.ts';

/** `cluster.<name>.`, with `:` made `_` as Envoy does. */
export function clusterStatPrefix(statName: string): string {
  return `cluster.${statName.replaceAll(':', '_')}.`;
}

/** Present from the start in every cluster although nothing here counts them, so that `/stats` has Envoy's lines. */
const IDLE_COUNTERS: readonly string[] = [
  'assignment_use_cached',
  'bind_errors',
  'lb_local_cluster_not_ok',
  'lb_recalculate_zone_structures',
  'lb_subsets_created',
  'lb_subsets_fallback',
  'lb_subsets_fallback_panic',
  'lb_subsets_removed',
  'lb_subsets_selected',
  'lb_zone_cluster_too_small',
  'lb_zone_no_capacity_left',
  'lb_zone_routing_all_directly',
  'lb_zone_routing_cross_zone',
  'lb_zone_routing_sampled',
  'retry_or_shadow_abandoned',
  'upstream_cx_connect_with_0_rtt',
  'upstream_cx_http3_total',
  'upstream_cx_pool_overflow',
  'upstream_flow_control_backed_up_total',
  'upstream_flow_control_drained_total',
  'upstream_http3_broken',
  'upstream_internal_redirect_failed_total',
  'upstream_internal_redirect_succeeded_total',
  'upstream_rq_0rtt',
  'upstream_rq_per_try_idle_timeout',
];

const IDLE_GAUGES: readonly string[] = [
  'lb_subsets_active',
  'max_host_weight',
  'upstream_cx_rx_bytes_buffered',
  'upstream_cx_tx_bytes_buffered',
  'version',
  'warming_state',
];

/** Of the HTTP/1 codec; Envoy makes them with the first connection that speaks it. */
const HTTP1_COUNTERS: readonly string[] = [
  'http1.dropped_headers_with_underscores',
  'http1.metadata_not_supported_error',
  'http1.requests_rejected_with_underscores_in_headers',
  'http1.response_flood',
];

/** All statistics under `cluster.<name>.` except outlier detection, breakers and the HTTP codecs'. */
export class ClusterStatistics implements ClusterStats {
  readonly upstreamCxTotal: Counter;
  readonly upstreamCxActive: Gauge;
  readonly upstreamCxHttp1Total: Counter;
  readonly upstreamCxHttp2Total: Counter;
  readonly upstreamCxConnectFail: Counter;
  readonly upstreamCxConnectTimeout: Counter;
  readonly upstreamCxConnectAttemptsExceeded: Counter;
  readonly upstreamCxConnectMs: Histogram;
  readonly upstreamCxLengthMs: Histogram;
  readonly upstreamRqPerCx: Histogram;
  readonly upstreamCxDestroy: Counter;
  readonly upstreamCxDestroyLocal: Counter;
  readonly upstreamCxDestroyRemote: Counter;
  readonly upstreamCxDestroyWithActiveRq: Counter;
  readonly upstreamCxDestroyLocalWithActiveRq: Counter;
  readonly upstreamCxDestroyRemoteWithActiveRq: Counter;
  readonly upstreamCxIdleTimeout: Counter;
  readonly upstreamCxMaxDurationReached: Counter;
  readonly upstreamCxProtocolError: Counter;
  readonly upstreamCxMaxRequests: Counter;
  readonly upstreamCxCloseNotify: Counter;
  readonly upstreamCxNoneHealthy: Counter;
  readonly upstreamCxOverflow: Counter;
  readonly upstreamCxRxBytesTotal: Counter;
  readonly upstreamCxTxBytesTotal: Counter;
  readonly upstreamRqTotal: Counter;
  readonly upstreamRqActive: Gauge;
  readonly upstreamRqCompleted: Counter;
  readonly upstreamRqTimeout: Counter;
  readonly upstreamRqPerTryTimeout: Counter;
  readonly upstreamRqMaxDurationReached: Counter;
  readonly upstreamRqPendingTotal: Counter;
  readonly upstreamRqPendingActive: Gauge;
  readonly upstreamRqPendingOverflow: Counter;
  readonly upstreamRqPendingFailureEject: Counter;
  readonly upstreamRqCancelled: Counter;
  readonly upstreamRqMaintenanceMode: Counter;
  readonly upstreamRqRxReset: Counter;
  readonly upstreamRqTxReset: Counter;
  readonly upstreamRqRetry: Counter;
  readonly upstreamRqRetrySuccess: Counter;
  readonly upstreamRqRetryOverflow: Counter;
  readonly upstreamRqRetryLimitExceeded: Counter;
  readonly upstreamRqRetryBackoffExponential: Counter;
  readonly upstreamRqRetryBackoffRatelimited: Counter;
  readonly upstreamFlowControlPausedReading: Counter;
  readonly upstreamFlowControlResumedReading: Counter;

  readonly membershipTotal: Gauge;
  readonly membershipHealthy: Gauge;
  readonly membershipDegraded: Gauge;
  readonly membershipExcluded: Gauge;
  readonly membershipChange: Counter;
  readonly lbHealthyPanic: Counter;
  readonly updateAttempt: Counter;
  readonly updateSuccess: Counter;
  readonly updateFailure: Counter;
  readonly updateEmpty: Counter;
  readonly assignmentStale: Counter;
  readonly assignmentTimeoutReceived: Counter;
  readonly originalDstHostInvalid: Counter;
  readonly updateNoRebuild: Counter;
  readonly totalMatchCount: Counter;

  private readonly all: ResponseCounters;
  private readonly internal: ResponseCounters;
  private readonly external: ResponseCounters;
  private readonly retried: ResponseCounters;
  private codec: Http2Stats | null = null;
  private tls: TlsStats | null = null;
  private rqTime: Histogram | null = null;
  private rqTimeInternal: Histogram | null = null;
  private rqTimeExternal: Histogram | null = null;

  constructor(
    private readonly stats: Stats,
    private readonly prefix: string,
  ) {
    const counter = (name: string): Counter => stats.counter(prefix + name);
    const gauge = (name: string): Gauge => stats.gauge(prefix + name);
    this.upstreamCxTotal = counter('upstream_cx_total');
    this.upstreamCxActive = gauge('upstream_cx_active');
    this.upstreamCxHttp1Total = counter('upstream_cx_http1_total');
    this.upstreamCxHttp2Total = counter('upstream_cx_http2_total');
    this.upstreamCxConnectFail = counter('upstream_cx_connect_fail');
    this.upstreamCxConnectTimeout = counter('upstream_cx_connect_timeout');
    this.upstreamCxConnectAttemptsExceeded = counter('upstream_cx_connect_attempts_exceeded');
    this.upstreamCxConnectMs = stats.histogram(`${prefix}upstream_cx_connect_ms`);
    this.upstreamCxLengthMs = stats.histogram(`${prefix}upstream_cx_length_ms`);
    this.upstreamRqPerCx = stats.histogram(`${prefix}upstream_rq_per_cx`);
    this.upstreamCxDestroy = counter('upstream_cx_destroy');
    this.upstreamCxDestroyLocal = counter('upstream_cx_destroy_local');
    this.upstreamCxDestroyRemote = counter('upstream_cx_destroy_remote');
    this.upstreamCxDestroyWithActiveRq = counter('upstream_cx_destroy_with_active_rq');
    this.upstreamCxDestroyLocalWithActiveRq = counter('upstream_cx_destroy_local_with_active_rq');
    this.upstreamCxDestroyRemoteWithActiveRq = counter('upstream_cx_destroy_remote_with_active_rq');
    this.upstreamCxMaxDurationReached = counter('upstream_cx_max_duration_reached');
    this.upstreamCxIdleTimeout = counter('upstream_cx_idle_timeout');
    this.upstreamCxProtocolError = counter('upstream_cx_protocol_error');
    this.upstreamCxMaxRequests = counter('upstream_cx_max_requests');
    this.upstreamCxCloseNotify = counter('upstream_cx_close_notify');
    this.upstreamCxNoneHealthy = counter('upstream_cx_none_healthy');
    this.upstreamCxOverflow = counter('upstream_cx_overflow');
    this.upstreamCxRxBytesTotal = counter('upstream_cx_rx_bytes_total');
    this.upstreamCxTxBytesTotal = counter('upstream_cx_tx_bytes_total');
    this.upstreamRqTotal = counter('upstream_rq_total');
    this.upstreamRqActive = gauge('upstream_rq_active');
    this.upstreamRqCompleted = counter('upstream_rq_completed');
    this.upstreamRqTimeout = counter('upstream_rq_timeout');
    this.upstreamRqPerTryTimeout = counter('upstream_rq_per_try_timeout');
    this.upstreamRqMaxDurationReached = counter('upstream_rq_max_duration_reached');
    this.upstreamRqPendingTotal = counter('upstream_rq_pending_total');
    this.upstreamRqPendingActive = gauge('upstream_rq_pending_active');
    this.upstreamRqPendingOverflow = counter('upstream_rq_pending_overflow');
    this.upstreamRqPendingFailureEject = counter('upstream_rq_pending_failure_eject');
    this.upstreamRqCancelled = counter('upstream_rq_cancelled');
    this.upstreamRqMaintenanceMode = counter('upstream_rq_maintenance_mode');
    this.upstreamRqRxReset = counter('upstream_rq_rx_reset');
    this.upstreamRqTxReset = counter('upstream_rq_tx_reset');
    this.upstreamRqRetry = counter('upstream_rq_retry');
    this.upstreamRqRetrySuccess = counter('upstream_rq_retry_success');
    this.upstreamRqRetryOverflow = counter('upstream_rq_retry_overflow');
    this.upstreamRqRetryLimitExceeded = counter('upstream_rq_retry_limit_exceeded');
    this.upstreamRqRetryBackoffExponential = counter('upstream_rq_retry_backoff_exponential');
    this.upstreamRqRetryBackoffRatelimited = counter('upstream_rq_retry_backoff_ratelimited');
    this.upstreamFlowControlPausedReading = counter('upstream_flow_control_paused_reading_total');
    this.upstreamFlowControlResumedReading = counter('upstream_flow_control_resumed_reading_total');
    this.membershipTotal = gauge('membership_total');
    this.membershipHealthy = gauge('membership_healthy');
    this.membershipDegraded = gauge('membership_degraded');
    this.membershipExcluded = gauge('membership_excluded');
    this.membershipChange = counter('membership_change');
    this.lbHealthyPanic = counter('lb_healthy_panic');
    this.updateAttempt = counter('update_attempt');
    this.updateSuccess = counter('update_success');
    this.updateFailure = counter('update_failure');
    this.updateEmpty = counter('update_empty');
    this.assignmentStale = counter('assignment_stale');
    this.assignmentTimeoutReceived = counter('assignment_timeout_received');
    this.originalDstHostInvalid = counter('original_dst_host_invalid');
    this.updateNoRebuild = counter('update_no_rebuild');
    this.totalMatchCount = counter('default.total_match_count');
    for (const name of IDLE_COUNTERS) counter(name);
    for (const name of IDLE_GAUGES) gauge(name);
    this.all = new ResponseCounters(stats, prefix, this.upstreamRqCompleted);
    this.internal = new ResponseCounters(stats, `${prefix}internal.`, null);
    this.external = new ResponseCounters(stats, `${prefix}external.`, null);
    this.retried = new ResponseCounters(stats, `${prefix}retry.`, null);
  }

  /** `transport_socket_match.<name>.total_match_count`: appears with the first host that matches. */
  countTransportSocketMatch(name: string): void {
    this.stats.counter(`${this.prefix}${name}.total_match_count`).inc();
  }

  /** Only clusters whose endpoints come from outside have it. */
  get updateRejected(): Counter {
    return this.stats.counter(`${this.prefix}update_rejected`);
  }

  /** Appears with the first answer, as in Envoy. */
  get upstreamRqTime(): Histogram {
    this.rqTime ??= this.stats.histogram(`${this.prefix}upstream_rq_time`);
    return this.rqTime;
  }

  countHttp1Connection(): void {
    if (this.upstreamCxHttp1Total.value === 0) {
      for (const name of HTTP1_COUNTERS) this.stats.counter(this.prefix + name);
    }
    this.upstreamCxHttp1Total.inc();
  }

  get http2(): Http2Stats {
    this.codec ??= http2Stats(this.stats, `${this.prefix}http2.`);
    return this.codec;
  }

  get ssl(): TlsStats {
    this.tls ??= tlsStats(this.stats, this.prefix, 'client_ssl_socket_factory');
    return this.tls;
  }

  chargeResponse(status: number, internal: boolean): void {
    this.all.charge(status);
    (internal ? this.internal : this.external).charge(status);
  }

  chargeRetried(status: number): void {
    this.retried.charge(status);
  }

  chargeTime(duration: number, internal: boolean): void {
    const milliseconds = Math.floor(duration);
    this.upstreamRqTime.record(milliseconds);
    if (internal) {
      this.rqTimeInternal ??= this.stats.histogram(`${this.prefix}internal.upstream_rq_time`);
      this.rqTimeInternal.record(milliseconds);
    } else {
      this.rqTimeExternal ??= this.stats.histogram(`${this.prefix}external.upstream_rq_time`);
      this.rqTimeExternal.record(milliseconds);
    }
  }
}
