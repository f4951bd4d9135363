import type { FieldNode, MessageNode } from '../message.ts';
import { nearestName } from '../nearest.ts';
import type { MessageSchema } from '../schema/types.ts';
import type { SourceMap } from '../text/source-node.ts';
import { EMPTY_ANY } from './any.ts';
import type { ReadContext } from './context.ts';
import { wellKnownNames, wellKnownType } from './well-known.ts';

/**
 * Extensions are found by the type in `typed_config`. One that has only a well-known name gets the type which that
 * name stands for, with a notice and a fix; one that has neither is refused, as Envoy refuses it.
 */
export function completeExtension(
  context: ReadContext,
  schema: MessageSchema,
  message: MessageNode,
  fields: Map<string, FieldNode>,
  broken: ReadonlySet<string>,
  node: SourceMap,
): void {
  for (const [name, field] of fields) {
    if (name !== 'typed_config' && field.value.kind === 'message' && field.value.type === EMPTY_ANY) {
      refuseEmpty(context, field);
      fields.delete(name);
    }
  }
  if (!isExtension(schema) || broken.has('typed_config')) return;
  const written = fields.get('typed_config');
  const empty = written?.value.kind === 'message' && written.value.type === EMPTY_ANY;
  if (written !== undefined && !empty) return;
  const others = schema.byKey.get('typed_config')?.oneof;
  const sibling = schema.fields.some(
    (known) => known.oneof === others && known.name !== 'typed_config' && fields.has(known.name),
  );
  if (others !== null && sibling) return;
  const nameField = fields.get('name');
  const name = nameField?.value.kind === 'scalar' ? String(nameField.value.value) : '';
  if (nameField === undefined || name === '') {
    if (empty && written !== undefined) refuseEmpty(context, written);
    fields.delete('typed_config');
    return;
  }
  const type = wellKnownType(schema.typeName, name, message.path);
  const path = message.path === '' ? 'typed_config' : `${message.path}.typed_config`;
  if (type === undefined) {
    const names = wellKnownNames(schema.typeName);
    context.report(
      'error',
      'config.missing-typed-config',
      nameField.path,
      nameField.value.range,
      `“${name}” has no typed_config. Envoy finds an extension by the @type in it, not by its name.`,
      { expected: 'typed_config with "@type"', suggestion: nearestName(name, names) },
    );
    fields.delete('typed_config');
    return;
  }
  const range = nameField.value.range;
  context.report(
    'notice',
    'config.name-only-extension',
    nameField.path,
    range,
    `“${name}” has no typed_config; its v3 type ${shortType(type)} is assumed. Envoy refuses it as it stands.`,
    { fix: additionFix(context, type, nameField, written, node) },
  );
  const value: MessageNode = { kind: 'message', type, range, path, fields: new Map(), fromAny: true };
  fields.set('typed_config', { key: 'typed_config', keyRange: nameField.keyRange, path, value, read: false });
}

function isExtension(schema: MessageSchema): boolean {
  const config = schema.byKey.get('typed_config');
  return (
    config?.type.kind === 'message' &&
    config.type.typeName === 'google.protobuf.Any' &&
    config.cardinality === 'single' &&
    schema.byKey.get('name')?.type.kind === 'scalar'
  );
}

function refuseEmpty(context: ReadContext, field: FieldNode): void {
  context.report(
    'error',
    'config.missing-type',
    field.path,
    field.value.range,
    `${field.key} is empty; "@type" is needed to say what it is.`,
    { expected: '"@type": type.googleapis.com/<message type>' },
  );
}

function shortType(type: string): string {
  return type.slice(type.lastIndexOf('.') + 1);
}

function additionFix(
  context: ReadContext,
  type: string,
  name: FieldNode,
  written: FieldNode | undefined,
  node: SourceMap,
): { title: string; range: ReturnType<ReadContext['range']>; text: string } {
  const title = `Add typed_config with ${shortType(type)}`;
  const url = `type.googleapis.com/${type}`;
  if (written !== undefined) return { title, range: written.value.range, text: `{ "@type": "${url}" }` };
  const end = context.source.offset(name.value.range.endLine, name.value.range.endColumn);
  if (node.flow) {
    return { title, range: context.range(end, end), text: `, "typed_config": { "@type": "${url}" }` };
  }
  const lineEnd = context.source.text.indexOf('\n', end);
  const beforeBreak =
    lineEnd < 0
      ? context.source.text.length
      : context.source.text.charAt(lineEnd - 1) === '\r'
        ? lineEnd - 1
        : lineEnd;
  const indent = ' '.repeat(name.keyRange.column - 1);
  return {
    title,
    range: context.range(beforeBreak, beforeBreak),
    text: `\n${indent}typed_config:\n${indent}  "@type": ${url}`,
  };
}
