import { ErrorCode, FRAME_HEADER, Http2ConnectionError, MAX_FRAME, read32 } from './frames.ts';

export interface FrameSink {
  /** One whole frame; the bytes are only valid during the call. */
  onFrame(type: number, flags: number, stream: number, bytes: Uint8Array, start: number, end: number): void;
}

/**
 * Cuts a byte stream into frames. A frame that arrives whole is handed on without a copy; at most one frame
 * (16 KiB and its header) is ever kept. Throws Http2ConnectionError for a frame that is too long.
 */
export class FrameReader {
  /** On Buffer's prototype, because readers cut latin1 text out of it. */
  private readonly carry = Buffer.alloc(MAX_FRAME + FRAME_HEADER);
  private carried = 0;

  receive(bytes: Uint8Array, start: number, end: number, sink: FrameSink): void {
    let at = start;
    while (at < end) {
      if (this.carried === 0 && end - at >= FRAME_HEADER) {
        const length = lengthAt(bytes, at);
        if (end - at >= FRAME_HEADER + length) {
          emit(bytes, at, length, sink);
          at += FRAME_HEADER + length;
          continue;
        }
      }
      if (this.carried < FRAME_HEADER) {
        const take = Math.min(FRAME_HEADER - this.carried, end - at);
        this.carry.set(bytes.subarray(at, at + take), this.carried);
        this.carried += take;
        at += take;
        if (this.carried < FRAME_HEADER) return;
      }
      const length = lengthAt(this.carry, 0);
      const take = Math.min(FRAME_HEADER + length - this.carried, end - at);
      this.carry.set(bytes.subarray(at, at + take), this.carried);
      this.carried += take;
      at += take;
      if (this.carried < FRAME_HEADER + length) return;
      this.carried = 0;
      emit(this.carry, 0, length, sink);
    }
  }
}

function lengthAt(bytes: Uint8Array, at: number): number {
  const length = ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number);
  if (length > MAX_FRAME) throw new Http2ConnectionError(ErrorCode.FrameSizeError, 'too large frame size');
  return length;
}

function emit(bytes: Uint8Array, at: number, length: number, sink: FrameSink): void {
  const stream = read32(bytes, at + 5) & 0x7fffffff;
  const start = at + FRAME_HEADER;
  sink.onFrame(bytes[at + 3] as number, bytes[at + 4] as number, stream, bytes, start, start + length);
}
