import type { Diagnostic } from '../config/diagnostic.ts';
import { analyseRouteTable } from '../route/index.ts';
import type { CompiledBootstrap } from './compile.ts';
import { routeTables } from './snapshot.ts';

/** What `--lint` adds: findings about whole route tables, as notices. */
export function routeNotices(bootstrap: CompiledBootstrap): Diagnostic[] {
  return routeTables(bootstrap).flatMap((table) =>
    analyseRouteTable(table).map(({ code, message, source }) => ({
      code,
      severity: 'notice',
      message,
      path: table.name,
      range: source,
    })),
  );
}
