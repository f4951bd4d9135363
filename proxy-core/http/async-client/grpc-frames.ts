/** gRPC over HTTP/2, length-prefixed message: one byte of flags, four of length, the message. */
const PREFIX = 5;

export function grpcFrame(message: Uint8Array): Uint8Array {
  const frame = new Uint8Array(PREFIX + message.length);
  new DataView(frame.buffer).setUint32(1, message.length);
  frame.set(message, PREFIX);
  return frame;
}

/** Takes body bytes as they come and gives whole messages. Compressed messages are malformed: none were asked for. */
export class GrpcFrameReader {
  private kept: Uint8Array = new Uint8Array(0);

  /** @param limit Bytes that one message may have, 0 = any number. */
  constructor(private readonly limit: number) {}

  add(bytes: Uint8Array, start: number, end: number): void {
    const joined = new Uint8Array(this.kept.length + end - start);
    joined.set(this.kept);
    joined.set(bytes.subarray(start, end), this.kept.length);
    this.kept = joined;
  }

  /** The next message, null when it is not there whole. */
  next(): Uint8Array | null | 'malformed' | 'too-large' {
    const { kept } = this;
    if (kept.length > 0 && kept[0] !== 0) return 'malformed';
    if (kept.length < PREFIX) return null;
    const length = new DataView(kept.buffer, kept.byteOffset).getUint32(1);
    if (this.limit > 0 && length > this.limit) return 'too-large';
    if (kept.length < PREFIX + length) return null;
    this.kept = kept.subarray(PREFIX + length);
    return kept.subarray(PREFIX, PREFIX + length);
  }
}
