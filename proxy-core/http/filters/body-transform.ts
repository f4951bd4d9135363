import type { Transform } from 'node:stream';
import type { HeaderList } from '../../base/headers.ts';
import type { Counter } from '../../base/stats.ts';
import type { BodyStatus } from '../filter.ts';

/** Where a transformed body goes, and what holds its sender back. */
export interface TransformSink {
  inject(bytes: Uint8Array, endStream: boolean): void;
  injectTrailers(trailers: HeaderList): void;
  pause(on: boolean): void;
  /** The transform refuses its input; what follows is dropped. `code` is zlib's (`Z_DATA_ERROR`). */
  fail(code: string): void;
  /** Trailers that the transform adds at the end, null = none. */
  lastTrailers(): HeaderList | null;
}

const EMPTY = new Uint8Array(0);

/** Runs a body through a zlib stream, which works off the event loop. */
export class BodyTransform {
  inputBytes = 0;
  outputBytes = 0;
  private trailers: HeaderList | null = null;
  private paused = false;
  private failed = false;
  private ended = false;

  constructor(
    private readonly stream: Transform,
    private readonly sink: TransformSink,
    private readonly maxRatio: number,
  ) {
    stream.on('data', (chunk: Buffer) => this.onData(chunk));
    stream.on('end', () => this.finish());
    stream.on('error', (error: NodeJS.ErrnoException) => this.fail(error.code ?? ''));
    stream.on('drain', () => {
      if (!this.paused) return;
      this.paused = false;
      sink.pause(false);
    });
  }

  write(bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    this.inputBytes += end - start;
    if (this.failed) {
      if (endStream) this.finish();
      return;
    }
    // The bytes are only there during this call.
    if (end > start && !this.stream.write(Buffer.from(bytes.subarray(start, end))) && !this.paused) {
      this.paused = true;
      this.sink.pause(true);
    }
    if (endStream) this.stream.end();
  }

  /** The message ends with trailers: they follow the body. */
  writeTrailers(trailers: HeaderList): void {
    this.trailers = trailers;
    if (this.failed) this.finish();
    else this.stream.end();
  }

  destroy(): void {
    this.ended = true;
    this.stream.destroy();
  }

  private onData(chunk: Buffer): void {
    if (this.failed || this.ended) return;
    this.outputBytes += chunk.length;
    if (this.maxRatio > 0 && this.outputBytes > this.maxRatio * this.inputBytes) {
      this.fail('Z_DATA_ERROR');
      return;
    }
    this.sink.inject(chunk, false);
  }

  private fail(code: string): void {
    if (this.failed || this.ended) return;
    this.failed = true;
    const inputEnded = this.stream.writableEnded;
    this.stream.destroy();
    if (this.paused) this.sink.pause(false);
    this.paused = false;
    this.sink.fail(code);
    if (inputEnded) this.finish();
  }

  private finish(): void {
    if (this.ended) return;
    this.ended = true;
    const added = this.sink.lastTrailers();
    const trailers = added === null ? this.trailers : [...(this.trailers ?? []), ...added];
    if (trailers === null) this.sink.inject(EMPTY, true);
    else this.sink.injectTrailers(trailers);
  }
}

/** A filter's body callback: through the transform when there is one, which then sends what becomes of the bytes. */
export function passThrough(
  transform: BodyTransform | null,
  bytes: Uint8Array,
  start: number,
  end: number,
  endStream: boolean,
  input: Counter,
): BodyStatus {
  if (transform === null) return 'continue';
  input.add(end - start);
  transform.write(bytes, start, end, endStream);
  return 'drop';
}
