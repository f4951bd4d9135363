import { text } from './response.ts';
import {
  type AdminBackend,
  type AdminRequest,
  type AdminResponse,
  LOG_LEVELS,
  type LogLevel,
} from './types.ts';

const USAGE =
  'usage: /logging?<name>=<level> (change single level)\n' +
  'usage: /logging?paths=name1:level1,name2:level2,... (change multiple levels)\n' +
  'usage: /logging?level=<level> (change all levels)\n' +
  `levels: ${LOG_LEVELS.join(' ')} \n`;

/** `/logging` (server/admin/logs_handler.cc): shows the levels after changing what the query asks for. */
export function logging(request: AdminRequest, backend: AdminBackend): AdminResponse {
  const error = change(request.params, backend);
  const levels = backend.logLevels();
  let body = error === null ? '' : `error: ${error}\n\n${USAGE}`;
  body += 'active loggers:\n';
  for (const [name, level] of levels) body += `  ${name}: ${level}\n`;
  return text(`${body}\n`, error === null ? 200 : 400);
}

function change(params: ReadonlyMap<string, string>, backend: AdminBackend): string | null {
  if (params.size === 0) return null;
  if (params.size > 1) return 'invalid number of parameters';
  const [key, value] = [...params][0] as [string, string];
  // The index page sends an empty level for "show only".
  if (value === '') return null;
  if (key === 'level') {
    if (!isLevel(value)) return 'unknown logger level';
    backend.setLogLevel(null, value);
    return null;
  }
  const wanted: [string, string][] =
    key === 'paths' ? value.split(',').map((item) => splitOnce(item, ':')) : [[key, value]];
  const known = backend.logLevels();
  for (const [name, level] of wanted) {
    if (level === '') return 'empty logger name or empty logger level';
    if (!isLevel(level)) return 'unknown logger level';
    if (!known.has(name)) return 'unknown logger name';
  }
  for (const [name, level] of wanted) backend.setLogLevel(name, level as LogLevel);
  return null;
}

function isLevel(text: string): text is LogLevel {
  return (LOG_LEVELS as readonly string[]).includes(text);
}

function splitOnce(item: string, separator: string): [string, string] {
  const at = item.indexOf(separator);
  return at < 0 ? [item, ''] : [item.slice(0, at), item.slice(at + 1)];
}
