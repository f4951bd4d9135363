import * as fs from 'node:fs';
import type { StreamInfo } from '../../base/stream-info.ts';
import type { CompileContext } from '../../config/compile-context.ts';
import type { MessageReader } from '../../config/reader.ts';
import {
  compileFormat,
  compileJsonFormat,
  compileSubstitutionFormat,
  DEFAULT_LOG_FORMAT,
  type Formatter,
  LOG_FORMAT,
} from '../../route/formatter/index.ts';
import type { AccessLog } from '../types.ts';
import { compileLogFilter, type LogFilter } from './filters.ts';
import { type LogFile, type LogFileManager, openLogFile } from './log-file.ts';

/** `%ACCESS_LOG_TYPE%` of the place where a log is configured. */
export type AccessLogType =
  | 'DownstreamStart'
  | 'DownstreamPeriodic'
  | 'DownstreamEnd'
  | 'TcpUpstreamConnected'
  | 'TcpPeriodic'
  | 'TcpConnectionEnd'
  | 'NotSet';

const FILE = 'envoy.extensions.access_loggers.file.v3.FileAccessLog';
const STDOUT = 'envoy.extensions.access_loggers.stream.v3.StdoutAccessLog';
const STDERR = 'envoy.extensions.access_loggers.stream.v3.StderrAccessLog';

/**
 * Compiles `access_log` lists (`envoy.config.accesslog.v3.AccessLog`). Files are opened here, as Envoy opens them at
 * load; with `files` null (validate mode) they are opened once to check and closed. Kinds of log that are not
 * emulated stay unread, so that a notice tells of them.
 */
export function compileAccessLogs(
  readers: readonly MessageReader[],
  ctx: CompileContext,
  files: LogFileManager | null,
  logType: AccessLogType = 'DownstreamEnd',
): AccessLog[] {
  const logs: AccessLog[] = [];
  for (const reader of readers) {
    reader.acknowledge('name');
    const filterReader = reader.message('filter');
    const filter = filterReader === undefined ? null : compileLogFilter(filterReader, ctx, logType);
    const config = reader.message('typed_config');
    if (config === undefined) continue;
    const target = targetOf(config, ctx);
    if (target === null) continue;
    const formatter = compileLogFormat(config, ctx, logType);
    const file = openTarget(target, config, ctx, files);
    if (file !== null) logs.push(new FileAccessLog(file, formatter, filter));
  }
  return logs;
}

function targetOf(config: MessageReader, _ctx: CompileContext): string | null {
  switch (config.type) {
    case FILE:
      return config.string('path') ?? '';
    case STDOUT:
      return '/dev/stdout';
    case STDERR:
      return '/dev/stderr';
    default:
      return null;
  }
}

function compileLogFormat(config: MessageReader, ctx: CompileContext, logType: AccessLogType): Formatter {
  const options = { ...LOG_FORMAT, accessLogType: logType };
  const report = (field: string) => (message: string) =>
    ctx.report('error', 'access-log.format', config, field, message);
  const format = config.message('log_format');
  if (format !== undefined) return compileSubstitutionFormat(format, ctx, options);
  if (config.type === FILE) {
    const text = config.string('format');
    if (text !== undefined && text !== '') return compileFormat(text, options, report('format'));
    for (const field of ['json_format', 'typed_json_format']) {
      if (config.has(field)) return compileJsonFormat(config.json(field), options, report(field));
    }
  }
  return compileFormat(DEFAULT_LOG_FORMAT, options, report('format'));
}

function openTarget(
  path: string,
  config: MessageReader,
  ctx: CompileContext,
  files: LogFileManager | null,
): LogFile | null {
  // An empty path is the schema's error (`min_len`).
  if (path === '') return null;
  try {
    if (files !== null) return files.get(path);
    if (!path.startsWith('/dev/std')) fs.closeSync(openLogFile(path));
  } catch (error) {
    ctx.report(
      'error',
      'access-log.unopenable',
      config,
      'path',
      error instanceof Error ? error.message : String(error),
    );
  }
  return null;
}

class FileAccessLog implements AccessLog {
  constructor(
    private readonly file: LogFile,
    private readonly formatter: Formatter,
    private readonly filter: LogFilter | null,
  ) {}

  log(info: StreamInfo): void {
    if (this.filter !== null && !this.filter(info)) return;
    this.file.write(this.formatter.format(info));
  }
}

/** One line of Envoy's default format, for a record's detail. */
export function defaultLogLine(): (info: StreamInfo) => string {
  const formatter = compileFormat(DEFAULT_LOG_FORMAT, LOG_FORMAT, () => {});
  return (info) => formatter.format(info).trimEnd();
}
