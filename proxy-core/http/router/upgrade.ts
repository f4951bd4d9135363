import { headerValue, removeHeader } from '../../base/headers.ts';
import type { HttpProtocol, RequestHead, ResponseHead } from '../../base/stream-info.ts';
import { selectCluster } from '../../route/cluster-choice.ts';
import type { Route, RouteInput } from '../../route/types.ts';
import { listHasToken } from '../codec/http1-head.ts';
import type { HttpConnectionManagerConfig } from '../connection-manager-config.ts';
import type { ActiveStream } from '../stream.ts';

/** The request wants a tunnel: CONNECT, or an `Upgrade` to anything but HTTP/2. */
export function asksForTunnel(head: RequestHead): boolean {
  if (head.method === 'CONNECT') return true;
  const connection = headerValue(head.headers, 'connection');
  const upgrade = headerValue(head.headers, 'upgrade');
  return (
    connection !== undefined &&
    upgrade !== undefined &&
    listHasToken(connection, 'upgrade') &&
    upgrade.toLowerCase() !== 'h2c'
  );
}

/** The type that an upgrade asks for, in lower case; `connect` for CONNECT. */
export function upgradeType(head: RequestHead): string {
  if (head.method === 'CONNECT' && head.protocol === '') return 'connect';
  return (head.protocol === '' ? (headerValue(head.headers, 'upgrade') ?? '') : head.protocol).toLowerCase();
}

/** Whether an upgrade is on: the route says, else the connection manager. */
export function upgradeAllowed(
  config: HttpConnectionManagerConfig,
  route: Route | null,
  head: RequestHead,
): boolean {
  const type = upgradeType(head);
  const ofRoute = route?.action.kind === 'cluster' ? route.action.upgrades.get(type) : undefined;
  return ofRoute ?? config.upgrades.get(type) ?? false;
}

/** Counts an upgrade; false when it was answered with 403. A CONNECT without a route is left to the router. */
export function admitUpgrade(stream: ActiveStream, head: RequestHead): boolean {
  const { config, route, info } = stream;
  if (upgradeAllowed(config, route, head)) {
    stream.upgradeCounted = true;
    config.stats.cxUpgradesTotal.inc();
    config.stats.cxUpgradesActive.inc();
    return true;
  }
  if (route === null && head.method === 'CONNECT') return true;
  config.stats.rqWsOnNonWsRoute.inc();
  if (route !== null) {
    info.clusterName = selectCluster(route, stream.routeInput as RouteInput, null)?.cluster ?? '';
    info.clusterStatName = stream.snapshot.clusters.get(info.clusterName)?.config.statName ?? '';
  }
  stream.owner.closeAfterResponse();
  stream.sendLocalReply(403, '', null, 'upgrade_failed');
  return false;
}

/** The upstream agreed to the tunnel that the request asks for. */
export function opensTunnel(request: RequestHead | null, status: number): boolean {
  return status === 101 || (request?.method === 'CONNECT' && status === 200);
}

/** A WebSocket over HTTP/1 that the host does not agree to; any other refusal goes to the client as it is (Envoy 1.32). */
export function refusesHandshake(
  request: RequestHead,
  status: number,
  upstreamProtocol: HttpProtocol | null,
): boolean {
  return (
    status !== 101 &&
    upstreamProtocol !== 'HTTP/2' &&
    request.method !== 'CONNECT' &&
    upgradeType(request) === 'websocket'
  );
}

/** An upgrade answered otherwise (Envoy 1.32): its code without its body, and the connection ends. */
export function refuseHandshake(stream: ActiveStream, head: ResponseHead): void {
  stream.info.responseCodeDetails = 'websocket_handshake_unsuccessful';
  removeHeader(head.headers, 'content-length');
  removeHeader(head.headers, 'transfer-encoding');
  stream.owner.closeAfterResponse();
  stream.sendHead(head, true);
}
