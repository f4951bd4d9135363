import { RE2JS } from 're2js';
import type { CompileContext } from '../../config/compile-context.ts';
import type { MessageReader } from '../../config/reader.ts';
import { DEFAULT_FLUSH_INTERVAL } from './store.ts';
import { type CustomTag, isDefaultTag } from './tag-extraction.ts';

/** How the bootstrap wants statistics kept. */
export interface StatsConfig {
  /** `stats_flush_interval`, milliseconds. */
  readonly flushInterval: number;
  /** `stats_config.stats_tags`. */
  readonly tags: readonly CustomTag[];
}

/** Reads `stats_flush_interval` and `stats_config` (envoy.config.metrics.v3.StatsConfig) of the bootstrap. */
export function compileStats(bootstrap: MessageReader, ctx: CompileContext): StatsConfig {
  const config = bootstrap.message('stats_config');
  if (config?.bool('use_all_default_tags') === false) {
    ctx.report(
      'notice',
      'stats.default-tags',
      config,
      'use_all_default_tags',
      'Default tags are always extracted here.',
    );
  }
  const tags: CustomTag[] = [];
  for (const reader of config?.messages('stats_tags') ?? []) {
    const tag = compileTag(reader, ctx);
    if (tag !== null) tags.push(tag);
  }
  return { flushInterval: bootstrap.duration('stats_flush_interval') ?? DEFAULT_FLUSH_INTERVAL, tags };
}

/** One `TagSpecifier`: group 1 of the regex leaves the name, group 2 (else group 1) is the value. */
function compileTag(reader: MessageReader, ctx: CompileContext): CustomTag | null {
  const name = reader.string('tag_name') ?? '';
  const fixedValue = reader.string('fixed_value') ?? null;
  if (fixedValue !== null) return { name, match: () => null, fixedValue };
  const text = reader.string('regex') ?? '';
  if (text === '') {
    // The name alone picks one of the default tags, which are extracted anyway.
    if (!isDefaultTag(name)) {
      ctx.report(
        'error',
        'stats.unknown-tag',
        reader,
        'tag_name',
        `No regex specified for tag specifier and no default regex for name: '${name}'`,
      );
    }
    return null;
  }
  try {
    const pattern = RE2JS.compile(text);
    const groups = pattern.groupCount();
    return {
      name,
      fixedValue: null,
      prefix: /^\^(\w+)\\\./.exec(text)?.[1] ?? '',
      match(statName) {
        const found = pattern.matcher(statName);
        if (groups === 0 || !found.find()) return null;
        const remove = found.group(1) ?? '';
        return { remove, value: groups > 1 ? (found.group(2) ?? '') : remove };
      },
    };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    ctx.report('error', 'stats.bad-regex', reader, 'regex', `Invalid regex '${text}': ${reason}`);
    return null;
  }
}
