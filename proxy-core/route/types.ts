import type { RequestHead } from '../base/stream-info.ts';
import type { SubsetCriteria } from '../base/subset-criteria.ts';
import type { SourceRange } from '../config/diagnostic.ts';
import type { ConnectConfig } from './connect-config.ts';
import type { DomainIndex } from './domain-index.ts';
import type { HashPolicy } from './hash-policy.ts';
import type { HeaderMatcher } from './header-matcher.ts';
import type { HeaderMutations } from './header-mutation.ts';
import type { InternalRedirectPolicy } from './internal-redirect.ts';
import type { Metadata } from './metadata-matcher.ts';
import type { MirrorPolicy } from './mirror.ts';
import type { RateLimitPolicy } from './rate-limit.ts';
import type { RegexSubstitution } from './regex.ts';
import type { HostPredicate, RetryPriority } from './retry-policy.ts';
import type { PathRewrite } from './rewrite.ts';
import type { RouteIndex } from './route-index.ts';
import type { RouteMatch } from './route-match.ts';
import type { VirtualCluster } from './virtual-cluster.ts';
import type { VirtualHostMatcher } from './virtual-host-matcher.ts';

/**
 * Compiled routing, immutable. Deciding functions take a `Narrator | null`: null on the hot path, and with one they
 * tell each candidate and why it lost. They live beside these types: `decideRoute`, `selectCluster`,
 * `finalizeRequest`, `finalizeResponse`, `redirectResponse`.
 */
export interface RouteTable {
  readonly name: string;
  readonly source: SourceRange;
  readonly virtualHosts: readonly VirtualHost[];
  readonly domainIndex: DomainIndex;
  readonly ignorePortInHostMatching: boolean;
  readonly ignorePathParameters: boolean;
  /** In lower case; removed from requests that are not internal. */
  readonly internalOnlyHeaders: readonly string[];
  readonly perFilterConfig: ReadonlyMap<string, unknown>;
}

export interface VirtualHost {
  readonly name: string;
  readonly domains: readonly string[];
  readonly source: SourceRange;
  readonly routes: readonly Route[];
  /** `virtual_hosts.require_tls`. */
  readonly requireTls: 'NONE' | 'EXTERNAL_ONLY' | 'ALL';
  readonly includeAttemptCountInRequest: boolean;
  readonly includeAttemptCountInResponse: boolean;
  /** Retries tell in `x-envoy-is-timeout-retry` whether they follow a timeout. */
  readonly includeIsTimeoutRetry: boolean;
  /** Compiled `typed_per_filter_config` by filter config name. */
  readonly perFilterConfig: ReadonlyMap<string, unknown>;
  readonly routeIndex: RouteIndex;
  /** Picks among the routes instead of their order; null = none. */
  readonly matcher: VirtualHostMatcher | null;
  /** For stats alone, in order; `virtualClusterOf` picks. */
  readonly virtualClusters: readonly VirtualCluster[];
  readonly rateLimits: readonly RateLimitPolicy[];
  /** What `require_tls` answers with: a redirect to https. */
  readonly tlsRedirect: Route | null;
}

export interface Route {
  /** `routeConfig/virtualHost/index`. */
  readonly id: string;
  /** 0-based position in its virtual host. */
  readonly index: number;
  readonly name: string;
  /** The match and the action in short, for people: `prefix /inventory`, `cluster inventory_service`. */
  readonly matchText: string;
  readonly actionText: string;
  readonly source: SourceRange;
  readonly virtualHost: VirtualHost;
  readonly action: ClusterAction | RedirectAction | DirectResponseAction;
  readonly perFilterConfig: ReadonlyMap<string, unknown>;
  readonly match: RouteMatch;
  /** Header changes of all levels in the order in which they run; null when nothing is configured. */
  readonly requestHeaders: HeaderMutations | null;
  readonly responseHeaders: HeaderMutations | null;
  /** `per_request_buffer_limit_bytes` of the route or its virtual host; null = the listener's limit alone. */
  readonly requestBufferLimit: number | null;
  /** `stat_prefix`: `vhost.<virtual host>.route.<prefix>.*` are counted; empty = they are not. */
  readonly statPrefix: string;
  /** `metadata.filter_metadata`, by namespace. */
  readonly metadata: ReadonlyMap<string, Readonly<Record<string, unknown>>>;
  /** How often it was chosen; the one mutable thing here, carried over to the next snapshot by id. */
  readonly hits: { count: number };
}

