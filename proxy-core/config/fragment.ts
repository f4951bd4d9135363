import type { FieldNode, MessageNode } from './message.ts';
import type { ReadContext } from './read/context.ts';
import { readMessage } from './read/message.ts';
import type { MessageSchema } from './schema/types.ts';
import type { SourceEntry, SourceMap } from './text/source-node.ts';
import type { SourceText } from './text/source-text.ts';

/** Lists of static_resources that a file may have at its top level. */
export const FRAGMENT_KEYS: readonly string[] = ['listeners', 'clusters', 'secrets'];

const STATIC_RESOURCES = 'envoy.config.bootstrap.v3.Bootstrap.StaticResources';

/** A file with `listeners:` or `clusters:` at the top level, as guides show them, and without static_resources. */
export function isFragmentRoot(root: SourceMap): boolean {
  let found = false;
  for (const { key } of root.entries) {
    if (key === 'static_resources' || key === 'staticResources') return false;
    if (FRAGMENT_KEYS.includes(key)) found = true;
  }
  return found;
}

/** Reads a fragment as the bootstrap that it would be; paths stay as the user wrote them. */
export function readFragment(
  context: ReadContext,
  schema: MessageSchema,
  root: SourceMap,
  json: boolean,
): MessageNode {
  const inside = root.entries.filter((entry) => FRAGMENT_KEYS.includes(entry.key));
  const outside = root.entries.filter((entry) => !FRAGMENT_KEYS.includes(entry.key));
  const bootstrap = readMessage(context, schema, { ...root, entries: outside }, '');
  const resources = context.schema.message(STATIC_RESOURCES) as MessageSchema;
  const value = readMessage(context, resources, { ...root, entries: inside }, '');
  const first = inside[0] as SourceEntry;
  const keyRange = context.range(first.keyStart, first.keyEnd);
  const field: FieldNode = { key: 'static_resources', keyRange, path: '', value, read: true };
  const { text } = context.source;
  context.report(
    'notice',
    'config.fragment',
    '',
    keyRange,
    `${inside.map((entry) => entry.key).join(' and ')} at the top level: read as static_resources. Envoy wants them inside it.`,
    {
      fix: {
        title: 'Wrap in static_resources',
        range: context.range(0, text.length),
        text: json || root.flow ? wrapFlow(context.source, root) : wrapBlock(context.source, root),
      },
    },
  );
  return { ...bootstrap, fields: new Map([...bootstrap.fields, ['static_resources', field]]) };
}

/**
 * Indents the blocks of the fragment's keys and puts them under one `static_resources:`; other top-level keys stay
 * where they are, comments stay with the key below them.
 */
function wrapBlock(source: SourceText, root: SourceMap): string {
  const lines = source.text.split('\n');
  const trailingBreak = lines.at(-1) === '';
  if (trailingBreak) lines.pop();
  const starts = root.entries.map((entry) => commentStart(source, source.position(entry.keyStart).line));
  const head = lines.slice(0, (starts[0] ?? 1) - 1);
  const outside: string[] = [];
  const inside: string[] = [];
  let insertAt = -1;
  for (const [index, entry] of root.entries.entries()) {
    const from = (starts[index] as number) - 1;
    const to = index + 1 < starts.length ? (starts[index + 1] as number) - 1 : lines.length;
    const block = lines.slice(from, to);
    if (!FRAGMENT_KEYS.includes(entry.key)) {
      outside.push(...block);
      continue;
    }
    if (insertAt < 0) insertAt = outside.length;
    inside.push(...block.map((line) => (line.trim() === '' ? line : `  ${line}`)));
  }
  const result = [
    ...head,
    ...outside.slice(0, insertAt),
    'static_resources:',
    ...inside,
    ...outside.slice(insertAt),
  ];
  return result.join('\n') + (trailingBreak ? '\n' : '');
}

/** First line of the comments that stand directly above a line. */
function commentStart(source: SourceText, line: number): number {
  let first = line;
  while (first > 1 && source.line(first - 1).startsWith('#')) first--;
  return first;
}

function wrapFlow(source: SourceText, root: SourceMap): string {
  const { text } = source;
  const slice = (entry: SourceEntry): string =>
    `${text.slice(entry.keyStart, entry.keyEnd)}: ${text.slice(entry.value.start, entry.value.end)}`;
  const inside = root.entries.filter((entry) => FRAGMENT_KEYS.includes(entry.key));
  const outside = root.entries.filter((entry) => !FRAGMENT_KEYS.includes(entry.key));
  const wrapped = `"static_resources": {${inside.map(slice).join(', ')}}`;
  return `${text.slice(0, root.start)}{${[...outside.map(slice), wrapped].join(', ')}}${text.slice(root.end)}`;
}
