import * as fs from 'node:fs';
import { CallbackTimer, type Clock } from '../../base/clock.ts';
import { AttacheError } from '../../base/errors.ts';
import { writeLatin1 } from '../../base/latin1.ts';
import type { Counter, Gauge, Stats } from '../../base/stats.ts';
import type { NewCoreEvent } from '../event-log.ts';
import { errnoText, errorCode } from './errno.ts';

/** The few calls of `node:fs` that log files need. */
export interface LogFileSystem {
  openSync(path: string, flags: string, mode: number): number;
  write(
    fd: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    position: null,
    done: (error: Error | null, written: number) => void,
  ): void;
  close(fd: number, done: () => void): void;
}

export interface LogFileOptions {
  readonly clock: Clock;
  readonly stats: Stats;
  readonly event: (event: NewCoreEvent) => void;
  /** `--file-flush-interval-msec`, 10 s. */
  readonly flushInterval?: number;
  readonly fileSystem?: LogFileSystem;
}

/** A batch is handed to the kernel when it has this many bytes, as Envoy's 64 KiB. */
const BATCH = 64 * 1024;
/** What a batch is gathered in: room for the line that fills it. */
const BATCH_ROOM = BATCH + 8 * 1024;
/** Batches that wait while the file cannot be written (4 MiB); the oldest is dropped beyond. */
const MOST_BATCHES = 64;
/** Milliseconds until a write to a full pipe is tried again. */
const AGAIN_DELAY = 10;
const MOST_TRIES_AT_CLOSE = 100;

const STREAMS: Readonly<Record<string, number>> = { '/dev/stdout': 1, '/dev/stderr': 2 };

interface Batch {
  readonly bytes: Uint8Array;
  readonly lines: number;
}

/**
 * One log file, shared by everything that names its path. `write` only collects; whole batches are appended one
 * after the other, so that order is kept and nobody waits. What cannot be written is kept for a while and tried again.
 */
export class LogFile {
  private fd: number;
  /**
   * Lines become bytes at once: as strings they would keep alive, until the batch is cut, all the heads whose parts they
   * show. Null between batches.
   */
  private gathered: Buffer | null = null;
  private filled = 0;
  private lines = 0;
  private readonly waiting: Batch[] = [];
  /** Bytes of the batch that is being written, and how far it got. */
  private current: Uint8Array | null = null;
  private written = 0;
  private writing = false;
  private failing = false;
  private failure = '';
  private dropped = 0;
  /** Batches written or dropped so far, and at which of them the file is opened anew (-1: not asked for). */
  private batchesDone = 0;
  private reopenAt = -1;
  private readonly idle: (() => void)[] = [];
  private triesAtClose = 0;
  private readonly again: CallbackTimer;

  constructor(
    readonly path: string,
    private readonly owner: LogFileManager,
  ) {
    this.fd = owner.openFile(path);
    this.again = new CallbackTimer(owner.clock, () => this.next());
  }

  /** Takes one line, newline included. Never blocks, never throws. */
  write(line: string): void {
    const wide = WIDE.test(line) ? encode(line) : null;
    const length = wide === null ? line.length : wide.length;
    if (this.gathered !== null && this.filled + length > this.gathered.length) this.handOver();
    const gathered = this.gathered ?? Buffer.allocUnsafeSlow(Math.max(BATCH_ROOM, length));
    this.gathered = gathered;
    if (wide === null) writeLatin1(gathered, line, this.filled);
    else gathered.set(wide, this.filled);
    this.filled += length;
    this.lines++;
    this.owner.totalBuffered.value += length;
    if (this.filled >= BATCH) this.handOver();
  }

  private handOver(): void {
    this.cut();
    if (!this.writing && !this.failing) this.next();
  }

  /** Hands over what was collected; `byTimer` for the counter. Also tries again after a failure. */
  flush(byTimer = false): void {
    if (this.filled > 0) {
      this.cut();
      if (byTimer) this.owner.flushedByTimer.inc();
    }
    if (!this.writing) this.next();
  }

  /** Opens the path anew (after a rotation), once what was collected before is in the old file. */
  reopen(): void {
    if (this.filled > 0) this.cut();
    this.reopenAt = this.batchesDone + this.waiting.length + (this.current === null ? 0 : 1);
    if (!this.writing) this.next();
  }

  /** Flushes and closes; what cannot be written now is lost. */
  close(): Promise<void> {
    this.flush();
    return new Promise((resolve) => {
      const finish = (): void => {
        this.again.disarm();
        if (STREAMS[this.path] === undefined) this.owner.fileSystem.close(this.fd, resolve);
        else resolve();
      };
      if (this.writing) this.idle.push(finish);
      else finish();
    });
  }

  private cut(): void {
    if (this.gathered === null) return;
    this.waiting.push({ bytes: this.gathered.subarray(0, this.filled), lines: this.lines });
    this.gathered = null;
    this.filled = 0;
    this.lines = 0;
    this.owner.buffered.inc();
    if (this.waiting.length <= MOST_BATCHES) return;
    const oldest = this.waiting.shift();
    if (oldest === undefined) return;
    this.dropped += oldest.lines;
    this.batchesDone++;
    this.owner.totalBuffered.value -= oldest.bytes.length;
  }

  private next(): void {
    if (this.writing) return;
    // A file that takes nothing is replaced at once.
    if (this.reopenAt >= 0 && (this.failing || this.batchesDone >= this.reopenAt)) this.openAgain();
    if (this.current === null) {
      const batch = this.waiting.shift();
      if (batch === undefined) {
        for (const resolve of this.idle.splice(0)) resolve();
        return;
      }
      this.owner.totalBuffered.value -= batch.bytes.length;
      this.current = this.marked(batch.bytes);
      this.written = 0;
    }
    this.writing = true;
    const bytes = this.current;
    this.owner.fileSystem.write(
      this.fd,
      bytes,
      this.written,
      bytes.length - this.written,
      null,
      (error, count) => this.onWritten(error, count),
    );
  }

