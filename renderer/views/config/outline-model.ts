import type { CoreState, SourceRange } from '../../../proxy-core/index.ts';
import type { LineCount } from './editor.ts';

export interface OutlineEntry {
  readonly key: string;
  readonly depth: number;
  readonly name: string;
  readonly line: number;
  /** Requests, null where nothing counts. */
  readonly count: number | null;
  readonly group: 'listeners' | 'clusters';
}

/** Listeners with their chains, virtual hosts and routes, then clusters: what stands where, and how often it was used. */
export function outline(core: CoreState): OutlineEntry[] {
  const entries: OutlineEntry[] = [];
  const add = (
    group: OutlineEntry['group'],
    depth: number,
    name: string,
    source: SourceRange,
    count: number | null,
  ) => {
    entries.push({ key: `${entries.length}`, depth, name, line: source.line, count, group });
  };
  const shown = new Set<string>();
  for (const listener of core.listeners) {
    add('listeners', 0, listener.name, listener.source, null);
    for (const chain of listener.filterChains) {
      if (chain.name !== '' || listener.filterChains.length > 1)
        add('listeners', 1, chain.name || chain.match, chain.source, null);
      const table = core.routeConfigs.find((each) => each.name === chain.routeConfig);
      if (table === undefined || shown.has(table.name)) continue;
      shown.add(table.name);
      for (const virtualHost of table.virtualHosts) {
        const hits = virtualHost.routes.reduce((sum, route) => sum + route.hits, 0);
        add('listeners', 2, virtualHost.name, virtualHost.source, hits);
        for (const route of virtualHost.routes) add('listeners', 3, route.name, route.source, route.hits);
      }
    }
  }
  for (const cluster of core.clusters) {
    if (cluster.given) continue;
    const total = cluster.hosts.reduce((sum, host) => sum + host.totalRequests, 0);
    add('clusters', 0, cluster.name, cluster.source, total);
  }
  return entries;
}

/** Requests per route at the line where the route begins. */
export function lineCounts(core: CoreState, format: (count: number) => string): LineCount[] {
  return core.routeConfigs.flatMap((table) =>
    table.virtualHosts.flatMap((virtualHost) =>
      virtualHost.routes.map((route) => ({
        line: route.source.line,
        text: format(route.hits),
        never: route.hits === 0,
      })),
    ),
  );
}
