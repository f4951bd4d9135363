import { CallbackTimer, type Clock } from '../base/clock.ts';
import { AttacheError } from '../base/errors.ts';
import { type Random, SystemRandom } from '../base/random.ts';
import { RealClock } from '../base/real-clock.ts';
import type { StreamInfo } from '../base/stream-info.ts';
import type { CoreServices } from '../config/compile-context.ts';
import type { Diagnostic } from '../config/diagnostic.ts';
import { diffConfigs } from '../config/diff.ts';
import { exportConfig } from '../config/export.ts';
import { type LoadedConfig, loadConfig } from '../config/load.ts';
import { runtimeValues, withOverrides } from '../config/runtime-layers.ts';
import { SystemDnsResolver } from '../discovery/dns-resolver.ts';
import type {
  ApplyResult,
  BodySide,
  BodySlice,
  CloseOptions,
  ConfigSource,
  CoreListener,
  CoreOptions,
  Diagnostics,
  ExplainRequest,
  ExportOptions,
  ExportReport,
  HostRef,
  ProxyCore,
  RowBatch,
  RowQuery,
} from '../facade/core-api.ts';
import type { Decision } from '../facade/decision.ts';
import type { MetricsTick, RecordDetail, RecorderState } from '../facade/records.ts';
import type { CoreEvent, CoreState, HostHistoryState } from '../facade/state.ts';
import { createDataPath, type DataPath, defectText } from '../http/runtime.ts';
import { firstExpiry, SecretManager } from '../listener/index.ts';
import {
  EventLog,
  filterRecordsInSlices,
  LiveMetrics,
  LogFileManager,
  Recorder,
  RouteIds,
  ServerStats,
  StatsStore,
} from '../observe/index.ts';
import { compileFormat, DEFAULT_LOG_FORMAT, LOG_FORMAT } from '../route/index.ts';
import { writeRouteTests } from '../route-test/index.ts';
import { createClusterManager, isEjected, type LineSink, type UpstreamManager } from '../upstream/index.ts';
import { AdminInterface } from './admin-interface.ts';
import { BindProblem } from './bind-problem.ts';
import { type Compilation, compileBootstrap } from './compile.ts';
import { explainRecorded, explainRequest } from './explain.ts';
import { switchFilters } from './filter-lifecycle.ts';
import { ejectHost, hostHistory, sumClusters, sumHosts, unejectHost } from './host-actions.ts';
import { ListenerSet, type OpenedListeners } from './listener-set.ts';
import { Observer } from './observer.ts';
import { recordedRoute } from './recorded-route.ts';
import { routeNotices } from './route-notices.ts';
import { carryHits, type Snapshot, SnapshotTable } from './snapshot.ts';
import { coreState } from './state.ts';

/** The release of Envoy that is emulated: what `/server_info` says, and `server.version`. */
const ENVOY_VERSION = '1.32.0';

/** `--drain-time-s` when it is not given, milliseconds. */
const DRAIN_TIME = 600_000;

const NO_RUNTIME: ReadonlyMap<string, unknown> = new Map();

/** State changes are announced at most this often, milliseconds. */
const STATE_ANNOUNCEMENT = 50;

/** The running proxy behind the facade: owns every part that has a lifetime and swaps snapshots. */
export class RunningCore implements ProxyCore {
  private readonly clock: Clock;
  private readonly random: Random;
  private readonly stats = new StatsStore();
  private readonly services: CoreServices;
  private readonly events_: EventLog;
  private readonly logFiles: LogFileManager;
  private readonly recorder: Recorder;
  private readonly liveMetrics: LiveMetrics;
  private readonly clusters: UpstreamManager;
  private readonly dataPath: DataPath;
  private readonly admin: AdminInterface;
  private readonly listeners: ListenerSet;
  private readonly secrets: SecretManager;
  private readonly serverStats: ServerStats;
  private readonly snapshots = new SnapshotTable();
  private readonly coreListeners = new Set<CoreListener>();
  private readonly metricsTimer: CallbackTimer;
  private readonly stateTimer: CallbackTimer;
  private current: Snapshot | null = null;
  private nextVersion = 1;
  private queue: Promise<unknown> = Promise.resolve();
  private closed = false;
  private readonly created: number;

