import { checkScalar } from './constraint-rules.ts';
import type { Diagnostic, SourceRange } from './diagnostic.ts';
import type { ConfigNode, FieldNode, MessageNode } from './message.ts';
import type { RuleKind } from './schema/rules.ts';
import type { FieldSchema, MessageSchema, Schema } from './schema/types.ts';

/**
 * protoc-gen-validate's rules over a whole tree of messages, those inside of Any included: everything that is wrong,
 * not the first. `isBroken` names fields that were written and could not be read.
 */
export function checkConstraints(
  schema: Schema,
  root: MessageNode,
  isBroken: (message: MessageNode, field: string) => boolean,
  diagnostics: Diagnostic[],
): void {
  new ConstraintCheck(schema, isBroken, diagnostics).message(root);
}

class ConstraintCheck {
  private readonly seen = new Set<MessageNode>();

  constructor(
    private readonly schema: Schema,
    private readonly isBroken: (message: MessageNode, field: string) => boolean,
    private readonly diagnostics: Diagnostic[],
  ) {}

  message(node: MessageNode): void {
    if (this.seen.has(node)) return;
    this.seen.add(node);
    const schema = this.schema.message(node.type);
    if (schema === undefined) return;
    for (const known of schema.fields) {
      if (!this.isBroken(node, known.name)) this.field(node, known);
    }
    this.oneofs(node, schema);
  }

  private oneofs(node: MessageNode, schema: MessageSchema): void {
    for (const oneof of schema.oneofs) {
      if (!oneof.required) continue;
      if (oneof.fields.some((name) => node.fields.has(name) || this.isBroken(node, name))) continue;
      const names = oneof.fields.filter((name) => !name.startsWith('hidden_envoy_'));
      this.report(
        node.path,
        beginning(node),
        'config.required',
        `${describe(node)} needs one of ${names.slice(0, 8).join(', ')}${names.length > 8 ? ', …' : ''}.`,
        `one member of ${oneof.name}`,
      );
    }
  }

  private field(node: MessageNode, known: FieldSchema): void {
    const field = node.fields.get(known.name);
    if (field === undefined) {
      this.absent(node, known);
      return;
    }
    const { rules } = known;
    const skip = rules?.message?.skip === true;
    if (rules?.kind) this.value(rules.kind, known, field.value, field.path, field.value.range);
    if (!skip) this.below(field.value);
  }

  private below(value: ConfigNode): void {
    switch (value.kind) {
      case 'message':
        this.message(value);
        return;
      case 'list':
        for (const item of value.items) this.below(item);
        return;
      case 'map':
        for (const entry of value.entries.values()) this.below(entry.value);
        return;
      case 'scalar':
        return;
    }
  }

  /** A field that is not set: required, or a plain scalar or list whose default breaks its own rule. */
  private absent(node: MessageNode, known: FieldSchema): void {
    const { rules } = known;
    // A rule of a oneof's member speaks only when that member is the one that is set.
    if (rules === null || known.oneof !== null) return;
    const kind = rules.kind;
    const required =
      rules.message?.required === true ||
      ((kind?.case === 'any' || kind?.case === 'duration' || kind?.case === 'timestamp') &&
        kind.rules.required === true);
    if (required) {
      this.missing(node, known);
      return;
    }
    if (known.hasPresence || kind === null) return;
    if (kind.case === 'repeated') {
      if ((kind.rules.minItems ?? 0) > 0 && kind.rules.ignoreEmpty !== true) this.missing(node, known);
    } else if (kind.case === 'map') {
      if ((kind.rules.minPairs ?? 0) > 0 && kind.rules.ignoreEmpty !== true) this.missing(node, known);
    } else if (checkScalar(kind, defaultOf(known), known) !== null) {
      this.missing(node, known);
    }
  }

  private missing(node: MessageNode, known: FieldSchema): void {
    const path = node.path === '' ? known.name : `${node.path}.${known.name}`;
    this.report(
      path,
      beginning(node),
      'config.required',
      `${describe(node)} needs ${known.name}.`,
      known.name,
    );
  }

  private value(
    kind: RuleKind,
    known: FieldSchema,
    value: ConfigNode,
    path: string,
    range: SourceRange,
  ): void {
    switch (value.kind) {
      case 'list':
        if (kind.case === 'repeated') this.list(kind, known, value.items, path, range);
        return;
      case 'map':
        if (kind.case === 'map') this.map(kind, known, value.entries, path, range);
        return;
      case 'message':
        if (kind.case === 'any') this.any(kind, value, path);
        return;
      case 'scalar': {
        const problem = checkScalar(kind, value, known);
        if (problem !== null)
          this.report(path, range, problem.code, `${lastName(path)} ${problem.message}.`, problem.expected);
      }
    }
  }

