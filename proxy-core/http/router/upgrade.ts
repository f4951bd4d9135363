import { headerValue, removeHeader } from '../../base/headers.ts';
import type { HttpProtocol, RequestHead, ResponseHead } from '../../base/stream-info.ts';
import type { Route } from '../../route/types.ts';
import type { HttpConnectionManagerConfig } from '../connection-manager-config.ts';
import type { ActiveStream } from '../stream.ts';

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
