/** `grpc.health.v1`, the two messages that a check needs (grpc/health/v1/health.proto). */

export type ServingStatus = 'UNKNOWN' | 'SERVING' | 'NOT_SERVING' | 'SERVICE_UNKNOWN';

const STATUSES: readonly ServingStatus[] = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];

/** `HealthCheckRequest { string service = 1; }` in its gRPC frame. */
export function healthRequestFrame(service: string): Uint8Array {
  const name = Buffer.from(service, 'utf8');
  const message =
    name.length === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.from([0x0a, ...varint(name.length)]), name]);
  const frame = Buffer.alloc(5 + message.length);
  frame.writeUInt32BE(message.length, 1);
  message.copy(frame, 5);
  return frame;
}

/** Messages of a gRPC body, cut out of what arrives piece by piece. */
export class GrpcFrames {
  private held = Buffer.alloc(0);

  /** Whole messages so far; null when a frame is compressed or larger than `limit` bytes. */
  add(bytes: Uint8Array, limit: number): Uint8Array[] | null {
    this.held = Buffer.concat([this.held, bytes]);
    const messages: Uint8Array[] = [];
    while (this.held.length >= 5) {
      const length = this.held.readUInt32BE(1);
      if (this.held[0] !== 0 || length > limit) return null;
      if (this.held.length < 5 + length) break;
      messages.push(this.held.subarray(5, 5 + length));
      this.held = this.held.subarray(5 + length);
    }
    return messages;
  }
}

/** `HealthCheckResponse { ServingStatus status = 1; }`; unknown fields are skipped. Null when it is no message. */
export function readHealthResponse(message: Uint8Array): ServingStatus | null {
  let status = 0;
  let position = 0;
  const next = (): number | null => {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = message[position++];
      if (byte === undefined) return null;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    return null;
  };
  while (position < message.length) {
    const tag = next();
    if (tag === null || tag >>> 3 === 0) return null;
    const field = Math.floor(tag / 8);
    switch (tag & 7) {
      case 0: {
        const value = next();
        if (value === null) return null;
        if (field === 1) status = value;
        break;
      }
      case 1:
        position += 8;
        break;
      case 2: {
        const length = next();
        if (length === null) return null;
        position += length;
        break;
      }
      case 5:
        position += 4;
        break;
      default:
        return null;
    }
    if (position > message.length) return null;
  }
  return STATUSES[status] ?? 'UNKNOWN';
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return bytes;
}