  private list(
    kind: Extract<RuleKind, { case: 'repeated' }>,
    known: FieldSchema,
    items: readonly ConfigNode[],
    path: string,
    range: SourceRange,
  ): void {
    const { minItems, maxItems, unique, items: itemRules, ignoreEmpty } = kind.rules;
    if (items.length === 0 && ignoreEmpty === true) return;
    this.count(known.name, items.length, minItems, maxItems, path, range);
    if (unique === true) this.unique(known.name, items, path);
    if (!itemRules?.kind) return;
    for (const [index, item] of items.entries()) {
      this.value(itemRules.kind, known, item, `${path}[${index}]`, item.range);
    }
  }

  private count(
    key: string,
    count: number,
    least: number | undefined,
    most: number | undefined,
    path: string,
    range: SourceRange,
  ): void {
    if (least !== undefined && count < least) {
      this.report(
        path,
        range,
        'config.out-of-range',
        `${key} has ${count} items, the least is ${least}.`,
        `at least ${least}`,
      );
    }
    if (most !== undefined && count > most) {
      this.report(
        path,
        range,
        'config.out-of-range',
        `${key} has ${count} items, the most is ${most}.`,
        `at most ${most}`,
      );
    }
  }

  private unique(key: string, items: readonly ConfigNode[], path: string): void {
    const values = new Set<unknown>();
    for (const [index, item] of items.entries()) {
      if (item.kind !== 'scalar') continue;
      if (values.has(item.value)) {
        this.report(
          `${path}[${index}]`,
          item.range,
          'config.not-unique',
          `${key} has ${String(item.value)} twice.`,
        );
      }
      values.add(item.value);
    }
  }

  private map(
    kind: Extract<RuleKind, { case: 'map' }>,
    known: FieldSchema,
    entries: ReadonlyMap<string, FieldNode>,
    path: string,
    range: SourceRange,
  ): void {
    const { minPairs, maxPairs, keys, values, ignoreEmpty } = kind.rules;
    if (entries.size === 0 && ignoreEmpty === true) return;
    this.count(known.name, entries.size, minPairs, maxPairs, path, range);
    for (const entry of entries.values()) {
      if (keys?.kind?.case === 'string') {
        const key: ConfigNode = { kind: 'scalar', scalar: 'string', range: entry.keyRange, value: entry.key };
        this.value(keys.kind, known, key, entry.path, entry.keyRange);
      }
      if (values?.kind) this.value(values.kind, known, entry.value, entry.path, entry.value.range);
    }
  }

  private any(kind: Extract<RuleKind, { case: 'any' }>, value: MessageNode, path: string): void {
    const url = `type.googleapis.com/${value.type}`;
    const allowed = kind.rules.in;
    if (allowed !== undefined && !allowed.includes(url)) {
      this.report(
        path,
        beginning(value),
        'config.out-of-range',
        `${lastName(path)} holds a ${shortType(value.type)}.`,
        `one of ${allowed.join(', ')}`,
      );
    }
    if (kind.rules.notIn?.includes(url) === true) {
      this.report(
        path,
        beginning(value),
        'config.out-of-range',
        `${lastName(path)} must not hold a ${shortType(value.type)}.`,
      );
    }
  }

  private report(path: string, range: SourceRange, code: string, message: string, expected?: string): void {
    this.diagnostics.push({
      code,
      severity: 'error',
      message,
      path,
      range,
      ...(expected === undefined ? {} : { expected }),
    });
  }
}

function defaultOf(known: FieldSchema): ConfigNode & { kind: 'scalar' } {
  const range = { file: '', line: 1, column: 1, endLine: 1, endColumn: 1 };
  switch (known.type.kind) {
    case 'enum':
      return {
        kind: 'scalar',
        scalar: 'enum',
        range,
        value: known.type.enumeration.byNumber.get(0)?.name ?? '',
      };
    case 'message':
      return { kind: 'scalar', scalar: 'json', range, value: null };
    case 'scalar':
      switch (known.type.scalar) {
        case 'string':
          return { kind: 'scalar', scalar: 'string', range, value: '' };
        case 'bytes':
          return { kind: 'scalar', scalar: 'bytes', range, value: new Uint8Array(0) };
        case 'bool':
          return { kind: 'scalar', scalar: 'bool', range, value: false };
        default:
          return { kind: 'scalar', scalar: 'number', range, value: 0 };
      }
  }
}

/** Where a missing field is shown: the first line of its message, at most. */
function beginning(node: MessageNode): SourceRange {
  const { file, line, column, endLine, endColumn } = node.range;
  let first: SourceRange | null = null;
  for (const field of node.fields.values()) {
    const at = field.keyRange;
    if (
      at.file === file &&
      (first === null || at.line < first.line || (at.line === first.line && at.column < first.column))
    )
      first = at;
  }
  if (first !== null && first.line === line) return first;
  return endLine === line
    ? { file, line, column, endLine, endColumn }
    : { file, line, column, endLine: line, endColumn: column + 1 };
}

function describe(node: MessageNode): string {
  const name = lastName(node.path);
  return name === '' ? shortType(node.type) : name;
}

function lastName(path: string): string {
  return /[^.]*$/.exec(path)?.[0] || path;
}

function shortType(type: string): string {
  return type.slice(type.lastIndexOf('.') + 1);
}
