import type { SourceRange } from '../diagnostic.ts';
import type { ScalarNode } from '../message.ts';
import { nearestName } from '../nearest.ts';
import type { EnumSchema, EnumValueSchema, ScalarKind } from '../schema/types.ts';
import type { SourceNode, SourceScalar } from '../text/source-node.ts';
import type { ReadContext } from './context.ts';

/**
 * Scalars as protobuf's JSON reader takes them: numbers and booleans may be quoted, enums come by name in any
 * case or by number, bytes in base64. Answers null after reporting.
 */
export function readScalar(
  context: ReadContext,
  kind: ScalarKind,
  node: SourceNode,
  path: string,
): ScalarNode | null {
  const range = context.range(node.start, node.end);
  if (node.kind !== 'scalar') {
    wrongShape(context, node, path, range, expectedOf(kind));
    return null;
  }
  switch (kind) {
    case 'string':
      return readString(context, node, path, range);
    case 'bool':
      return readBool(context, node, path, range);
    case 'bytes':
      return readBytes(context, node, path, range);
    case 'double':
    case 'float':
      return readFraction(context, node, path, range);
    case 'int32':
    case 'uint32':
    case 'int64':
    case 'uint64':
      return readInteger(context, kind, node, path, range);
  }
}

export function wrongShape(
  context: ReadContext,
  node: SourceNode,
  path: string,
  range: SourceRange,
  expected: string,
): void {
  const found =
    node.kind === 'scalar'
      ? `the value “${shown(node.text)}” stands`
      : node.kind === 'list'
        ? 'a list stands'
        : 'a map stands';
  context.report(
    'error',
    'config.wrong-type',
    path,
    range,
    `${field(path)}: ${found} where ${expected} is wanted.`,
    {
      expected,
    },
  );
}

function readString(
  context: ReadContext,
  node: SourceScalar,
  path: string,
  range: SourceRange,
): ScalarNode | null {
  if (typeof node.value === 'string') return { kind: 'scalar', scalar: 'string', range, value: node.value };
  const what =
    typeof node.value === 'boolean'
      ? `is the boolean ${node.value} in YAML, not text`
      : 'is a number in YAML, not text';
  context.report(
    'error',
    'config.wrong-type',
    path,
    range,
    `${field(path)}: ${node.text} ${what}. Quote it.`,
    {
      expected: 'text',
      suggestion: `"${node.text}"`,
      fix: { title: `Quote it: "${node.text}"`, range, text: `"${node.text}"` },
    },
  );
  return null;
}

/** What absl::SimpleAtob takes, in any case: protobuf reads a quoted boolean with it. */
const BOOLEAN_TEXTS: Readonly<Record<string, boolean | undefined>> = Object.assign(Object.create(null), {
  true: true,
  t: true,
  yes: true,
  y: true,
  '1': true,
  false: false,
  f: false,
  no: false,
  n: false,
  '0': false,
});

function readBool(
  context: ReadContext,
  node: SourceScalar,
  path: string,
  range: SourceRange,
): ScalarNode | null {
  if (typeof node.value === 'boolean') return { kind: 'scalar', scalar: 'bool', range, value: node.value };
  const quoted = typeof node.value === 'string' ? BOOLEAN_TEXTS[node.value.toLowerCase()] : undefined;
  if (quoted !== undefined) return { kind: 'scalar', scalar: 'bool', range, value: quoted };
  const meant = booleanMeant(node.text);
  context.report(
    'error',
    'config.wrong-type',
    path,
    range,
    `${field(path)}: “${shown(node.text)}” is neither true nor false.`,
    {
      expected: 'true or false',
      suggestion: meant,
      fix: meant === undefined ? undefined : { title: `Change to ${meant}`, range, text: meant },
    },
  );
  return null;
}

function booleanMeant(text: string): string | undefined {
  const lower = text.toLowerCase();
  if (lower === '1' || lower === 'yes' || lower === 'on' || lower === 'true') return 'true';
  if (lower === '0' || lower === 'no' || lower === 'off' || lower === 'false') return 'false';
  return nearestName(lower, ['true', 'false']);
}

const integerBounds = {
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  uint32: [0n, 2n ** 32n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
} as const;

function readInteger(
  context: ReadContext,
  kind: 'int32' | 'uint32' | 'int64' | 'uint64',
  node: SourceScalar,
  path: string,
  range: SourceRange,
): ScalarNode | null {
  const [least, most] = integerBounds[kind];
  const value = integerOf(node, kind.startsWith('u') ? /^\+?\d+$/ : /^[+-]?\d+$/);
  if (value === null) {
    const number = Number(node.text);
    const whole =
      node.text.trim() !== '' && Number.isInteger(number) && BigInt(number) >= least && BigInt(number) <= most
        ? String(number)
        : undefined;
    context.report(
      'error',
      'config.wrong-type',
      path,
      range,
      `${field(path)}: “${shown(node.text)}” is not a whole number.`,
      {
        expected: 'a whole number, written with digits only',
        suggestion: whole,
        fix: whole === undefined ? undefined : { title: `Change to ${whole}`, range, text: whole },
      },
    );
    return null;
  }
  if (value < least || value > most) {
    context.report(
      'error',
      'config.out-of-range',
      path,
      range,
      `${field(path)} is ${value}, outside of ${least} to ${most}.`,
      {
        expected: `a number from ${least} to ${most}`,
      },
    );
    return null;
  }
  const safe = value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER);
  return { kind: 'scalar', scalar: 'number', range, value: safe ? Number(value) : value };
}

