import { CallbackTimer } from '../base/clock.ts';
import type { CoreServices } from '../config/compile-context.ts';
import type { DnsResolver } from '../discovery/dns-resolver.ts';
import type { ResourceChanges } from '../facade/core-api.ts';
import { UpstreamCluster } from './cluster.ts';
import type { CompiledCluster } from './cluster-config.ts';
import { DnsCaches } from './cluster-types/dns-cache.ts';
import { createEndpointSource, type EndpointSource } from './endpoint-source.ts';
import type { UpstreamEventSink } from './events.ts';
import { CheckPacer } from './health/pacer.ts';
import { HostSetHistory } from './host-set-history.ts';
import type { LineSink } from './outlier/event-log.ts';
import { RuntimeReader } from './runtime-reader.ts';
import type { ClusterManager } from './types.ts';

/** How long an apply waits for names to resolve before it goes on without them. */
const WARMING_LIMIT = 5000;

export interface ClusterManagerOptions {
  readonly resolver: DnsResolver;
  readonly onEvent: UpstreamEventSink;
  /** Hosts, health or settings of some cluster changed. */
  readonly onChange: () => void;
  /** A log file by its path, for events of health checks. */
  readonly openLog?: (path: string) => LineSink;
  /** The runtime as it is now. */
  readonly runtime?: () => ReadonlyMap<string, unknown>;
}

/** The clusters of one snapshot. Immutable, while the clusters in it live on. */
export interface ClusterView extends ClusterManager {
  get(name: string): UpstreamCluster | undefined;
  /** In the order of the configuration. */
  readonly clusters: readonly UpstreamCluster[];
}

/** A prepared change: new clusters exist and warm, nothing that runs is touched before `commit`. */
export interface ClusterUpdate {
  readonly view: ClusterView;
  readonly changes: ResourceChanges;
  /** Settles when every new cluster had its first answer from DNS, good or bad, or after 5 s. */
  ready(): Promise<void>;
  /** The snapshot is in use: clusters that are gone or replaced drain, endpoints of kept ones change. */
  commit(): void;
  /** The snapshot will not be used: new clusters are taken down again. */
  abandon(): void;
}

export interface UpstreamManager {
  /** `outlierLog` is the bootstrap's `cluster_manager.outlier_detection.event_log_path`. One update at a time. */
  update(configs: readonly CompiledCluster[], outlierLog: LineSink | null): ClusterUpdate;
  /** The committed clusters. */
  readonly view: ClusterView;
  /** Nobody wants to wait any longer: `ready()` of an update under way settles now. */
  stopWarming(): void;
  close(): void;
}

const NO_VALUES: ReadonlyMap<string, unknown> = new Map();

interface Entry {
  readonly cluster: UpstreamCluster;
  readonly source: EndpointSource;
}

export function createClusterManager(
  services: CoreServices,
  options: ClusterManagerOptions,
): UpstreamManager {
  return new RunningClusters(services, options);
}

class RunningClusters implements UpstreamManager {
  private readonly history = new HostSetHistory();
  private entries = new Map<string, Entry>();
  private current: ClusterView = viewOf(new Map());
  stopWarming: () => void = () => {};
  private outlierLog: LineSink | null = null;
  private readonly runtime: RuntimeReader;
  private readonly pacer: CheckPacer;
  private readonly dnsCaches: DnsCaches;

  constructor(
    private readonly services: CoreServices,
    private readonly options: ClusterManagerOptions,
  ) {
    const { stats } = services;
    this.pacer = new CheckPacer(services.clock);
    this.runtime = new RuntimeReader(options.runtime ?? (() => NO_VALUES));
    this.dnsCaches = new DnsCaches(services, options.resolver);
    for (const name of ['cluster_added', 'cluster_modified', 'cluster_removed', 'cluster_updated']) {
      stats.counter(`cluster_manager.${name}`);
    }
    for (const name of [
      'cluster_updated_via_merge',
      'update_merge_cancelled',
      'update_out_of_merge_window',
    ]) {
      stats.counter(`cluster_manager.${name}`);
    }
    stats.gauge('cluster_manager.active_clusters');
    stats.gauge('cluster_manager.warming_clusters');
  }

  get view(): ClusterView {
    return this.current;
  }

