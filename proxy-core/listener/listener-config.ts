import type { SocketAddress } from '../base/stream-info.ts';
import type { SourceRange } from '../config/diagnostic.ts';
import type { HttpConnectionManagerConfig } from '../http/connection-manager-config.ts';

/** Compiled `envoy.config.listener.v3.Listener`, immutable. */
export interface ListenerConfig {
  readonly name: string;
  readonly source: SourceRange;
  readonly address: SocketAddress;
  readonly ipv6Only: boolean;
  /** `listener.127.0.0.1_8080`. */
  readonly statPrefix: string;
  readonly perConnectionBufferLimit: number;
  readonly filterChains: readonly FilterChainConfig[];
}

export interface FilterChainConfig {
  /** The same chain in the next snapshot has the same key: its connections stay. */
  readonly key: string;
  readonly name: string;
  readonly source: SourceRange;
  /** In short, for people: "any". */
  readonly matchText: string;
  readonly http: HttpConnectionManagerConfig | null;
}
