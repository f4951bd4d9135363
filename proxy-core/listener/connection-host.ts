import type { DataPath, SnapshotRuntime } from '../http/runtime.ts';
import type { TlsStats } from '../network/tls/stats.ts';
import type { AcceptedConnection } from './accepted-connection.ts';
import type { ChainSlot } from './chain-slot.ts';
import type { FilterChainConfig, ListenerConfig } from './listener-config.ts';
import type { ListenerStats } from './listener-stats.ts';

/** The listener as its connections see it. */
export interface ConnectionHost {
  readonly path: DataPath;
  readonly config: ListenerConfig;
  readonly snapshot: SnapshotRuntime;
  readonly stats: ListenerStats;
  readonly tlsStats: TlsStats;
  slotOf(chain: FilterChainConfig): ChainSlot | undefined;
  /** The last thing that a connection tells. */
  onGone(connection: AcceptedConnection): void;
}
