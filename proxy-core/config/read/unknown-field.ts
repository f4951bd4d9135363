import { nearestName } from '../nearest.ts';
import type { MessageSchema } from '../schema/types.ts';
import type { SourceEntry, SourceMap } from '../text/source-node.ts';
import type { ReadContext } from './context.ts';
import { shown } from './scalar.ts';
import { versionTwoField } from './version-2.ts';
import { versionTwoEdit } from './version-2-edit.ts';

/**
 * Reports a key that the message does not have, with the name that was probably meant. Answers that name when the
 * message has it: what stands here stands for it, so it must not be called missing as well.
 */
export function reportUnknownField(
  context: ReadContext,
  schema: MessageSchema,
  entry: SourceEntry,
  path: string,
  node: SourceMap,
): string | undefined {
  const range = context.range(entry.keyStart, entry.keyEnd);
  const short = schema.typeName.slice(schema.typeName.lastIndexOf('.') + 1);
  if (context.allowUnknownFields) {
    context.report(
      'warning',
      'config.unknown-field',
      path,
      range,
      `${short} has no field “${shown(entry.key)}”; it is ignored.`,
    );
    return undefined;
  }
  if (entry.key === '<<') {
    context.report(
      'error',
      'config.unknown-field',
      path,
      range,
      'Envoy does not know the merge key <<. Repeat the fields, or alias the whole value (*name).',
    );
    return undefined;
  }
  const names = schema.fields
    .filter((known) => !known.name.startsWith('hidden_envoy_'))
    .map((known) => known.name);
  const older = versionTwoField(schema.typeName, entry.key);
  if (older !== undefined && schema.byKey.has(older)) {
    context.report(
      'error',
      'config.unknown-field',
      path,
      range,
      `“${entry.key}” is from the v2 API; v3 has ${older} instead.`,
      { suggestion: older, fix: versionTwoEdit(context, schema, entry, node, path) },
    );
    return older;
  }
  const near = nearestName(entry.key, names);
  const elsewhere =
    near === undefined || !sameLetters(near, entry.key) ? placeBelow(context, schema, entry.key) : undefined;
  if (elsewhere !== undefined) {
    context.report(
      'error',
      'config.unknown-field',
      path,
      range,
      `${short} has no field “${entry.key}”; it belongs to ${elsewhere}.`,
      {
        expected: `one of ${list(names)}`,
        suggestion: elsewhere,
      },
    );
    return undefined;
  }
  context.report(
    'error',
    'config.unknown-field',
    path,
    range,
    `${short} has no field “${shown(entry.key)}”.`,
    {
      expected: `one of ${list(names)}`,
      suggestion: near,
      fix: near === undefined ? undefined : { title: `Change to ${near}`, range, text: near },
    },
  );
  return near;
}

function sameLetters(a: string, b: string): boolean {
  return a === b.toLowerCase().replaceAll('-', '_');
}

/** `timeout` beside `match` belongs to `route.timeout`: the one message below that has a field of that name. */
function placeBelow(context: ReadContext, schema: MessageSchema, key: string): string | undefined {
  let found: string | undefined;
  for (const known of schema.fields) {
    if (known.type.kind !== 'message' || known.cardinality !== 'single' || known.deprecated) continue;
    if (known.type.typeName.startsWith('google.protobuf.')) continue;
    if (context.schema.message(known.type.typeName)?.byKey.has(key) !== true) continue;
    if (found !== undefined) return undefined;
    found = `${known.name}.${key}`;
  }
  return found;
}

function list(names: readonly string[]): string {
  return names.length <= 16 ? names.join(', ') : `${names.slice(0, 16).join(', ')}, …`;
}