  update(configs: readonly CompiledCluster[], outlierLog: LineSink | null): ClusterUpdate {
    const next = new Map<string, Entry>();
    const fresh: Entry[] = [];
    const kept: { readonly entry: Entry; readonly config: CompiledCluster; readonly endpoints: boolean }[] =
      [];
    const changes = {
      added: [] as string[],
      updated: [] as string[],
      removed: [] as string[],
      unchanged: [] as string[],
    };
    for (const config of configs) {
      const running = this.entries.get(config.name);
      const same = running?.cluster.config.fingerprint === config.fingerprint;
      if (running !== undefined && (same || onlyEndpointsDiffer(running.cluster.config, config))) {
        (same ? changes.unchanged : changes.updated).push(config.name);
        kept.push({ entry: running, config, endpoints: !same });
        next.set(config.name, running);
        continue;
      }
      (running === undefined ? changes.added : changes.updated).push(config.name);
      const entry = this.create(config, outlierLog);
      fresh.push(entry);
      next.set(config.name, entry);
    }
    for (const name of this.entries.keys()) if (!next.has(name)) changes.removed.push(name);
    const warming = this.services.stats.gauge('cluster_manager.warming_clusters');
    warming.set(fresh.length);
    for (const entry of fresh) entry.source.start();

    return {
      view: viewOf(next),
      changes,
      ready: () => {
        const stopped = new Promise<void>((resolve) => {
          this.stopWarming = resolve;
        });
        return Promise.race([this.warm(fresh), stopped]).finally(() => warming.set(0));
      },
      commit: () => {
        this.outlierLog = outlierLog;
        for (const [name, old] of this.entries) if (next.get(name) !== old) shutDown(old);
        this.entries = next;
        this.current = viewOf(next);
        for (const { entry, config, endpoints } of kept) {
          entry.cluster.moveTo(config);
          if (endpoints) entry.source.start();
        }
        for (const entry of fresh) entry.cluster.publish();
        this.count(changes);
        warming.set(0);
        this.options.onChange();
      },
      abandon: () => {
        for (const entry of fresh) shutDown(entry);
        for (const entry of this.entries.values()) entry.cluster.publish();
        warming.set(0);
      },
    };
  }

  close(): void {
    this.pacer.close();
    for (const entry of this.entries.values()) shutDown(entry);
    this.entries.clear();
  }

  private create(config: CompiledCluster, outlierLog: LineSink | null): Entry {
    // Clusters outlive the snapshot that made them; the log of the running one is what they write to.
    const sink: LineSink = (line) => (this.outlierLog ?? outlierLog)?.(line);
    const cluster = new UpstreamCluster(config, {
      services: this.services,
      history: this.history,
      onEvent: this.options.onEvent,
      onChange: this.options.onChange,
      outlierLog: sink,
      localHosts: (name) => this.entries.get(name)?.cluster.hostSet ?? null,
      openLog: this.options.openLog ?? (() => () => {}),
      runtime: this.runtime,
      pacer: this.pacer,
    });
    const source = createEndpointSource(cluster, {
      services: this.services,
      resolver: this.options.resolver,
      dnsCaches: this.dnsCaches,
      find: (name) => this.entries.get(name)?.cluster ?? null,
      onEvent: this.options.onEvent,
    });
    return { cluster, source };
  }

  private async warm(fresh: readonly Entry[]): Promise<void> {
    const all = Promise.all(fresh.map((entry) => entry.source.ready));
    let timer: CallbackTimer | null = null;
    const limit = new Promise<void>((resolve) => {
      timer = new CallbackTimer(this.services.clock, resolve);
      timer.arm(WARMING_LIMIT);
    });
    await Promise.race([all, limit]);
    (timer as CallbackTimer | null)?.disarm();
    // Every check ends by its own timeout.
    await Promise.all(
      fresh.map(({ cluster }) => (cluster.health?.started === true ? cluster.health.ready : null)),
    );
  }

  private count(changes: ResourceChanges): void {
    const { stats } = this.services;
    stats.counter('cluster_manager.cluster_added').add(changes.added.length);
    stats.counter('cluster_manager.cluster_modified').add(changes.updated.length);
    stats.counter('cluster_manager.cluster_removed').add(changes.removed.length);
    stats.gauge('cluster_manager.active_clusters').set(this.entries.size);
  }
}

function onlyEndpointsDiffer(running: CompiledCluster, next: CompiledCluster): boolean {
  return next.type === 'STATIC' && running.settingsFingerprint === next.settingsFingerprint;
}

function shutDown(entry: Entry): void {
  entry.source.close();
  entry.cluster.close();
}

function viewOf(entries: ReadonlyMap<string, Entry>): ClusterView {
  const byName = new Map([...entries].map(([name, entry]) => [name, entry.cluster]));
  return { clusters: [...byName.values()], get: (name) => byName.get(name) };
}
