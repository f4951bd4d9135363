import type { Counter, Gauge, Stats } from '../base/stats.ts';

/** `tcp.<stat_prefix>.*`. */
export interface TcpProxyStats {
  readonly cxTotal: Counter;
  readonly cxNoRoute: Counter;
  readonly cxRxBytes: Counter;
  readonly cxTxBytes: Counter;
  readonly pausedReading: Counter;
  readonly resumedReading: Counter;
  readonly idleTimeout: Counter;
  readonly maxDuration: Counter;
  readonly flushTotal: Counter;
  readonly flushActive: Gauge;
}

export function tcpProxyStats(stats: Stats, statPrefix: string): TcpProxyStats {
  const prefix = `tcp.${statPrefix}.`;
  const counter = (name: string): Counter => stats.counter(prefix + name);
  // Listed by Envoy from the start, though nothing here moves them.
  counter('early_data_received_count_total');
  stats.gauge(`${prefix}downstream_cx_rx_bytes_buffered`);
  stats.gauge(`${prefix}downstream_cx_tx_bytes_buffered`);
  return {
    cxTotal: counter('downstream_cx_total'),
    cxNoRoute: counter('downstream_cx_no_route'),
    cxRxBytes: counter('downstream_cx_rx_bytes_total'),
    cxTxBytes: counter('downstream_cx_tx_bytes_total'),
    pausedReading: counter('downstream_flow_control_paused_reading_total'),
    resumedReading: counter('downstream_flow_control_resumed_reading_total'),
    idleTimeout: counter('idle_timeout'),
    maxDuration: counter('max_downstream_connection_duration'),
    flushTotal: counter('upstream_flush_total'),
    flushActive: stats.gauge(`${prefix}upstream_flush_active`),
  };
}
