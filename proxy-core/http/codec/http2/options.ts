/** Settings of one side of an HTTP/2 connection; Envoy: Http2ProtocolOptions. Bytes, counts. */
export interface Http2Options {
  readonly maxConcurrentStreams: number;
  readonly initialStreamWindow: number;
  readonly initialConnectionWindow: number;
  readonly headerTableSize: number;
  readonly allowConnect: boolean;
  /** `max_request_headers_kb` in bytes: names, values and nothing else. */
  readonly maxHeadBytes: number;
  readonly maxHeaders: number;
  /** `headers_with_underscores_action`. */
  readonly underscores: 'allow' | 'drop' | 'reject';
  /** `override_stream_error_on_invalid_http_message`: a bad message ends its stream only. */
  readonly streamErrorOnInvalidMessage: boolean;
  /** Frames of ours that the peer has not taken: all, and those that are not DATA. */
  readonly maxOutboundFrames: number;
  readonly maxOutboundControlFrames: number;
  readonly maxConsecutiveEmptyInboundFrames: number;
  readonly maxInboundPriorityFramesPerStream: number;
  readonly maxInboundWindowUpdatesPerDataFrame: number;
}

/** Defaults of Envoy, with the windows and the stream limit of its `safe_http2_options`. */
export const DEFAULT_HTTP2_OPTIONS: Http2Options = {
  maxConcurrentStreams: 1024,
  initialStreamWindow: 16 * 1024 * 1024,
  initialConnectionWindow: 24 * 1024 * 1024,
  headerTableSize: 4096,
  allowConnect: false,
  maxHeadBytes: 60 * 1024,
  maxHeaders: 100,
  underscores: 'allow',
  streamErrorOnInvalidMessage: false,
  maxOutboundFrames: 10_000,
  maxOutboundControlFrames: 1000,
  maxConsecutiveEmptyInboundFrames: 1,
  maxInboundPriorityFramesPerStream: 100,
  maxInboundWindowUpdatesPerDataFrame: 10,
};
