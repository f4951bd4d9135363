import type { HeaderList } from '../../base/headers.ts';
import type { ByteSink, WireCounts } from './codec.ts';

export type HeaderKeyFormat = 'lower' | 'proper' | 'preserve';

/** `name: value` lines. A plain concatenation: the engine keeps it as a rope until the one write. */
export function headerLines(headers: HeaderList, format: HeaderKeyFormat): string {
  let text = '';
  if (format === 'proper') {
    for (let i = 0; i < headers.length; i += 2) {
      text += `${properCase(headers[i] as string)}: ${headers[i + 1] as string}\r\n`;
    }
    return text;
  }
  for (let i = 0; i < headers.length; i += 2) {
    text += `${headers[i] as string}: ${headers[i + 1] as string}\r\n`;
  }
  return text;
}

const proper = new Map<string, string>();

/** `content-length` → `Content-Length`: every letter after a character that is none (proper_case_words). */
export function properCase(name: string): string {
  let result = proper.get(name);
  if (result === undefined) {
    result = '';
    let upper = true;
    for (const char of name) {
      const letter = (char >= 'a' && char <= 'z') || (char >= '0' && char <= '9');
      result += upper && letter ? char.toUpperCase() : char;
      upper = !letter;
    }
    if (proper.size < 2048) proper.set(name, result);
  }
  return result;
}

/** Writes one message body with the framing that its head announced. Reused for each message of a connection. */
export class BodyWriter {
  private chunked = false;

  constructor(
    private readonly sink: ByteSink,
    private readonly wire: WireCounts,
  ) {}

  start(chunked: boolean): void {
    this.chunked = chunked;
  }

  body(bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    const length = end - start;
    if (!this.chunked) {
      if (length > 0) {
        this.wire.bytesSent += length;
        this.sink.writeBytes(bytes, start, end);
      }
      return;
    }
    if (length > 0) {
      const size = `${length.toString(16)}\r\n`;
      this.wire.bytesSent += size.length + length + 2;
      this.sink.writeText(size);
      this.sink.writeBytes(bytes, start, end);
      this.sink.writeText('\r\n');
    }
    if (endStream) {
      this.wire.bytesSent += 5;
      this.sink.writeText('0\r\n\r\n');
    }
  }

  /** Ends the body; trailers can only follow a chunked one. */
  trailers(trailers: HeaderList | null, format: HeaderKeyFormat): void {
    if (!this.chunked) return;
    const text = trailers === null ? '0\r\n\r\n' : `0\r\n${headerLines(trailers, format)}\r\n`;
    this.wire.bytesSent += text.length;
    this.sink.writeText(text);
  }
}
