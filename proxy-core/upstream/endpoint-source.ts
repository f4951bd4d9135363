import { isIP } from 'node:net';
import type { CoreServices } from '../config/compile-context.ts';
import type { DnsResolver } from '../discovery/dns-resolver.ts';
import { DnsSource } from '../discovery/dns-source.ts';
import type { ResolvedEndpoint, UpstreamCluster } from './cluster.ts';
import type { EndpointConfig } from './cluster-config.ts';
import { type UpstreamEventSink, upstreamEvent } from './events.ts';

/** Where a cluster's hosts come from. `ready` settles once the first answer (good or bad) is in. */
export interface EndpointSource {
  readonly ready: Promise<void>;
  start(): void;
  close(): void;
}

export interface SourceEnvironment {
  readonly services: CoreServices;
  readonly resolver: DnsResolver;
  readonly onEvent: UpstreamEventSink;
}

export function createEndpointSource(
  cluster: UpstreamCluster,
  environment: SourceEnvironment,
): EndpointSource {
  switch (cluster.config.type) {
    case 'STRICT_DNS':
    case 'LOGICAL_DNS':
      return new DnsEndpoints(cluster, environment);
    case 'STATIC':
    case 'EDS':
    case 'ORIGINAL_DST':
      return new FixedEndpoints(cluster);
  }
}

class FixedEndpoints implements EndpointSource {
  readonly ready = Promise.resolve();

  constructor(private readonly cluster: UpstreamCluster) {}

  start(): void {
    this.cluster.setEndpoints(
      this.cluster.config.endpoints.map((endpoint) => ({
        ip: endpoint.address,
        port: endpoint.port,
        hostname: endpoint.hostname,
        endpoint,
      })),
    );
  }

  close(): void {}
}

/** STRICT_DNS: each address is a host. LOGICAL_DNS: the first one is the only host. A failure keeps the last answer. */
class DnsEndpoints implements EndpointSource {
  readonly ready: Promise<void>;
  private readonly sources: DnsSource[] = [];
  private readonly answers: (readonly string[] | null)[];
  /** Names that failed the last time, so that one outage is one event. */
  private readonly failing = new Set<string>();
  private waiting: number;
  private settle: () => void = () => {};

  constructor(
    private readonly cluster: UpstreamCluster,
    private readonly environment: SourceEnvironment,
  ) {
    const { endpoints } = cluster.config;
    this.answers = endpoints.map(() => null);
    this.waiting = endpoints.length;
    this.ready = new Promise((resolve) => {
      this.settle = resolve;
    });
  }

  start(): void {
    const { endpoints, dns } = this.cluster.config;
    const { services, resolver } = this.environment;
    const { stats } = this.cluster;
    endpoints.forEach((endpoint, index) => {
      if (endpoint.port < 0 || isIP(endpoint.address) !== 0) {
        this.answered(index, [endpoint.address]);
        return;
      }
      const source = new DnsSource(
        endpoint.address,
        dns,
        services,
        resolver,
        () => stats.updateAttempt.inc(),
        (outcome) => {
          if (outcome.ok) {
            stats.updateSuccess.inc();
            this.announce(endpoint, outcome.addresses);
            this.answered(index, outcome.addresses);
          } else {
            stats.updateFailure.inc();
            this.announceFailure(endpoint, outcome.reason, this.answers[index] ?? null);
            this.answered(index, this.answers[index] ?? null);
          }
        },
      );
      this.sources.push(source);
      source.start();
    });
    if (endpoints.length === 0) {
      this.cluster.setEndpoints([]);
      this.settle();
    }
  }

  close(): void {
    for (const source of this.sources) source.close();
    this.settle();
  }

  private answered(index: number, addresses: readonly string[] | null): void {
    const first = this.waiting > 0 && this.answers[index] === null;
    this.answers[index] = addresses ?? this.answers[index] ?? [];
    if (addresses !== null) this.cluster.setEndpoints(this.resolved());
    if (first && --this.waiting === 0) this.settle();
  }

  private resolved(): ResolvedEndpoint[] {
    const { endpoints, type } = this.cluster.config;
    return endpoints.flatMap((endpoint, index) => {
      const addresses = this.answers[index] ?? [];
      const used = type === 'LOGICAL_DNS' ? addresses.slice(0, 1) : addresses;
      return used.map((ip) => ({
        ip,
        port: endpoint.port,
        hostname: endpoint.hostname === '' ? endpoint.address : endpoint.hostname,
        endpoint,
      }));
    });
  }

  private announce(endpoint: EndpointConfig, addresses: readonly string[]): void {
    if (!this.failing.delete(endpoint.address)) return;
    this.environment.onEvent(
      upstreamEvent({
        at: this.environment.services.clock.wall(),
        kind: 'cluster-resolved',
        tone: 'ok',
        text: `${endpoint.address} of ${this.cluster.name} resolves again: ${addresses.join(', ')}.`,
        cluster: this.cluster.name,
        host: endpoint.address,
      }),
    );
  }

  private announceFailure(endpoint: EndpointConfig, reason: string, kept: readonly string[] | null): void {
    if (this.failing.has(endpoint.address)) return;
    this.failing.add(endpoint.address);
    const consequence =
      kept === null || kept.length === 0
        ? 'it has no host until the name resolves, and answers 503'
        : `the last answer stays in use (${kept.join(', ')})`;
    this.environment.onEvent(
      upstreamEvent({
        at: this.environment.services.clock.wall(),
        kind: 'dns-failed',
        tone: 'warn',
        text: `${endpoint.address} of ${this.cluster.name} could not be resolved (${reason}): ${consequence}.`,
        cluster: this.cluster.name,
        host: endpoint.address,
        reason,
      }),
    );
  }
}
