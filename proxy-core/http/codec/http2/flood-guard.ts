import { ErrorCode, Http2ConnectionError } from './frames.ts';
import type { Http2Options } from './options.ts';

/** Envoy: `overload.premature_reset_total_stream_count`, and more than half of all streams. */
const PREMATURE_RESETS = 500;

/**
 * Counts the frames of one connection that cost the peer little and us much, and throws Http2ConnectionError with
 * ENHANCE_YOUR_CALM beyond Envoy's limits (source/common/http/http2/protocol_constraints.cc).
 */
export class FloodGuard {
  private emptyFrames = 0;
  private priorityFrames = 0;
  private windowUpdates = 0;
  private dataFramesSent = 0;
  private controlFrames = 0;
  private outboundFrames = 0;
  private prematureResets = 0;

  constructor(private readonly options: Http2Options) {}

  /** A frame of a body or of a header block that brings nothing. */
  onEmptyFrame(): void {
    if (++this.emptyFrames > this.options.maxConsecutiveEmptyInboundFrames) {
      throw flood('too many empty frames', 'http2.inbound_empty_frames_flood');
    }
  }

  /** A frame that brought something ends a row of empty ones. */
  onPayload(): void {
    this.emptyFrames = 0;
  }

  onPriority(streamsOpened: number): void {
    if (++this.priorityFrames > this.options.maxInboundPriorityFramesPerStream * (1 + streamsOpened)) {
      throw flood('too many PRIORITY frames', 'http2.inbound_priority_frames_flood');
    }
  }

  onWindowUpdate(streamsOpened: number): void {
    const perData = this.options.maxInboundWindowUpdatesPerDataFrame;
    if (++this.windowUpdates > 5 + 2 * (streamsOpened + perData * this.dataFramesSent)) {
      throw flood('too many WINDOW_UPDATE frames', 'http2.inbound_window_update_frames_flood');
    }
  }

  onDataSent(): void {
    this.dataFramesSent++;
  }

  /**
   * A frame of ours is to be written. Returned, not thrown: writers come from everywhere.
   * @param waiting bytes that the peer has not taken
   */
  onOutboundFrame(waiting: number): Http2ConnectionError | null {
    if (waiting === 0) {
      this.controlFrames = 0;
      this.outboundFrames = 0;
    }
    return ++this.outboundFrames > this.options.maxOutboundFrames
      ? flood('too many frames wait', 'http2.outbound_flood')
      : null;
  }

  /** A stream was reset before it can have been of use; `judgeResets` follows. */
  onPrematureReset(): void {
    this.prematureResets++;
  }

  judgeResets(streamsOpened: number): void {
    if (this.prematureResets >= PREMATURE_RESETS && this.prematureResets * 2 > streamsOpened) {
      throw flood('too many resets', 'http2.premature_resets');
    }
  }

  /** The same for a frame that is neither HEADERS nor DATA. */
  onControlFrame(waiting: number): Http2ConnectionError | null {
    const flooded = this.onOutboundFrame(waiting);
    if (flooded !== null) return flooded;
    return ++this.controlFrames > this.options.maxOutboundControlFrames
      ? flood('too many control frames wait', 'http2.outbound_control_flood')
      : null;
  }
}

function flood(text: string, details: string): Http2ConnectionError {
  return new Http2ConnectionError(ErrorCode.EnhanceYourCalm, text, details);
}
