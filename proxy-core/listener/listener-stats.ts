import type { Counter, Gauge, Histogram, Stats } from '../base/stats.ts';

/** `listener.<address>.*` (reference section 20.1). One worker stands for Envoy's several. */
export interface ListenerStats {
  readonly cxTotal: Counter;
  readonly cxActive: Gauge;
  readonly cxDestroy: Counter;
  readonly cxLengthMs: Histogram;
  readonly workerCxTotal: Counter;
  readonly workerCxActive: Gauge;
  readonly noFilterChainMatch: Counter;
  readonly preCxActive: Gauge;
  readonly preCxTimeout: Counter;
  readonly cxOverflow: Counter;
  readonly globalCxOverflow: Counter;
  readonly handshakeTimeout: Counter;
  readonly listenerFilterRemoteClose: Counter;
  /** Node accepts one at a time. */
  readonly accepted: Histogram;
}

export function listenerStats(stats: Stats, prefix: string): ListenerStats {
  // Listed by Envoy from the start, though nothing here moves them.
  for (const name of [
    'downstream_cx_overload_reject',
    'downstream_listener_filter_error',
    'extension_config_missing',
    'network_extension_config_missing',
  ]) {
    stats.counter(`${prefix}.${name}`);
  }
  return {
    preCxActive: stats.gauge(`${prefix}.downstream_pre_cx_active`),
    preCxTimeout: stats.counter(`${prefix}.downstream_pre_cx_timeout`),
    cxOverflow: stats.counter(`${prefix}.downstream_cx_overflow`),
    globalCxOverflow: stats.counter(`${prefix}.downstream_global_cx_overflow`),
    handshakeTimeout: stats.counter(`${prefix}.downstream_cx_transport_socket_connect_timeout`),
    listenerFilterRemoteClose: stats.counter(`${prefix}.downstream_listener_filter_remote_close`),
    accepted: stats.histogram(`${prefix}.connections_accepted_per_socket_event`),
    cxTotal: stats.counter(`${prefix}.downstream_cx_total`),
    cxActive: stats.gauge(`${prefix}.downstream_cx_active`),
    cxDestroy: stats.counter(`${prefix}.downstream_cx_destroy`),
    cxLengthMs: stats.histogram(`${prefix}.downstream_cx_length_ms`),
    workerCxTotal: stats.counter(`${prefix}.worker_0.downstream_cx_total`),
    workerCxActive: stats.gauge(`${prefix}.worker_0.downstream_cx_active`),
    noFilterChainMatch: stats.counter(`${prefix}.no_filter_chain_match`),
  };
}
