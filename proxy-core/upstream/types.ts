import type { HeaderList } from '../base/headers.ts';
import type { Counter, Gauge, Histogram } from '../base/stats.ts';
import type { OverrideHost, RequestHead, StreamInfo } from '../base/stream-info.ts';
import type { SubsetCriteria } from '../base/subset-criteria.ts';
import type { SourceRange } from '../config/diagnostic.ts';
import type { Narrator } from '../facade/decision.ts';
import type { HeaderKeyFormat } from '../http/codec/http1-header-keys.ts';
import type { Http2Config } from '../http/codec/http2/compile.ts';
import type { Http2Stats } from '../http/codec/http2/stats.ts';
import type { SocketOptions } from '../network/connect.ts';
import type { ClientTls } from '../network/tls/client.ts';
import type { TlsStats } from '../network/tls/stats.ts';
import type { ConnectionEnds } from './pool/connection-end.ts';

/** Compiled `envoy.config.cluster.v3.Cluster`, immutable. Durations in milliseconds, sizes in bytes. */
export interface ClusterConfig {
  readonly name: string;
  /** `alt_stat_name`, else the name; `:` becomes `_` in stats. */
  readonly statName: string;
  readonly type:
    | 'STATIC'
    | 'STRICT_DNS'
    | 'LOGICAL_DNS'
    | 'EDS'
    | 'ORIGINAL_DST'
    | 'AGGREGATE'
    | 'DYNAMIC_FORWARD_PROXY';
  /** `metadata.filter_metadata` by namespace. */
  readonly metadata: ReadonlyMap<string, unknown>;
  readonly lbPolicy: string;
  readonly source: SourceRange;
  /** Given with --cluster. */
  readonly given: boolean;
  readonly connectTimeout: number;
  readonly perConnectionBufferLimit: number;
  readonly upstreamProtocol: 'HTTP1' | 'HTTP2' | 'DOWNSTREAM' | 'AUTO';
  /** Settings for connections that speak HTTP/2. */
  readonly http2: Http2Config;
  /** `common_http_protocol_options.idle_timeout`; 0 = none; Envoy's default is 1 h. */
  readonly idleTimeout: number;
  /** `max_connection_duration` in milliseconds: afterwards it takes no more requests; 0 = none. */
  readonly maxConnectionDuration: number;
  /** 0 = no limit. */
  readonly maxRequestsPerConnection: number;
  /** `max_stream_duration`, 0 = none. */
  readonly maxStreamDuration: number;
  readonly maxHeadersCount: number;
  readonly proxy100Continue: boolean;
  readonly headerKeyFormat: HeaderKeyFormat;
  readonly enableTrailers: boolean;
  readonly sendFullyQualifiedUrl: boolean;
  /** `auto_sni` and `auto_san_validation`: TLS goes by the name that a request asks for; null = it does not. */
  readonly autoServerName: AutoServerName | null;
  /** A PROXY header at the start of each connection, before TLS; null = none. */
  readonly proxyProtocol: ProxyProtocolOut | null;
  /** `close_connections_on_host_health_failure`, for TCP. */
  readonly closesWithHostHealth?: boolean;
  /** Compiled transport socket (TLS), null = raw buffer. */
  readonly transportSocket: ClientTls | null;
  /** `preconnect_policy.per_upstream_preconnect_ratio`: connections made ahead of need; 1 = none. */
  readonly preconnectRatio: number;
  /** Same text of the cluster message ⇒ same key: apply compares it to tell changed from unchanged. */
  readonly fingerprint: string;
}

/** `envoy.transport_sockets.upstream_proxy_protocol`. */
export interface ProxyProtocolOut {
  readonly version: 1 | 2;
  /** Which TLVs of the client's own PROXY header go on. */
  passesTlv(type: number): boolean;
}

/** `upstream_http_protocol_options`. */
export interface AutoServerName {
  readonly sni: boolean;
  readonly san: boolean;
  /** Header that holds the name; empty: the authority. */
  readonly header: string;
}

