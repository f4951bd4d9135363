import type { SubsetCriteria } from '../base/subset-criteria.ts';
import type { SourceRange } from '../config/diagnostic.ts';
import type { DnsServers } from '../discovery/server-resolver.ts';
import type { SocketOptions } from '../network/connect.ts';
import type { EdsConfig, ProvidedConfig } from './cluster-types/config.ts';
import type { TransportSocketMatch } from './compile-connections.ts';
import type { EndpointCheckConfig, HealthCheckConfig } from './health/config.ts';
import type { HostStatus } from './load-balancer/override-host.ts';
import type { ClusterConfig } from './types.ts';

/** Everything that `compileCluster` makes of one `envoy.config.cluster.v3.Cluster`. Immutable. */
export interface CompiledCluster extends ClusterConfig {
  /** In the order of the configuration, over all localities and priorities. */
  readonly endpoints: readonly EndpointConfig[];
  /** `load_assignment.policy` */
  readonly assignmentPolicy: AssignmentPolicy;
  readonly outlier: OutlierConfig | null;
  /** Active health checks; null without. */
  readonly healthCheck: HealthCheckConfig | null;
  /** `ignore_health_on_host_removal`: a host that discovery no longer names goes, however healthy it is. */
  readonly ignoreHealthOnHostRemoval: boolean;
  /** `common_lb_config.ignore_new_hosts_until_first_hc`. */
  readonly ignoreNewHostsUntilFirstCheck: boolean;
  readonly circuitBreakers: Readonly<Record<'default' | 'high', ThresholdsConfig>>;
  readonly loadBalancing: LoadBalancingConfig;
  readonly dns: DnsConfig;
  /** `common_lb_config.close_connections_on_host_set_change` */
  readonly closeConnectionsOnHostSetChange: boolean;
  readonly transportSocketMatches: readonly TransportSocketMatch[];
  readonly socketOptions: SocketOptions | null;
  /** For types that find their hosts themselves. */
  readonly provided: ProvidedConfig | null;
  /** For type EDS with a source that is emulated. */
  readonly eds: EdsConfig | null;
  /** The fingerprint without `load_assignment`: equal ones differ in their endpoints only. */
  readonly settingsFingerprint: string;
}

/** `envoy.config.core.v3.Locality`; `weight` is the locality's `load_balancing_weight`, null when not set. */
export interface LocalityConfig {
  readonly region: string;
  readonly zone: string;
  readonly subZone: string;
  readonly weight: number | null;
}

export type EndpointMetadata = ReadonlyMap<string, Readonly<Record<string, unknown>>>;

export type EndpointHealth = 'HEALTHY' | 'UNHEALTHY' | 'DRAINING' | 'DEGRADED';

/** `ClusterLoadAssignment.policy` */
export interface AssignmentPolicy {
  /** Percent: 140. */
  readonly overprovisioningFactor: number;
  readonly weightedPriorityHealth: boolean;
  readonly dropOverloads: readonly { readonly category: string; readonly percent: number }[];
  /** `endpoint_stale_after` in milliseconds; 0 = never. */
  readonly staleAfter: number;
}

/** One `lb_endpoints` entry. `address` may be a name for DNS clusters; `port` is -1 for a Unix socket path. */
export interface EndpointConfig {
  readonly address: string;
  readonly port: number;
  readonly hostname: string;
  readonly weight: number;
  readonly priority: number;
  readonly locality: LocalityConfig;
  readonly health: EndpointHealth;
  /** `health_check_config`; absent when it is not set. */
  readonly check?: EndpointCheckConfig;
  /** `filter_metadata` by namespace. */
  readonly metadata: EndpointMetadata;
  /** `additional_addresses`: tried when connecting to the first one fails. */
  readonly additionalAddresses: readonly string[];
  readonly source: SourceRange;
}

/** `outlier_detection` with Envoy's defaults filled in. Milliseconds and percent. */
export interface OutlierConfig {
  readonly interval: number;
  readonly baseEjectionTime: number;
  readonly maxEjectionTime: number;
  readonly maxEjectionTimeJitter: number;
  readonly maxEjectionPercent: number;
  readonly alwaysEjectOneHost: boolean;
  readonly splitExternalLocalOriginErrors: boolean;
  /** `successful_active_health_check_uneject_host`. */
  readonly unejectedByHealthCheck: boolean;
  readonly consecutive5xx: number;
  readonly consecutiveGatewayFailure: number;
  readonly consecutiveLocalOriginFailure: number;
  readonly successRateMinimumHosts: number;
  readonly successRateRequestVolume: number;
  /** In thousandths: 1900 is 1.9 standard deviations. */
  readonly successRateStdevFactor: number;
  readonly failurePercentageThreshold: number;
  readonly failurePercentageMinimumHosts: number;
  readonly failurePercentageRequestVolume: number;
  readonly enforcing: Readonly<Record<DetectorKind, number>>;
  readonly source: SourceRange;
}

