import type { Counter, Gauge, Histogram, Stats } from '../base/stats.ts';
import type { RedirectRefusal } from '../route/internal-redirect.ts';
import { type Http2Stats, http2Stats } from './codec/http2/stats.ts';

/** `http.<stat_prefix>.*` and its twin under the listener; names are Envoy's (reference section 20.1). */
export interface ConnectionManagerStats {
  readonly cxTotal: Counter;
  readonly cxActive: Gauge;
  readonly cxHttp1Total: Counter;
  readonly cxHttp1Active: Gauge;
  readonly cxHttp2Total: Counter;
  readonly cxHttp2Active: Gauge;
  readonly cxSslTotal: Counter;
  readonly cxSslActive: Gauge;
  readonly cxDestroy: Counter;
  readonly cxDestroyLocal: Counter;
  readonly cxDestroyRemote: Counter;
  readonly cxDestroyActiveRq: Counter;
  readonly cxDestroyLocalActiveRq: Counter;
  readonly cxDestroyRemoteActiveRq: Counter;
  readonly cxIdleTimeout: Counter;
  readonly cxMaxDurationReached: Counter;
  readonly cxMaxRequestsReached: Counter;
  readonly cxProtocolError: Counter;
  readonly cxDrainClose: Counter;
  readonly cxDelayedCloseTimeout: Counter;
  readonly cxUpgradesTotal: Counter;
  readonly cxUpgradesActive: Gauge;
  readonly cxRxBytesTotal: Counter;
  readonly cxTxBytesTotal: Counter;
  readonly cxLengthMs: Histogram;
  readonly rqTotal: Counter;
  readonly rqActive: Gauge;
  readonly rqHttp1Total: Counter;
  readonly rqHttp2Total: Counter;
  /** `http2.*`, shared by all listeners. */
  readonly http2: Http2Stats;
  readonly rqCompleted: Counter;
  /** Index: status class 1…5; 0 unused. */
  readonly rqClass: readonly Counter[];
  readonly rqTime: Histogram;
  readonly rqRxReset: Counter;
  readonly rqTxReset: Counter;
  readonly rqTimeout: Counter;
  readonly rqIdleTimeout: Counter;
  readonly rqMaxDurationReached: Counter;
  readonly rqHeaderTimeout: Counter;
  readonly rqTooLarge: Counter;
  readonly rqNonRelativePath: Counter;
  readonly rqFailedPathNormalization: Counter;
  readonly rqRedirectedWithNormalizedPath: Counter;
  readonly rqWsOnNonWsRoute: Counter;
  readonly rqRejectedViaIpDetection: Counter;
  readonly rqResponseBeforeRqComplete: Counter;
  readonly noRoute: Counter;
  readonly noCluster: Counter;
  readonly rqDirectResponse: Counter;
  readonly routerRqTotal: Counter;
  readonly rqResetAfterDownstreamResponseStarted: Counter;
  /** `passthrough_internal_redirect_*`: redirect answers that went to the client after all. */
  readonly internalRedirectRefused: Readonly<Record<RedirectRefusal, Counter>>;
  readonly listenerRqCompleted: Counter;
  readonly listenerRqClass: readonly Counter[];
}

/** Names that every connection manager of Envoy has, of parts that count nothing here yet. */
const OTHER_COUNTERS = `downstream_cx_http2_total downstream_cx_http3_total
downstream_cx_overload_disable_keepalive downstream_cx_ssl_total downstream_flow_control_paused_reading_total
downstream_flow_control_resumed_reading_total downstream_rq_http2_total downstream_rq_http3_total
downstream_rq_overload_close downstream_rq_too_many_premature_resets
rq_overload_local_reply rq_redirect rs_too_large tracing.client_enabled
tracing.health_check tracing.not_traceable tracing.random_sampling tracing.service_forced`.split(/\s+/);

const OTHER_GAUGES =
  `downstream_cx_http1_soft_drain downstream_cx_http2_active downstream_cx_http3_active downstream_cx_rx_bytes_buffered
downstream_cx_ssl_active downstream_cx_tx_bytes_buffered`.split(/\s+/);

/** Totals of the HTTP/1 codec over all connection managers. */
const CODEC_COUNTERS = `http1.dropped_headers_with_underscores http1.metadata_not_supported_error
http1.requests_rejected_with_underscores_in_headers http1.response_flood`.split(/\s+/);

