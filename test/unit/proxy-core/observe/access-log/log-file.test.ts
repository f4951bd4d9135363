import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { VirtualClock } from '../../../../../proxy-core/base/virtual-clock.ts';
import { LogFileManager, type LogFileSystem } from '../../../../../proxy-core/observe/access-log/log-file.ts';
import { StatsStore } from '../../../../../proxy-core/observe/stats/store.ts';

/** A disk in memory; each write waits in `pending` until the test lets it go on. */
class FakeDisk implements LogFileSystem {
  readonly content = new Map<number, string>();
  readonly opened: string[] = [];
  readonly closed: number[] = [];
  private pending: (() => void)[] = [];
  fail: string | null = null;
  /** Bytes taken per write at most. */
  portion = Number.POSITIVE_INFINITY;

  openSync(file: string): number {
    if (this.fail === 'ENOENT') throw Object.assign(new Error('no'), { code: 'ENOENT' });
    this.opened.push(file);
    return this.opened.length + 9;
  }

  write(
    fd: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    _position: null,
    done: (error: Error | null, written: number) => void,
  ): void {
    this.pending.push(() => {
      if (this.fail !== null) {
        done(Object.assign(new Error('write'), { code: this.fail }), 0);
        return;
      }
      const taken = Math.min(length, this.portion);
      const text = Buffer.from(bytes).toString('latin1', offset, offset + taken);
      this.content.set(fd, (this.content.get(fd) ?? '') + text);
      done(null, taken);
    });
  }

  close(fd: number, done: () => void): void {
    this.closed.push(fd);
    done();
  }

  /** Lets all writes go on, and those that they cause. */
  settle(): void {
    while (this.pending.length > 0) {
      for (const go of this.pending.splice(0)) go();
    }
  }

  get waiting(): number {
    return this.pending.length;
  }
}

function setup(fileSystem?: LogFileSystem) {
  const clock = new VirtualClock();
  const stats = new StatsStore();
  const events: { tone: string; text: string }[] = [];
  const disk = new FakeDisk();
  const files = new LogFileManager({
    clock,
    stats,
    event: (event) => events.push(event),
    fileSystem: fileSystem ?? disk,
  });
  return { clock, stats, events, disk, files };
}

describe('batching', () => {
  test('lines go out together every ten seconds, in order', () => {
    const { clock, disk, files, stats } = setup();
    const file = files.get('/log');
    file.write('a\n');
    file.write('b\n');
    clock.advance(9_999);
    expect(disk.waiting).toBe(0);
    clock.advance(2);
    expect(disk.waiting).toBe(1);
    disk.settle();
    expect(disk.content.get(10)).toBe('a\nb\n');
    expect(stats.counter('filesystem.flushed_by_timer').value).toBe(1);
    expect(stats.counter('filesystem.write_completed').value).toBe(1);
  });

  test('64 KiB go out at once, and one write runs at a time', () => {
    const { disk, files } = setup();
    const file = files.get('/log');
    for (let i = 0; i < 3000; i++) file.write(`${String(i).padStart(63, '0')}\n`);
    expect(disk.waiting).toBe(1);
    disk.settle();
    files.flush();
    disk.settle();
    const lines = (disk.content.get(10) ?? '').trimEnd().split('\n').map(Number);
    expect(lines).toEqual(Array.from({ length: 3000 }, (_, i) => i));
  });

  test('a write that was only taken in part goes on where it stopped', () => {
    const { disk, files } = setup();
    disk.portion = 3;
    files.get('/log').write('abcdefgh\n');
    files.flush();
    disk.settle();
    expect(disk.content.get(10)).toBe('abcdefgh\n');
  });

  test('bytes of the wire stay bytes, wider characters become UTF-8', () => {
    const { disk, files } = setup();
    files.get('/log').write('\u00c3\u00a9 – ✓ 😀\n');
    files.flush();
    disk.settle();
    expect(Buffer.from(disk.content.get(10) ?? '', 'latin1').toString('utf8')).toBe('é – ✓ 😀\n');
  });

  test('the same path is the same file', () => {
    const { disk, files } = setup();
    expect(files.get('/log')).toBe(files.get('/log'));
    expect(disk.opened).toEqual(['/log']);
  });
});