  constructor(private readonly options: CoreOptions) {
    const log = options.log ?? (() => {});
    this.clock =
      options.clock ?? new RealClock((error) => log('error', 'main', `A timer failed: ${defectText(error)}`));
    this.random = options.random ?? new SystemRandom();
    this.created = this.clock.now();
    this.services = { clock: this.clock, random: this.random, stats: this.stats, log };
    this.events_ = new EventLog(() => this.clock.wall());
    this.events_.on((event) => {
      for (const listener of this.coreListeners) listener.event?.(event);
      this.announceState();
    });
    this.secrets = new SecretManager(this.services, (event) =>
      this.events_.add({ ...event, version: this.current?.version ?? 0 }),
    );
    this.logFiles = new LogFileManager({
      clock: this.clock,
      stats: this.stats,
      event: (event) => this.events_.add({ version: this.current?.version ?? 0, ...event }),
      ...(options.fileFlushInterval === undefined ? {} : { flushInterval: options.fileFlushInterval }),
    });
    const routeIds = new RouteIds();
    const format = compileFormat(DEFAULT_LOG_FORMAT, LOG_FORMAT, () => {});
    this.recorder = new Recorder(
      { ...options.recorder, logLine: (info) => format.format(info).trimEnd() },
      routeIds,
    );
    this.liveMetrics = new LiveMetrics(
      {
        downstreamConnections: () => this.listeners.connections,
        upstreamConnections: () => sumHosts(this.clusters.view, ({ stats }) => stats.cxActive),
        ejectedHosts: () => sumHosts(this.clusters.view, (host) => (isEjected(host) ? 1 : 0)),
        retriesTotal: () => sumClusters(this.clusters.view, ({ stats }) => stats.upstreamRqRetry.value),
        overflowsTotal: () =>
          sumClusters(
            this.clusters.view,
            ({ stats }) => stats.upstreamRqPendingOverflow.value + stats.upstreamCxOverflow.value,
          ),
      },
      routeIds,
    );
    this.clusters = createClusterManager(this.services, {
      resolver: new SystemDnsResolver(),
      onEvent: (event) => this.events_.add({ ...event, version: this.current?.version ?? 0 }),
      onChange: () => this.announceState(),
      openLog: (path) => this.lineSink(path),
      runtime: () => this.current?.bootstrap.runtime ?? NO_RUNTIME,
    });
    this.dataPath = createDataPath(this.services, new Observer(this.recorder, this.liveMetrics));
    this.dataPath.onEvent = (event) => this.events_.add({ ...event, version: this.current?.version ?? 0 });
    this.listeners = new ListenerSet(
      this.clock,
      this.stats,
      this.dataPath,
      options.drainTime ?? DRAIN_TIME,
      options.drainStrategy ?? 'gradual',
    );
    this.admin = new AdminInterface({
      stats: this.stats,
      services: this.services,
      logFiles: this.logFiles,
      // In the shape that clients take apart: revision/version/state of the sources/kind of build/TLS library.
      version: `attache-${options.version ?? '0.0.0'}/${ENVOY_VERSION}/Clean/RELEASE/OpenSSL-${process.versions.openssl}`,
      commandLine: options.commandLine ?? {},
      snapshot: () => this.current,
      listeners: () => this.listeners.list(),
      failing: () => this.dataPath.draining,
      failHealthChecks: (fail) => {
        this.dataPath.draining = fail;
        this.serverStats.refresh();
      },
      modifyRuntime: (values) => this.modifyRuntime(values),
      drainListeners: (how) => {
        this.listeners.drain(how);
        this.announceState();
      },
      onQuit: options.onQuit ?? (() => {}),
    });
    this.metricsTimer = new CallbackTimer(this.clock, () => this.tick());
    this.metricsTimer.arm(1000);
    this.stateTimer = new CallbackTimer(this.clock, () => {
      for (const listener of this.coreListeners) listener.state?.();
    });
    this.serverStats = new ServerStats(this.stats, this.clock, ENVOY_VERSION, {
      totalConnections: () => this.listeners.connections,
      state: () => (this.current === null ? 3 : this.dataPath.draining ? 1 : 0),
      firstCertificateExpiry: () =>
        this.current === null ? null : firstExpiry(this.current.bootstrap.secrets),
    });
    this.stats.onFlush(() => this.serverStats.refresh());
    this.stats.start(this.clock);
  }

