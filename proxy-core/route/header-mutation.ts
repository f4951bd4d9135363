import { type HeaderList, headerValue, removeHeader } from '../base/headers.ts';
import type { StreamInfo } from '../base/stream-info.ts';
import type { CompileContext } from '../config/compile-context.ts';
import type { SourceRange } from '../config/diagnostic.ts';
import type { MessageReader } from '../config/reader.ts';
import type { Narrator } from '../facade/decision.ts';
import { compileFormat, type Formatter } from './formatter/format.ts';
import { HEADER_FORMAT } from './formatter/operator.ts';

export type AppendAction =
  | 'APPEND_IF_EXISTS_OR_ADD'
  | 'ADD_IF_ABSENT'
  | 'OVERWRITE_IF_EXISTS_OR_ADD'
  | 'OVERWRITE_IF_EXISTS';

/** `envoy.config.core.v3.HeaderValueOption`, compiled. */
export interface HeaderAdd {
  readonly name: string;
  readonly value: Formatter;
  readonly action: AppendAction;
  readonly keepEmpty: boolean;
  readonly source: SourceRange;
}

/** What one level (weighted cluster, route, virtual host, route config) does to a head. */
export interface HeaderLevel {
  /** `route`, `virtual host`, …, for the narration. */
  readonly level: string;
  readonly removes: readonly string[];
  /** Where each of them is written; left out where nothing removes. */
  readonly removeSources?: readonly SourceRange[];
  readonly adds: readonly HeaderAdd[];
}

/** Levels in the order in which they run. */
export type HeaderMutations = readonly HeaderLevel[];

/** Reads `<side>_headers_to_add` and `<side>_headers_to_remove`; null when there is nothing to do. */
export function compileHeaderLevel(
  reader: MessageReader,
  side: 'request' | 'response',
  level: string,
  ctx: CompileContext,
): HeaderLevel | null {
  const removeField = `${side}_headers_to_remove`;
  const removes = reader.strings(removeField).map((name) => name.toLowerCase());
  const ranges = reader.itemRanges(removeField);
  removes.forEach((name, i) => {
    if (name.startsWith(':') || name === 'host') {
      const range = ranges[i];
      ctx.report(
        'error',
        'route.header-protected',
        reader,
        removeField,
        `:-prefixed or host headers may not be removed: \`${name}\``,
        range === undefined ? {} : { range },
      );
    }
  });
  const adds = compileHeaderAdds(reader.messages(`${side}_headers_to_add`), ctx);
  return removes.length === 0 && adds.length === 0 ? null : { level, removes, removeSources: ranges, adds };
}

/** Compiles a list of HeaderValueOption. */
export function compileHeaderAdds(readers: readonly MessageReader[], ctx: CompileContext): HeaderAdd[] {
  return readers.map((reader) => compileHeaderAdd(reader, ctx));
}

/** A list of `envoy.config.common.mutation_rules.v3.HeaderMutation`: each acts for itself, in order. */
export function compileMutationList(
  readers: readonly MessageReader[],
  level: string,
  ctx: CompileContext,
): HeaderMutations {
  return readers.map((reader): HeaderLevel => {
    const append = reader.message('append');
    if (append !== undefined) return { level, removes: [], adds: compileHeaderAdds([append], ctx) };
    const name = (reader.string('remove') ?? '').toLowerCase();
    if (name.startsWith(':') || name === 'host') {
      const message = `:-prefixed or host headers may not be removed: \`${name}\``;
      ctx.report('error', 'route.header-protected', reader, 'remove', message);
    }
    const removeSources = [reader.rangeOf('remove')];
    return { level, removes: name === '' ? [] : [name], removeSources, adds: [] };
  });
}

