import type { Diagnostic } from '../config/diagnostic.ts';
import { analyseRouteTable, type RouteFinding, type RouteTable } from '../route/index.ts';
import type { CompiledBootstrap } from './compile.ts';
import { plural } from './narration.ts';
import { carryHits, routeTables } from './snapshot.ts';

/**
 * What `--lint` adds: findings about whole route tables, as notices. `running` is what serves now: a virtual host that
 * had requests there tells which of its routes had none.
 */
export function routeNotices(bootstrap: CompiledBootstrap, running: CompiledBootstrap | null): Diagnostic[] {
  if (running !== null) carryHits(running, bootstrap);
  return routeTables(bootstrap).flatMap((table) =>
    [...analyseRouteTable(table), ...neverHit(table)].map(({ code, message, source }) => ({
      code,
      severity: 'notice',
      message,
      path: table.name,
      range: source,
    })),
  );
}

function neverHit(table: RouteTable): RouteFinding[] {
  return table.virtualHosts.flatMap(({ name, routes }) => {
    const requests = routes.reduce((sum, { hits }) => sum + hits.count, 0);
    if (requests === 0) return [];
    return routes
      .filter(({ hits }) => hits.count === 0)
      .map(({ matchText, source }) => ({
        code: 'route.never-hit',
        message: `No request has taken this route (${matchText}) so far, of ${plural(requests, 'request')} to virtual host ${name}.`,
        source,
      }));
  });
}
