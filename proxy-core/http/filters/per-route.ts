import type { CompileContext } from '../../config/compile-context.ts';
import type { MessageReader } from '../../config/reader.ts';
import { selectCluster } from '../../route/cluster-choice.ts';
import type { PerFilterCompiler } from '../../route/per-filter.ts';
import type { Route, RouteInput, RouteTable } from '../../route/types.ts';
import type { FilterEnvironment, HttpFilterExtension } from './extension.ts';
import { EXTENSIONS } from './extensions.ts';
import { ROUTER_TYPE } from './known-filters.ts';

/** One entry of `typed_per_filter_config`, compiled. */
interface RouteFilterConfig {
  readonly disabled: boolean;
  /** Undefined when the entry only switches the filter. */
  readonly config: unknown;
}

/** The `typed_per_filter_config` maps that hold for one request, the most specific first. */
export type RouteLevels = readonly ReadonlyMap<string, unknown>[];

const FILTER_CONFIG = 'envoy.config.route.v3.FilterConfig';

const BY_TYPE: ReadonlyMap<string, HttpFilterExtension> = new Map(
  EXTENSIONS.flatMap((extension) => extension.routeTypes.map((type) => [type, extension])),
);

/**
 * Compiles `typed_per_filter_config`. `envoy.config.route.v3.FilterConfig` wraps a config or switches the filter; any
 * other config also switches on a filter that is disabled. What no emulated filter reads stays unread.
 */
export function perRouteCompiler(environment: FilterEnvironment): PerFilterCompiler {
  return (_name, reader, ctx): RouteFilterConfig | undefined => {
    refuseRouter(reader, ctx);
    if (reader.type !== FILTER_CONFIG) {
      const extension = BY_TYPE.get(reader.type);
      const config = extension?.compileRoute?.(reader, ctx, environment);
      return { disabled: false, config };
    }
    const disabled = reader.bool('disabled') ?? false;
    reader.acknowledge('is_optional');
    const inner = reader.message('config');
    if (inner !== undefined) refuseRouter(inner, ctx);
    const extension = inner === undefined ? undefined : BY_TYPE.get(inner.type);
    const config = inner === undefined ? undefined : extension?.compileRoute?.(inner, ctx, environment);
    return { disabled, config };
  };
}

/** The router takes what it needs from the route itself. */
function refuseRouter(reader: MessageReader, ctx: CompileContext): void {
  if (reader.type !== ROUTER_TYPE) return;
  ctx.report(
    'error',
    'http.no-route-config',
    reader,
    '',
    "The filter envoy.filters.http.router doesn't support virtual host or route specific configurations",
  );
}

/** Weighted cluster, route, virtual host, route configuration. */
export function routeLevels(table: RouteTable, route: Route | null, input: RouteInput | null): RouteLevels {
  if (route === null) return [];
  const levels = [route.perFilterConfig, route.virtualHost.perFilterConfig, table.perFilterConfig];
  const weighted = weightedLevel(route, input);
  return weighted === null ? levels : [weighted, ...levels];
}

/** The draw is the stream's own, so the router comes to the same cluster. */
function weightedLevel(route: Route, input: RouteInput | null): ReadonlyMap<string, unknown> | null {
  const specifier = route.action.kind === 'cluster' ? route.action.clusterSpecifier : null;
  if (specifier?.kind !== 'weighted' || input === null) return null;
  if (specifier.entries.every((entry) => entry.perFilterConfig.size === 0)) return null;
  const choice = selectCluster(route, input);
  return choice === null ? null : (specifier.entries[choice.weightedIndex]?.perFilterConfig ?? null);
}

/** What the most specific level that names the filter says; null when none does. */
export function disabledByRoute(levels: RouteLevels, name: string): boolean | null {
  for (const level of levels) {
    const entry = level.get(name) as RouteFilterConfig | undefined;
    if (entry !== undefined) return entry.disabled;
  }
  return null;
}

/** The filter's settings of every level that has some, the most specific first. */
export function routeConfigs(levels: RouteLevels, name: string): readonly unknown[] {
  const configs: unknown[] = [];
  for (const level of levels) {
    const entry = level.get(name) as RouteFilterConfig | undefined;
    if (entry?.config !== undefined) configs.push(entry.config);
  }
  return configs;
}
