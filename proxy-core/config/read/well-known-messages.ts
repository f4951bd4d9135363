import type { ConfigNode, ScalarNode } from '../message.ts';
import type { ScalarKind } from '../schema/types.ts';
import type { SourceNode } from '../text/source-node.ts';
import type { ReadContext } from './context.ts';
import { readDuration, suggestDuration } from './duration.ts';
import { field, readScalar, shown, wrongShape } from './scalar.ts';

const wrappers: Readonly<Record<string, ScalarKind>> = {
  'google.protobuf.StringValue': 'string',
  'google.protobuf.BytesValue': 'bytes',
  'google.protobuf.BoolValue': 'bool',
  'google.protobuf.Int32Value': 'int32',
  'google.protobuf.UInt32Value': 'uint32',
  'google.protobuf.Int64Value': 'int64',
  'google.protobuf.UInt64Value': 'uint64',
  'google.protobuf.FloatValue': 'float',
  'google.protobuf.DoubleValue': 'double',
};

export function wrapperKind(typeName: string): ScalarKind | undefined {
  return wrappers[typeName];
}

/** Messages that JSON writes in a form of their own. Undefined for all others, null after an error. */
export function readWellKnown(
  context: ReadContext,
  typeName: string,
  node: SourceNode,
  path: string,
): ConfigNode | null | undefined {
  const wrapped = wrappers[typeName];
  if (wrapped !== undefined) return readWrapper(context, wrapped, node, path);
  switch (typeName) {
    case 'google.protobuf.Duration':
      return node.kind === 'map'
        ? readDurationFields(context, node, path)
        : readDurationText(context, node, path);
    case 'google.protobuf.Timestamp':
      return readTimestamp(context, node, path);
    case 'google.protobuf.Struct':
      return readJson(context, node, path, 'map');
    case 'google.protobuf.ListValue':
      return readJson(context, node, path, 'list');
    case 'google.protobuf.Value':
      return readJson(context, node, path, null);
    case 'google.protobuf.FieldMask':
      return readScalar(context, 'string', node, path);
    default:
      return undefined;
  }
}

/** `3`, or the wrapper spelled out: `{value: 3}`. */
function readWrapper(
  context: ReadContext,
  kind: ScalarKind,
  node: SourceNode,
  path: string,
): ScalarNode | null {
  if (node.kind !== 'map') return readScalar(context, kind, node, path);
  let value: ScalarNode | null | undefined;
  for (const entry of node.entries) {
    if (entry.key === 'value') {
      value = readScalar(context, kind, entry.value, `${path}.value`);
    } else {
      unknownPart(context, entry.key, entry.keyStart, entry.keyEnd, path, 'value');
      value = null;
    }
  }
  return value === undefined ? defaultScalar(context, kind, node) : value;
}

function defaultScalar(context: ReadContext, kind: ScalarKind, node: SourceNode): ScalarNode {
  const range = context.range(node.start, node.end);
  if (kind === 'string') return { kind: 'scalar', scalar: 'string', range, value: '' };
  if (kind === 'bytes') return { kind: 'scalar', scalar: 'bytes', range, value: new Uint8Array(0) };
  if (kind === 'bool') return { kind: 'scalar', scalar: 'bool', range, value: false };
  return { kind: 'scalar', scalar: 'number', range, value: 0 };
}

const DURATION = 'a number followed by s, such as 0.25s';

function readDurationText(context: ReadContext, node: SourceNode, path: string): ScalarNode | null {
  const range = context.range(node.start, node.end);
  if (node.kind !== 'scalar') {
    wrongShape(context, node, path, range, 'a duration');
    return null;
  }
  const reading =
    typeof node.value === 'string' ? readDuration(node.value) : { problem: 'is not a duration' };
  if ('ms' in reading) return { kind: 'scalar', scalar: 'duration', range, value: reading.ms };
  const suggestion = suggestDuration(node.text);
  const rest = reading.problem === 'is not a duration' ? ' A duration is a number followed by s.' : '';
  context.report(
    'error',
    'config.bad-duration',
    path,
    range,
    `${field(path)}: “${shown(node.text)}” ${reading.problem}.${rest}`,
    {
      expected: DURATION,
      suggestion,
      fix:
        suggestion === undefined
          ? undefined
          : { title: `Change to ${suggestion}`, range, text: node.quoted ? `"${suggestion}"` : suggestion },
    },
  );
  return null;
}

