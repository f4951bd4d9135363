import type { SnapshotRuntime } from '../http/runtime.ts';
import type { HttpSlot } from '../http/slot.ts';
import type { AcceptedConnection } from './accepted-connection.ts';
import type { FilterChainConfig } from './listener-config.ts';

/** A filter chain that takes connections, in its newest configuration, and the connections that it has. */
export interface ChainSlot {
  chain: FilterChainConfig;
  snapshot: SnapshotRuntime;
  /** For its HTTP connections; null under other filters. */
  readonly http: HttpSlot | null;
  readonly connections: Set<AcceptedConnection>;
}

/** True when connections of a chain are served: it ends in a filter that is emulated, and so is its TLS. */
export function servesConnections(chain: FilterChainConfig): boolean {
  return (chain.http !== null || chain.terminal !== null) && (!chain.tls || chain.serverTls !== null);
}
