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
  readonly outboundFlood: Counter;
  readonly headersForNoStream: Counter;
  readonly txFlushTimeout: Counter;
  readonly droppedHeadersWithUnderscores: Counter;
  readonly rejectedWithUnderscores: Counter;
  readonly streamsActive: Gauge;
  /** Body bytes that wait for the peer's windows. */
  readonly pendingSendBytes: Gauge;
}

/** What Envoy counts and has no counterpart here: frames are bytes once written, no close is deferred, no METADATA. */
const WITHOUT_COUNTERPART = [
  'deferred_stream_close',
  'outbound_control_frames_active',
  'outbound_frames_active',
];

/** `prefix` with its dot: `http2.`, `cluster.api.http2.`. */
export function http2Stats(stats: Stats, prefix: string): Http2Stats {
  const counter = (name: string): Counter => stats.counter(`${prefix}${name}`);
  for (const name of WITHOUT_COUNTERPART) stats.gauge(`${prefix}${name}`);
  counter('metadata_empty_frames');
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
    outboundFlood: counter('outbound_flood'),
    headersForNoStream: counter('headers_cb_no_stream'),
    txFlushTimeout: counter('tx_flush_timeout'),
    droppedHeadersWithUnderscores: counter('dropped_headers_with_underscores'),
    rejectedWithUnderscores: counter('requests_rejected_with_underscores_in_headers'),
    streamsActive: stats.gauge(`${prefix}streams_active`),
    pendingSendBytes: stats.gauge(`${prefix}pending_send_bytes`),
  };
}