/** Per-cluster statistics that the data path touches; names are Envoy's under `cluster.<name>.`. */
export interface ClusterStats {
  readonly upstreamCxTotal: Counter;
  readonly upstreamCxActive: Gauge;
  readonly upstreamCxHttp1Total: Counter;
  readonly upstreamCxHttp2Total: Counter;
  readonly upstreamCxConnectFail: Counter;
  readonly upstreamCxConnectTimeout: Counter;
  readonly upstreamCxConnectAttemptsExceeded: Counter;
  readonly upstreamCxConnectMs: Histogram;
  readonly upstreamCxLengthMs: Histogram;
  readonly upstreamCxDestroy: Counter;
  readonly upstreamCxDestroyLocal: Counter;
  readonly upstreamCxDestroyRemote: Counter;
  readonly upstreamCxDestroyWithActiveRq: Counter;
  readonly upstreamCxDestroyLocalWithActiveRq: Counter;
  readonly upstreamCxDestroyRemoteWithActiveRq: Counter;
  readonly upstreamCxIdleTimeout: Counter;
  readonly upstreamCxMaxDurationReached: Counter;
  readonly upstreamCxProtocolError: Counter;
  readonly upstreamCxMaxRequests: Counter;
  readonly upstreamCxCloseNotify: Counter;
  /** `upstream_cx_http1_total`; `http1.*` appears with the first one. */
  countHttp1Connection(): void;
  /** `http2.*` and `ssl.*` appear with the first use. */
  readonly http2: Http2Stats;
  readonly ssl: TlsStats;
  readonly upstreamCxNoneHealthy: Counter;
  readonly upstreamCxOverflow: Counter;
  readonly upstreamCxRxBytesTotal: Counter;
  readonly upstreamCxTxBytesTotal: Counter;
  readonly upstreamRqTotal: Counter;
  readonly upstreamRqActive: Gauge;
  readonly upstreamRqCompleted: Counter;
  readonly upstreamRqTime: Histogram;
  readonly upstreamRqTimeout: Counter;
  readonly upstreamRqPerTryTimeout: Counter;
  readonly upstreamRqMaxDurationReached: Counter;
  readonly upstreamRqPendingTotal: Counter;
  readonly upstreamRqPendingActive: Gauge;
  readonly upstreamRqPendingOverflow: Counter;
  readonly upstreamRqPendingFailureEject: Counter;
  readonly upstreamRqCancelled: Counter;
  readonly upstreamRqMaintenanceMode: Counter;
  readonly upstreamRqRxReset: Counter;
  readonly upstreamRqTxReset: Counter;
  readonly upstreamRqRetry: Counter;
  readonly upstreamRqRetrySuccess: Counter;
  readonly upstreamRqRetryOverflow: Counter;
  readonly upstreamRqRetryLimitExceeded: Counter;
  readonly upstreamRqRetryBackoffExponential: Counter;
  readonly upstreamRqRetryBackoffRatelimited: Counter;
  readonly upstreamFlowControlPausedReading: Counter;
  readonly upstreamFlowControlResumedReading: Counter;
  /**
   * Counts one final answer as Envoy charges it: `upstream_rq_completed`, `upstream_rq_<class>xx`,
   * `upstream_rq_<code>` and the `internal.`/`external.` twins.
   */
  chargeResponse(status: number, internal: boolean): void;
  /** Counts a try that was retried, under `retry.`. */
  chargeRetried(status: number): void;
  /** `upstream_rq_time` and its `internal.`/`external.` twins, milliseconds. */
  chargeTime(duration: number, internal: boolean): void;
}

/** One endpoint as the load balancer sees it. Lives as long as any host set or record names it. */
export interface Host {
  /** `127.0.0.1:9001`, `[::1]:9001`, or the path of a Unix socket. */
  readonly address: string;
  readonly ip: string;
  /** -1 for a Unix socket. */
  readonly port: number;
  readonly hostname: string;
  /** Further addresses to try when connecting to `ip` fails (LOGICAL_DNS: RFC 8305, "happy eyeballs"). */
  readonly alternatives?: readonly string[];
  readonly socketOptions?: SocketOptions | null;
  /** In place of the cluster's transport socket; undefined = the cluster's. */
  readonly transportSocket?: ClientTls | null | undefined;
  readonly priority: number;
  weight: number;
  /** Whose connections, limits and statistics it uses: another one than the request's in an aggregate. */
  readonly cluster: Cluster | null;
  readonly stats: HostStats;
  /** The connection pools of this host, owned by `upstream/pool/`; null until the first request. */
  pool: HostPool | null;
  /** `metadata.filter_metadata` of the endpoint, by namespace; left out = none. */
  readonly metadata?: ReadonlyMap<string, unknown>;
  /** Reads the load that a host reports in its answers; null unless the policy goes by it. */
  readonly loadReports: LoadReportSink | null;
  /** Told of every result; null without outlier detection. */
  outlier: OutlierMonitor | null;
  /** Told when an answer asks for the host to be left out; null without active health checks. */
  readonly check: HealthMonitor | null;
}