  validate(source: ConfigSource, { lint = false }: { readonly lint?: boolean } = {}): Diagnostics {
    const { bootstrap, diagnostics } = this.compile(loadConfig(source), false);
    const more = lint && bootstrap !== null ? routeNotices(bootstrap, this.current?.bootstrap ?? null) : [];
    return { ok: bootstrap !== null, diagnostics: [...diagnostics, ...more] };
  }

  apply(source: ConfigSource): Promise<ApplyResult> {
    const result = this.queue.then(() => this.applyNow(source));
    this.queue = result.catch(() => {});
    return result;
  }

  private compile(loaded: LoadedConfig, serving: boolean): Compilation {
    return compileBootstrap(loaded, {
      serving,
      ...(serving ? { runningSecrets: this.secrets.running } : {}),
      // What only validates leaves no statistics and no open files behind.
      stats: serving ? this.stats : new StatsStore(),
      logFiles: serving ? this.logFiles : null,
    });
  }

  private async applyNow(source: ConfigSource): Promise<ApplyResult> {
    if (this.closed) throw new AttacheError('core.closed', 'The proxy is closed: it takes no configuration.');
    const loaded = loadConfig(source);
    // Errors are found without side effects first: nothing of a refused configuration is ever created.
    const check = this.compile(loaded, false);
    if (check.bootstrap === null) return this.refuse(source, check.diagnostics);
    const { bootstrap, diagnostics } = this.compile(loaded, true);
    if (bootstrap === null) return this.refuse(source, diagnostics);

    const update = this.clusters.update(
      bootstrap.clusters,
      bootstrap.outlierLogPath === '' ? null : this.lineSink(bootstrap.outlierLogPath),
    );
    const version = this.nextVersion;
    const snapshot: Snapshot = {
      version,
      source,
      loaded,
      bootstrap,
      clusters: update.view,
      runtime: {
        version,
        clusters: update.view,
        runtime: bootstrap.runtime,
        serviceCluster: bootstrap.node.cluster,
        serviceNode: bootstrap.node.id,
        maxDownstreamConnections: bootstrap.maxDownstreamConnections,
      },
      appliedAt: this.clock.wall(),
    };
    let opened: OpenedListeners | null = null;
    try {
      await update.ready();
      opened = await this.listeners.open(bootstrap.listeners, snapshot.runtime);
      await this.admin.move(bootstrap.admin, this.options.adminAddressPath);
    } catch (error) {
      update.abandon();
      await opened?.abandon();
      if (!(error instanceof BindProblem)) throw error;
      return this.refuse(source, [...diagnostics, error.diagnostic]);
    }
    return this.commit(snapshot, update, opened, diagnostics);
  }

  private commit(
    snapshot: Snapshot,
    update: ReturnType<UpstreamManager['update']>,
    opened: OpenedListeners,
    diagnostics: readonly Diagnostic[],
  ): ApplyResult {
    const before = this.current;
    if (before !== null) carryHits(before.bootstrap, snapshot.bootstrap);
    this.nextVersion++;
    this.current = snapshot;
    this.secrets.commit(snapshot.bootstrap.secrets);
    this.snapshots.add(snapshot);
    this.snapshots.prune(this.oldestRecordedVersion());
    update.commit();
    this.listeners.commit(snapshot.bootstrap.listeners, snapshot.runtime, opened);
    switchFilters(before, snapshot, this.dataPath);
    const { listeners, routes } = diffConfigs(before?.loaded.root ?? null, snapshot.loaded.root);
    this.listeners.count(listeners);
    this.tellServer(before, snapshot);
    this.events_.add({
      kind: 'config-applied',
      tone: 'ok',
      version: snapshot.version,
      text: `v${snapshot.version} is running: ${snapshot.source.file}.`,
    });
    return {
      ok: true,
      version: snapshot.version,
      diagnostics,
      listeners,
      clusters: update.changes,
      routes,
    };
  }

