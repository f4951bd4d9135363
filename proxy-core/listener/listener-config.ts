import type { SocketAddress } from '../base/stream-info.ts';
import type { SourceRange } from '../config/diagnostic.ts';
import type { HttpConnectionManagerConfig } from '../http/connection-manager-config.ts';
import type { FilterChainMatch } from './filter-chain-match.ts';
import type { ListenerFilters } from './listener-filters.ts';
import type { ServerTls } from './tls/server.ts';

/** Compiled `envoy.config.listener.v3.Listener`, immutable. */
export interface ListenerConfig {
  readonly name: string;
  readonly source: SourceRange;
  /** As configured: port 0 asks for a free one. A Unix socket has port -1. */
  readonly address: SocketAddress;
  readonly ipv6Only: boolean;
  readonly bindsToPort: boolean;
  /** `traffic_direction: INBOUND`: what `/drain_listeners?inboundonly` means. */
  readonly inbound: boolean;
  readonly backlog: number;
  /** `listener.127.0.0.1_8080`. */
  readonly statPrefix: string;
  readonly perConnectionBufferLimit: number;
  readonly filters: ListenerFilters;
  readonly filterChains: readonly FilterChainConfig[];
  readonly defaultFilterChain: FilterChainConfig | null;
}

export interface FilterChainConfig {
  /** The same chain in the next snapshot has the same key: its connections stay. */
  readonly key: string;
  readonly name: string;
  readonly source: SourceRange;
  /** In short, for people: ``server name `a.test` ``, "any". */
  readonly matchText: string;
  /** `empty` and `other` (filters that are not emulated) reset their connections. */
  readonly kind: 'http' | 'tcp' | 'other' | 'empty';
  readonly match: FilterChainMatch;
  /** Has a transport socket that is not the raw buffer. */
  readonly tls: boolean;
  /** How TLS is terminated; null with `tls` set when that socket cannot be emulated: connections are refused. */
  readonly serverTls: ServerTls | null;
  readonly http: HttpConnectionManagerConfig | null;
}
