import type { MessageReader } from '../../../config/reader.ts';
import { DEFAULT_HTTP2_OPTIONS, type Http2Options } from './options.ts';

/** `connection_keepalive`: milliseconds. */
export interface Http2Keepalive {
  /** Between an answer and the next PING; 0 = none of this kind. */
  readonly interval: number;
  /** The interval grows by up to this much. */
  readonly jitterPercent: number;
  readonly timeout: number;
  /** A connection from which nothing came for so long is asked before it gets a request; 0 = it is not. */
  readonly idleInterval: number;
}

export interface Http2Config {
  readonly options: Http2Options;
  /** Null: no PINGs of ours. */
  readonly keepalive: Http2Keepalive | null;
}

/** Limits that Envoy keeps outside of Http2ProtocolOptions. */
export type Http2Limits = Pick<Http2Options, 'maxHeadBytes' | 'maxHeaders' | 'underscores'>;

/**
 * Compiles `envoy.config.core.v3.Http2ProtocolOptions`; undefined gives Envoy's defaults. `streamErrors` is the connection
 * manager's own setting.
 */
export function compileHttp2(
  reader: MessageReader | undefined,
  limits: Http2Limits,
  streamErrors?: boolean,
): Http2Config {
  const defaults = DEFAULT_HTTP2_OPTIONS;
  const keepalive = compileKeepalive(reader?.message('connection_keepalive'));
  reader?.acknowledge('allow_metadata', 'max_metadata_size', 'use_oghttp2_codec');
  return {
    options: {
      maxConcurrentStreams: reader?.number('max_concurrent_streams') ?? defaults.maxConcurrentStreams,
      initialStreamWindow: reader?.number('initial_stream_window_size') ?? defaults.initialStreamWindow,
      initialConnectionWindow:
        reader?.number('initial_connection_window_size') ?? defaults.initialConnectionWindow,
      headerTableSize: reader?.number('hpack_table_size') ?? defaults.headerTableSize,
      allowConnect: reader?.bool('allow_connect') ?? false,
      ...limits,
      streamErrorOnInvalidMessage:
        reader?.bool('override_stream_error_on_invalid_http_message') ??
        streamErrors ??
        reader?.bool('stream_error_on_invalid_http_messaging') ??
        false,
      maxOutboundFrames: reader?.number('max_outbound_frames') ?? defaults.maxOutboundFrames,
      maxOutboundControlFrames:
        reader?.number('max_outbound_control_frames') ?? defaults.maxOutboundControlFrames,
      maxConsecutiveEmptyInboundFrames:
        reader?.number('max_consecutive_inbound_frames_with_empty_payload') ??
        defaults.maxConsecutiveEmptyInboundFrames,
      maxInboundPriorityFramesPerStream:
        reader?.number('max_inbound_priority_frames_per_stream') ??
        defaults.maxInboundPriorityFramesPerStream,
      maxInboundWindowUpdatesPerDataFrame:
        reader?.number('max_inbound_window_update_frames_per_data_frame_sent') ??
        defaults.maxInboundWindowUpdatesPerDataFrame,
    },
    keepalive,
  };
}

function compileKeepalive(reader: MessageReader | undefined): Http2Keepalive | null {
  if (reader === undefined) return null;
  const interval = reader.duration('interval') ?? 0;
  const idleInterval = reader.duration('connection_idle_interval') ?? 0;
  const jitter = reader.message('interval_jitter');
  if (interval === 0 && idleInterval === 0) return null;
  return {
    interval,
    jitterPercent: jitter === undefined ? 15 : Math.round(jitter.number('value') ?? 0),
    timeout: reader.duration('timeout') ?? 10_000,
    idleInterval,
  };
}