  /** What the bootstrap says about statistics, and what `server.` and `runtime.` tell of it. */
  private tellServer(before: Snapshot | null, { bootstrap }: Snapshot): void {
    const { stats, runtime, runtimeLayers } = bootstrap;
    this.stats.setCustomTags(stats.tags);
    if (stats.flushInterval !== before?.bootstrap.stats.flushInterval) {
      this.stats.start(this.clock, stats.flushInterval);
    }
    this.serverStats.runtimeLoads.inc();
    this.serverStats.runtimeKeys.set(runtime.size);
    this.serverStats.runtimeLayers.set(runtimeLayers.length);
    if (before === null) this.serverStats.initialized(Math.round(this.clock.now() - this.created));
    this.serverStats.refresh();
  }

  /** `/runtime_modify`: new streams see the values; the configuration and its version stay. */
  private modifyRuntime(overrides: ReadonlyMap<string, string>): boolean {
    const { current } = this;
    const layers = current === null ? null : withOverrides(current.bootstrap.runtimeLayers, overrides);
    if (current === null || layers === null) return false;
    const runtime = runtimeValues(layers);
    const changed: Snapshot = {
      ...current,
      bootstrap: { ...current.bootstrap, runtime, runtimeLayers: layers },
      runtime: { ...current.runtime, runtime },
    };
    this.current = changed;
    this.snapshots.add(changed);
    this.listeners.update(changed.bootstrap.listeners, changed.runtime);
    this.serverStats.runtimeKeys.set(runtime.size);
    const overridden = layers.some((layer) => layer.admin && layer.values.size > 0);
    this.stats.gauge('runtime.admin_overrides_active').set(overridden ? 1 : 0);
    return true;
  }

  private refuse(source: ConfigSource, diagnostics: readonly Diagnostic[]): ApplyResult {
    const version = this.current?.version ?? 0;
    const errors = diagnostics.filter((each) => each.severity === 'error');
    const first = errors[0];
    const more = errors.length > 1 ? ` ${errors.length - 1} more.` : '';
    const kept = version === 0 ? 'Nothing runs.' : `v${version} keeps running.`;
    const where = first === undefined ? '' : ` Line ${first.range.line}: ${first.message}`;
    this.events_.add({
      kind: 'config-rejected',
      tone: 'err',
      version,
      text: `${source.file} was rejected, ${kept}${where}${more}`,
      reason: first?.message ?? '',
    });
    return { ok: false, version, diagnostics };
  }

  explain(request: ExplainRequest): Decision {
    if (this.current === null) {
      throw new AttacheError(
        'core.no-snapshot',
        'No configuration runs, so there is nothing to decide with.',
      );
    }
    return explainRequest(this.current, request, (name) => this.boundPort(name));
  }

  explainRecord(seq: number): Decision | null {
    const info = this.recorder.streamInfo(seq);
    if (info === null) return null;
    const snapshot = this.snapshots.get(info.snapshotVersion);
    return snapshot === undefined ? null : explainRecorded(snapshot, info, this.events_.list());
  }

  routeTests(seqs: readonly number[]): string {
    const recorded = seqs.map((seq) => {
      const info = this.recorder.streamInfo(seq);
      const snapshot = info === null ? undefined : this.snapshots.get(info.snapshotVersion);
      return info === null || snapshot === undefined ? null : recordedRoute(snapshot, info);
    });
    return writeRouteTests(recorded.filter((one) => one !== null));
  }

