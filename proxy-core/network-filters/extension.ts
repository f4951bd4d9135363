import type { CompileContext } from '../config/compile-context.ts';
import type { MessageReader } from '../config/reader.ts';
import type { ListenerCompileOptions } from '../http/compile.ts';
import type { NetworkFilterFactory, TerminalFactory } from './types.ts';

/** An emulated network filter other than the HTTP connection manager. */
export interface NetworkFilterExtension {
  /** Type of its `typed_config`. */
  readonly type: string;
  /** Compiles `typed_config`; null when it cannot be used (it was reported). */
  compile(
    name: string,
    config: MessageReader,
    ctx: CompileContext,
    options: ListenerCompileOptions,
  ): NetworkFilterFactory | TerminalFactory | null;
}
