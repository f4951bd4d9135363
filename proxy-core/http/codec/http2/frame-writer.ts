import type { HeaderList } from '../../../base/headers.ts';
import type { ByteSink, WireCounts } from '../codec.ts';
import { HpackEncoder } from '../hpack/encoder.ts';
import {
  type ErrorCode,
  Flag,
  FRAME_HEADER,
  FrameType,
  MAX_FRAME,
  type Setting,
  write32,
  writeFrameHeader,
} from './frames.ts';

/** Makes frames into a sink: nothing here knows states, windows or limits. */
export class FrameWriter {
  /** The peer's SETTINGS_MAX_FRAME_SIZE, as far as we use it. */
  maxFrame = MAX_FRAME;
  private readonly encoder = new HpackEncoder();
  private readonly scratch = Buffer.alloc(64);

  constructor(private readonly sink: ByteSink) {}

  /** The peer's SETTINGS_HEADER_TABLE_SIZE. */
  setHeaderTableSize(size: number): void {
    this.encoder.setMaxTableSize(size);
  }

  settings(pairs: readonly (readonly [(typeof Setting)[keyof typeof Setting], number])[]): void {
    const frame = Buffer.alloc(FRAME_HEADER + pairs.length * 6);
    let at = writeFrameHeader(frame, 0, pairs.length * 6, FrameType.Settings, 0, 0);
    for (const [id, value] of pairs) {
      frame[at] = id >>> 8;
      frame[at + 1] = id;
      write32(frame, at + 2, value);
      at += 6;
    }
    this.sink.writeBytes(frame, 0, frame.length);
  }

  settingsAck(): void {
    this.control(FrameType.Settings, Flag.Ack, 0, 0);
  }

  windowUpdate(id: number, increment: number): void {
    write32(this.scratch, FRAME_HEADER, increment);
    this.control(FrameType.WindowUpdate, 0, id, 4);
  }

  ping(): void {
    this.scratch.fill(0, FRAME_HEADER, FRAME_HEADER + 8);
    this.control(FrameType.Ping, 0, 0, 8);
  }

  pingAck(bytes: Uint8Array, start: number): void {
    this.scratch.set(bytes.subarray(start, start + 8), FRAME_HEADER);
    this.control(FrameType.Ping, Flag.Ack, 0, 8);
  }

  reset(id: number, code: number): void {
    write32(this.scratch, FRAME_HEADER, code);
    this.control(FrameType.RstStream, 0, id, 4);
  }

  goAway(lastStream: number, code: (typeof ErrorCode)[keyof typeof ErrorCode] | number, text: string): void {
    const frame = Buffer.alloc(FRAME_HEADER + 8 + text.length);
    writeFrameHeader(frame, 0, 8 + text.length, FrameType.GoAway, 0, 0);
    write32(frame, FRAME_HEADER, lastStream);
    write32(frame, FRAME_HEADER + 4, code);
    frame.write(text, FRAME_HEADER + 8, 'latin1');
    this.sink.writeBytes(frame, 0, frame.length);
  }

  /** HEADERS, and CONTINUATION as needed: `fields` is flat, pseudo-headers first. */
  headers(id: number, fields: HeaderList, endStream: boolean, wire: WireCounts): void {
    const { encoder } = this;
    encoder.begin();
    for (let i = 0; i < fields.length; i += 2) encoder.field(fields[i] as string, fields[i + 1] as string);
    const length = encoder.length;
    let at = 0;
    let type: number = FrameType.Headers;
    do {
      const part = Math.min(length - at, this.maxFrame);
      const last = at + part === length;
      let flags = last ? Flag.EndHeaders : 0;
      if (endStream && type === FrameType.Headers) flags |= Flag.EndStream;
      writeFrameHeader(this.scratch, 0, part, type, flags, id);
      this.sink.writeBytes(this.scratch, 0, FRAME_HEADER);
      this.sink.writeBytes(encoder.target, at, at + part);
      wire.headerBytesSent += part + FRAME_HEADER;
      wire.bytesSent += part + FRAME_HEADER;
      at += part;
      type = FrameType.Continuation;
    } while (at < length);
  }

  data(id: number, bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    writeFrameHeader(this.scratch, 0, end - start, FrameType.Data, endStream ? Flag.EndStream : 0, id);
    this.sink.writeBytes(this.scratch, 0, FRAME_HEADER);
    if (end > start) this.sink.writeBytes(bytes, start, end);
  }

  /** A frame whose payload stands in `scratch` after the header. */
  private control(type: number, flags: number, id: number, length: number): void {
    writeFrameHeader(this.scratch, 0, length, type, flags, id);
    this.sink.writeBytes(this.scratch, 0, FRAME_HEADER + length);
  }
}
