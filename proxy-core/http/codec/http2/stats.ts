import type { Counter, Gauge, Stats } from '../../../base/stats.ts';

/** Envoy's codec statistics: `http2.*` of all listeners together, `cluster.<name>.http2.*` of a cluster. */
export interface Http2Stats {
  readonly rxReset: Counter;
  readonly txReset: Counter;
  readonly rxMessagingError: Counter;
  readonly headerOverflow: Counter;
  readonly trailers: Counter;
  readonly goawaySent: Counter;
  readonly keepaliveTimeout: Counter;
  readonly streamRefusedErrors: Counter;
  readonly inboundEmptyFramesFlood: Counter;
  readonly inboundPriorityFramesFlood: Counter;
  readonly inboundWindowUpdateFramesFlood: Counter;
  readonly outboundControlFlood: Counter;
  readonly txFlushTimeout: Counter;
  readonly droppedHeadersWithUnderscores: Counter;
  readonly rejectedWithUnderscores: Counter;
  readonly streamsActive: Gauge;
}

/** `prefix` with its dot: `http2.`, `cluster.api.http2.`. */
export function http2Stats(stats: Stats, prefix: string): Http2Stats {
  const counter = (name: string): Counter => stats.counter(`${prefix}${name}`);
  return {
    rxReset: counter('rx_reset'),
    txReset: counter('tx_reset'),
    rxMessagingError: counter('rx_messaging_error'),
    headerOverflow: counter('header_overflow'),
    trailers: counter('trailers'),
    goawaySent: counter('goaway_sent'),
    keepaliveTimeout: counter('keepalive_timeout'),
    streamRefusedErrors: counter('stream_refused_errors'),
    inboundEmptyFramesFlood: counter('inbound_empty_frames_flood'),
    inboundPriorityFramesFlood: counter('inbound_priority_frames_flood'),
    inboundWindowUpdateFramesFlood: counter('inbound_window_update_frames_flood'),
    outboundControlFlood: counter('outbound_control_flood'),
    txFlushTimeout: counter('tx_flush_timeout'),
    droppedHeadersWithUnderscores: counter('dropped_headers_with_underscores'),
    rejectedWithUnderscores: counter('requests_rejected_with_underscores_in_headers'),
    streamsActive: stats.gauge(`${prefix}streams_active`),
  };
}
