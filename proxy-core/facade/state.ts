import type { SourceRange } from '../config/diagnostic.ts';

/** What runs, as plain data for the app, the CLI and tests. Times in wall milliseconds, durations in milliseconds. */
export interface CoreState {
  readonly version: number;
  /** File name of the configuration, for people. */
  readonly source: string;
  readonly appliedAt: number;
  readonly listeners: readonly ListenerState[];
  readonly routeConfigs: readonly RouteConfigState[];
  readonly clusters: readonly ClusterState[];
  readonly admin: { readonly address: string; readonly port: number } | null;
}

export interface ListenerState {
  readonly name: string;
  /** `0.0.0.0:8080` with the port that was really bound. */
  readonly address: string;
  readonly status: 'listening' | 'failed' | 'draining';
  /** Why it is down, empty otherwise. */
  readonly error: string;
  readonly activeConnections: number;
  readonly source: SourceRange;
  readonly filterChains: readonly FilterChainState[];
}

export interface FilterChainState {
  readonly name: string;
  /** "any", "sni *.shop.local, tls". */
  readonly match: string;
  readonly kind: 'http' | 'tcp' | 'other';
  readonly tls: boolean;
  readonly routeConfig: string | null;
  readonly clusters: readonly string[];
  readonly httpFilters: readonly string[];
  readonly source: SourceRange;
}

export interface RouteConfigState {
  readonly name: string;
  readonly source: SourceRange;
  readonly virtualHosts: readonly VirtualHostState[];
}

export interface VirtualHostState {
  readonly name: string;
  readonly domains: readonly string[];
  readonly source: SourceRange;
  readonly routes: readonly RouteState[];
}

export interface RouteState {
  /** `routeConfig/virtualHost/index`, stable within a snapshot. */
  readonly id: string;
  readonly index: number;
  /** The route's name, or its match when it has none. */
  readonly name: string;
  readonly match: string;
  readonly action: string;
  readonly clusters: readonly string[];
  readonly hits: number;
  readonly source: SourceRange;
}

export interface ClusterState {
  readonly name: string;
  readonly type: string;
  readonly lbPolicy: string;
  readonly source: SourceRange;
  /** True when it was given with --cluster rather than by the file. */
  readonly given: boolean;
  readonly hosts: readonly HostState[];
  readonly panic: boolean;
  readonly outlier: OutlierState | null;
  /** Active health checks; null without. */
  readonly healthCheck: HealthCheckState | null;
  readonly circuitBreakers: readonly CircuitBreakerState[];
}

export interface OutlierState {
  readonly consecutive5xx: number;
  readonly consecutiveGatewayFailure: number;
  readonly baseEjectionTime: number;
  readonly maxEjectionTime: number;
  readonly interval: number;
  readonly maxEjectionPercent: number;
  readonly ejected: number;
  /** A sentence when the settings can never eject anybody ("10 % of 3 hosts is less than one host: …"), else empty. */
  readonly neverEjects: string;
}

export interface HealthCheckState {
  /** `GET /healthz`, `TCP connect`, `gRPC Health/Check`. */
  readonly check: string;
  /** Milliseconds between two checks: of a cluster with traffic, and before its first connection. */
  readonly interval: number;
  readonly noTrafficInterval: number;
  readonly timeout: number;
  readonly unhealthyThreshold: number;
  readonly healthyThreshold: number;
  readonly source: SourceRange;
}

/** What the active health check knows of one host. */
export interface HostCheckState {
  /** `200 OK`, `connection refused`; empty before the first answer. */
  readonly answer: string;
  /** Wall time of that answer, 0 before the first. */
  readonly at: number;
  /** Wall time of the next check, 0 while one is under way. */
  readonly nextAt: number;
}

export interface CircuitBreakerState {
  readonly priority: 'default' | 'high';
  readonly connections: GaugeState;
  readonly pendingRequests: GaugeState;
  readonly requests: GaugeState;
  readonly retries: GaugeState;
}

export interface GaugeState {
  readonly value: number;
  readonly limit: number;
}

export type HostHealth = 'healthy' | 'degraded' | 'ejected' | 'unhealthy' | 'draining';

export interface HostState {
  readonly address: string;
  readonly hostname: string;
  readonly weight: number;
  readonly priority: number;
  readonly locality: string;
  readonly health: HostHealth;
  /** Envoy's `/clusters` words: `healthy`, `/failed_outlier_check`. */
  readonly healthFlags: string;
  /** Why it is not plainly healthy, one sentence; empty when it is. */
  readonly healthReason: string;
  /** Taken out by hand. */
  readonly ejectedManually: boolean;
  /** Null when the host is not checked. */
  readonly check: HostCheckState | null;
  readonly consecutive5xx: number;
  readonly consecutiveGatewayFailure: number;
  readonly ejections: number;
  /** Wall time of the earliest return, 0 when not ejected; the return happens at the next sweep after it. */
  readonly ejectedUntil: number;
  readonly activeRequests: number;
  readonly activeConnections: number;
  readonly totalRequests: number;
  readonly successRequests: number;
  readonly errorRequests: number;
}

export interface HostHistoryState {
  /** As it is now: it moves on with every check, which the state does not. Null without check. */
  readonly check: HostCheckState | null;
  /** Why its connections ended, and how often; the most frequent first. */
  readonly connectionEnds: readonly ConnectionEndCount[];
  /** Oldest first. */
  readonly entries: readonly HostEvent[];
}

export interface ConnectionEndCount {
  /** `idle-timeout`. */
  readonly end: string;
  readonly text: string;
  readonly count: number;
}

/** One entry of a host's history. */
export interface HostEvent {
  /** Counts up with the entries of one host. */
  readonly seq: number;
  /** Wall milliseconds. */
  readonly at: number;
  readonly kind: CoreEvent['kind'] | 'host-added' | 'host-removed' | 'host-endpoint' | 'host-check';
  readonly tone: CoreEvent['tone'];
  readonly text: string;
  /** What was detected; `manual` for what somebody did by hand. */
  readonly detector: string;
  readonly reason: string;
  /** For ejections: planned length in milliseconds (0 = until it is undone) and the number in a row. */
  readonly duration: number;
  readonly count: number;
  readonly manual: boolean;
  /** Envoy's `/clusters` words right after it. */
  readonly healthFlags: string;
}

/** Something that happened, for the event rows, the time axes and the toasts. */
export interface CoreEvent {
  readonly seq: number;
  readonly at: number;
  readonly kind:
    | 'host-ejected'
    | 'host-returned'
    | 'host-not-ejected'
    | 'host-health'
    | 'config-applied'
    | 'config-rejected'
    | 'listener-failed'
    | 'listener-recovered'
    | 'cluster-resolved'
    | 'dns-failed'
    | 'endpoints-refused'
    | 'log-failed'
    | 'certificate-replaced'
    | 'certificate-rejected'
    | 'service-failed'
    | 'service-recovered'
    | 'demo';
  readonly tone: 'note' | 'ok' | 'warn' | 'err' | 'eject';
  /** The whole story in one or two sentences. */
  readonly text: string;
  readonly cluster: string;
  readonly host: string;
  readonly version: number;
  /** For ejections: what was detected (`consecutive_5xx`), and why not ejected. */
  readonly detector: string;
  readonly reason: string;
  /** For ejections: planned length in milliseconds and the number in a row. */
  readonly duration: number;
  readonly count: number;
}