/** An unsigned number takes no minus, not even before 0 (absl::SimpleAtoi). */
function integerOf(node: SourceScalar, pattern: RegExp): bigint | null {
  if (typeof node.value === 'number') return Number.isInteger(node.value) ? BigInt(node.value) : null;
  if (typeof node.value !== 'string' || node.value.length > 25) return null;
  return pattern.test(node.value) ? BigInt(node.value.replace('+', '')) : null;
}

function readFraction(
  context: ReadContext,
  node: SourceScalar,
  path: string,
  range: SourceRange,
): ScalarNode | null {
  const value = fractionOf(node);
  if (value === null) {
    context.report(
      'error',
      'config.wrong-type',
      path,
      range,
      `${field(path)}: “${shown(node.text)}” is not a number.`,
      {
        expected: 'a number',
      },
    );
    return null;
  }
  return { kind: 'scalar', scalar: 'number', range, value };
}

function fractionOf(node: SourceScalar): number | null {
  if (typeof node.value === 'number') return node.value;
  if (typeof node.value !== 'string') return null;
  if (node.value === 'NaN' || node.value === 'Infinity' || node.value === '-Infinity')
    return Number(node.value);
  const text = node.value.trim();
  if (/^0[xX][0-9a-fA-F]+$/.test(text)) return Number(text);
  return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text) ? Number(text) : null;
}

function readBytes(
  context: ReadContext,
  node: SourceScalar,
  path: string,
  range: SourceRange,
): ScalarNode | null {
  if (typeof node.value === 'string' && isBase64(node.value)) {
    return {
      kind: 'scalar',
      scalar: 'bytes',
      range,
      value: new Uint8Array(Buffer.from(node.value, 'base64')),
    };
  }
  context.report(
    'error',
    'config.wrong-type',
    path,
    range,
    `${field(path)}: “${shown(node.text)}” is not base64.`,
    {
      expected: 'bytes in base64',
    },
  );
  return null;
}

/** Either alphabet, with or without padding; one character left over stands for no byte. */
function isBase64(text: string): boolean {
  const match = /^([A-Za-z0-9+/_-]*)={0,2}$/.exec(text);
  return match !== null && (match[1] as string).length % 4 !== 1;
}

export function readEnum(
  context: ReadContext,
  enumeration: EnumSchema,
  node: SourceNode,
  path: string,
): ScalarNode | null {
  const range = context.range(node.start, node.end);
  const expected = `one of ${enumeration.names.slice(0, 12).join(', ')}${enumeration.names.length > 12 ? ', …' : ''}`;
  if (node.kind !== 'scalar') {
    wrongShape(context, node, path, range, expected);
    return null;
  }
  const value =
    typeof node.value === 'number'
      ? enumeration.byNumber.get(node.value)
      : typeof node.value === 'string'
        ? (enumeration.byLowerName.get(node.value.toLowerCase()) ?? byQuotedNumber(enumeration, node.value))
        : undefined;
  if (value === undefined) {
    const suggestion =
      typeof node.value === 'string' ? nearestEnum(node.value, enumeration.names) : undefined;
    context.report(
      'error',
      'config.unknown-enum',
      path,
      range,
      `${field(path)}: “${shown(node.text)}” is not a value it can have.`,
      {
        expected,
        suggestion,
        fix:
          suggestion === undefined
            ? undefined
            : { title: `Change to ${suggestion}`, range, text: suggestion },
      },
    );
    return null;
  }
  if (value.disallowed || value.deprecated) {
    const severity = value.disallowed ? 'error' : 'warning';
    context.report(
      severity,
      'config.deprecated-value',
      path,
      range,
      `${field(path)}: ${value.name} is deprecated.`,
    );
  }
  return { kind: 'scalar', scalar: 'enum', range, value: value.name };
}

function byQuotedNumber(enumeration: EnumSchema, text: string): EnumValueSchema | undefined {
  return /^\s*[+-]?\d{1,10}\s*$/.test(text) ? enumeration.byNumber.get(Number(text)) : undefined;
}

/** Words put together differently (`STRICTDNS`, `strict-dns`) are nearer than any edit. */
function nearestEnum(written: string, names: readonly string[]): string | undefined {
  const bare = (text: string): string => text.replace(/[^a-z0-9]/gi, '').toLowerCase();
  const wanted = bare(written);
  return (
    names.find((name) => bare(name) === wanted) ??
    nearestName(written, names) ??
    names.find(
      (name) => wanted.length >= 4 && (bare(name).startsWith(wanted) || wanted.startsWith(bare(name))),
    )
  );
}

function expectedOf(kind: ScalarKind): string {
  switch (kind) {
    case 'string':
      return 'text';
    case 'bytes':
      return 'bytes in base64';
    case 'bool':
      return 'true or false';
    case 'double':
    case 'float':
      return 'a number';
    case 'int32':
    case 'uint32':
    case 'int64':
    case 'uint64':
      return 'a whole number';
  }
}

/** The last name of a path, for the beginning of a message. */
export function field(path: string): string {
  return /[^.]*$/.exec(path)?.[0] || path;
}

/** At most 60 characters of what the user wrote. */
export function shown(text: string): string {
  const flat = text.replace(/\s+/g, ' ');
  return flat.length > 60 ? `${flat.slice(0, 57)}…` : flat;
}