/** `/clusters` per-host numbers. */
export interface HostStats {
  cxActive: number;
  cxConnectFail: number;
  cxTotal: number;
  rqActive: number;
  rqError: number;
  rqSuccess: number;
  rqTimeout: number;
  rqTotal: number;
}

/** Results that did not come as a status from upstream (envoy Outlier::Result). */
export type LocalOriginResult =
  | 'connect-failed'
  | 'connect-timeout'
  | 'connect-success'
  | 'request-timeout'
  | 'reset';

export interface OutlierMonitor {
  /** A response with this status came from the host. */
  putHttpStatus(status: number): void;
  putLocalOrigin(result: LocalOriginResult): void;
}

export interface HealthMonitor {
  /** An answer came with `x-envoy-immediate-health-check-fail`. */
  failPassively(): void;
}

/** Takes what answers say of a host's load. */
export interface LoadReportSink {
  onHeaders(headers: HeaderList): void;
}

export interface HostPool {
  /** Why its connections ended; left out where nobody counts. */
  readonly ends?: ConnectionEnds;
  /** Closes idle connections now and the busy ones after their request (ejection, removal, drain). */
  drain(): void;
}

/** Thresholds and the live counts of one priority (circuit breakers). */
export interface ResourceLimits {
  readonly maxConnections: number;
  readonly maxPendingRequests: number;
  readonly maxRequests: number;
  readonly maxRetries: number;
  readonly maxConnectionsPerHost: number;
  connections: number;
  pendingRequests: number;
  requests: number;
  retries: number;
  /** Call after changing a count: keeps the `*_open` gauges right. */
  refresh(): void;
}

/** What a load balancer may look at; the same values give the same host. */
export interface LoadBalancerContext {
  /** A draw in [0, 2^53). */
  readonly random: number;
  /** Combined hash of the route's hash policies, null when none gave a value. */
  readonly hash: bigint | null;
  /** Which try this is, from 0. */
  readonly attempt: number;
  /** Metadata that the host must have, for clusters with subsets. */
  readonly criteria?: SubsetCriteria | null;
  /** Wanted before any balancing. */
  readonly overrideHost?: OverrideHost | null;
  /** The request, for clusters that find their hosts by it. */
  readonly head?: RequestHead | null;
  readonly info?: StreamInfo | null;
  /** The priority that an aggregate has drawn: its number, or for degraded hosts that plus their count. */
  readonly slot?: number;
  /** Priorities that get no load; null or left out = none. */
  readonly priorities?: PriorityExclusion | null;
  /** Only for explaining a recorded pick: the cluster's `lastPosition` right after it. */
  readonly position?: number;
}

/** Priorities that a retry keeps away from (`retry_priority`). */
export interface PriorityExclusion {
  readonly excluded: ReadonlySet<number>;
  /** No other priority is available: all count again. */
  reset(): void;
}

export interface Cluster {
  readonly config: ClusterConfig;
  readonly stats: ClusterStats;
  /** Id of the immutable host set that `choose` uses now; records keep it. */
  readonly hostSetId: number;
  /** Where in its schedule the last `choose` was; with the host set id it makes that pick repeatable. */
  readonly lastPosition: number;
  /** Shares of the requests to drop (`drop_overloads`), by category. */
  readonly dropOverloads: readonly { readonly category: string; readonly percent: number }[];
  /** The names that a dynamic forward proxy can reach; null for all other types. */
  readonly dynamicHosts: DynamicHosts | null;
  limits(priority: 'default' | 'high'): ResourceLimits;
  /** Null: no healthy upstream. */
  choose(context: LoadBalancerContext): Host | null;
  /** The same pick told with its reasons, without moving any schedule. An old host set id explains a recorded pick. */
  explainChoice(context: LoadBalancerContext, narrator: Narrator, hostSetId?: number): Host | null;
}

/** Hosts that come to be when they are asked for (`envoy.clusters.dynamic_forward_proxy`). */
export interface DynamicHosts {
  /** 443 for a cluster that speaks TLS, else 80. */
  readonly defaultPort: number;
  /** Resolves `host` or `host:port`; `ready` is called once after `loading`, also when it failed. */
  load(host: string, ready: () => void): 'in-cache' | 'loading' | 'overflow' | 'pending-overflow';
  /** Takes back a `load` that is under way. */
  cancel(host: string, ready: () => void): void;
  /** Why the name has no address; empty when it has. */
  failure(host: string): string;
}

export interface ClusterManager {
  get(name: string): Cluster | undefined;
}
