import type { DataPath, SnapshotRuntime } from '../http/runtime.ts';
import type { ListenerConfig } from './listener-config.ts';
import type { ListenerStats } from './listener-stats.ts';

/** Runtime key of the limit that holds for all listeners together. */
const GLOBAL_KEY = 'overload.global_downstream_max_connections';

/** Decides whether one more connection may come (Envoy: TcpListenerImpl::onAccept). */
export class ConnectionLimits {
  constructor(
    private readonly path: DataPath,
    private readonly stats: ListenerStats,
  ) {}

  admit(
    config: ListenerConfig,
    { runtime, maxDownstreamConnections }: SnapshotRuntime,
    open: number,
  ): boolean {
    const own = runtime.get(`envoy.resource_limits.listener.${config.name}.connection_limit`);
    if (!config.ignoresGlobalLimit) {
      const global = maxDownstreamConnections ?? runtime.get(GLOBAL_KEY);
      if (typeof global === 'number' && this.path.downstreamConnections >= global) {
        this.stats.globalCxOverflow.inc();
        return false;
      }
    }
    if (typeof own === 'number' && open >= own) {
      this.stats.cxOverflow.inc();
      return false;
    }
    return true;
  }
}
