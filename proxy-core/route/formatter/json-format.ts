import type { StreamInfo } from '../../base/stream-info.ts';
import { canonicalJson } from '../../base/subset-criteria.ts';
import { type Formatter, formatParts, valueText } from './format.ts';
import type { FormatOptions } from './operator.ts';
import { type FormatPart, type OperatorPart, parseFormat } from './parse.ts';

/** Fixed JSON text, one operator that keeps its type, or a string mixed of text and operators. */
type JsonPart = string | { readonly single: OperatorPart } | { readonly mixed: readonly FormatPart[] };

/**
 * Compiles a `json_format`: a value that is exactly one operator keeps its type (a missing one is null), mixed
 * strings follow the text rules. Keys are sorted at every level. A line ends with a newline.
 */
export function compileJsonFormat(
  json: unknown,
  options: FormatOptions,
  onError: (message: string) => void,
): Formatter {
  const parts: JsonPart[] = [];
  write(json, parts, options, onError);
  append(parts, '\n');
  const only = parts[0];
  if (parts.length === 1 && typeof only === 'string') return { constant: only, format: () => only };
  return { constant: null, format: (info) => formatJson(parts, info, options.missing) };
}

function formatJson(parts: readonly JsonPart[], info: StreamInfo, missing: string): string {
  let text = '';
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i] as JsonPart;
    if (typeof part === 'string') text += part;
    else if ('mixed' in part) text += JSON.stringify(formatParts(part.mixed, info, missing));
    else text += singleValue(part.single, info);
  }
  return text;
}

function singleValue(part: OperatorPart, info: StreamInfo): string {
  const value = (part.value ?? part.read)(info);
  if (value === null) return 'null';
  if (part.length > 0 && part.value === null) return JSON.stringify(valueText(value).slice(0, part.length));
  if (typeof value === 'object') return canonicalJson(value);
  return typeof value === 'number' && !Number.isFinite(value) ? 'null' : JSON.stringify(value);
}

function write(
  value: unknown,
  parts: JsonPart[],
  options: FormatOptions,
  onError: (message: string) => void,
): void {
  if (typeof value === 'string') {
    writeString(value, parts, options, onError);
  } else if (Array.isArray(value)) {
    append(parts, '[');
    value.forEach((item, i) => {
      if (i > 0) append(parts, ',');
      write(item, parts, options, onError);
    });
    append(parts, ']');
  } else if (typeof value === 'object' && value !== null) {
    append(parts, '{');
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    entries.forEach(([key, item], i) => {
      append(parts, `${i > 0 ? ',' : ''}${JSON.stringify(key)}:`);
      write(item, parts, options, onError);
    });
    append(parts, '}');
  } else if (typeof value === 'number') {
    append(parts, literal(value));
  } else {
    // Envoy 1.32 refuses booleans and null; 1.36 takes them.
    onError(
      'Only string values, nested structs, list values and number values are supported in structured access log format.',
    );
    append(parts, JSON.stringify(value) ?? 'null');
  }
}

/** Envoy prints a number of the configuration that is no integer as a string. */
function literal(value: number): string {
  return Number.isInteger(value) ? String(value) : JSON.stringify(String(value));
}

function writeString(
  text: string,
  parts: JsonPart[],
  options: FormatOptions,
  onError: (message: string) => void,
): void {
  const parsed = parseFormat(text, options);
  if ('error' in parsed) {
    onError(parsed.error);
    append(parts, JSON.stringify(text));
    return;
  }
  const only = parsed[0];
  if (only === undefined) append(parts, '""');
  else if (parsed.length > 1) parts.push({ mixed: parsed });
  else if (typeof only === 'string') append(parts, JSON.stringify(only));
  else parts.push({ single: only });
}

function append(parts: JsonPart[], text: string): void {
  const last = parts.length - 1;
  if (typeof parts[last] === 'string') parts[last] += text;
  else parts.push(text);
}
