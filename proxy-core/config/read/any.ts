import type { ConfigNode, FieldNode, MessageNode, ScalarNode } from '../message.ts';
import { nearestName } from '../nearest.ts';
import type { SourceEntry, SourceMap, SourceNode } from '../text/source-node.ts';
import type { ReadContext } from './context.ts';
import { readMessage, readMessageValue } from './message.ts';
import { shown, wrongShape } from './scalar.ts';

const TYPED_STRUCT = new Set(['xds.type.v3.TypedStruct', 'udpa.type.v1.TypedStruct']);

/** Message types that JSON writes in a form of their own; inside an Any their value stands under `value`. */
const VALUE_FORM = /^google\.protobuf\.(?:\w+Value|Value|Struct|Duration|Timestamp|FieldMask)$/;

/** An Any without anything in it: has no type, which completeExtension settles. */
export const EMPTY_ANY = '';

/** A google.protobuf.Any: the message that its `@type` names. */
export function readAny(context: ReadContext, node: SourceNode, path: string): ConfigNode | null {
  const range = context.range(node.start, node.end);
  if (node.kind !== 'map') {
    wrongShape(context, node, path, range, 'a map with "@type"');
    return null;
  }
  const typeEntry = node.entries.find((entry) => entry.key === '@type');
  if (typeEntry === undefined) {
    if (node.entries.length === 0) {
      return { kind: 'message', type: EMPTY_ANY, range, path, fields: new Map(), fromAny: true };
    }
    const first = node.entries[0] as SourceEntry;
    context.report(
      'error',
      'config.missing-type',
      path,
      context.range(first.keyStart, first.keyEnd),
      `${lastName(path)} lacks "@type", which says what the fields mean.`,
      { expected: '"@type": type.googleapis.com/<message type>' },
    );
    return null;
  }
  const typeName = readTypeUrl(context, typeEntry.value, `${path}.@type`);
  if (typeName === null) return null;
  if (TYPED_STRUCT.has(typeName)) {
    const unwrapped = readTypedStruct(context, node, path);
    if (unwrapped !== undefined) return unwrapped;
  }
  return readTyped(context, typeName, node, path);
}

function readTyped(
  context: ReadContext,
  typeName: string,
  node: SourceMap,
  path: string,
): MessageNode | null {
  const schema = context.schema.message(typeName);
  if (schema === undefined) return null;
  if (!VALUE_FORM.test(typeName))
    return readMessage(context, schema, node, path, { fromAny: true, skip: ['@type'] });
  const entry = node.entries.find((member) => member.key === 'value');
  const value =
    entry === undefined ? null : readMessageValue(context, typeName, entry.value, `${path}.value`);
  const fields = new Map<string, FieldNode>();
  if (entry !== undefined && value !== null) {
    fields.set('value', {
      key: 'value',
      keyRange: context.range(entry.keyStart, entry.keyEnd),
      path: `${path}.value`,
      value: value as ScalarNode,
      read: false,
    });
  }
  return {
    kind: 'message',
    type: typeName,
    range: context.range(node.start, node.end),
    path,
    fields,
    fromAny: true,
  };
}

/** The message type that a type URL names; null after an error. */
function readTypeUrl(context: ReadContext, node: SourceNode, path: string): string | null {
  const range = context.range(node.start, node.end);
  if (node.kind !== 'scalar' || typeof node.value !== 'string') {
    wrongShape(context, node, path, range, 'a type URL');
    return null;
  }
  const url = node.value;
  const slash = url.lastIndexOf('/');
  if (slash <= 0) {
    const meant = !context.schema.has(url) ? nearestType(context, url) : url;
    const text = meant === undefined ? undefined : `type.googleapis.com/${meant}`;
    context.report(
      'error',
      'config.bad-type-url',
      path,
      range,
      `“${shown(url)}” is not a type URL: it has no slash.`,
      {
        expected: 'type.googleapis.com/ and the message type',
        suggestion: text,
        fix: text === undefined ? undefined : { title: `Change to ${text}`, range, text },
      },
    );
    return null;
  }
  const typeName = url.slice(slash + 1);
  if (context.schema.has(typeName)) return typeName;
  const newer = context.schema.successor(typeName);
  const meant = newer ?? nearestType(context, typeName);
  const text = meant === undefined ? undefined : `${url.slice(0, slash)}/${meant}`;
  const message =
    newer === undefined
      ? `There is no message type ${shown(typeName)}.`
      : `${typeName} is from the v2 API, which Envoy no longer reads.`;
  context.report('error', 'config.unknown-type', path, range, message, {
    suggestion: meant,
    fix:
      text === undefined
        ? undefined
        : { title: `Change to ${meant}`, range, text: node.quoted ? `"${text}"` : text },
  });
  return null;
}

/** Nearest by whole name, else the one type with the same last part. */
function nearestType(context: ReadContext, typeName: string): string | undefined {
  const names = context.schema.messageNames();
  const last = typeName.slice(typeName.lastIndexOf('.') + 1);
  const alike = names.filter((name) => name.endsWith(`.${last}`));
  if (alike.length === 1) return alike[0];
  return nearestName(
    typeName,
    alike.length > 0 ? alike : names.filter((name) => Math.abs(name.length - typeName.length) < 8),
  );
}

/**
 * A TypedStruct stands for the message that its `type_url` names. Undefined when that type is not known: then it
 * stays a TypedStruct, which an optional filter may be.
 */
function readTypedStruct(
  context: ReadContext,
  node: SourceMap,
  path: string,
): MessageNode | null | undefined {
  const entry = (key: string, other: string): SourceEntry | undefined =>
    node.entries.find((member) => member.key === key || member.key === other);
  const url = entry('type_url', 'typeUrl')?.value;
  if (url?.kind !== 'scalar' || typeof url.value !== 'string') return undefined;
  const schema = context.schema.message(url.value.slice(url.value.lastIndexOf('/') + 1));
  if (schema === undefined) return undefined;
  const value = entry('value', 'value')?.value;
  if (value === undefined) {
    return {
      kind: 'message',
      type: schema.typeName,
      range: context.range(node.start, node.end),
      path,
      fields: new Map(),
      fromAny: true,
    };
  }
  if (value.kind !== 'map') {
    wrongShape(context, value, `${path}.value`, context.range(value.start, value.end), 'a map');
    return null;
  }
  return readMessage(context, schema, value, `${path}.value`, { fromAny: true });
}

function lastName(path: string): string {
  return path.slice(path.lastIndexOf('.') + 1);
}
