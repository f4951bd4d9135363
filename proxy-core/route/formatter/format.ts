import type { StreamInfo } from '../../base/stream-info.ts';
import { canonicalJson } from '../../base/subset-criteria.ts';
import type { FormatError, FormatOptions, FormatValue } from './operator.ts';
import { type FormatPart, parseFormat } from './parse.ts';

/** A compiled substitution format: one flat loop per line, no state. */
export interface Formatter {
  /** The format without operators, when it has none: callers may skip `format`. */
  readonly constant: string | null;
  format(info: StreamInfo): string;
}

/**
 * Compiles a text format. A wrong one is told to `onError` in Envoy's words and prints as it stands, so that
 * compilation can go on.
 */
export function compileFormat(
  text: string,
  options: FormatOptions,
  onError: (message: string) => void,
): Formatter {
  const parts = parseFormat(text, options);
  if ('error' in parts) {
    onError(parts.error);
    return constantFormatter(text);
  }
  return formatterOf(parts, options);
}

/** The error of a format in Envoy's words, or null. */
export function formatError(text: string, options: FormatOptions): string | null {
  const parts: readonly FormatPart[] | FormatError = parseFormat(text, options);
  return 'error' in parts ? parts.error : null;
}

export function constantFormatter(text: string): Formatter {
  return { constant: text, format: () => text };
}

function formatterOf(parts: readonly FormatPart[], options: FormatOptions): Formatter {
  const only = parts[0];
  if (only === undefined) return constantFormatter('');
  if (parts.length === 1 && typeof only === 'string') return constantFormatter(only);
  const missing = options.missing;
  return { constant: null, format: (info) => formatParts(parts, info, missing) };
}

export function formatParts(parts: readonly FormatPart[], info: StreamInfo, missing: string): string {
  let text = '';
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i] as FormatPart;
    if (typeof part === 'string') {
      text += part;
      continue;
    }
    const value = part.read(info);
    if (value === null) text += missing;
    else if (part.length === 0) text += typeof value === 'string' ? value : valueText(value);
    else text += valueText(value).slice(0, part.length);
  }
  return text;
}

export function valueText(value: FormatValue): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'object') return canonicalJson(value);
  return String(value);
}
