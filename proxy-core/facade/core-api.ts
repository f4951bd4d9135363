import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { Diagnostic, SourceRange } from '../config/diagnostic.ts';
import type { Decision } from './decision.ts';
import type { Overlay } from './overlay.ts';
import type { MetricsTick, RecordDetail, RecorderState, RecordRow } from './records.ts';
import type { CoreEvent, CoreState, HostHistoryState } from './state.ts';

/** A configuration as text. `file` names it in diagnostics and anchors nothing: paths inside are Envoy's. */
export interface ConfigSource {
  readonly file: string;
  readonly text: string;
  /** Clusters given on the command line: name → `host:port` list. Never exported. */
  readonly givenClusters?: ReadonlyMap<string, readonly string[]>;
  /** `--config-yaml`: merged into the file as Envoy merges (scalars replace, lists are appended). */
  readonly merge?: string;
  readonly serviceNode?: string;
  readonly serviceCluster?: string;
  readonly allowUnknownStaticFields?: boolean;
  /** Runs beside it; never exported. */
  readonly overlay?: Overlay;
}

export interface Diagnostics {
  readonly ok: boolean;
  readonly diagnostics: readonly Diagnostic[];
}

/** A configuration's text after every proposed edit. */
export interface FixedConfig {
  readonly text: string;
  /** What was mended; ranges are those of the text as it was in that round. */
  readonly applied: readonly Diagnostic[];
  /** What is left. */
  readonly diagnostics: readonly Diagnostic[];
}

export interface ResourceChanges {
  readonly added: readonly string[];
  readonly updated: readonly string[];
  readonly removed: readonly string[];
  readonly unchanged: readonly string[];
}

export type ApplyResult =
  | {
      readonly ok: true;
      readonly version: number;
      readonly diagnostics: readonly Diagnostic[];
      readonly listeners: ResourceChanges;
      readonly clusters: ResourceChanges;
      readonly routes: ResourceChanges;
    }
  | {
      readonly ok: false;
      /** The version that goes on serving, 0 when there is none. */
      readonly version: number;
      readonly diagnostics: readonly Diagnostic[];
    };

/** A request to explain, real or imagined. Header names in any case. */
export interface ExplainRequest {
  readonly method: string;
  /** Absolute (`http://shop.local:8080/x?y`): the port picks the listener, the rest is authority and path. */
  readonly url: string;
  readonly headers: readonly (readonly [string, string])[];
  /** Draw for weights and load balancing; fixed to 0 when absent so that answers repeat. */
  readonly random?: number;
  /** Tells also where so many requests like this one would go. */
  readonly draws?: number;
}

export interface ExportOptions {
  /** Folder to write into; created when missing. */
  readonly directory: string;
}

export interface ExportReport {
  readonly files: readonly string[];
  readonly notices: readonly Diagnostic[];
  /** Loopback addresses in the configuration, which mean something else in production. */
  readonly loopback: readonly {
    readonly path: string;
    readonly address: string;
    readonly range: SourceRange;
  }[];
  /** Edits made so that Envoy accepts it (a router given its typed_config, the fragment wrapped). */
  readonly changes: readonly string[];
}

export interface RowQuery {
  /** Rows with `seq` ≥ this, oldest first. */
  readonly from: number;
  readonly limit: number;
}

export interface RowBatch {
  readonly rows: readonly RecordRow[];
  /** Rows that had already been overwritten when asked for. */
  readonly skipped: number;
  readonly state: RecorderState;
}

/** A host of a cluster by the address that `state()` gives it: `127.0.0.1:9001`. */
export interface HostRef {
  readonly cluster: string;
  readonly address: string;
}

export type BodySide = 'request' | 'response';

export interface BodySlice {
  readonly bytes: Uint8Array;
  readonly offset: number;
  readonly kept: number;
  readonly total: number;
}
export type { CoreEvent, CoreState, Decision, MetricsTick, RecordDetail, RecorderState, RecordRow };

