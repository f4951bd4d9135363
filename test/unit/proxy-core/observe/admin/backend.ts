import type {
  AdminBackend,
  AdminCluster,
  AdminConfigDump,
  AdminHost,
  AdminRuntime,
  LogLevel,
  ServerInfo,
} from '../../../../../proxy-core/observe/admin/types.ts';
import { StatsStore } from '../../../../../proxy-core/observe/stats/store.ts';

export function host(port: number, over: Partial<AdminHost> = {}): AdminHost {
  return {
    address: { ip: '127.0.0.1', port },
    hostname: '',
    cxActive: 1,
    cxConnectFail: 0,
    cxTotal: 1,
    rqActive: 0,
    rqError: 0,
    rqSuccess: 13,
    rqTimeout: 0,
    rqTotal: 13,
    healthFlags: 'healthy',
    weight: 1,
    region: '',
    zone: '',
    subZone: '',
    canary: false,
    priority: 0,
    successRate: -1,
    localOriginSuccessRate: -1,
    ...over,
  };
}

export function cluster(over: Partial<AdminCluster> = {}): AdminCluster {
  const thresholds = { maxConnections: 1024, maxPendingRequests: 1024, maxRequests: 1024, maxRetries: 3 };
  return {
    name: 'inventory_service',
    observabilityName: 'inventory_service',
    addedViaApi: false,
    edsServiceName: '',
    defaultPriority: thresholds,
    highPriority: thresholds,
    outlier: null,
    hosts: [host(9001)],
    ...over,
  };
}

/** A backend that remembers what was asked of it. */
export class FakeBackend implements AdminBackend {
  readonly stats = new StatsStore();
  readonly done: string[] = [];
  info: ServerInfo = {
    version: 'abc/0.1.0/Clean/RELEASE/OpenSSL',
    state: 'LIVE',
    uptime: 3,
    commandLineOptions: { mode: 'Serve' },
    node: { id: 'n', cluster: 'c' },
  };
  clusterList: readonly AdminCluster[] = [cluster()];
  dump: AdminConfigDump = { bootstrap: null, clusters: [], listeners: [], routes: [], secrets: [] };
  levels = new Map<string, LogLevel>([
    ['admin', 'info'],
    ['http', 'info'],
  ]);
  runtimeView: AdminRuntime = { layers: [], entries: new Map() };

  serverInfo(): ServerInfo {
    return this.info;
  }

  listeners() {
    return [
      {
        name: 'main',
        address: { ip: '0.0.0.0', port: 8080 },
        additionalAddresses: [{ ip: '::1', port: 8081 }],
      },
    ];
  }

  clusters(): readonly AdminCluster[] {
    return this.clusterList;
  }

  config(): AdminConfigDump {
    return this.dump;
  }

  certificates() {
    const validTo = Date.now() + 10.5 * 86_400_000;
    return [
      {
        caCert: [],
        certChain: [
          {
            path: '/c.crt',
            serialNumber: '45fa',
            subjectAltNames: [{ kind: 'dns' as const, value: 'a.test' }],
            validFrom: Date.UTC(2026, 10, 22, 15, 26, 44),
            validTo,
          },
        ],
      },
    ];
  }

  runtime(): AdminRuntime {
    return this.runtimeView;
  }

  modifyRuntime(values: ReadonlyMap<string, string>): string | null {
    this.done.push(`runtime ${[...values].join(';')}`);
    return null;
  }

  logLevels(): ReadonlyMap<string, LogLevel> {
    return this.levels;
  }

  setLogLevel(logger: string | null, level: LogLevel): void {
    for (const name of logger === null ? [...this.levels.keys()] : [logger]) this.levels.set(name, level);
  }

  reopenLogs(): void {
    this.done.push('reopen');
  }

  failHealthChecks(fail: boolean): void {
    this.done.push(`fail ${fail}`);
  }

  drainListeners(options: { graceful: boolean; skipExit: boolean; inboundOnly: boolean }): void {
    this.done.push(`drain ${JSON.stringify(options)}`);
  }

  quit(): void {
    this.done.push('quit');
  }
}
