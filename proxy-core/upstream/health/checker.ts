import type { CoreServices } from '../../config/compile-context.ts';
import type { ConnectTarget } from '../../network/connect.ts';
import { FlushQueue } from '../../network/flush-queue.ts';
import type { ClientTls } from '../../network/tls/client.ts';
import type { CompiledCluster } from '../cluster-config.ts';
import { matchTransportSocket } from '../compile-connections.ts';
import type { UpstreamHost } from '../host.ts';
import type { LineSink } from '../outlier/event-log.ts';
import type { RuntimeReader } from '../runtime-reader.ts';
import type { ClusterStats } from '../types.ts';
import type { CheckClientSettings } from './client.ts';
import type { HealthCheckConfig } from './config.ts';
import { type HealthLogEvent, healthEventLine } from './event-log.ts';
import { GrpcProbe } from './grpc-probe.ts';
import { HttpProbe } from './http-probe.ts';
import type { IntervalLimits } from './interval.ts';
import type { CheckPacer } from './pacer.ts';
import type { Probe, ProbeSink } from './probe.ts';
import { type CheckOutcome, HostSession, type SessionOwner } from './session.ts';
import { HealthCheckStats } from './stats.ts';
import { TcpProbe } from './tcp-probe.ts';

export interface CheckerEnvironment {
  readonly services: CoreServices;
  readonly cluster: () => CompiledCluster;
  readonly clusterStats: ClusterStats;
  /** `cluster.<name>.` */
  readonly statPrefix: string;
  readonly eventLog: LineSink | null;
  readonly runtime: RuntimeReader;
  readonly pacer: CheckPacer;
  readonly onChecked: (host: UpstreamHost, outcome: CheckOutcome) => void;
  /** Every host that there was at the start has its first result; called once. */
  readonly onFirstRound: () => void;
}

/** The active health checks of one cluster (envoy HealthCheckerImplBase): a session per host, made and ended with it. */
export class HealthChecker implements SessionOwner {
  readonly stats: HealthCheckStats;
  private readonly sessions = new Map<UpstreamHost, HostSession>();
  private readonly queue = new FlushQueue();
  private firstRound: Set<HostSession> | null = null;
  private roundDone = false;
  private closed = false;

  constructor(
    readonly config: HealthCheckConfig,
    private readonly environment: CheckerEnvironment,
  ) {
    this.stats = new HealthCheckStats(environment.services.stats, environment.statPrefix);
    this.queue.onDefect = (error) =>
      environment.services.log('error', 'hc', `A health check failed by a defect: ${String(error)}`);
  }

  get services(): CoreServices {
    return this.environment.services;
  }

  get pacer(): CheckPacer {
    return this.environment.pacer;
  }

  get hasTraffic(): boolean {
    return this.environment.clusterStats.upstreamCxTotal.value > 0;
  }

  get limits(): IntervalLimits {
    const { runtime } = this.environment;
    return {
      min: runtime.number('health_check.min_interval', 0),
      max: runtime.number('health_check.max_interval', Number.POSITIVE_INFINITY),
    };
  }

  session(host: UpstreamHost): HostSession | undefined {
    return this.sessions.get(host);
  }

  /** The hosts of the cluster, over all priorities: checks new ones at once, forgets those that are gone. */
  setHosts(hosts: readonly UpstreamHost[]): void {
    if (this.closed) return;
    const wanted = new Set(hosts);
    for (const [host, session] of this.sessions) {
      if (wanted.has(host) && !host.endpointCheck.disabled) continue;
      this.sessions.delete(host);
      host.check = null;
      session.close();
      this.leaveFirstRound(session);
    }
    const fresh: HostSession[] = [];
    for (const host of hosts) {
      if (host.endpointCheck.disabled || this.sessions.has(host)) continue;
      const session = new HostSession(host, this, (sink) => this.probe(host, sink));
      this.sessions.set(host, session);
      host.check = session;
      fresh.push(session);
    }
    if (!this.roundDone) {
      this.firstRound ??= new Set();
      for (const session of fresh) this.firstRound.add(session);
    }
    for (const session of fresh) session.start();
    this.finishFirstRound();
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    for (const [host, session] of this.sessions) {
      session.close();
      host.check = null;
    }
    this.sessions.clear();
    this.firstRound?.clear();
    this.finishFirstRound();
  }

  // SessionOwner

  log(host: UpstreamHost, event: HealthLogEvent): void {
    const { eventLog, services } = this.environment;
    if (eventLog === null) return;
    const { name } = this.environment.cluster();
    eventLog(healthEventLine(this.config.check.kind, name, host, event, services.clock.wall()));
  }

  onChecked(session: HostSession, outcome: CheckOutcome): void {
    this.environment.onChecked(session.host, outcome);
    this.leaveFirstRound(session);
    this.finishFirstRound();
  }

  private leaveFirstRound(session: HostSession): void {
    this.firstRound?.delete(session);
  }

  private finishFirstRound(): void {
    if (this.roundDone || this.firstRound === null || this.firstRound.size > 0) return;
    this.roundDone = true;
    this.firstRound = null;
    this.environment.onFirstRound();
  }

  private probe(host: UpstreamHost, sink: ProbeSink): Probe {
    const { config } = this;
    const { services, clusterStats, runtime } = this.environment;
    const cluster = this.environment.cluster();
    const { check } = config;
    const settings: CheckClientSettings = {
      target: targetOf(host),
      codec: check.kind === 'http' ? check.codec : 'HTTP2',
      alpn: config.alpn,
      tls: socketOf(host, cluster, config),
      cluster,
      stats: clusterStats,
      queue: this.queue,
    };
    const shared = { ...settings, clock: services.clock, host, reuse: config.reuseConnection };
    switch (check.kind) {
      case 'http':
        return new HttpProbe(
          check,
          {
            ...shared,
            authority: firstSet(host.endpointCheck.hostname, check.host, cluster.name),
            verifiesService: () => {
              if (!runtime.enabled('health_check.verify_cluster', 100, services.random)) return false;
              this.stats.verifyCluster.inc();
              return true;
            },
          },
          sink,
        );
      case 'grpc':
        return new GrpcProbe(
          check,
          {
            ...shared,
            authority: firstSet(host.endpointCheck.hostname, check.authority, cluster.name),
            timeout: config.timeout,
          },
          sink,
        );
      case 'tcp':
        return new TcpProbe(check, settings, config.reuseConnection, sink);
    }
  }
}

function firstSet(...values: readonly string[]): string {
  return values.find((value) => value !== '') ?? '';
}

/** The check's own criteria, else what the host's metadata picked, else the cluster's transport socket. */
function socketOf(
  host: UpstreamHost,
  cluster: CompiledCluster,
  { transportSocketMatch: criteria }: HealthCheckConfig,
): ClientTls | null {
  if (criteria === null) {
    return host.transportSocket === undefined ? cluster.transportSocket : host.transportSocket;
  }
  const match = matchTransportSocket(cluster.transportSocketMatches, criteria);
  return match === null ? cluster.transportSocket : match.socket;
}

/** `health_check_config` may send the check elsewhere. */
function targetOf(host: UpstreamHost): ConnectTarget {
  const { address, port } = host.endpointCheck;
  return {
    ip: address === '' ? host.ip : address,
    port: port === 0 ? host.port : port,
    address: host.address,
    // They are of the host's own address.
    alternatives: address === '' ? host.alternatives : [],
    socketOptions: host.socketOptions,
  };
}
