import type { RouteCoverage } from '../facade/route-tests.ts';
import type { RouteTable } from '../route/index.ts';

/** @param taken ids of the routes that a test which passed took */
export function coverageOf(table: RouteTable, taken: ReadonlySet<string>): RouteCoverage {
  const routes = table.virtualHosts.flatMap((virtualHost) => virtualHost.routes);
  const missing = routes.filter(({ id }) => !taken.has(id));
  return {
    routes: routes.length,
    covered: routes.length - missing.length,
    missing: missing.map(({ virtualHost, name, matchText, source }) => ({
      virtualHost: virtualHost.name,
      route: name === '' ? matchText : name,
      source,
    })),
  };
}
