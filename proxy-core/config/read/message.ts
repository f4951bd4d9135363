import type { ConfigNode, FieldNode, ListNode, MapNode, MessageNode } from '../message.ts';
import type { FieldSchema, FieldType, MessageSchema } from '../schema/types.ts';
import type { SourceEntry, SourceMap, SourceNode } from '../text/source-node.ts';
import { readAny } from './any.ts';
import type { ReadContext } from './context.ts';
import { completeExtension } from './extension.ts';
import { field, readEnum, readScalar, shown, wrongShape } from './scalar.ts';
import { reportUnknownField } from './unknown-field.ts';
import { readWellKnown } from './well-known-messages.ts';

/** The parent of a field's path: how values below are called in diagnostics. */
export function joinPath(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}

/**
 * Reads a map as one message: every error in it is reported, what could not be read is left out. `skip` are keys
 * that belong to the surroundings (`@type`).
 */
export function readMessage(
  context: ReadContext,
  schema: MessageSchema,
  node: SourceMap,
  path: string,
  options: { fromAny?: boolean; skip?: readonly string[] } = {},
): MessageNode {
  const fields = new Map<string, FieldNode>();
  const message: MessageNode = {
    kind: 'message',
    type: schema.typeName,
    range: context.range(node.start, node.end),
    path,
    fields,
    fromAny: options.fromAny ?? false,
  };
  const broken = new Set<string>();
  const oneofs = new Map<string, SourceEntry>();
  for (const entry of node.entries) {
    if (options.skip?.includes(entry.key)) continue;
    const entryPath = joinPath(path, entry.key);
    const known = schema.byKey.get(entry.key);
    if (known === undefined) {
      const meant = reportUnknownField(context, schema, entry, entryPath, node);
      if (meant !== undefined) broken.add(meant);
      continue;
    }
    if (isNull(entry.value) && !takesNull(known)) {
      reportEmptyMessage(context, known, entry, entryPath);
      continue;
    }
    reportDeprecated(context, known, entry, entryPath);
    if (known.oneof !== null && conflicts(context, known, entry, entryPath, oneofs)) continue;
    if (fields.has(known.name)) reportTwoSpellings(context, known, entry, entryPath);
    const value = context.spend(entryPath, entry.value.start, entry.value.end)
      ? readField(context, known, entry.value, entryPath)
      : null;
    if (value === null) {
      broken.add(known.name);
      continue;
    }
    fields.set(known.name, {
      key: entry.key,
      keyRange: context.range(entry.keyStart, entry.keyEnd),
      path: entryPath,
      value,
      read: false,
    });
  }
  completeExtension(context, schema, message, fields, broken, node);
  if (broken.size > 0) context.markBroken(message, broken);
  return message;
}

function isNull(node: SourceNode): boolean {
  return node.kind === 'scalar' && node.value === null;
}

function takesNull(known: FieldSchema): boolean {
  return (
    known.cardinality === 'single' &&
    known.type.kind === 'message' &&
    known.type.typeName === 'google.protobuf.Value'
  );
}

/** `http2_protocol_options:` with nothing behind it looks like a switch and is none. */
function reportEmptyMessage(
  context: ReadContext,
  known: FieldSchema,
  entry: SourceEntry,
  path: string,
): void {
  if (known.type.kind !== 'message' || known.cardinality !== 'single') return;
  const scalarLike = /^google\.protobuf\.(?!Any$|Struct$|Empty$)/.test(known.type.typeName);
  if (scalarLike) return;
  const range = context.range(entry.keyStart, entry.keyEnd);
  context.report(
    'warning',
    'config.empty-value',
    path,
    range,
    `“${entry.key}” has no value, which means it is not set. Write {} for a message with all defaults.`,
    {
      suggestion: `${entry.key}: {}`,
      fix:
        entry.value.start === entry.value.end
          ? { title: 'Set it to {}', range: afterKey(context, entry), text: ' {}' }
          : { title: 'Set it to {}', range: context.range(entry.value.start, entry.value.end), text: '{}' },
    },
  );
}

function afterKey(context: ReadContext, entry: SourceEntry): ReturnType<ReadContext['range']> {
  const colon = context.source.text.indexOf(':', entry.keyEnd);
  return context.range(colon + 1, colon + 1);
}

function reportDeprecated(context: ReadContext, known: FieldSchema, entry: SourceEntry, path: string): void {
  if (!known.deprecated && !known.disallowed) return;
  const range = context.range(entry.keyStart, entry.keyEnd);
  if (known.disallowed) {
    context.report(
      'error',
      'config.deprecated-field',
      path,
      range,
      `“${entry.key}” is deprecated and Envoy refuses it.`,
    );
  } else {
    context.report(
      'warning',
      'config.deprecated-field',
      path,
      range,
      `“${entry.key}” is deprecated (${known.fullName}); Envoy still takes it.`,
    );
  }
}