export function connectionManagerStats(
  stats: Stats,
  statPrefix: string,
  listenerPrefix: string,
): ConnectionManagerStats {
  let codec: Http2Stats | null = null;
  const counter = (name: string): Counter => stats.counter(`http.${statPrefix}.${name}`);
  const gauge = (name: string): Gauge => stats.gauge(`http.${statPrefix}.${name}`);
  const listener = (name: string): Counter => stats.counter(`${listenerPrefix}.http.${statPrefix}.${name}`);
  const classes = (make: (name: string) => Counter): Counter[] =>
    [1, 1, 2, 3, 4, 5].map((n) => make(`downstream_rq_${n}xx`));
  for (const name of OTHER_COUNTERS) counter(name);
  for (const name of OTHER_GAUGES) gauge(name);
  for (const name of CODEC_COUNTERS) stats.counter(name);
  return {
    cxTotal: counter('downstream_cx_total'),
    cxActive: gauge('downstream_cx_active'),
    cxHttp1Total: counter('downstream_cx_http1_total'),
    cxHttp1Active: gauge('downstream_cx_http1_active'),
    cxHttp2Total: counter('downstream_cx_http2_total'),
    cxHttp2Active: gauge('downstream_cx_http2_active'),
    cxSslTotal: counter('downstream_cx_ssl_total'),
    cxSslActive: gauge('downstream_cx_ssl_active'),
    cxDestroy: counter('downstream_cx_destroy'),
    cxDestroyLocal: counter('downstream_cx_destroy_local'),
    cxDestroyRemote: counter('downstream_cx_destroy_remote'),
    cxDestroyActiveRq: counter('downstream_cx_destroy_active_rq'),
    cxDestroyLocalActiveRq: counter('downstream_cx_destroy_local_active_rq'),
    cxDestroyRemoteActiveRq: counter('downstream_cx_destroy_remote_active_rq'),
    cxIdleTimeout: counter('downstream_cx_idle_timeout'),
    cxMaxDurationReached: counter('downstream_cx_max_duration_reached'),
    cxMaxRequestsReached: counter('downstream_cx_max_requests_reached'),
    cxProtocolError: counter('downstream_cx_protocol_error'),
    cxDrainClose: counter('downstream_cx_drain_close'),
    cxDelayedCloseTimeout: counter('downstream_cx_delayed_close_timeout'),
    cxUpgradesTotal: counter('downstream_cx_upgrades_total'),
    cxUpgradesActive: gauge('downstream_cx_upgrades_active'),
    cxRxBytesTotal: counter('downstream_cx_rx_bytes_total'),
    cxTxBytesTotal: counter('downstream_cx_tx_bytes_total'),
    cxLengthMs: stats.histogram(`http.${statPrefix}.downstream_cx_length_ms`),
    rqTotal: counter('downstream_rq_total'),
    rqActive: gauge('downstream_rq_active'),
    rqHttp1Total: counter('downstream_rq_http1_total'),
    rqHttp2Total: counter('downstream_rq_http2_total'),
    // They appear with the first HTTP/2 connection, as in Envoy.
    get http2() {
      codec ??= http2Stats(stats, 'http2.');
      return codec;
    },
    rqCompleted: counter('downstream_rq_completed'),
    rqClass: classes(counter),
    rqTime: stats.histogram(`http.${statPrefix}.downstream_rq_time`),
    rqRxReset: counter('downstream_rq_rx_reset'),
    rqTxReset: counter('downstream_rq_tx_reset'),
    rqTimeout: counter('downstream_rq_timeout'),
    rqIdleTimeout: counter('downstream_rq_idle_timeout'),
    rqMaxDurationReached: counter('downstream_rq_max_duration_reached'),
    rqHeaderTimeout: counter('downstream_rq_header_timeout'),
    rqTooLarge: counter('downstream_rq_too_large'),
    rqNonRelativePath: counter('downstream_rq_non_relative_path'),
    rqFailedPathNormalization: counter('downstream_rq_failed_path_normalization'),
    rqRedirectedWithNormalizedPath: counter('downstream_rq_redirected_with_normalized_path'),
    rqRejectedViaIpDetection: counter('downstream_rq_rejected_via_ip_detection'),
    rqWsOnNonWsRoute: counter('downstream_rq_ws_on_non_ws_route'),
    rqResponseBeforeRqComplete: counter('downstream_rq_response_before_rq_complete'),
    noRoute: counter('no_route'),
    noCluster: counter('no_cluster'),
    rqDirectResponse: counter('rq_direct_response'),
    routerRqTotal: counter('rq_total'),
    rqResetAfterDownstreamResponseStarted: counter('rq_reset_after_downstream_response_started'),
    internalRedirectRefused: {
      bad_location: counter('passthrough_internal_redirect_bad_location'),
      no_route: counter('passthrough_internal_redirect_no_route'),
      predicate: counter('passthrough_internal_redirect_predicate'),
      too_many_redirects: counter('passthrough_internal_redirect_too_many_redirects'),
      unsafe_scheme: counter('passthrough_internal_redirect_unsafe_scheme'),
    },
    listenerRqCompleted: listener('downstream_rq_completed'),
    listenerRqClass: classes(listener),
  };
}
