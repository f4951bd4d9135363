import type { ConfigNode, MessageNode } from '../config/message.ts';

/**
 * A text that is equal for two messages exactly when they say the same, wherever they stand in their files and
 * however they are spelled. `without` leaves out fields of the message itself.
 */
export function fingerprint(node: MessageNode, without: readonly string[] = []): string {
  const parts: string[] = [];
  const names = [...node.fields.keys()].filter((name) => !without.includes(name)).sort();
  for (const name of names) {
    const field = node.fields.get(name);
    if (field !== undefined) parts.push(`${name}:${text(field.value)}`);
  }
  return `${node.fromAny ? node.type : ''}{${parts.join(',')}}`;
}

function text(node: ConfigNode): string {
  switch (node.kind) {
    case 'message':
      return fingerprint(node);
    case 'list':
      return `[${node.items.map(text).join(',')}]`;
    case 'map': {
      const keys = [...node.entries.keys()].sort();
      return `<${keys.map((key) => `${JSON.stringify(key)}:${text((node.entries.get(key) as { value: ConfigNode }).value)}`).join(',')}>`;
    }
    case 'scalar':
      return node.value instanceof Uint8Array
        ? `b${Buffer.from(node.value).toString('hex')}`
        : typeof node.value === 'bigint'
          ? String(node.value)
          : JSON.stringify(node.value);
  }
}
