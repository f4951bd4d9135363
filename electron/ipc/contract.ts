/**
 * The one contract between the app and the renderer: every call, its argument and its answer, and every event.
 * Both transports (Electron IPC, WebSocket) carry exactly this. Types only, and the plain lists that go with them.
 */
import type {
  ApplyResult,
  BodySide,
  CoreEvent,
  CoreState,
  Decision,
  Diagnostics,
  ExplainRequest,
  ExportReport,
  HostHistoryState,
  HostRef,
  MetricsTick,
  RecordDetail,
  RecorderState,
  RecordRow,
} from '../../proxy-core/index.ts';

export interface AppInfo {
  readonly version: string;
  readonly shell: 'desktop' | 'browser';
  readonly platform: string;
  readonly pid: number;
}

/** The configuration that is open: the text on disk, the text that runs, and how it goes. */
export interface ConfigState {
  /** Absolute path, or `demo:shop.yaml` for the built-in demo. */
  readonly file: string;
  readonly name: string;
  readonly demo: boolean;
  /** Text of the running version, empty when none runs. */
  readonly runningText: string;
  readonly runningVersion: number;
  /** Text on disk (differs from the running one after a rejected edit). */
  readonly fileText: string;
  readonly status: 'none' | 'starting' | 'running' | 'running-in-part' | 'rejected';
  /** Diagnostics of the last text that was applied or refused. */
  readonly diagnostics: Diagnostics['diagnostics'];
  readonly recent: readonly string[];
}

export type DemoHostMode = 'healthy' | '503' | 'slow' | 'reset' | 'down';

export interface DemoState {
  readonly running: boolean;
  /** Requests per second of the generator, 0 = off. */
  readonly rate: number;
  readonly services: readonly {
    readonly name: string;
    readonly hosts: readonly { readonly address: string; readonly mode: DemoHostMode }[];
  }[];
  /** Says which ports of the shop are others because theirs are taken; empty otherwise. */
  readonly notice: string;
}

export interface CaptureState {
  /** `http://127.0.0.1:9900`, what HTTP_PROXY and HTTPS_PROXY are set to; empty while it is off. */
  readonly proxy: string;
  /** Patterns of hosts whose TLS is ended here. */
  readonly intercept: readonly string[];
  /** The certificate that services have to trust for that, empty when none has to be. */
  readonly caFile: string;
}

/** What the client asks to get pushed. One row batch is in flight until acknowledged with `rows.ack`. */
export interface RowsPush {
  /** Rows new or changed since the last batch, by seq. A seq seen before replaces its row. */
  readonly rows: readonly RecordRow[];
  /** Rows that were recorded and not sent because the window lagged. */
  readonly skipped: number;
  readonly recorder: RecorderState;
  /** Increases by one with each push; echoed by `rows.ack`. */
  readonly batch: number;
}

export interface Resync {
  readonly state: CoreState;
  readonly config: ConfigState;
  readonly demo: DemoState;
  readonly recorder: RecorderState;
  readonly metrics: readonly MetricsTick[];
  readonly events: readonly CoreEvent[];
  readonly info: AppInfo;
  readonly process: ProcessStats;
}

export interface ProcessStats {
  readonly rssBytes: number;
  /** Percent of one core over the last second. */
  readonly cpuPercent: number;
}

export interface Calls {
  /** Everything needed to draw, in one answer; also starts the pushes of this client. */
  'app.resync': { args: undefined; result: Resync };
  /** Hidden windows get one push a second. */
  'app.visibility': { args: { visible: boolean }; result: undefined };
  'state.get': { args: undefined; result: CoreState };
  /** `lint` adds notices about the route tables. */
  'config.validate': { args: { text: string; lint?: boolean }; result: Diagnostics };
  /** Validates and applies an edited text; writes the file whole when it was accepted and `save` is true. */
  'config.apply': { args: { text: string; save: boolean }; result: ApplyResult };
  'config.open': { args: { file: string }; result: ConfigState };
  /** Desktop: native dialog; browser: refused with `not-supported`. Null when cancelled. */
  'config.openDialog': { args: undefined; result: ConfigState | null };
  'config.export': { args: { directory: string }; result: ExportReport };
  'records.rows': {
    args: { from: number; limit: number };
    result: { rows: readonly RecordRow[]; skipped: number; recorder: RecorderState };
  };
  'rows.ack': { args: { batch: number }; result: undefined };
  /** Seqs (ascending) of the recorded requests that match a filter of the filter language, newest `limit`. */
  'records.filter': {
    args: { filter: string; limit: number };
    result: { seqs: readonly number[]; total: number; error: string };
  };
  'records.detail': { args: { seq: number }; result: RecordDetail | null };
  'records.body': {
    args: { seq: number; side: BodySide; offset: number; length: number };
    result: { base64: string; offset: number; kept: number; total: number } | null;
  };
  'records.decision': { args: { seq: number }; result: Decision | null };
  /** Route tests in YAML of the newest requests that match a filter (all of them when it is empty). */
  'records.routeTests': { args: { filter: string; limit: number }; result: { text: string; tests: number } };
  'records.clear': { args: undefined; result: { freedBytes: number } };
  'records.pause': { args: { paused: boolean }; result: undefined };
  'hosts.history': { args: HostRef; result: HostHistoryState };
  /** Takes a host out by hand, and takes it back whatever ejected it. */
  'hosts.eject': { args: HostRef; result: undefined };
  'hosts.uneject': { args: HostRef; result: undefined };
  explain: { args: ExplainRequest; result: Decision };
  /** An explicit HTTP proxy for calls that services make outwards. Local only: in no configuration and no export. */
  'capture.state': { args: undefined; result: CaptureState };
  /** `port` 0 takes any that is free. Throws `capture.*` and `ca.*`; another capture that runs is replaced. */
  'capture.start': { args: { port: number; intercept: readonly string[] }; result: CaptureState };
  'capture.stop': { args: undefined; result: CaptureState };
  'demo.start': { args: undefined; result: DemoState };
  'demo.rate': { args: { rate: number }; result: DemoState };
  'demo.host': { args: { address: string; mode: DemoHostMode }; result: DemoState };
}

export interface Events {
  rows: RowsPush;
  metrics: MetricsTick;
  process: ProcessStats;
  state: CoreState;
  config: ConfigState;
  event: CoreEvent;
  demo: DemoState;
}

export type CallName = keyof Calls;
export type EventName = keyof Events;

/** How a failed call reaches the other side. */
export interface CallError {
  readonly code: string;
  readonly message: string;
}

/** What the renderer gets from its transport (`window.attache` in the desktop app, the WebSocket in a browser). */
export interface AppClient {
  call<N extends CallName>(name: N, args: Calls[N]['args']): Promise<Calls[N]['result']>;
  on<N extends EventName>(name: N, listener: (payload: Events[N]) => void): () => void;
  /** `connected` turns false while a transport is away; it comes back by itself and asks for `app.resync`. */
  onConnection(listener: (connected: boolean) => void): () => void;
}
