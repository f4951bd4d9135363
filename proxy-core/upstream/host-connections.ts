import type { Host } from './types.ts';

/** A connection that does not outlive the health of its host. */
export interface HostBound {
  onHostFailed(): void;
}

const bound = new WeakMap<Host, Set<HostBound>>();

/** For clusters with `close_connections_on_host_health_failure`: until `unbind`, the connection goes when its host fails. */
export function bindToHost(host: Host, connection: HostBound): void {
  const known = bound.get(host);
  if (known === undefined) bound.set(host, new Set([connection]));
  else known.add(connection);
}

export function unbindFromHost(host: Host, connection: HostBound): void {
  bound.get(host)?.delete(connection);
}

/**
 * The host was ejected or failed its health check: HTTP connections close with their last request, and those bound to
 * the host at once (envoy ClusterManagerImpl::postThreadLocalHealthFailure).
 */
export function leaveFailedHost(host: Host): void {
  host.pool?.drain();
  for (const connection of [...(bound.get(host) ?? [])]) connection.onHostFailed();
}
