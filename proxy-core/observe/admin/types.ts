import type { MessageNode } from '../../config/message.ts';
import type { StatsStore } from '../stats/store.ts';

/** Everything the admin interface shows and does; the core stands behind it. Read anew for each request. */
export interface AdminBackend {
  readonly stats: StatsStore;
  serverInfo(): ServerInfo;
  listeners(): readonly AdminListener[];
  clusters(): readonly AdminCluster[];
  config(): AdminConfigDump;
  certificates(): readonly AdminCertificatePair[];
  runtime(): AdminRuntime;
  /** Null when there is no admin layer; the text is what went wrong. An empty value removes the override. */
  modifyRuntime(values: ReadonlyMap<string, string>): string | null;
  /** Level of the core's own log by logger name. */
  logLevels(): ReadonlyMap<string, LogLevel>;
  /** All loggers when `logger` is null. */
  setLogLevel(logger: string | null, level: LogLevel): void;
  reopenLogs(): void;
  /** `/healthcheck/fail` and `/healthcheck/ok`. */
  failHealthChecks(fail: boolean): void;
  drainListeners(options: DrainOptions): void;
  /** `/quitquitquit`: called after the answer was written. */
  quit(): void;
}

export interface DrainOptions {
  readonly graceful: boolean;
  readonly skipExit: boolean;
  readonly inboundOnly: boolean;
}

export type ServerState = 'LIVE' | 'DRAINING' | 'PRE_INITIALIZING' | 'INITIALIZING';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warning' | 'error' | 'critical' | 'off';

export const LOG_LEVELS: readonly LogLevel[] = [
  'trace',
  'debug',
  'info',
  'warning',
  'error',
  'critical',
  'off',
];

export interface ServerInfo {
  /** `<revision>/<version>/Clean/RELEASE/<crypto>`, as Envoy writes it. */
  readonly version: string;
  readonly state: ServerState;
  /** Whole seconds since the start. */
  readonly uptime: number;
  /** `command_line_options` in snake_case. */
  readonly commandLineOptions: Readonly<Record<string, unknown>>;
  readonly node: { readonly id: string; readonly cluster: string };
}

/** A socket address, or the path of a pipe with port -1. */
export interface AdminAddress {
  readonly ip: string;
  readonly port: number;
}

export interface AdminListener {
  readonly name: string;
  readonly address: AdminAddress;
  readonly additionalAddresses: readonly AdminAddress[];
}

export interface AdminThresholds {
  readonly maxConnections: number;
  readonly maxPendingRequests: number;
  readonly maxRequests: number;
  readonly maxRetries: number;
}

export interface AdminCluster {
  readonly name: string;
  readonly observabilityName: string;
  readonly addedViaApi: boolean;
  /** Empty when the cluster is not of type EDS. */
  readonly edsServiceName: string;
  readonly defaultPriority: AdminThresholds;
  readonly highPriority: AdminThresholds;
  /** Null without outlier detection. Averages and thresholds in percent, -1 when not computed. */
  readonly outlier: {
    readonly successRateAverage: number;
    readonly successRateEjectionThreshold: number;
    readonly localOriginSuccessRateAverage: number;
    readonly localOriginSuccessRateEjectionThreshold: number;
  } | null;
  readonly hosts: readonly AdminHost[];
}

export interface AdminHost {
  readonly address: AdminAddress;
  readonly hostname: string;
  readonly cxActive: number;
  readonly cxConnectFail: number;
  readonly cxTotal: number;
  readonly rqActive: number;
  readonly rqError: number;
  readonly rqSuccess: number;
  readonly rqTimeout: number;
  readonly rqTotal: number;
  /** Envoy's words: `healthy`, `/failed_outlier_check`, `/failed_active_hc`. */
  readonly healthFlags: string;
  readonly weight: number;
  readonly region: string;
  readonly zone: string;
  readonly subZone: string;
  readonly canary: boolean;
  readonly priority: number;
  /** Percent, -1 when not computed. */
  readonly successRate: number;
  readonly localOriginSuccessRate: number;
}

/** One configured resource. `version` is set for those that came by discovery. */
export interface AdminResource {
  readonly message: MessageNode;
  /** Wall milliseconds of the last update. */
  readonly updated: number;
  readonly version?: string;
}

export interface AdminConfigDump {
  readonly bootstrap: AdminResource | null;
  readonly clusters: readonly AdminResource[];
  readonly listeners: readonly AdminResource[];
  readonly routes: readonly AdminResource[];
  readonly secrets: readonly AdminResource[];
}

export interface AdminCertificate {
  readonly path: string;
  readonly serialNumber: string;
  readonly subjectAltNames: readonly {
    readonly kind: 'dns' | 'uri' | 'ip_address';
    readonly value: string;
  }[];
  /** Wall milliseconds. */
  readonly validFrom: number;
  readonly validTo: number;
}

export interface AdminCertificatePair {
  readonly caCert: readonly AdminCertificate[];
  readonly certChain: readonly AdminCertificate[];
}

export interface AdminRuntime {
  readonly layers: readonly string[];
  /** Key → value of each layer, empty where a layer does not set it. */
  readonly entries: ReadonlyMap<
    string,
    { readonly finalValue: string; readonly layerValues: readonly string[] }
  >;
}

export interface AdminRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** Query parameters, and those of a form body. Keys without `=` have an empty value. */
  readonly params: ReadonlyMap<string, string>;
}

export interface AdminResponse {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  /** Runs once the answer was written. */
  readonly after?: () => void;
}

/** One admin command. Adding one to the table adds it to the help, the index page and the dispatch. */
export interface AdminHandler {
  readonly path: string;
  readonly help: string;
  readonly params?: readonly (readonly [name: string, help: string])[];
  /** Changes something: needs POST. */
  readonly mutates?: boolean;
  handle(request: AdminRequest, backend: AdminBackend): AdminResponse;
}