export interface ClusterAction {
  readonly kind: 'cluster';
  /** Milliseconds; 0 = none (Envoy's default is 15 s; a `max_stream_duration` makes it 0). */
  readonly timeout: number;
  /** Route `idle_timeout` in milliseconds, null = the connection manager's. */
  readonly idleTimeout: number | null;
  readonly maxStreamDuration: MaxStreamDuration | null;
  /** The deprecated `max_grpc_timeout` (milliseconds, 0 = no cap) and `grpc_timeout_offset`; null = not used. */
  readonly maxGrpcTimeout: { readonly max: number; readonly offset: number } | null;
  readonly clusterNotFoundStatus: number;
  readonly priority: 'default' | 'high';
  readonly retryPolicy: RetryPolicy | null;
  /** `host_rewrite` by the upstream's hostname happens after the pick. */
  readonly autoHostRewrite: boolean;
  readonly appendXForwardedHost: boolean;
  /** Route `upgrade_configs`: type in lower case → enabled. */
  readonly upgrades: ReadonlyMap<string, boolean>;
  /** Names of all clusters that it can choose, for state and validation. */
  readonly clusterNames: readonly string[];
  readonly clusterSpecifier: ClusterSpecifier;
  readonly pathRewrite: PathRewrite | null;
  readonly hostRewrite: HostRewrite | null;
  readonly hashPolicies: readonly HashPolicy[];
  /** `metadata_match` under `envoy.lb`. */
  readonly metadataMatch: SubsetCriteria | null;
  readonly mirrorPolicies: readonly MirrorPolicy[];
  readonly rateLimits: readonly RateLimitPolicy[];
  /** `include_vh_rate_limits`: those of the virtual host count too. */
  readonly includeVirtualHostRateLimits: boolean;
  readonly internalRedirect: InternalRedirectPolicy | null;
  /** `hedge_policy.hedge_on_per_try_timeout`. */
  readonly hedgeOnPerTryTimeout: boolean;
  /** `connect_config` of the CONNECT upgrade; null = CONNECT is forwarded. */
  readonly connect: ConnectConfig | null;
}

export type ClusterSpecifier =
  | { readonly kind: 'cluster'; readonly choice: ClusterChoice }
  | { readonly kind: 'header'; readonly header: string }
  | WeightedClusters
  /** A specifier that is not emulated: no cluster is found. */
  | { readonly kind: 'none' };

export interface WeightedClusters {
  readonly kind: 'weighted';
  readonly entries: readonly WeightedEntry[];
  readonly totalWeight: number;
  /** Weights can be overridden by `<prefix>.<name>` in the runtime; empty = not. */
  readonly runtimeKeyPrefix: string;
  /** A request header that replaces the draw; empty = none. */
  readonly randomHeader: string;
}

export interface WeightedEntry {
  /** Empty when the name comes from `clusterHeader`. */
  readonly name: string;
  readonly clusterHeader: string;
  readonly weight: number;
  readonly hostRewriteLiteral: string;
  readonly requestHeaders: HeaderMutations | null;
  readonly responseHeaders: HeaderMutations | null;
  readonly perFilterConfig: ReadonlyMap<string, unknown>;
  readonly source: SourceRange;
  readonly choice: ClusterChoice;
}

export type HostRewrite =
  | { readonly kind: 'literal'; readonly value: string }
  | { readonly kind: 'header'; readonly header: string }
  | { readonly kind: 'path-regex'; readonly substitution: RegexSubstitution };

export interface MaxStreamDuration {
  readonly max: number | null;
  readonly grpcTimeoutHeaderMax: number | null;
  readonly grpcTimeoutHeaderOffset: number | null;
}

/** Compiled `retry_policy`; `on` holds Envoy's words. */
export interface RetryPolicy {
  readonly on: ReadonlySet<string>;
  readonly numRetries: number;
  readonly perTryTimeout: number;
  readonly perTryIdleTimeout: number;
  readonly retriableStatusCodes: readonly number[];
  readonly baseInterval: number;
  readonly maxInterval: number;
  readonly retriableHeaders: readonly HeaderMatcher[];
  readonly retriableRequestHeaders: readonly HeaderMatcher[];
  readonly hostPredicates: readonly HostPredicate[];
  readonly priority: RetryPriority | null;
  readonly hostSelectionAttempts: number;
  readonly rateLimitedBackOff: RateLimitedBackOff | null;
  readonly source: SourceRange;
}

export interface RateLimitedBackOff {
  readonly resetHeaders: readonly { readonly name: string; readonly unixTimestamp: boolean }[];
  readonly maxInterval: number;
}

export interface RedirectAction {
  readonly kind: 'redirect';
  readonly status: number;
  /** Empty: the request's own. */
  readonly scheme: string;
  readonly host: string;
  /** 0: none given. */
  readonly port: number;
  readonly path: string;
  readonly pathRewrite: PathRewrite | null;
  readonly stripQuery: boolean;
}

export interface DirectResponseAction {
  readonly kind: 'direct-response';
  readonly status: number;
  readonly body: string;
  readonly bodyBytes: Uint8Array;
}

/** What matching may look at. `remoteIsInternal` after the connection manager's header work. */
export interface RouteInput {
  readonly head: RequestHead;
  /** The stream's draw in [0, 2^53). */
  readonly random: number;
  readonly tls: boolean;
  readonly internal: boolean;
  /** What the client showed on a TLS connection; left out = none. */
  readonly clientCertificate?: 'none' | 'presented' | 'validated';
  /** Dynamic metadata that filters wrote so far; left out = none. */
  readonly metadata?: Metadata | null;
  /** `numerator`/`denominator` draws by runtime key; the static layers' values. */
  readonly runtime: ReadonlyMap<string, unknown>;
}

/** The cluster chosen for one request, with the weighted entry whose header changes apply. */
export interface ClusterChoice {
  readonly cluster: string;
  /** Index in `weighted_clusters.clusters`, -1 otherwise. */
  readonly weightedIndex: number;
  /** `metadata_match` of the weighted entry, laid over the route's; left out = the route's. */
  readonly metadataMatch?: SubsetCriteria | null;
}