function compileHeaderAdd(reader: MessageReader, ctx: CompileContext): HeaderAdd {
  const header = reader.message('header');
  const name = (header?.string('key') ?? '').toLowerCase();
  if (header !== undefined && (name.startsWith(':') || name === 'host')) {
    ctx.report(
      'error',
      'route.header-protected',
      header,
      'key',
      `:-prefixed or host headers may not be modified: \`${name}\``,
    );
  }
  if (/[\s]/.test(name) && header !== undefined) {
    ctx.report(
      'warning',
      'route.header-name',
      header,
      'key',
      `The header name \`${name}\` holds a blank: receivers will refuse the message.`,
    );
  }
  const append = reader.bool('append');
  const appendAction = reader.enumeration('append_action') as AppendAction | undefined;
  if (append !== undefined && reader.has('append_action')) {
    ctx.report(
      'error',
      'route.append',
      reader,
      'append',
      "Both append and append_action are set and it's not allowed",
    );
  }
  const raw = header?.bytes('raw_value');
  const text = header?.string('value') ?? (raw === undefined ? '' : Buffer.from(raw).toString('latin1'));
  const value = compileFormat(text, HEADER_FORMAT, (message) => {
    if (header !== undefined) ctx.report('error', 'route.format', header, 'value', message);
  });
  return {
    name,
    value,
    action: appendAction ?? (append === false ? 'OVERWRITE_IF_EXISTS_OR_ADD' : 'APPEND_IF_EXISTS_OR_ADD'),
    keepEmpty: reader.bool('keep_empty_value') ?? false,
    source: reader.range,
  };
}

/**
 * Runs the levels on a header list in place. In one level: removes, then overwrites, then appends, with all values
 * computed before the first change (envoy HeaderParser::evaluateHeaders).
 */
export function mutateHeaders(
  mutations: HeaderMutations,
  headers: HeaderList,
  info: StreamInfo,
  narrator: Narrator | null = null,
): void {
  for (const level of mutations) {
    for (const name of level.removes) {
      if (narrator !== null) tellRemoval(level, name, headers, narrator);
      removeHeader(headers, name);
    }
    if (level.adds.length > 0) runAdds(level, headers, info, narrator);
  }
}

function tellRemoval(level: HeaderLevel, name: string, headers: HeaderList, narrator: Narrator): void {
  const value = headerValue(headers, name);
  const what = value === undefined ? `\`${name}\` to remove is not there` : `removes \`${name}: ${value}\``;
  narrator.note(
    'neutral',
    `${level.level}: ${what}`,
    level.removeSources?.[level.removes.indexOf(name)] ?? null,
  );
}

/** A change that depends on whether the header is there, and was left out. */
function tellLeftOut(level: HeaderLevel, add: HeaderAdd, headers: HeaderList, narrator: Narrator): void {
  const value = headerValue(headers, add.name);
  const why =
    value === undefined ? 'is not there, so it is not overwritten' : `is there already (\`${value}\`)`;
  narrator.note('neutral', `${level.level}: \`${add.name}\` ${why}`, add.source);
}

function runAdds(level: HeaderLevel, headers: HeaderList, info: StreamInfo, narrator: Narrator | null): void {
  const overwrites: string[] = [];
  const appends: string[] = [];
  for (const add of level.adds) {
    const value = add.value.constant ?? add.value.format(info);
    if (value === '' && !add.keepEmpty) {
      narrator?.note('neutral', `${level.level}: \`${add.name}\` is empty and not added`, add.source);
      continue;
    }
    const exists =
      add.action !== 'APPEND_IF_EXISTS_OR_ADD' &&
      add.action !== 'OVERWRITE_IF_EXISTS_OR_ADD' &&
      headerValue(headers, add.name) !== undefined;
    switch (add.action) {
      case 'APPEND_IF_EXISTS_OR_ADD':
        appends.push(add.name, value);
        break;
      case 'ADD_IF_ABSENT':
        if (exists) {
          if (narrator !== null) tellLeftOut(level, add, headers, narrator);
          continue;
        }
        appends.push(add.name, value);
        break;
      case 'OVERWRITE_IF_EXISTS':
        if (!exists) {
          if (narrator !== null) tellLeftOut(level, add, headers, narrator);
          continue;
        }
        overwrites.push(add.name, value);
        break;
      case 'OVERWRITE_IF_EXISTS_OR_ADD':
        overwrites.push(add.name, value);
        break;
    }
    narrator?.note('neutral', `${level.level}: sets \`${add.name}: ${value}\``, add.source);
  }
  // An overwritten header moves to the end (envoy HeaderMapImpl::setReferenceKey removes and inserts).
  for (let i = 0; i < overwrites.length; i += 2) {
    removeHeader(headers, overwrites[i] as string);
    headers.push(overwrites[i] as string, overwrites[i + 1] as string);
  }
  for (const text of appends) headers.push(text);
}