  state(): CoreState {
    const admin = this.admin.address;
    return coreState(
      this.current,
      this.listeners.list(),
      admin === null ? null : { address: admin.ip, port: admin.port },
    );
  }

  rows(query: RowQuery): RowBatch {
    return this.recorder.rows(query);
  }

  changedRows(cursor: number, limit: number): ReturnType<Recorder['changedSince']> {
    return this.recorder.changedSince(cursor, limit);
  }

  record(seq: number): RecordDetail | null {
    const detail = this.recorder.detail(seq);
    if (detail === null) return null;
    return { ...detail, routeSource: this.routeSource(this.recorder.streamInfo(seq)) };
  }

  private routeSource(info: StreamInfo | null): RecordDetail['routeSource'] {
    const snapshot = info === null ? undefined : this.snapshots.get(info.snapshotVersion);
    if (info === null || snapshot === undefined) return null;
    for (const listener of snapshot.bootstrap.listeners) {
      for (const { http } of listener.filterChains) {
        if (http?.routes.name !== info.routeConfigName) continue;
        const host = http.routes.virtualHosts.find((each) => each.name === info.virtualHostName);
        const route = host?.routes[info.routeIndex];
        if (route !== undefined) return route.source;
      }
    }
    return null;
  }

  body(seq: number, side: BodySide, offset: number, length: number): BodySlice | null {
    return this.recorder.body(seq, side, offset, length);
  }

  filterRecords(filter: string, limit: number): ReturnType<ProxyCore['filterRecords']> {
    return filterRecordsInSlices(this.recorder, filter, limit);
  }

  clearRecords(): { freedBytes: number } {
    return this.recorder.clear();
  }

  setRecording(on: boolean): void {
    this.recorder.setRecording(on);
  }

  recorderState(): RecorderState {
    return this.recorder.state();
  }

  metrics(): readonly MetricsTick[] {
    return this.liveMetrics.history();
  }

  hostHistory(host: HostRef): HostHistoryState {
    return hostHistory(this.clusters.view, host);
  }

  ejectHost(host: HostRef): void {
    ejectHost(this.clusters.view, host);
  }

  unejectHost(host: HostRef): void {
    unejectHost(this.clusters.view, host);
  }

  events(): readonly CoreEvent[] {
    return this.events_.list();
  }

  on(listener: CoreListener): () => void {
    this.coreListeners.add(listener);
    return () => this.coreListeners.delete(listener);
  }

  exportConfig(source: ConfigSource, options: ExportOptions): ExportReport {
    return exportConfig(source, options);
  }

  async close({ drain }: CloseOptions): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.clusters.stopWarming();
    await this.queue;
    await this.listeners.close(drain);
    switchFilters(this.current, null, this.dataPath);
    this.metricsTimer.disarm();
    this.stateTimer.disarm();
    this.stats.stop();
    this.clusters.close();
    this.secrets.close();
    await this.admin.close();
    await this.logFiles.close();
    if (this.clock instanceof RealClock && this.options.clock === undefined) this.clock.stop();
  }

  private tick(): void {
    this.metricsTimer.arm(1000);
    const tick = this.liveMetrics.tick(this.clock.wall());
    for (const listener of this.coreListeners) listener.metrics?.(tick);
  }

  private announceState(): void {
    if (!this.closed && this.coreListeners.size > 0 && !this.stateTimer.armed)
      this.stateTimer.arm(STATE_ANNOUNCEMENT);
  }

  private lineSink(path: string): LineSink {
    const file = this.logFiles.get(path);
    return (line) => file.write(`${line}\n`);
  }

  private boundPort(name: string): number | null {
    return this.listeners.get(name)?.address?.port ?? null;
  }

  private oldestRecordedVersion(): number {
    const { firstSeq, records } = this.recorder.state();
    if (records === 0) return this.current?.version ?? 0;
    return this.recorder.streamInfo(firstSeq)?.snapshotVersion ?? 0;
  }
}
