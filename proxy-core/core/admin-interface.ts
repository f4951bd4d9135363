import { AttacheError } from '../base/errors.ts';
import type { CoreServices } from '../config/compile-context.ts';
import type { MessageNode } from '../config/message.ts';
import { forEachMessage, listedMessages, messageAt } from '../config/walk.ts';
import { certificateViews, type Listener } from '../listener/index.ts';
import {
  type AdminBackend,
  type AdminCluster,
  type AdminConfigDump,
  type AdminListener,
  type AdminResource,
  AdminServer,
  type DrainOptions,
  type LogFileManager,
  type LogLevel,
  type ServerInfo,
  type StatsStore,
} from '../observe/index.ts';
import { adminCluster } from '../upstream/index.ts';
import { BindProblem } from './bind-problem.ts';
import type { AdminConfig } from './compile-admin.ts';
import type { Snapshot } from './snapshot.ts';

/** What the admin interface looks at; read anew for each request. */
export interface AdminSources {
  readonly stats: StatsStore;
  readonly services: CoreServices;
  readonly logFiles: LogFileManager;
  readonly version: string;
  readonly commandLine: Readonly<Record<string, unknown>>;
  snapshot(): Snapshot | null;
  listeners(): readonly Listener[];
  /** `/healthcheck/fail` and `/healthcheck/ok`. */
  failHealthChecks(fail: boolean): void;
  failing(): boolean;
  drainListeners(options: DrainOptions): void;
  /** False when there is no admin layer. */
  modifyRuntime(values: ReadonlyMap<string, string>): boolean;
  onQuit(): void;
}

/** The admin interface of the running configuration: moves with `admin.address`, shows what runs. */
export class AdminInterface implements AdminBackend {
  private server: AdminServer | null = null;
  private running: AdminConfig | null = null;
  private readonly levels = new Map<string, LogLevel>([['main', 'info']]);
  private readonly started: number;

  constructor(private readonly sources: AdminSources) {
    this.started = sources.services.clock.now();
  }

  get stats(): StatsStore {
    return this.sources.stats;
  }

  /** The address that was really bound; null without admin interface. */
  get address(): { readonly ip: string; readonly port: number } | null {
    return this.server?.address ?? null;
  }

  /** Listens where this configuration wants it; a new address is bound before the old one is given up. */
  async move(wanted: AdminConfig | null, addressPath: string | undefined): Promise<void> {
    if (wanted?.ip === this.running?.ip && wanted?.port === this.running?.port) return;
    let next: AdminServer | null = null;
    if (wanted !== null) {
      try {
        next = await AdminServer.listen(this, {
          address: { ip: wanted.ip, port: wanted.port },
          ...(addressPath === undefined ? {} : { addressPath }),
        });
      } catch (error) {
        if (!(error instanceof AttacheError)) throw error;
        throw new BindProblem({
          code: error.code,
          severity: 'error',
          message: error.message,
          path: 'admin.address',
          range: wanted.range,
        });
      }
    }
    const old = this.server;
    this.server = next;
    this.running = wanted;
    await old?.close();
  }

  async close(): Promise<void> {
    await this.server?.close();
    this.server = null;
    this.running = null;
  }

  serverInfo(): ServerInfo {
    const { snapshot, services, version, commandLine } = this.sources;
    const current = snapshot();
    return {
      version,
      state: current === null ? 'PRE_INITIALIZING' : this.sources.failing() ? 'DRAINING' : 'LIVE',
      uptime: Math.floor((services.clock.now() - this.started) / 1000),
      commandLineOptions: commandLine,
      node: current?.bootstrap.node ?? { id: '', cluster: '' },
    };
  }

  listeners(): readonly AdminListener[] {
    return this.sources.listeners().map(({ config, addresses }) => {
      const [address = config.address, ...additionalAddresses] = config.binds.map((bind, index) => ({
        ip: bind.ip,
        port: addresses[index]?.port ?? bind.port,
      }));
      return { name: config.name, address, additionalAddresses };
    });
  }

  clusters(): readonly AdminCluster[] {
    const running = this.sources.snapshot()?.clusters.clusters ?? [];
    return running.map((cluster) => {
      const view = adminCluster(cluster);
      return {
        ...view,
        edsServiceName: '',
        hosts: view.hosts.map((host) => ({
          ...host,
          ...host.stats,
          address: { ip: host.ip, port: host.port },
        })),
      };
    });
  }

  config(): AdminConfigDump {
    const snapshot = this.sources.snapshot();
    const root = snapshot?.loaded.root ?? null;
    const updated = snapshot?.appliedAt ?? 0;
    const resource = (message: MessageNode): AdminResource => ({ message, updated });
    const resources = messageAt(root, 'static_resources');
    const routes: AdminResource[] = [];
    for (const listener of listedMessages(resources, 'listeners')) {
      forEachMessage(listener, (message) => {
        if (message.type === 'envoy.config.route.v3.RouteConfiguration') routes.push(resource(message));
      });
    }
    return {
      bootstrap: root === null ? null : resource(root),
      clusters: listedMessages(resources, 'clusters').map(resource),
      listeners: listedMessages(resources, 'listeners').map(resource),
      routes,
      secrets: listedMessages(resources, 'secrets').map(resource),
    };
  }

  certificates(): ReturnType<AdminBackend['certificates']> {
    const secrets = this.sources.snapshot()?.bootstrap.secrets;
    return secrets === undefined ? [] : certificateViews(secrets);
  }

  runtime(): ReturnType<AdminBackend['runtime']> {
    const bootstrap = this.sources.snapshot()?.bootstrap;
    const layers = bootstrap?.runtimeLayers ?? [];
    const entries = new Map<string, { finalValue: string; layerValues: string[] }>();
    for (const [key, value] of bootstrap?.runtime ?? []) {
      const layerValues = layers.map(({ values }) => (values.has(key) ? runtimeText(values.get(key)) : ''));
      entries.set(key, { finalValue: runtimeText(value), layerValues });
    }
    return { layers: layers.map((layer) => layer.name), entries };
  }

  modifyRuntime(values: ReadonlyMap<string, string>): string | null {
    return this.sources.modifyRuntime(values) ? null : 'No admin layer specified';
  }

  logLevels(): ReadonlyMap<string, LogLevel> {
    return this.levels;
  }

  setLogLevel(logger: string | null, level: LogLevel): void {
    for (const name of logger === null ? this.levels.keys() : [logger]) this.levels.set(name, level);
  }

  reopenLogs(): void {
    this.sources.logFiles.reopen();
  }

  failHealthChecks(fail: boolean): void {
    this.sources.failHealthChecks(fail);
  }

  drainListeners(options: DrainOptions): void {
    this.sources.drainListeners(options);
  }

  quit(): void {
    this.sources.onQuit();
  }
}

function runtimeText(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
