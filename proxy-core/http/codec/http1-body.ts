import { Http1Errors, Http1Violation } from './http1-errors.ts';

/** What the decoder found; body bytes lie between `dataStart` and `dataEnd` of the bytes it was given. */
export const ChunkResult = { NeedMore: 0, Data: 1, LastChunk: 2 } as const;
export type ChunkResult = (typeof ChunkResult)[keyof typeof ChunkResult];

const State = { Size: 0, Extension: 1, SizeLineFeed: 2, Data: 3, DataEnd: 4, DataLineFeed: 5 } as const;

/** Longest accepted run of extension bytes in one message; they are dropped. */
const MAX_EXTENSION_BYTES = 16384;

/** Decodes `Transfer-Encoding: chunked` (RFC 9112 section 7.1) up to the last chunk; trailers follow as header lines. */
export class ChunkDecoder {
  dataStart = 0;
  dataEnd = 0;
  /** Position behind what was consumed. */
  position = 0;
  private state: number = State.Size;
  private remaining = 0;
  private digits = 0;
  private extensionBytes = 0;

  reset(): void {
    this.state = State.Size;
    this.remaining = 0;
    this.digits = 0;
    this.extensionBytes = 0;
  }

  /** One step: a run of body bytes, the last chunk, or everything consumed. Throws Http1Violation. */
  next(bytes: Uint8Array, position: number, end: number): ChunkResult {
    while (position < end) {
      const byte = bytes[position] as number;
      switch (this.state) {
        case State.Size: {
          const digit = hexDigit(byte);
          if (digit >= 0) {
            if (++this.digits > 12) throw new Http1Violation(Http1Errors.codec);
            this.remaining = this.remaining * 16 + digit;
          } else {
            if (this.digits === 0) throw new Http1Violation(Http1Errors.codec);
            if (byte === 13) this.state = State.SizeLineFeed;
            else if (byte === 59 || byte === 32 || byte === 9) this.state = State.Extension;
            else throw new Http1Violation(Http1Errors.codec);
          }
          position++;
          break;
        }
        case State.Extension:
          if (++this.extensionBytes > MAX_EXTENSION_BYTES) throw new Http1Violation(Http1Errors.codec);
          if (byte === 13) this.state = State.SizeLineFeed;
          else if (byte < 32 && byte !== 9) throw new Http1Violation(Http1Errors.codec);
          position++;
          break;
        case State.SizeLineFeed: {
          if (byte !== 10) throw new Http1Violation(Http1Errors.codec);
          const last = this.sizeDone(position + 1);
          if (last !== null) return last;
          position++;
          break;
        }
        case State.Data: {
          const length = Math.min(this.remaining, end - position);
          this.dataStart = position;
          this.dataEnd = position + length;
          this.position = position + length;
          this.remaining -= length;
          if (this.remaining === 0) this.state = State.DataEnd;
          return ChunkResult.Data;
        }
        case State.DataEnd:
          if (byte === 13) this.state = State.DataLineFeed;
          else if (byte === 10) this.state = State.Size;
          else throw new Http1Violation(Http1Errors.codec);
          this.digits = 0;
          position++;
          break;
        default:
          if (byte !== 10) throw new Http1Violation(Http1Errors.codec);
          this.state = State.Size;
          position++;
          break;
      }
    }
    this.position = position;
    return ChunkResult.NeedMore;
  }

  private sizeDone(position: number): ChunkResult | null {
    this.position = position;
    if (this.remaining === 0) return ChunkResult.LastChunk;
    this.state = State.Data;
    return null;
  }
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}
