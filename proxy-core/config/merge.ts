import type { ConfigNode, FieldNode, MapNode, MessageNode } from './message.ts';

/**
 * protobuf's MergeFrom, which is how Envoy lays `--config-yaml` over the file: scalars of the second replace those of
 * the first, lists are appended, messages merge field by field, map entries and Any replace.
 */
export function mergeMessages(first: MessageNode, second: MessageNode): MessageNode {
  if (second.fields.size === 0) return first;
  const fields = new Map(first.fields);
  for (const [name, field] of second.fields) {
    const existing = fields.get(name);
    fields.set(
      name,
      existing === undefined ? field : { ...field, value: mergeValues(existing.value, field.value) },
    );
  }
  return { ...first, fields };
}

function mergeValues(first: ConfigNode, second: ConfigNode): ConfigNode {
  if (first.kind === 'message' && second.kind === 'message') {
    return second.fromAny || first.type !== second.type ? second : mergeMessages(first, second);
  }
  if (first.kind === 'list' && second.kind === 'list') {
    return { ...first, items: [...first.items, ...second.items] };
  }
  if (first.kind === 'map' && second.kind === 'map') {
    return { ...first, entries: new Map([...first.entries, ...second.entries]) } satisfies MapNode;
  }
  return second;
}

/** A copy with one field set, for what the command line says. */
export function withField(message: MessageNode, name: string, value: ConfigNode, path: string): MessageNode {
  const existing = message.fields.get(name);
  const field: FieldNode = {
    key: existing?.key ?? name,
    keyRange: existing?.keyRange ?? value.range,
    path: existing?.path ?? (path === '' ? name : `${path}.${name}`),
    value,
    read: false,
  };
  return { ...message, fields: new Map([...message.fields, [name, field]]) };
}
