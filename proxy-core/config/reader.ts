import { AttacheError } from '../base/errors.ts';
import type { SourceRange } from './diagnostic.ts';
import type { ConfigNode, FieldNode, MessageNode } from './message.ts';

/**
 * Reads one message and marks each field that it hands out; what nobody read becomes a notice
 * (`unread.ts`). Getters return undefined (or an empty list) for a field that is not set; proto defaults are the
 * caller's business, where Envoy's default can be quoted. A getter for the wrong kind is a programming error.
 */
export class MessageReader {
  constructor(readonly node: MessageNode) {}

  get type(): string {
    return this.node.type;
  }

  get path(): string {
    return this.node.path;
  }

  get range(): SourceRange {
    return this.node.range;
  }

  /** True when the user set the field. Marks it read only when it is absent or `mark` is given. */
  has(field: string): boolean {
    return this.node.fields.has(field);
  }

  /** Range of a field's value, or of the message when it is not set. For diagnostics and YAML links. */
  rangeOf(field: string): SourceRange {
    return this.node.fields.get(field)?.value.range ?? this.node.range;
  }

  keyRangeOf(field: string): SourceRange {
    return this.node.fields.get(field)?.keyRange ?? this.node.range;
  }

  pathOf(field: string): string {
    return (
      this.node.fields.get(field)?.path ?? (this.node.path === '' ? field : `${this.node.path}.${field}`)
    );
  }

  string(field: string): string | undefined {
    return this.scalar(field, 'string') as string | undefined;
  }

  bytes(field: string): Uint8Array | undefined {
    return this.scalar(field, 'bytes') as Uint8Array | undefined;
  }

  number(field: string): number | undefined {
    const value = this.scalar(field, 'number');
    return value === undefined ? undefined : Number(value);
  }

  bool(field: string): boolean | undefined {
    return this.scalar(field, 'bool') as boolean | undefined;
  }

  /** The value's name as the proto spells it: `ROUND_ROBIN`. */
  enumeration(field: string): string | undefined {
    return this.scalar(field, 'enum') as string | undefined;
  }

  /** Milliseconds, with fraction. */
  duration(field: string): number | undefined {
    return this.scalar(field, 'duration') as number | undefined;
  }

  /** A google.protobuf.Struct, Value or ListValue as plain JSON. */
  json(field: string): unknown {
    return this.scalar(field, 'json');
  }

  /** A message field, or the message inside an Any. Marks the field itself; its own fields are marked as read. */
  message(field: string): MessageReader | undefined {
    const node = this.take(field)?.value;
    if (node === undefined) return undefined;
    if (node.kind !== 'message') throw wrongKind(this, field, 'message', node);
    return new MessageReader(node);
  }

  messages(field: string): MessageReader[] {
    return this.items(field).map((node) => {
      if (node.kind !== 'message') throw wrongKind(this, field, 'message', node);
      return new MessageReader(node);
    });
  }

  strings(field: string): string[] {
    return this.items(field).map((node) => (node as { value: string }).value);
  }

  numbers(field: string): number[] {
    return this.items(field).map((node) => Number((node as { value: unknown }).value));
  }

  enumerations(field: string): string[] {
    return this.strings(field);
  }

  /** Range of each item of a list field. */
  itemRanges(field: string): SourceRange[] {
    const node = this.node.fields.get(field)?.value;
    return node?.kind === 'list' ? node.items.map((item) => item.range) : [];
  }

  messageMap(field: string): Map<string, MessageReader> {
    const result = new Map<string, MessageReader>();
    for (const [key, entry] of this.entries(field)) {
      if (entry.value.kind !== 'message') throw wrongKind(this, field, 'message', entry.value);
      result.set(key, new MessageReader(entry.value));
    }
    return result;
  }

  /** A map of google.protobuf.Struct as plain JSON. */
  jsonMap(field: string): Map<string, Record<string, unknown>> {
    return this.scalarMap(field) as Map<string, Record<string, unknown>>;
  }

  scalarMap(field: string): Map<string, unknown> {
    const result = new Map<string, unknown>();
    for (const [key, entry] of this.entries(field))
      result.set(key, (entry.value as { value: unknown }).value);
    return result;
  }

  /** Marks fields that are understood and have no effect to build (`name`, `connect_timeout` of a type without connects). */
  acknowledge(...fields: string[]): void {
    for (const field of fields) this.take(field);
  }

  private entries(field: string): Iterable<[string, FieldNode]> {
    const node = this.take(field)?.value;
    if (node === undefined) return [];
    if (node.kind !== 'map') throw wrongKind(this, field, 'map', node);
    return [...node.entries].map(([key, entry]) => {
      entry.read = true;
      return [key, entry];
    });
  }

  private items(field: string): readonly ConfigNode[] {
    const node = this.take(field)?.value;
    if (node === undefined) return [];
    if (node.kind !== 'list') throw wrongKind(this, field, 'list', node);
    return node.items;
  }

  private scalar(field: string, scalar: string): unknown {
    const node = this.take(field)?.value;
    if (node === undefined) return undefined;
    if (node.kind !== 'scalar' || node.scalar !== scalar) throw wrongKind(this, field, scalar, node);
    return node.value;
  }

  private take(field: string): FieldNode | undefined {
    const node = this.node.fields.get(field);
    if (node !== undefined) node.read = true;
    return node;
  }
}

function wrongKind(reader: MessageReader, field: string, wanted: string, node: ConfigNode): AttacheError {
  const found = node.kind === 'scalar' ? node.scalar : node.kind;
  return new AttacheError(
    'internal.reader-kind',
    `${reader.type}.${field} was read as ${wanted} and is ${found}`,
  );
}
