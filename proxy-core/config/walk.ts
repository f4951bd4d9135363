import type { ConfigNode, MessageNode } from './message.ts';

/** Calls `visit` for every message of a tree, outer ones first; a message used twice (an alias) is visited twice. */
export function forEachMessage(node: ConfigNode, visit: (message: MessageNode) => void): void {
  switch (node.kind) {
    case 'scalar':
      return;
    case 'list':
      for (const item of node.items) forEachMessage(item, visit);
      return;
    case 'map':
      for (const entry of node.entries.values()) forEachMessage(entry.value, visit);
      return;
    case 'message':
      visit(node);
      for (const field of node.fields.values()) forEachMessage(field.value, visit);
  }
}

/** The messages of a list field, without marking anything as read. */
export function listedMessages(message: MessageNode | undefined, field: string): MessageNode[] {
  const value = message?.fields.get(field)?.value;
  return value?.kind === 'list' ? value.items.filter((item) => item.kind === 'message') : [];
}

export function messageAt(
  message: MessageNode | null | undefined,
  ...path: string[]
): MessageNode | undefined {
  let current: ConfigNode | undefined = message ?? undefined;
  for (const name of path) {
    if (current?.kind !== 'message') return undefined;
    current = current.fields.get(name)?.value;
  }
  return current?.kind === 'message' ? current : undefined;
}

/** A string field's value, without marking it as read. */
export function textAt(message: MessageNode | undefined, field: string): string | undefined {
  const value = message?.fields.get(field)?.value;
  return value?.kind === 'scalar' && typeof value.value === 'string' ? value.value : undefined;
}

export function numberAt(message: MessageNode | undefined, field: string): number | undefined {
  const value = message?.fields.get(field)?.value;
  return value?.kind === 'scalar' && typeof value.value === 'number' ? value.value : undefined;
}
