import type { Narrator } from '../facade/decision.ts';
import { comparedHost, findVirtualHost, narrateVirtualHosts } from './domain-index.ts';
import { matchTree } from './matching/index.ts';
import { firstIndexed } from './route-index.ts';
import { failureText, firstFailure, type PathView, pathView } from './route-match.ts';
import type { Route, RouteInput, RouteTable, VirtualHost } from './types.ts';

/** Who is told: one for the virtual hosts, one for the routes of the chosen one. */
export interface RouteNarration {
  readonly virtualHost: Narrator;
  readonly route: Narrator;
}

/** The virtual host whose domain wins; null when none takes the host. */
export function decideVirtualHost(
  table: RouteTable,
  input: RouteInput,
  narrator: Narrator | null = null,
): VirtualHost | null {
  const host = comparedHost(input.head.authority, table.ignorePortInHostMatching);
  const chosen = findVirtualHost(table.domainIndex, host);
  if (narrator !== null) narrateVirtualHosts(table.virtualHosts, chosen, host, narrator);
  return chosen;
}

/**
 * The route of a request: the virtual host by domain, then its first route that matches; no other virtual host is
 * tried (envoy RouteMatcher). Null = 404, `route_not_found`.
 */
export function decideRoute(
  table: RouteTable,
  input: RouteInput,
  narration: RouteNarration | null = null,
): Route | null {
  const virtualHost = decideVirtualHost(table, input, narration?.virtualHost ?? null);
  if (virtualHost === null) return null;
  if (virtualHost.tlsRedirect !== null && needsTls(virtualHost, input)) {
    narration?.virtualHost.note(
      'bad',
      `require_tls is ${virtualHost.requireTls} and the request came by ${forwardedProto(input)}: redirected to https`,
      virtualHost.source,
    );
    return virtualHost.tlsRedirect;
  }
  const view = pathView(input.head.path, table.ignorePathParameters);
  const { matcher } = virtualHost;
  if (matcher !== null) {
    const routes = matchTree(matcher, input.head, narration?.route) ?? [];
    return narration === null
      ? scan(routes, input, view)
      : narrateRoutes(routes, input, view, narration.route);
  }
  if (narration !== null) return narrateRoutes(virtualHost.routes, input, view, narration.route);
  const { hashed } = virtualHost.routeIndex;
  const routes = virtualHost.routes;
  if (hashed === null) return scan(routes, input, view);
  const found = firstIndexed(
    hashed,
    view,
    (index) => firstFailure((routes[index] as Route).match, input, view) === null,
  );
  return routes[found] ?? null;
}

function scan(routes: readonly Route[], input: RouteInput, view: PathView): Route | null {
  for (let i = 0; i < routes.length; i++) {
    const route = routes[i] as Route;
    if (firstFailure(route.match, input, view) === null) return route;
  }
  return null;
}

function forwardedProto(input: RouteInput): string {
  const headers = input.head.headers;
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] === 'x-forwarded-proto') return headers[i + 1] as string;
  }
  return input.head.scheme;
}

function needsTls(virtualHost: VirtualHost, input: RouteInput): boolean {
  if (forwardedProto(input) === 'https') return false;
  return virtualHost.requireTls === 'ALL' || (virtualHost.requireTls === 'EXTERNAL_ONLY' && !input.internal);
}

/** The same walk with its reasons, going on after the winner to tell what would have matched too. */
function narrateRoutes(
  routes: readonly Route[],
  input: RouteInput,
  view: PathView,
  narrator: Narrator,
): Route | null {
  let winner: Route | null = null;
  for (const route of routes) {
    const failure = firstFailure(route.match, input, view);
    const base = {
      index: route.index + 1,
      name: route.name === '' ? route.actionText : route.name,
      condition: route.matchText,
      source: route.source,
    };
    if (winner !== null) {
      narrator.candidate({
        ...base,
        result: 'not-tried',
        reason:
          failure === null
            ? 'would have matched too'
            : `would not have matched: ${failureText(route.match, failure, input, view)}`,
      });
    } else if (failure === null) {
      winner = route;
      narrator.candidate({ ...base, result: 'won', reason: 'is the first that matches' });
    } else {
      narrator.candidate({ ...base, result: 'lost', reason: failureText(route.match, failure, input, view) });
    }
  }
  return winner;
}
