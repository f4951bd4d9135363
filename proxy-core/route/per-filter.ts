import type { CompileContext } from '../config/compile-context.ts';
import type { MessageReader } from '../config/reader.ts';

/**
 * Compiles one value of `typed_per_filter_config`, found under a filter's config name. The room of the HTTP filters
 * hands it in; undefined leaves the entry out.
 */
export type PerFilterCompiler = (filterName: string, reader: MessageReader, ctx: CompileContext) => unknown;

/** Without a compiler the message itself is kept, unread. */
export const KEEP_READER: PerFilterCompiler = (_name, reader) => reader;

export function compilePerFilter(
  reader: MessageReader,
  compiler: PerFilterCompiler,
  ctx: CompileContext,
): ReadonlyMap<string, unknown> {
  const result = new Map<string, unknown>();
  for (const [name, config] of reader.messageMap('typed_per_filter_config')) {
    const value = compiler(name, config, ctx);
    if (value !== undefined) result.set(name, value);
  }
  return result;
}
