import type { CompileContext } from '../config/compile-context.ts';
import type { MessageReader } from '../config/reader.ts';

/**
 * Compiles one value of `typed_per_filter_config`, found under a filter's config name. The room of the HTTP filters
 * hands it in; undefined leaves the entry out.
 */
export type PerFilterCompiler = (filterName: string, reader: MessageReader, ctx: CompileContext) => unknown;

/** Without a compiler the message itself is kept, unread. */
export const KEEP_READER: PerFilterCompiler = (_name, reader) => reader;

/** Where the deprecated field `cors` of a route or a virtual host is kept: no filter can have that name. */
export const CORS_FIELD = '';

/** `corsHolder`: the message that may hold the deprecated field `cors`. */
export function compilePerFilter(
  reader: MessageReader,
  compiler: PerFilterCompiler,
  ctx: CompileContext,
  corsHolder?: MessageReader,
): ReadonlyMap<string, unknown> {
  const result = new Map<string, unknown>();
  const cors = corsHolder?.message('cors');
  if (cors !== undefined) result.set(CORS_FIELD, compiler(CORS_FIELD, cors, ctx));
  for (const [name, config] of reader.messageMap('typed_per_filter_config')) {
    const value = compiler(name, config, ctx);
    if (value !== undefined) result.set(name, value);
  }
  return result;
}
