import type { CompileContext } from '../config/compile-context.ts';
import type { SourceRange } from '../config/diagnostic.ts';
import type { MessageReader } from '../config/reader.ts';
import { compileStringMatcher, matchesString, type StringMatcher } from './string-matcher.ts';

/** `envoy.type.matcher.v3.MetadataMatcher`, compiled: a test of what filters wrote about the stream. */
export interface MetadataMatcher {
  readonly namespace: string;
  readonly path: readonly string[];
  readonly value: ValueMatcher;
  readonly invert: boolean;
  readonly source: SourceRange;
}

type ValueMatcher =
  | { readonly kind: 'null' | 'present' | 'never' }
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'string'; readonly string: StringMatcher }
  /** From `start` to below `end`, or exactly `start` when both are equal. */
  | { readonly kind: 'number'; readonly start: number; readonly end: number }
  | { readonly kind: 'list'; readonly item: ValueMatcher }
  | { readonly kind: 'or'; readonly any: readonly ValueMatcher[] };

/** `namespace → struct`, as the stream's facts hold it. */
export type Metadata = ReadonlyMap<string, Readonly<Record<string, unknown>>>;

export function compileMetadataMatcher(reader: MessageReader, ctx: CompileContext): MetadataMatcher {
  const value = reader.message('value');
  return {
    namespace: reader.string('filter') ?? '',
    path: reader.messages('path').map((segment) => segment.string('key') ?? ''),
    value: value === undefined ? { kind: 'never' } : compileValueMatcher(value, ctx),
    invert: reader.bool('invert') ?? false,
    source: reader.range,
  };
}

function compileValueMatcher(reader: MessageReader, ctx: CompileContext): ValueMatcher {
  const string = reader.message('string_match');
  if (string !== undefined) return { kind: 'string', string: compileStringMatcher(string, ctx) };
  const bool = reader.bool('bool_match');
  if (bool !== undefined) return { kind: 'bool', value: bool };
  // `present_match: false` never matches (envoy PresentMatcher).
  const present = reader.bool('present_match');
  if (present !== undefined) return { kind: present ? 'present' : 'never' };
  const number = reader.message('double_match');
  if (number !== undefined) {
    const range = number.message('range');
    const exact = number.number('exact') ?? 0;
    return range === undefined
      ? { kind: 'number', start: exact, end: exact }
      : { kind: 'number', start: range.number('start') ?? 0, end: range.number('end') ?? 0 };
  }
  const list = reader.message('list_match')?.message('one_of');
  if (list !== undefined) return { kind: 'list', item: compileValueMatcher(list, ctx) };
  const or = reader.message('or_match');
  if (or !== undefined) {
    return { kind: 'or', any: or.messages('value_matchers').map((r) => compileValueMatcher(r, ctx)) };
  }
  return { kind: reader.message('null_match') === undefined ? 'never' : 'null' };
}

export function matchesMetadata(matcher: MetadataMatcher, metadata: Metadata | null): boolean {
  return matchesValue(matcher.value, metadataValue(matcher, metadata)) !== matcher.invert;
}

function metadataValue(matcher: MetadataMatcher, metadata: Metadata | null): unknown {
  let value: unknown = metadata?.get(matcher.namespace);
  for (const key of matcher.path) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}

function matchesValue(matcher: ValueMatcher, value: unknown): boolean {
  switch (matcher.kind) {
    case 'never':
      return false;
    case 'null':
      return value === null;
    case 'present':
      return value !== undefined && value !== null;
    case 'bool':
      return value === matcher.value;
    case 'string':
      return typeof value === 'string' && matchesString(matcher.string, value);
    case 'number':
      if (typeof value !== 'number') return false;
      return matcher.start === matcher.end
        ? value === matcher.start
        : value >= matcher.start && value < matcher.end;
    case 'list':
      return Array.isArray(value) && value.some((item) => matchesValue(matcher.item, item));
    case 'or':
      return matcher.any.some((one) => matchesValue(one, value));
  }
}

export function metadataMatcherText(matcher: MetadataMatcher): string {
  return `metadata \`${[matcher.namespace, ...matcher.path].join(':')}\` ${matcher.invert ? 'not ' : ''}as wanted`;
}

export function metadataMismatchText(matcher: MetadataMatcher, metadata: Metadata | null): string {
  const value = metadataValue(matcher, metadata);
  const found = value === undefined ? 'is not set' : `was \`${JSON.stringify(value)}\``;
  return `dynamic metadata \`${[matcher.namespace, ...matcher.path].join(':')}\` ${found}, another value wanted`;
}
