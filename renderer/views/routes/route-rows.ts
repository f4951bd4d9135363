/** The rows of the route table. Pure. */
import type { CoreState, RouteConfigState, RouteState, VirtualHostState } from '../../../proxy-core/index.ts';

export interface RouteGroup {
  readonly config: RouteConfigState;
  /** `listener / filter chain` of everybody who uses this table; the listener alone when its chain has no name. */
  readonly users: readonly string[];
  readonly virtualHosts: readonly {
    readonly virtualHost: VirtualHostState;
    readonly routes: readonly RouteState[];
  }[];
}

export interface RouteTotals {
  readonly routes: number;
  readonly hit: number;
  readonly hits: number;
}

export function routeTotals(state: CoreState): RouteTotals {
  const routes = state.routeConfigs.flatMap((c) => c.virtualHosts.flatMap((v) => v.routes));
  return {
    routes: routes.length,
    hit: routes.filter((route) => route.hits > 0).length,
    hits: routes.reduce((sum, route) => sum + route.hits, 0),
  };
}

/** Groups with at least one route that is wanted; `text` searches name, match, action and domains. */
export function routeGroups(state: CoreState, text: string, onlyNeverHit: boolean): RouteGroup[] {
  const wanted = text.trim().toLowerCase();
  return state.routeConfigs
    .map((config) => ({
      config,
      users: state.listeners.flatMap((listener) =>
        listener.filterChains
          .filter((chain) => chain.routeConfig === config.name)
          .map((chain) => (chain.name === '' ? listener.name : `${listener.name} / ${chain.name}`)),
      ),
      virtualHosts: config.virtualHosts
        .map((virtualHost) => ({
          virtualHost,
          routes: virtualHost.routes.filter(
            (route) => (!onlyNeverHit || route.hits === 0) && matches(virtualHost, route, wanted),
          ),
        }))
        .filter(({ routes }) => routes.length > 0),
    }))
    .filter(({ virtualHosts }) => virtualHosts.length > 0);
}

function matches(virtualHost: VirtualHostState, route: RouteState, text: string): boolean {
  if (text === '') return true;
  return [route.name, route.match, route.action, virtualHost.name, ...virtualHost.domains].some((part) =>
    part.toLowerCase().includes(text),
  );
}