describe('a disk that does not take it', () => {
  test('one event and a counter; the lines are written when it works again', () => {
    const { clock, disk, files, stats, events } = setup();
    const file = files.get('/var/log/access.log');
    disk.fail = 'ENOSPC';
    file.write('kept\n');
    clock.advance(10_001);
    disk.settle();
    clock.advance(10_001);
    disk.settle();
    expect(stats.counter('filesystem.write_failed').value).toBe(2);
    expect(events.map((event) => event.text)).toEqual([
      'The log file /var/log/access.log cannot be written: No space left on device. Requests are served as before; the newest lines are kept in memory and written when the file takes them again.',
    ]);
    disk.fail = null;
    file.write('later\n');
    clock.advance(10_001);
    disk.settle();
    expect(disk.content.get(10)).toBe('kept\nlater\n');
    expect(events[1]).toMatchObject({
      tone: 'ok',
      text: 'The log file /var/log/access.log is written again.',
    });
  });

  test('memory is bounded: the oldest lines go, and a line says how many', () => {
    const { disk, files } = setup();
    const file = files.get('/log');
    disk.fail = 'ENOSPC';
    const line = `${'x'.repeat(1023)}\n`;
    for (let i = 0; i < 10_000; i++) {
      file.write(line);
      disk.settle();
    }
    disk.fail = null;
    files.flush();
    disk.settle();
    files.flush();
    disk.settle();
    const content = disk.content.get(10) ?? '';
    const kept = content.split('\n').filter((text) => text.startsWith('x')).length;
    const missing = Number(/# (\d+) lines are missing here: No space left on device/.exec(content)?.[1]);
    expect(content.length).toBeLessThan(5 * 1024 * 1024);
    expect(kept + missing).toBe(10_000);
  });

  test('a full pipe is tried again at once, without complaint', () => {
    const { clock, disk, files, events } = setup();
    disk.fail = 'EAGAIN';
    files.get('/dev/stdout').write('x\n');
    files.flush();
    disk.settle();
    disk.fail = null;
    clock.advance(11);
    disk.settle();
    expect(disk.content.get(1)).toBe('x\n');
    expect(events).toEqual([]);
  });

  test('a file that cannot be opened is told in Envoy’s words', () => {
    const { disk, files } = setup();
    disk.fail = 'ENOENT';
    expect(() => files.get('/x/y.log')).toThrow("unable to open file '/x/y.log': No such file or directory");
  });
});

describe('reopening and closing', () => {
  test('lines written before a reopen are in the old file', () => {
    const { disk, files } = setup();
    const file = files.get('/log');
    file.write('old\n');
    files.reopen();
    file.write('new\n');
    disk.settle();
    files.flush();
    disk.settle();
    expect(disk.content.get(10)).toBe('old\n');
    expect(disk.content.get(11)).toBe('new\n');
    expect(disk.closed).toEqual([10]);
  });

  test('a reopen that is impossible keeps the old file and counts', () => {
    const { disk, files, stats } = setup();
    const file = files.get('/log');
    disk.fail = 'ENOENT';
    files.reopen();
    disk.fail = null;
    file.write('a\n');
    files.flush();
    disk.settle();
    expect(disk.content.get(10)).toBe('a\n');
    expect(stats.counter('filesystem.reopen_failed').value).toBe(1);
  });

  test('closing does not wait for ever for a pipe that nobody reads', async () => {
    const { clock, disk, files } = setup();
    files.get('/dev/stdout').write('x\n');
    disk.fail = 'EAGAIN';
    let done = false;
    const closed = files.close().then(() => {
      done = true;
    });
    for (let i = 0; i < 150; i++) {
      disk.settle();
      clock.advance(11);
    }
    await closed;
    expect(done).toBe(true);
  });

  test('closing writes what is left', async () => {
    const { disk, files } = setup();
    files.get('/log').write('last\n');
    const closed = files.close();
    disk.settle();
    await closed;
    expect(disk.content.get(10)).toBe('last\n');
    expect(disk.closed).toEqual([10]);
  });
});

describe('on a real disk', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'log-file-'));
  afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

  test('rotation: rename, reopen, both files whole', async () => {
    const { files } = setup(fs);
    const name = path.join(folder, 'access.log');
    const file = files.get(name);
    file.write('one\n');
    files.flush();
    await new Promise((resolve) => setTimeout(resolve, 50));
    fs.renameSync(name, `${name}.1`);
    files.reopen();
    await new Promise((resolve) => setTimeout(resolve, 50));
    file.write('two\n');
    await files.close();
    expect([fs.readFileSync(`${name}.1`, 'utf8'), fs.readFileSync(name, 'utf8')]).toEqual(['one\n', 'two\n']);
  });

  test.runIf(fs.existsSync('/dev/full'))('a full disk (/dev/full)', async () => {
    const { files, stats, events } = setup(fs);
    files.get('/dev/full').write('x\n');
    await files.close();
    expect(stats.counter('filesystem.write_failed').value).toBe(1);
    expect(events[0]?.text).toContain('No space left on device');
  });
});
