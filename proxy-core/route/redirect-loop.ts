import type { RequestHead } from '../base/stream-info.ts';
import { decideRoute } from './decide.ts';
import { redirectResponse } from './response.ts';
import type { Route, RouteTable, VirtualHost } from './types.ts';

/** Browsers give up after 20. */
const MAX_HOPS = 20;

export interface RedirectLoop {
  readonly route: Route;
  /** The paths that a client is sent through, the first one first; cut after a few. */
  readonly paths: readonly string[];
}

/**
 * Redirects that lead into themselves: sample requests are sent through the table as clients would follow it, as long
 * as scheme and port stay, for another port is another listener's business.
 */
export function redirectLoops(table: RouteTable): RedirectLoop[] {
  const loops: RedirectLoop[] = [];
  for (const virtualHost of table.virtualHosts) {
    for (const route of virtualHost.routes) {
      if (route.action.kind !== 'redirect' || !route.match.pathOnly || virtualHost.matcher !== null) continue;
      const paths = samplePaths(route)
        .map((path) => loopFrom(table, route, sampleHost(virtualHost), path))
        .find((found) => found !== null);
      if (paths !== undefined && paths !== null) loops.push({ route, paths });
    }
  }
  return loops;
}

function samplePaths({ match }: Route): readonly string[] {
  switch (match.pathKind) {
    case 'path':
      return [match.path];
    case 'prefix':
    case 'path-separated-prefix':
      return [match.path === '' ? '/' : match.path, `${match.path.replace(/\/$/, '')}/x`];
    case 'regex':
    case 'template':
    case 'connect':
    case 'never':
      return [];
  }
}

function sampleHost(virtualHost: VirtualHost): string {
  return (virtualHost.domains[0] ?? '*').replace('*', 'x');
}

function loopFrom(table: RouteTable, start: Route, host: string, path: string): string[] | null {
  let authority = host;
  let current = path;
  const seen = new Set<string>();
  const paths: string[] = [];
  for (let hop = 0; hop <= MAX_HOPS; hop++) {
    paths.push(authority === host ? current : `${authority}${current}`);
    const here = `${authority} ${current}`;
    if (seen.has(here) || hop === MAX_HOPS) return paths;
    seen.add(here);
    const head = sampleHead(authority, current);
    const route = decideRoute(table, {
      head,
      random: 0,
      tls: false,
      internal: false,
      runtime: new Map(),
    });
    // A route that other routes hide sends nobody anywhere.
    if (route === null || (hop === 0 && route !== start)) return null;
    const location =
      route.action.kind === 'redirect' ? (redirectResponse(route, head)?.location ?? null) : null;
    const target = location === null ? null : /^http:\/\/([^/]*)(\/.*)$/.exec(location);
    const next = target?.[1] ?? '';
    if (target === null || portOf(next) !== portOf(authority)) return null;
    authority = next;
    current = target[2] ?? '/';
  }
  return null;
}

function portOf(authority: string): string {
  return /:(\d+)$/.exec(authority)?.[1] ?? '';
}

function sampleHead(authority: string, path: string): RequestHead {
  return {
    method: 'GET',
    authority,
    path,
    scheme: 'http',
    protocol: '',
    headers: ['x-forwarded-proto', 'http'],
  };
}
