import type { RequestHead } from '../base/stream-info.ts';
import type { SourceRange } from '../config/diagnostic.ts';

/**
 * Compiled routing, immutable. Deciding functions take a `Narrator | null`: null on the hot path, and with one they
 * tell each candidate and why it lost. They live beside these types: `decideRoute`, `selectCluster`,
 * `finalizeRequest`, `finalizeResponse`, `redirectResponse`.
 */
export interface RouteTable {
  readonly name: string;
  readonly source: SourceRange;
  readonly virtualHosts: readonly VirtualHost[];
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
  /** Compiled `typed_per_filter_config` by filter config name. */
  readonly perFilterConfig: ReadonlyMap<string, unknown>;
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
}

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
  readonly source: SourceRange;
}

export interface RedirectAction {
  readonly kind: 'redirect';
  readonly status: number;
}

export interface DirectResponseAction {
  readonly kind: 'direct-response';
  readonly status: number;
  readonly body: string;
}

/** What matching may look at. `remoteIsInternal` after the connection manager's header work. */
export interface RouteInput {
  readonly head: RequestHead;
  /** The stream's draw in [0, 2^53). */
  readonly random: number;
  readonly tls: boolean;
  readonly internal: boolean;
  /** `numerator`/`denominator` draws by runtime key; the static layers' values. */
  readonly runtime: ReadonlyMap<string, unknown>;
}

/** The cluster chosen for one request, with the weighted entry whose header changes apply. */
export interface ClusterChoice {
  readonly cluster: string;
  /** Index in `weighted_clusters.clusters`, -1 otherwise. */
  readonly weightedIndex: number;
}
