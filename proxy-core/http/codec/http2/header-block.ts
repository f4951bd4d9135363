import { HpackDecoder } from '../hpack/decoder.ts';
import type { FloodGuard } from './flood-guard.ts';
import { ErrorCode, Flag, FRAME_HEADER, Http2ConnectionError } from './frames.ts';
import type { Http2Options } from './options.ts';

/** Decoded fields of one header block. */
export interface FieldBlock {
  /** Flat `[name, value, …]` in order, pseudo-headers included; what is beyond the limits is not kept. */
  readonly fields: string[];
  readonly tooLarge: boolean;
  readonly wireBytes: number;
}

/** A header block may not need more than this on the wire, whatever it decodes to. */
const MAX_BLOCK_BYTES = 1024 * 1024;
const MAX_FRAGMENTS = 1024;

/** Puts HEADERS and CONTINUATION together (RFC 9113 section 4.3) and decodes them; keeps the decoder's table. */
export class HeaderBlockReader {
  /** The stream whose block is under way; 0 = none. */
  stream = 0;
  /** END_STREAM of the HEADERS frame. */
  endStream = false;
  /** The HEADERS frame made its stream depend on itself. */
  selfDependent = false;
  private readonly decoder: HpackDecoder;
  private fragments: Buffer[] = [];
  private wireBytes = 0;
  private fields: string[] = [];
  private fieldBytes = 0;
  private fieldCount = 0;

  constructor(
    private readonly options: Http2Options,
    private readonly guard: FloodGuard,
  ) {
    this.decoder = new HpackDecoder(options.headerTableSize);
  }

  /** A HEADERS frame without its padding and priority. Returns the block when that is all of it. */
  begin(
    id: number,
    flags: number,
    selfDependent: boolean,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): FieldBlock | null {
    this.endStream = (flags & Flag.EndStream) !== 0;
    this.selfDependent = selfDependent;
    this.wireBytes = end - start;
    if ((flags & Flag.EndHeaders) !== 0) return this.finish(bytes, start, end);
    this.stream = id;
    this.fragments.push(Buffer.from(bytes.subarray(start, end)));
    return null;
  }

  /** A CONTINUATION frame. Returns the block when it was the last one. */
  continue(flags: number, bytes: Uint8Array, start: number, end: number): FieldBlock | null {
    if (this.stream === 0)
      throw new Http2ConnectionError(ErrorCode.ProtocolError, 'CONTINUATION: unexpected');
    this.wireBytes += end - start;
    if (end === start) this.guard.onEmptyFrame();
    const most = Math.max(MAX_BLOCK_BYTES, this.options.maxHeadBytes * 2);
    if (this.wireBytes > most || this.fragments.length > MAX_FRAGMENTS) {
      throw new Http2ConnectionError(
        ErrorCode.EnhanceYourCalm,
        'header block too large',
        'http2.too_many_headers',
      );
    }
    this.fragments.push(Buffer.from(bytes.subarray(start, end)));
    if ((flags & Flag.EndHeaders) === 0) return null;
    const whole = Buffer.concat(this.fragments);
    return this.finish(whole, 0, whole.length);
  }

  private finish(bytes: Uint8Array, start: number, end: number): FieldBlock {
    this.stream = 0;
    if (this.fragments.length > 0) this.fragments = [];
    this.guard.onPayload();
    this.fields = [];
    this.fieldBytes = 0;
    this.fieldCount = 0;
    const error = this.decoder.decode(bytes, start, end, this);
    if (error !== null) throw new Http2ConnectionError(ErrorCode.CompressionError, error);
    return {
      fields: this.fields,
      tooLarge: this.fieldBytes > this.options.maxHeadBytes || this.fieldCount > this.options.maxHeaders,
      wireBytes: this.wireBytes + FRAME_HEADER,
    };
  }

  /** The HPACK decoder's callback. Beyond the limits fields are counted and not kept. */
  onField(name: string, value: string): void {
    this.fieldBytes += name.length + value.length;
    this.fieldCount++;
    if (this.fieldBytes <= this.options.maxHeadBytes && this.fieldCount <= this.options.maxHeaders + 8) {
      this.fields.push(name, value);
    }
  }
}
