import type { FormatError, FormatOptions, Operator, OperatorDefinition } from './operator.ts';
import { CONNECTION_OPERATORS } from './operators-connection.ts';
import { FILTER_STATE_OPERATORS } from './operators-filter-state.ts';
import { HEADER_OPERATORS } from './operators-headers.ts';
import { STREAM_OPERATORS } from './operators-stream.ts';
import { TIME_OPERATORS } from './operators-time.ts';

const OPERATORS: ReadonlyMap<string, OperatorDefinition> = new Map(
  [STREAM_OPERATORS, HEADER_OPERATORS, CONNECTION_OPERATORS, TIME_OPERATORS, FILTER_STATE_OPERATORS].flatMap(
    (table) => Object.entries(table),
  ),
);

/** Names of all operators, for completion and nearest-name help. */
export const OPERATOR_NAMES: readonly string[] = [...OPERATORS.keys()].sort();

export interface OperatorPart {
  readonly read: Operator;
  /** Longest text that is printed, in characters; 0 = no limit. */
  readonly length: number;
  /** What alone stands in a JSON format where it differs from the text; it is not shortened. Null: the text. */
  readonly value: Operator | null;
}

export type FormatPart = string | OperatorPart;

const COMMAND = /%([A-Z0-9_]+)(?:\((.*?)\))?(?::([0-9]+))?%/y;

/**
 * Splits a format in literal text and operators, in Envoy's grammar: `%NAME%`, `%NAME(args)%`, `%NAME(args):LEN%`,
 * `%%`. Neighbouring literal text is one part. Never throws.
 */
export function parseFormat(text: string, options: FormatOptions): FormatPart[] | FormatError {
  const parts: FormatPart[] = [];
  let literal = '';
  for (let at = 0; at < text.length; ) {
    const percent = text.indexOf('%', at);
    if (percent < 0) {
      literal += text.slice(at);
      break;
    }
    literal += text.slice(at, percent);
    if (text[percent + 1] === '%') {
      literal += '%';
      at = percent + 2;
      continue;
    }
    COMMAND.lastIndex = percent;
    const found = COMMAND.exec(text);
    if (found === null) {
      return {
        error: `Incorrect configuration: ${text}. Couldn't find valid command at position ${percent}`,
      };
    }
    const part = compileCommand(found[1] as string, found[2], found[3], options);
    if ('error' in part) return part;
    if (literal !== '') parts.push(literal);
    literal = '';
    parts.push(part);
    at = percent + found[0].length;
  }
  if (literal !== '') parts.push(literal);
  return parts;
}

function compileCommand(
  name: string,
  args: string | undefined,
  length: string | undefined,
  options: FormatOptions,
): OperatorPart | FormatError {
  const definition = OPERATORS.get(name);
  if (definition === undefined) return { error: `Not supported field in StreamInfo: ${name}` };
  if (definition.args === 'none' && (args !== undefined || length !== undefined)) {
    return { error: `${name} does not take any parameters or length` };
  }
  if (!definition.length && length !== undefined) return { error: `${name} does not take length` };
  if (definition.args === 'required' && args === undefined) return { error: `${name} requires parameters` };
  const read = definition.compile(args ?? '', options);
  if (typeof read !== 'function') return read;
  return { read, length: Number(length ?? 0), value: definition.compileValue?.(args ?? '') ?? null };
}
