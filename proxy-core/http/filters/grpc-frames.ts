/** Length of a frame's own head: a flag and four bytes of length (gRPC over HTTP/2, Length-Prefixed-Message). */
export const FRAME_HEAD = 5;

/** A message as a frame that is not compressed. */
export function grpcFrame(message: Uint8Array): Uint8Array {
  const frame = new Uint8Array(FRAME_HEAD + message.length);
  new DataView(frame.buffer).setUint32(1, message.length);
  frame.set(message, FRAME_HEAD);
  return frame;
}

/** Counts the messages that begin in a stream of frames, whatever the pieces. */
export class GrpcFrameCounter {
  count = 0;
  private headBytes = 0;
  private length = 0;
  private left = 0;

  /** How many messages began in these bytes. */
  inspect(bytes: Uint8Array, start: number, end: number): number {
    const before = this.count;
    let at = start;
    while (at < end) {
      if (this.left > 0) {
        const skipped = Math.min(this.left, end - at);
        this.left -= skipped;
        at += skipped;
        continue;
      }
      if (this.headBytes === 0) {
        this.count++;
        this.length = 0;
      } else this.length = this.length * 256 + (bytes[at] as number);
      this.headBytes++;
      at++;
      if (this.headBytes === FRAME_HEAD) {
        this.headBytes = 0;
        this.left = this.length;
      }
    }
    return this.count - before;
  }
}

/** Takes the messages out of a stream of frames. */
export class GrpcFrameReader {
  private rest: Buffer = Buffer.alloc(0);

  /** Whole messages so far. Null: a frame is compressed, or longer than `limit`. */
  read(bytes: Uint8Array, start: number, end: number, limit: number): Uint8Array[] | null {
    this.rest = Buffer.concat([this.rest, bytes.subarray(start, end)]);
    const messages: Uint8Array[] = [];
    while (this.rest.length >= FRAME_HEAD) {
      const length = this.rest.readUInt32BE(1);
      if (this.rest[0] !== 0 || (limit > 0 && length > limit)) return null;
      if (this.rest.length < FRAME_HEAD + length) break;
      messages.push(this.rest.subarray(FRAME_HEAD, FRAME_HEAD + length));
      this.rest = this.rest.subarray(FRAME_HEAD + length);
    }
    return messages;
  }

  /** Bytes that are no whole frame. */
  get incomplete(): number {
    return this.rest.length;
  }
}