/** The message spelled out: `{seconds: 1, nanos: 250000000}`. */
function readDurationFields(
  context: ReadContext,
  node: Extract<SourceNode, { kind: 'map' }>,
  path: string,
): ScalarNode | null {
  let ms = 0;
  let complete = true;
  for (const entry of node.entries) {
    if (entry.key !== 'seconds' && entry.key !== 'nanos') {
      unknownPart(context, entry.key, entry.keyStart, entry.keyEnd, path, 'seconds, nanos');
      complete = false;
      continue;
    }
    const kind = entry.key === 'seconds' ? 'int64' : 'int32';
    const value = readScalar(context, kind, entry.value, `${path}.${entry.key}`);
    if (value === null) complete = false;
    else ms += entry.key === 'seconds' ? Number(value.value) * 1000 : Number(value.value) / 1e6;
  }
  const range = context.range(node.start, node.end);
  if (complete && ms < 0) {
    context.report('error', 'config.bad-duration', path, range, `${field(path)} is negative.`, {
      expected: DURATION,
    });
    return null;
  }
  return complete ? { kind: 'scalar', scalar: 'duration', range, value: ms } : null;
}

function readTimestamp(context: ReadContext, node: SourceNode, path: string): ScalarNode | null {
  const range = context.range(node.start, node.end);
  const text = node.kind === 'scalar' && typeof node.value === 'string' ? node.value : '';
  if (/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/.test(text)) {
    const value = Date.parse(text);
    if (!Number.isNaN(value)) return { kind: 'scalar', scalar: 'timestamp', range, value };
  }
  const what = node.kind === 'scalar' ? `“${shown(node.text)}”` : `a ${node.kind}`;
  context.report(
    'error',
    'config.wrong-type',
    path,
    range,
    `${field(path)}: ${what} is not a point in time.`,
    {
      expected: 'RFC 3339, such as 2030-01-31T12:00:00Z',
    },
  );
  return null;
}

function readJson(
  context: ReadContext,
  node: SourceNode,
  path: string,
  wanted: 'map' | 'list' | null,
): ScalarNode | null {
  const range = context.range(node.start, node.end);
  if (wanted !== null && node.kind !== wanted) {
    wrongShape(context, node, path, range, wanted === 'map' ? 'a map' : 'a list');
    return null;
  }
  const value = plainJson(context, node, path);
  return value === undefined ? null : { kind: 'scalar', scalar: 'json', range, value };
}

function plainJson(context: ReadContext, node: SourceNode, path: string): unknown {
  if (!context.spend(path, node.start, node.end)) return undefined;
  switch (node.kind) {
    case 'scalar':
      return node.value;
    case 'list':
      return node.items.map((item) => plainJson(context, item, path));
    case 'map': {
      const result: Record<string, unknown> = {};
      for (const entry of node.entries) {
        // A key such as __proto__ is data here.
        Object.defineProperty(result, entry.key, {
          value: plainJson(context, entry.value, path),
          enumerable: true,
          writable: true,
          configurable: true,
        });
      }
      return result;
    }
  }
}

function unknownPart(
  context: ReadContext,
  key: string,
  start: number,
  end: number,
  path: string,
  names: string,
): void {
  context.report(
    'error',
    'config.unknown-field',
    `${path}.${key}`,
    context.range(start, end),
    `There is no field “${shown(key)}” here.`,
    { expected: names },
  );
}
