import type { ConfigNode } from './message.ts';

/**
 * A text that is the same for two nodes which mean the same: order of fields and map entries, places in the file and
 * spelling do not matter. `without` leaves out messages of that type.
 */
export function fingerprint(node: ConfigNode, without?: string): string {
  const parts: string[] = [];
  write(node, parts, without);
  return parts.join('');
}

function write(node: ConfigNode, parts: string[], without: string | undefined): void {
  switch (node.kind) {
    case 'scalar':
      parts.push(node.scalar, ' ', scalarText(node.value));
      return;
    case 'list':
      parts.push('[');
      for (const item of node.items) {
        write(item, parts, without);
        parts.push(',');
      }
      parts.push(']');
      return;
    case 'map':
    case 'message': {
      if (node.kind === 'message') {
        parts.push(node.type);
        if (node.type === without) return;
      }
      const fields = node.kind === 'message' ? node.fields : node.entries;
      parts.push('{');
      for (const name of [...fields.keys()].sort()) {
        const field = fields.get(name);
        if (field === undefined) continue;
        parts.push(JSON.stringify(name), ':');
        write(field.value, parts, without);
        parts.push(',');
      }
      parts.push('}');
      return;
    }
  }
}

function scalarText(value: unknown): string {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  return sortedJson(value);
}

function sortedJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(sortedJson).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
  const object = value as Record<string, unknown>;
  const members = Object.keys(object)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${sortedJson(object[key])}`);
  return `{${members.join(',')}}`;
}
