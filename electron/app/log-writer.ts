import { closeSync, openSync, writeSync } from 'node:fs';
import type { CoreOptions } from '../../proxy-core/index.ts';
import { AttacheError } from '../../proxy-core/index.ts';
import type { LogLevel } from './launch.ts';

type Log = NonNullable<CoreOptions['log']>;

export interface LogWriter {
  readonly log: Log;
  close(): void;
}

const ranks: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warning: 2, error: 3, off: 4 };

/**
 * Writes the proxy's own log as Envoy does (`[2026-01-31 14:31:48.363][4127][warning][upstream] …`), line by line or
 * appended to a file. A disk that is full costs lines, never the proxy.
 */
export function openLog(level: LogLevel, path: string | null, write: (line: string) => void): LogWriter {
  const file = path === null ? null : openForAppend(path);
  const least = ranks[level];
  return {
    log(lineLevel, component, message) {
      if (ranks[lineLevel] < least) return;
      const line = `[${timestamp(new Date())}][${process.pid}][${lineLevel}][${component}] ${message}\n`;
      if (file === null) write(line);
      else {
        try {
          writeSync(file, line);
        } catch {
          // The disk is full or gone: the line is lost.
        }
      }
    },
    close() {
      if (file !== null) closeSync(file);
    },
  };
}

function openForAppend(path: string): number {
  try {
    return openSync(path, 'a');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new AttacheError('log.file-unwritable', `--log-path ${path} cannot be written: ${reason}`);
  }
}

/** Local time, as Envoy's default log format has it. */
function timestamp(now: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const date = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
  const time = `${two(now.getHours())}:${two(now.getMinutes())}:${two(now.getSeconds())}`;
  return `${date} ${time}.${String(now.getMilliseconds()).padStart(3, '0')}`;
}
