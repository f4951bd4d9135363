import type { StreamInfo } from '../base/stream-info.ts';
import type { Route } from '../route/index.ts';
import type { RecordedRoute } from '../route-test/index.ts';
import { routeTables, type Snapshot } from './snapshot.ts';

/** What a route test can be made of; null for a request that was never routed. */
export function recordedRoute(snapshot: Snapshot, info: StreamInfo): RecordedRoute | null {
  const head = info.receivedHead;
  if (head === null || info.routeConfigName === '') return null;
  const route = routeOf(snapshot, info);
  const forwards = route?.action.kind === 'cluster';
  return {
    method: head.method,
    authority: head.authority,
    path: head.path,
    tls: info.connection.tls !== null,
    internal: false,
    random: info.random,
    headers: head.headers,
    virtualHost: forwards ? info.virtualHostName : '',
    cluster: forwards ? info.clusterName : '',
    answer: route !== null && !forwards ? info.responseCode : null,
    drawn:
      route !== null &&
      (hasDraw(route) || route.virtualHost.routes.some(({ match }) => match.fraction !== null)),
  };
}

function routeOf(snapshot: Snapshot, info: StreamInfo): Route | null {
  const table = routeTables(snapshot.bootstrap).find(({ name }) => name === info.routeConfigName);
  const virtualHost = table?.virtualHosts.find(({ name }) => name === info.virtualHostName);
  return virtualHost?.routes[info.routeIndex] ?? null;
}

function hasDraw({ action }: Route): boolean {
  return action.kind === 'cluster' && action.clusterSpecifier.kind === 'weighted';
}
