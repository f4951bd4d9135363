import type { HeaderKeys, HeaderList } from '../../base/headers.ts';
import type { ByteSink, WireCounts } from './codec.ts';

/** `name: value` lines. A plain concatenation: the engine keeps it as a rope until the one write. */
export function headerLines(headers: HeaderList, keys: HeaderKeys | null): string {
  let text = '';
  if (keys !== null) {
    for (let i = 0; i < headers.length; i += 2) {
      text += `${keys.spell(headers[i] as string)}: ${headers[i + 1] as string}\r\n`;
    }
    return text;
  }
  for (let i = 0; i < headers.length; i += 2) {
    text += `${headers[i] as string}: ${headers[i + 1] as string}\r\n`;
  }
  return text;
}

/** One line that the codec itself adds. */
export function headerLine(name: string, value: string, keys: HeaderKeys | null): string {
  return `${keys === null ? name : keys.spell(name)}: ${value}\r\n`;
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

  /** Ends the body; trailers can only follow a chunked one. Their names are in lower case, however those of heads are. */
  trailers(trailers: HeaderList | null): void {
    if (!this.chunked) return;
    const text = trailers === null ? '0\r\n\r\n' : `0\r\n${headerLines(trailers, null)}\r\n`;
    this.wire.bytesSent += text.length;
    this.sink.writeText(text);
  }
}
