import type { Socket } from 'node:net';
import { latin1Text, writeLatin1 } from '../base/latin1.ts';
import type { FlushQueue } from './flush-queue.ts';
import { keep, mayKeep, type ReadCallback } from './read-buffer.ts';

/**
 * A byte connection as codecs and pools see it. Writes gather as latin1 text and leave in one system call at
 * the end of the event that caused them (`FlushQueue`); nothing else in the data path touches a socket.
 */
export interface Transport {
  /** Adds latin1 text to what is sent next. */
  writeText(latin1: string): void;
  /** Adds bytes. The caller may reuse them when this returns: they are copied, or taken from the read under way. */
  writeBytes(bytes: Uint8Array, start: number, end: number): void;
  /** Hands what was gathered to the socket. */
  flush(): void;
  /** Bytes that the peer has not taken yet. */
  readonly buffered: number;
  pauseReading(): void;
  resumeReading(): void;
  /** Flushes and half-closes. */
  end(): void;
  /** Flushes, half-closes, and closes when the socket has taken everything; nothing more is read. */
  closeAfterFlush(): void;
  /** Closes at once; what is buffered is lost. `reset` sends RST instead of FIN. */
  destroy(reset?: boolean): void;
  readonly bytesWritten: number;
  readonly closed: boolean;
}

export interface TransportOwner {
  /** The bytes are only valid during the call. */
  onBytes(bytes: Buffer, start: number, end: number): void;
  /** The peer sent FIN; it may still read. */
  onEnd(): void;
  /** Everything written has been handed to the kernel after `buffered` was above zero. */
  onDrain(): void;
  /** The last call. `error` is a system error code (`ECONNRESET`), empty for an orderly close. */
  onClose(error: string): void;
}

/**
 * Whoever waits for `onDrain` must not wait below this many unsent bytes: Node tells of a drain only when more than a
 * socket's high-water mark (16 KiB, later 64 KiB) was waiting.
 */
const LEAST_CONGESTION = 65536;

/** How many unsent bytes are too many, for a configured limit. */
export function congestionLimit(limit: number): number {
  return Math.max(limit, LEAST_CONGESTION);
}

/** Bodies up to this length travel in the same text as the head before them. */
const INLINE_BODY = 8192;
/** Gathered text beyond this leaves at once. */
const MAX_TEXT = 65536;

/** A `net.Socket` (or TLS socket) as a Transport. */
export class SocketTransport implements Transport {
  closed = false;
  bytesWritten = 0;
  private text = '';
  private queued = false;
  private paused = false;
  private ending = false;
  private errorCode = '';

  readonly socket: Socket;

  /** `open` makes the socket so that its reads go to the callback it is given. */
  constructor(
    open: (read: ReadCallback) => Socket,
    private readonly owner: TransportOwner,
    private readonly queue: FlushQueue,
  ) {
    const socket = open((length, bytes) => {
      this.queue.enter();
      try {
        this.owner.onBytes(bytes, 0, length);
      } catch (error) {
        this.fail(error);
      } finally {
        this.queue.leave();
      }
    });
    this.socket = socket;
    socket.on('end', () => {
      this.queue.enter();
      try {
        this.owner.onEnd();
      } catch (error) {
        this.fail(error);
      } finally {
        this.queue.leave();
      }
    });
    socket.on('drain', () => {
      this.queue.enter();
      try {
        this.owner.onDrain();
      } catch (error) {
        this.fail(error);
      } finally {
        this.queue.leave();
      }
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.errorCode = error.code ?? 'UNKNOWN';
    });
    socket.on('close', () => {
      this.closed = true;
      this.queue.enter();
      try {
        this.owner.onClose(this.errorCode);
      } catch (error) {
        this.queue.onDefect(error);
      } finally {
        this.queue.leave();
      }
    });
  }

  /** A defect of ours costs this connection, never the process. */
  private fail(error: unknown): void {
    this.queue.onDefect(error);
    this.destroy();
  }

  get buffered(): number {
    return this.text.length + this.socket.writableLength;
  }

  writeText(latin1: string): void {
    if (this.closed || this.ending) return;
    this.text += latin1;
    if (!this.queued) {
      this.queued = true;
      this.queue.add(this);
    } else if (this.text.length > MAX_TEXT) this.send();
  }

  writeBytes(bytes: Uint8Array, start: number, end: number): void {
    if (this.closed || this.ending) return;
    const length = end - start;
    if (length <= INLINE_BODY) {
      this.writeText(latin1Text(bytes, start, end));
      return;
    }
    const { socket, text } = this;
    this.text = '';
    this.bytesWritten += text.length + length;
    if (mayKeep(bytes)) {
      const view = bytes.subarray(start, end);
      if (text === '') socket.write(view);
      else {
        socket.cork();
        socket.write(text, 'latin1');
        socket.write(view);
        socket.uncork();
      }
      // Mostly the kernel has taken all of it at once.
      if (socket.writableLength > 0) keep();
      return;
    }
    const whole = Buffer.allocUnsafeSlow(text.length + length);
    if (text !== '') writeLatin1(whole, text, 0);
    whole.set(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end), text.length);
    socket.write(whole);
  }

  flush(): void {
    this.queued = false;
    if (this.text !== '') this.send();
  }

  private send(): void {
    const text = this.text;
    this.text = '';
    if (this.closed) return;
    this.bytesWritten += text.length;
    this.socket.write(text, 'latin1');
  }

  pauseReading(): void {
    if (this.paused || this.closed) return;
    this.paused = true;
    this.socket.pause();
  }

  resumeReading(): void {
    if (!this.paused || this.closed) return;
    this.paused = false;
    this.socket.resume();
  }

  end(): void {
    if (this.closed || this.ending) return;
    if (this.text !== '') this.send();
    this.ending = true;
    this.socket.end();
  }

  closeAfterFlush(): void {
    if (this.closed) return;
    this.end();
    this.socket.destroySoon();
  }

  /** Closes at once and tells the owner why, in Envoy's words. */
  destroyBecause(reason: string): void {
    this.errorCode = reason;
    this.destroy();
  }

  destroy(reset = false): void {
    if (this.closed) return;
    this.text = '';
    if (reset) this.socket.resetAndDestroy();
    else this.socket.destroy();
  }
}
