import type { SocketAddress } from '../base/stream-info.ts';
import type { SourceRange } from '../config/diagnostic.ts';
import type { NetworkFilterChain } from '../network-filters/index.ts';
import type { AccessLog } from '../observe/types.ts';
import type { ConnectionFacts, MatchTree } from '../route/matching/index.ts';
import type { FilterChainMatch } from './filter-chain-match.ts';
import type { ListenerFilters } from './filters/inspection.ts';
import type { ServerTls } from './tls/server.ts';

/** Compiled `envoy.config.listener.v3.Listener`, immutable. */
export interface ListenerConfig {
  readonly name: string;
  readonly source: SourceRange;
  /** As configured: port 0 asks for a free one. A Unix socket has port -1. */
  readonly address: SocketAddress;
  /** `address` first, then `additional_addresses`. */
  readonly binds: readonly BindAddress[];
  readonly bindsToPort: boolean;
  /** `traffic_direction: INBOUND`: what `/drain_listeners?inboundonly` means. */
  readonly inbound: boolean;
  /** `drain_type: MODIFY_ONLY`: it drains when it changes, not when health checks fail. */
  readonly modifyOnly: boolean;
  readonly ignoresGlobalLimit: boolean;
  readonly backlog: number;
  /** `listener.127.0.0.1_8080`. */
  readonly statPrefix: string;
  readonly perConnectionBufferLimit: number;
  readonly filters: ListenerFilters;
  readonly filterChains: readonly FilterChainConfig[];
  readonly defaultFilterChain: FilterChainConfig | null;
  /** `filter_chain_matcher`: names the chain, whatever their own matches say; null = none. */
  readonly chainMatcher: MatchTree<ConnectionFacts, string> | null;
  /** One line for each connection. */
  readonly accessLogs: readonly AccessLog[];
}

/** One socket of a listener. */
export interface BindAddress extends SocketAddress {
  readonly ipv6Only: boolean;
  /** Permissions of a Unix socket; 0 = as the system makes it. */
  readonly mode: number;
}

export interface FilterChainConfig extends NetworkFilterChain {
  /** Where it stands: the same chain in the next snapshot has the same key. */
  readonly key: string;
  /**
   * What it is, but for the routes of its HTTP connection manager: connections stay while it is the same, and see new
   * routes as if they had come by RDS.
   */
  readonly fingerprint: string;
  readonly name: string;
  readonly source: SourceRange;
  /** In short, for people: ``server name `a.test` ``, "any". */
  readonly matchText: string;
  readonly match: FilterChainMatch;
  /** Has a transport socket that is not the raw buffer. */
  readonly tls: boolean;
  /** How TLS is terminated; null with `tls` set when that socket cannot be emulated: connections are refused. */
  readonly serverTls: ServerTls | null;
  /** `transport_socket_connect_timeout` in milliseconds, 0 = none. */
  readonly handshakeTimeout: number;
}