  private onWritten(error: Error | null, count: number): void {
    this.writing = false;
    if (error !== null) {
      if (errorCode(error) === 'EAGAIN') {
        // Whoever closes does not wait for a reader that is gone.
        if (this.idle.length > 0 && ++this.triesAtClose > MOST_TRIES_AT_CLOSE) {
          for (const resolve of this.idle.splice(0)) resolve();
        } else {
          this.again.arm(AGAIN_DELAY);
        }
        return;
      }
      this.onFailed(error);
      return;
    }
    this.written += count;
    if (this.current !== null && this.written >= this.current.length) {
      this.current = null;
      this.batchesDone++;
      this.owner.completed.inc();
      if (this.failing) this.onRecovered();
    }
    this.next();
  }

  private onFailed(error: Error): void {
    this.owner.failed.inc();
    this.failure = errnoText(error);
    for (const resolve of this.idle.splice(0)) resolve();
    if (this.failing) return;
    this.failing = true;
    this.owner.event({
      kind: 'log-failed',
      tone: 'err',
      text:
        `The log file ${this.path} cannot be written: ${this.failure}. Requests are served as before; ` +
        'the newest lines are kept in memory and written when the file takes them again.',
      reason: this.failure,
    });
  }

  private onRecovered(): void {
    this.failing = false;
    this.owner.event({
      kind: 'log-failed',
      tone: 'ok',
      text: `The log file ${this.path} is written again.`,
      reason: '',
    });
  }

  /** With a line that tells of dropped ones, before the first that was kept. */
  private marked(bytes: Uint8Array): Uint8Array {
    if (this.dropped === 0) return bytes;
    const count = this.dropped;
    this.dropped = 0;
    return Buffer.concat([Buffer.from(`# ${count} lines are missing here: ${this.failure}\n`), bytes]);
  }

  private openAgain(): void {
    this.reopenAt = -1;
    if (STREAMS[this.path] !== undefined) return;
    try {
      const fd = this.owner.openFile(this.path);
      this.owner.fileSystem.close(this.fd, () => {});
      this.fd = fd;
    } catch {
      this.owner.reopenFailed.inc();
    }
  }
}

const WIDE = /[\u0100-\uffff]/;

/** Values from the wire have one char per byte; text from the configuration may have wider ones, which become UTF-8. */
function encode(text: string): Uint8Array {
  return Buffer.concat(
    text.split(/([\u0100-\uffff]+)/).map((part, i) => Buffer.from(part, i % 2 === 0 ? 'latin1' : 'utf8')),
  );
}

/** All log files of a core by path. They outlive snapshots: the same path is one file with one buffer. */
export class LogFileManager {
  private readonly files = new Map<string, LogFile>();
  private readonly timer: CallbackTimer;
  private readonly flushInterval: number;
  readonly clock: Clock;
  readonly fileSystem: LogFileSystem;
  readonly event: (event: NewCoreEvent) => void;
  readonly flushedByTimer: Counter;
  readonly reopenFailed: Counter;
  readonly buffered: Counter;
  readonly completed: Counter;
  readonly failed: Counter;
  readonly totalBuffered: Gauge;

  constructor(options: LogFileOptions) {
    this.clock = options.clock;
    this.event = options.event;
    this.fileSystem = options.fileSystem ?? fs;
    this.flushInterval = options.flushInterval ?? 10_000;
    this.flushedByTimer = options.stats.counter('filesystem.flushed_by_timer');
    this.reopenFailed = options.stats.counter('filesystem.reopen_failed');
    this.buffered = options.stats.counter('filesystem.write_buffered');
    this.completed = options.stats.counter('filesystem.write_completed');
    this.failed = options.stats.counter('filesystem.write_failed');
    this.totalBuffered = options.stats.gauge('filesystem.write_total_buffered');
    this.totalBuffered.set(0);
    this.timer = new CallbackTimer(this.clock, () => {
      this.timer.arm(this.flushInterval);
      for (const file of this.files.values()) file.flush(true);
    });
  }

  /** The file of a path, opened for appending. Throws AttacheError `log.unopenable` in Envoy's words. */
  get(path: string): LogFile {
    let file = this.files.get(path);
    if (file === undefined) {
      file = new LogFile(path, this);
      this.files.set(path, file);
      if (!this.timer.armed) this.timer.arm(this.flushInterval);
    }
    return file;
  }

  flush(): void {
    for (const file of this.files.values()) file.flush();
  }

  /** `/reopen_logs`, SIGUSR1. */
  reopen(): void {
    for (const file of this.files.values()) file.reopen();
  }

  async close(): Promise<void> {
    this.timer.disarm();
    await Promise.all([...this.files.values()].map((file) => file.close()));
    this.files.clear();
  }

  openFile(path: string): number {
    return STREAMS[path] ?? openLogFile(path, this.fileSystem);
  }
}

/** Opens (and creates) a log file; throws AttacheError `log.unopenable` with Envoy's message. */
export function openLogFile(path: string, fileSystem: LogFileSystem = fs): number {
  try {
    return fileSystem.openSync(path, 'a', 0o644);
  } catch (error) {
    throw new AttacheError('log.unopenable', `unable to open file '${path}': ${errnoText(error)}`, {
      cause: error,
    });
  }
}