export interface CloseOptions {
  /** Milliseconds to let requests in flight finish; 0 cuts them, as Envoy does on SIGTERM. */
  readonly drain: number;
}

/** The face that hosts, tests and tools rest on; made by `createProxyCore` in index.ts. */
export interface ProxyCore {
  /** Parses, checks and compiles without touching what runs. `lint` adds notices about the route tables. */
  validate(source: ConfigSource, options?: { readonly lint?: boolean }): Diagnostics;
  /** Validate, warm, swap. On any error the old snapshot is untouched. Applies are queued, never concurrent. */
  apply(source: ConfigSource): Promise<ApplyResult>;
  /** The decision for an imagined request under the running snapshot. Throws AttacheError `core.no-snapshot`. */
  explain(request: ExplainRequest): Decision;
  /** The decision of a recorded request, re-decided from what it used. Null when it left the ring. */
  explainRecord(seq: number): Decision | null;
  /** Route tests (YAML, as `attache route-test` reads them) that hold these recorded requests to where they went. */
  routeTests(seqs: readonly number[]): string;
  state(): CoreState;
  rows(query: RowQuery): RowBatch;
  record(seq: number): RecordDetail | null;
  body(seq: number, side: BodySide, offset: number, length: number): BodySlice | null;
  /** Ascending seqs of the newest `limit` records that pass `filter` (the filter language). */
  filterRecords(
    filter: string,
    limit: number,
  ): Promise<{ readonly seqs: readonly number[]; readonly total: number; readonly error: string }>;
  clearRecords(): { freedBytes: number };
  setRecording(on: boolean): void;
  recorderState(): RecorderState;
  /** The last hour at most, oldest first. */
  metrics(): readonly MetricsTick[];
  events(): readonly CoreEvent[];
  /** What happened to a host, at most its last 100 entries, and its health check; hosts that left are remembered. */
  hostHistory(host: HostRef): HostHistoryState;
  /** Takes a host out by hand until `unejectHost`. Throws AttacheError `core.no-cluster`, `core.no-host`. */
  ejectHost(host: HostRef): void;
  /** Takes a host back, whether it was ejected by hand or by outlier detection. Throws as `ejectHost` does. */
  unejectHost(host: HostRef): void;
  /** Announces, never steers. Returns the way to stop listening. */
  on(listener: CoreListener): () => void;
  exportConfig(source: ConfigSource, options: ExportOptions): ExportReport;
  close(options: CloseOptions): Promise<void>;
}

/** Every member is optional; all are called after the fact. */
export interface CoreListener {
  event?(event: CoreEvent): void;
  /** Once a second. */
  metrics?(tick: MetricsTick): void;
  /** Listeners, clusters, hosts or ejections changed; at most every 50 ms. */
  state?(): void;
}

export interface CoreOptions {
  /** Time and randomness, for tests; default: the system's. */
  readonly clock?: Clock;
  readonly random?: Random;
  /** As `/server_info` tells them: the product's version and its command line in Envoy's snake_case. */
  readonly version?: string;
  readonly commandLine?: Readonly<Record<string, unknown>>;
  /** `/quitquitquit` was posted; default: nothing happens. */
  readonly onQuit?: () => void;
  /** Lines such as Envoy's own log writes; default: nothing. */
  readonly log?: (level: 'debug' | 'info' | 'warning' | 'error', component: string, message: string) => void;
  readonly recorder?: {
    readonly maxRecords?: number;
    readonly maxBytes?: number;
    readonly maxBodyPrefix?: number;
    readonly enabled?: boolean;
  };
  /** Milliseconds between flushes of access logs (`--file-flush-interval-msec`, 10 s). */
  readonly fileFlushInterval?: number;
  /** `--drain-time-s` in milliseconds (600 s). */
  readonly drainTime?: number;
  /** `--drain-strategy`: connections are asked to end more and more often over the drain time, or all of them at once. */
  readonly drainStrategy?: 'gradual' | 'immediate';
  /** A file that gets the admin interface's bound address (`--admin-address-path`). */
  readonly adminAddressPath?: string;
}
