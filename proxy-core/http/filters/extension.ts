import type { Stats } from '../../base/stats.ts';
import type { CompileContext } from '../../config/compile-context.ts';
import type { MessageReader } from '../../config/reader.ts';
import type { HttpFilterFactory } from '../filter.ts';

/** What filters of one connection manager share. */
export interface FilterEnvironment {
  readonly stats: Stats;
  /** `http.<stat_prefix>.` */
  readonly statPrefix: string;
}

/** An emulated HTTP filter. */
export interface HttpFilterExtension {
  /** Type of its `typed_config`. */
  readonly type: string;
  /** Compiles one filter's `typed_config` into what makes its instances. */
  compile(
    name: string,
    config: MessageReader,
    ctx: CompileContext,
    environment: FilterEnvironment,
  ): HttpFilterFactory;
  /** Types that `typed_per_filter_config` may hold for it; empty when it has no settings by route. */
  readonly routeTypes: readonly string[];
  /** Compiles one of those; what it returns comes back by `FilterCallbacks.routeConfigs`. */
  compileRoute?(config: MessageReader, ctx: CompileContext, environment: FilterEnvironment): unknown;
}