/** Envoy's words for what detects an outlier, as in the names of its counters. */
export type DetectorKind =
  | 'consecutive_5xx'
  | 'consecutive_gateway_failure'
  | 'consecutive_local_origin_failure'
  | 'success_rate'
  | 'local_origin_success_rate'
  | 'failure_percentage'
  | 'local_origin_failure_percentage';

/** `circuit_breakers.thresholds` of one priority. */
export interface ThresholdsConfig {
  readonly maxConnections: number;
  readonly maxPendingRequests: number;
  readonly maxRequests: number;
  readonly maxRetries: number;
  /** `per_host_thresholds.max_connections`; Infinity without. */
  readonly maxConnectionsPerHost: number;
  readonly trackRemaining: boolean;
  readonly retryBudget: { readonly percent: number; readonly minimumConcurrency: number } | null;
}

export interface LoadBalancingConfig {
  readonly policy: 'ROUND_ROBIN' | 'LEAST_REQUEST' | 'RANDOM' | 'RING_HASH' | 'MAGLEV';
  /** `healthy_panic_threshold` in percent; 0 switches panic off. */
  readonly panicThreshold: number;
  readonly failTrafficOnPanic: boolean;
  readonly localityWeighted: boolean;
  /** Percent: 140. */
  readonly overprovisioningFactor: number;
  readonly weightedPriorityHealth: boolean;
  readonly updateMergeWindow: number;
  readonly leastRequest: {
    readonly choiceCount: number;
    readonly activeRequestBias: number;
    readonly fullScan: boolean;
  };
  readonly ringHash: { readonly minimumSize: number; readonly maximumSize: number };
  readonly maglevTableSize: number;
  readonly useHostnameForHashing: boolean;
  /** `hash_balance_factor` in percent: no host gets more than so much of the mean; 0 = no bound. */
  readonly hashBalanceFactor: number;
  readonly slowStart: SlowStartConfig | null;
  readonly subset: SubsetConfig | null;
  readonly zoneAware: ZoneAwareConfig | null;
  /** Weights come from the load that hosts report. */
  readonly clientSideWeights: ClientSideWeightsConfig | null;
  /** In which states a host may be picked that a filter asks for. */
  readonly overrideHostStatus: ReadonlySet<HostStatus>;
}

/** `slow_start_config`: a host that is new gets its weight by and by. Milliseconds. */
export interface SlowStartConfig {
  readonly window: number;
  readonly aggression: number;
  /** Share of the weight at the beginning: 0.1. */
  readonly minimumWeight: number;
}

export type SubsetFallback = 'NO_FALLBACK' | 'ANY_ENDPOINT' | 'DEFAULT_SUBSET';

/** `lb_subset_config` */
export interface SubsetConfig {
  readonly fallback: SubsetFallback;
  /** Null when not set: then the default subset is all hosts. */
  readonly defaultSubset: SubsetCriteria | null;
  readonly selectors: readonly SubsetSelector[];
  readonly localityWeightAware: boolean;
  readonly scaleLocalityWeight: boolean;
  readonly panicModeAny: boolean;
  readonly listAsAny: boolean;
  /** `metadata_fallback_policy: FALLBACK_LIST` */
  readonly fallbackList: boolean;
}

export interface SubsetSelector {
  /** Sorted. */
  readonly keys: readonly string[];
  readonly singleHost: boolean;
  readonly fallback: 'NOT_DEFINED' | SubsetFallback | 'KEYS_SUBSET';
  readonly fallbackKeys: readonly string[];
}

/** Zone-aware routing, when the proxy knows its own cluster and zone. */
export interface ZoneAwareConfig {
  /** `cluster_manager.local_cluster_name` */
  readonly localCluster: string;
  /** `node.locality` */
  readonly locality: LocalityConfig;
  /** Percent of the picks that look at zones. */
  readonly routingEnabled: number;
  readonly minimumClusterSize: number;
}

/** `client_side_weighted_round_robin`, milliseconds. */
export interface ClientSideWeightsConfig {
  readonly blackoutPeriod: number;
  readonly weightExpirationPeriod: number;
  readonly weightUpdatePeriod: number;
  readonly errorUtilizationPenalty: number;
}

export type DnsLookupFamily = 'AUTO' | 'V4_ONLY' | 'V6_ONLY' | 'V4_PREFERRED' | 'ALL';

export interface DnsConfig {
  readonly lookupFamily: DnsLookupFamily;
  readonly refreshRate: number;
  /** `dns_failure_refresh_rate`; null = the refresh rate. */
  readonly failureRefreshRate: { readonly base: number; readonly max: number } | null;
  /** `respect_dns_ttl`: the answer's own time in place of the refresh rate, never below the minimum. */
  readonly respectTtl: boolean;
  readonly minimumRefreshRate: number;
  /** `dns_jitter`: up to so much is added to each interval. */
  readonly jitter: number;
  /** Milliseconds until a question counts as failed; 0 = never. */
  readonly queryTimeout: number;
  /** Name servers to ask; null = the system's resolver. */
  readonly servers: DnsServers | null;
}