function reportTwoSpellings(
  context: ReadContext,
  known: FieldSchema,
  entry: SourceEntry,
  path: string,
): void {
  context.report(
    'warning',
    'config.duplicate-key',
    path,
    context.range(entry.keyStart, entry.keyEnd),
    `“${known.name}” is set in two spellings; this one counts here, and Envoy does not say which.`,
  );
}

/** The second member of a oneof is an error, at its key. */
function conflicts(
  context: ReadContext,
  known: FieldSchema,
  entry: SourceEntry,
  path: string,
  oneofs: Map<string, SourceEntry>,
): boolean {
  const oneof = known.oneof as string;
  const first = oneofs.get(oneof);
  oneofs.set(oneof, entry);
  if (first === undefined || first.key === known.name || first.key === known.jsonName) return false;
  const line = context.source.position(first.keyStart).line;
  context.report(
    'error',
    'config.oneof',
    path,
    context.range(entry.keyStart, entry.keyEnd),
    `“${entry.key}” and “${first.key}” (line ${line}) exclude each other.`,
    { expected: `one member of ${oneof}` },
  );
  return true;
}

function readField(
  context: ReadContext,
  known: FieldSchema,
  node: SourceNode,
  path: string,
): ConfigNode | null {
  switch (known.cardinality) {
    case 'single':
      return readValue(context, known.type, node, path);
    case 'list':
      return readList(context, known.type, node, path);
    case 'map':
      return readMap(context, known.type, node, path);
  }
}

function readValue(context: ReadContext, type: FieldType, node: SourceNode, path: string): ConfigNode | null {
  switch (type.kind) {
    case 'scalar':
      return readScalar(context, type.scalar, node, path);
    case 'enum':
      return readEnum(context, type.enumeration, node, path);
    case 'message':
      return readMessageValue(context, type.typeName, node, path);
  }
}

/** A message field: Any, the messages that JSON writes in their own way, or a map of fields. */
export function readMessageValue(
  context: ReadContext,
  typeName: string,
  node: SourceNode,
  path: string,
): ConfigNode | null {
  if (typeName === 'google.protobuf.Any') return readAny(context, node, path);
  const special = readWellKnown(context, typeName, node, path);
  if (special !== undefined) return special;
  const schema = context.schema.message(typeName);
  if (schema === undefined) return null;
  if (node.kind !== 'map') {
    const names = schema.fields
      .slice(0, 4)
      .map((member) => member.name)
      .join(', ');
    wrongShape(
      context,
      node,
      path,
      context.range(node.start, node.end),
      names === '' ? 'a map ({})' : `a map with fields such as ${names}`,
    );
    return null;
  }
  return readMessage(context, schema, node, path);
}

function readList(context: ReadContext, type: FieldType, node: SourceNode, path: string): ListNode | null {
  const range = context.range(node.start, node.end);
  if (node.kind !== 'list') {
    const item = readValue(context, type, node, path);
    if (item === null) return null;
    context.report(
      'warning',
      'config.single-item',
      path,
      range,
      `${field(path)} is a list; Envoy takes the one value as a list of one.`,
      { expected: 'a list' },
    );
    return { kind: 'list', range, items: [item] };
  }
  const items: ConfigNode[] = [];
  let complete = true;
  for (const [index, element] of node.items.entries()) {
    const itemPath = `${path}[${index}]`;
    if (!context.spend(itemPath, element.start, element.end)) return null;
    const item =
      isNull(element) && !isJsonValue(type)
        ? emptyItem(context, element, itemPath)
        : readValue(context, type, element, itemPath);
    if (item === null) complete = false;
    else items.push(item);
  }
  // With an item that could not be read, "at least one item" must not be reported as well.
  return complete || items.length > 0 ? { kind: 'list', range, items } : null;
}

function isJsonValue(type: FieldType): boolean {
  return type.kind === 'message' && type.typeName === 'google.protobuf.Value';
}

function emptyItem(context: ReadContext, node: SourceNode, path: string): null {
  const range = context.range(node.start, node.end);
  context.report(
    'error',
    'config.wrong-type',
    path,
    range,
    `${field(path)} has no value; a list has no empty items.`,
  );
  return null;
}

function readMap(context: ReadContext, type: FieldType, node: SourceNode, path: string): MapNode | null {
  const range = context.range(node.start, node.end);
  if (node.kind !== 'map') {
    wrongShape(context, node, path, range, 'a map from names to values');
    return null;
  }
  const entries = new Map<string, FieldNode>();
  for (const entry of node.entries) {
    const entryPath = `${path}[${shown(entry.key)}]`;
    if (!context.spend(entryPath, entry.value.start, entry.value.end)) return null;
    const value =
      isNull(entry.value) && !isJsonValue(type)
        ? emptyItem(context, entry.value, entryPath)
        : readValue(context, type, entry.value, entryPath);
    if (value === null) continue;
    entries.set(entry.key, {
      key: entry.key,
      keyRange: context.range(entry.keyStart, entry.keyEnd),
      path: entryPath,
      value,
      read: false,
    });
  }
  return { kind: 'map', range, entries };
}
