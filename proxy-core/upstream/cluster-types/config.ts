import type { DnsServers } from '../../discovery/server-resolver.ts';
import type { DnsLookupFamily } from '../cluster-config.ts';

/** What clusters need whose type finds the hosts itself (`lb_policy: CLUSTER_PROVIDED`). */
export type ProvidedConfig = OriginalDstConfig | AggregateConfig | DynamicForwardProxyConfig;

/** `original_dst_lb_config` and `cleanup_interval`. */
export interface OriginalDstConfig {
  readonly kind: 'original-dst';
  /** A request header that may name the destination, in lower case; empty = none. */
  readonly header: string;
  /** 0 = the destination's own. */
  readonly port: number;
  /** Where dynamic metadata may name the destination; empty = nowhere. */
  readonly metadataNamespace: string;
  readonly metadataPath: readonly string[];
  readonly cleanupInterval: number;
}

/** `envoy.clusters.aggregate`: the first cluster is preferred. */
export interface AggregateConfig {
  readonly kind: 'aggregate';
  readonly clusters: readonly string[];
}

export interface DynamicForwardProxyConfig {
  readonly kind: 'dynamic-forward-proxy';
  readonly cache: DnsCacheConfig;
}

/** `envoy.extensions.common.dynamic_forward_proxy.v3.DnsCacheConfig`, milliseconds. */
export interface DnsCacheConfig {
  readonly name: string;
  readonly lookupFamily: DnsLookupFamily;
  readonly refreshRate: number;
  readonly minRefreshRate: number;
  readonly failureRefreshRate: { readonly base: number; readonly max: number } | null;
  /** How long a name that nobody asks for is kept. */
  readonly hostTtl: number;
  readonly maxHosts: number;
  readonly maxPendingRequests: number;
  /** 0 = none. */
  readonly queryTimeout: number;
  readonly servers: DnsServers | null;
  readonly preresolve: readonly { readonly host: string; readonly port: number }[];
}

/** `eds_cluster_config` with a file as source. */
export interface EdsConfig {
  /** Name of the ClusterLoadAssignment. */
  readonly serviceName: string;
  readonly path: string;
  /** Moves in this folder bring the next version (`watched_directory`); empty = moves of the file. */
  readonly watchedDirectory: string;
  /** Milliseconds that warming waits; 0 = for ever. */
  readonly initialFetchTimeout: number;
}
