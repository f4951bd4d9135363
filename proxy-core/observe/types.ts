import type { StreamInfo } from '../base/stream-info.ts';

/** A configured access log: filter, format and sink. Called once at the end of each stream. */
export interface AccessLog {
  log(info: StreamInfo): void;
}

/**
 * What the data path tells the recorder. `begin` sets `info.record` (or leaves -1 when recording is off); body chunks
 * are only told when it is ≥ 0, and are whatever passed; the recorder keeps a prefix. `end` is told for every stream.
 */
export interface StreamRecorder {
  begin(info: StreamInfo): void;
  requestBody(info: StreamInfo, bytes: Uint8Array, start: number, end: number): void;
  responseBody(info: StreamInfo, bytes: Uint8Array, start: number, end: number): void;
  end(info: StreamInfo): void;
}
