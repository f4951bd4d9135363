import type { RouteTable } from '../route/index.ts';

/**
 * A fraction of 0 becomes 1 of its denominator, so that a test can set its key and reach it
 * (RouterCheckTool::assignRuntimeFraction). Changes the table, which was compiled for tests alone.
 */
export function openFractions(table: RouteTable): RouteTable {
  for (const { match } of allRoutes(table)) {
    const { fraction } = match;
    if (fraction?.numerator === 0) Object.assign(match, { fraction: { ...fraction, numerator: 1 } });
  }
  return table;
}

/** The runtime of one test: a fraction with a key other than the test's never hits (RouterCheckTool::runtimeMock). */
export function runtimeFor(table: RouteTable, key: string): ReadonlyMap<string, unknown> {
  const runtime = new Map<string, unknown>();
  for (const { match } of allRoutes(table)) {
    if (match.fraction !== null && match.fraction.runtimeKey !== key)
      runtime.set(match.fraction.runtimeKey, 0);
  }
  return runtime;
}

function allRoutes(table: RouteTable) {
  return table.virtualHosts.flatMap((virtualHost) => virtualHost.routes);
}
