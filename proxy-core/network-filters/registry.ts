import type { CompileContext } from '../config/compile-context.ts';
import type { MessageReader } from '../config/reader.ts';
import { compileHttpConnectionManager, type ListenerCompileOptions } from '../http/compile.ts';
import type { HttpConnectionManagerConfig } from '../http/connection-manager-config.ts';
import type { NetworkFilterExtension } from './extension.ts';
import { EXTENSIONS } from './extensions.ts';
import { HCM_TYPE, isTerminalNetworkFilter, networkFilterName } from './known-filters.ts';
import type { NetworkFilterFactory, TerminalFactory } from './types.ts';

const BY_TYPE: ReadonlyMap<string, NetworkFilterExtension> = new Map(
  EXTENSIONS.map((extension) => [extension.type, extension]),
);

/** The compiled `filters` of a filter chain. At most one of `http` and `terminal` is set. */
export interface NetworkFilterChain {
  /** Those before the terminal filter, in order. */
  readonly filters: readonly NetworkFilterFactory[];
  readonly http: HttpConnectionManagerConfig | null;
  readonly terminal: TerminalFactory | null;
  /** `other`: it ends with a filter that is not emulated; its connections are reset, as those of an `empty` one. */
  readonly kind: 'http' | 'tcp' | 'other' | 'empty';
}

/**
 * Compiles `filters` (`envoy.config.listener.v3.Filter`): a terminal filter must be last and nothing else may be. A
 * filter that is known and not emulated stays unread: it lets everything pass, and a notice tells of it.
 */
export function compileNetworkFilters(
  readers: readonly MessageReader[],
  ctx: CompileContext,
  options: ListenerCompileOptions,
  listenerStatPrefix: string,
): NetworkFilterChain {
  const filters: NetworkFilterFactory[] = [];
  let http: HttpConnectionManagerConfig | null = null;
  let terminal: TerminalFactory | null = null;
  readers.forEach((reader, position) => {
    const name = reader.string('name') ?? '';
    const type = filterType(reader, name, ctx);
    if (type === null) return;
    checkPosition(reader, name, type, position === readers.length - 1, ctx);
    const extension = BY_TYPE.get(type);
    if (type !== HCM_TYPE && extension === undefined) {
      warnOfFilterState(reader, type, ctx);
      return;
    }
    const config = reader.message('typed_config');
    if (config === undefined) return;
    if (extension === undefined) {
      http = compileHttpConnectionManager(config, ctx, options, listenerStatPrefix);
      return;
    }
    const factory = extension.compile(name, config, ctx, options);
    if (factory?.kind === 'filter') filters.push(factory);
    else if (factory !== null) terminal = factory;
  });
  const kind = http !== null ? 'http' : terminal !== null ? 'tcp' : readers.length === 0 ? 'empty' : 'other';
  return { filters, http, terminal, kind };
}

/** Other filters may go by what this one would store, and let in other connections without it. */
function warnOfFilterState(reader: MessageReader, type: string, ctx: CompileContext): void {
  if (networkFilterName(type) !== 'envoy.filters.network.set_filter_state') return;
  const what = 'Connections carry no filter state here: what goes by it finds none.';
  const how = 'The HTTP filter of the same name is emulated, for requests.';
  ctx.report('warning', 'filter.not-emulated', reader, 'name', `${what} ${how}`);
}

/** Type of `typed_config`, empty when it comes by discovery, null when the filter is written by name alone. */
function filterType(reader: MessageReader, name: string, ctx: CompileContext): string | null {
  const node = reader.node.fields.get('typed_config')?.value;
  if (node === undefined && !reader.has('config_discovery')) {
    ctx.report(
      'error',
      'listener.unknown-filter',
      reader,
      'name',
      `Didn't find a registered implementation for '${name}' with type URL: ''`,
    );
    return null;
  }
  return node?.kind === 'message' ? node.type : '';
}

function checkPosition(
  reader: MessageReader,
  name: string,
  type: string,
  last: boolean,
  ctx: CompileContext,
): void {
  const terminal = isTerminalNetworkFilter(type);
  if (terminal && !last) {
    ctx.report(
      'error',
      'listener.terminal-filter-not-last',
      reader,
      'name',
      `Error: terminal filter named ${name} of type ${networkFilterName(type)} must be the last filter in a network filter chain.`,
    );
  } else if (!terminal && last && type !== '') {
    ctx.report(
      'error',
      'listener.no-terminal-filter',
      reader,
      'name',
      `Error: non-terminal filter named ${name} of type ${networkFilterName(type)} is the last filter in a network filter chain.`,
    );
  }
}
