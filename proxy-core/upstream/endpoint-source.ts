import { isIP } from 'node:net';
import type { CoreServices } from '../config/compile-context.ts';
import type { DnsResolver } from '../discovery/dns-resolver.ts';
import { type DnsOutcome, DnsSource } from '../discovery/dns-source.ts';
import { ServerDnsResolver } from '../discovery/server-resolver.ts';
import type { ResolvedEndpoint, UpstreamCluster } from './cluster.ts';
import type { EndpointConfig } from './cluster-config.ts';
import { AggregateBalancer } from './cluster-types/aggregate.ts';
import type { DnsCaches } from './cluster-types/dns-cache.ts';
import { DynamicForwardProxy } from './cluster-types/dynamic-forward-proxy.ts';
import { EdsEndpoints } from './cluster-types/eds.ts';
import { OriginalDestination } from './cluster-types/original-dst.ts';
import { type UpstreamEventSink, upstreamEvent } from './events.ts';

const NO_ADDRESS = 'the name has no address';

/** Where a cluster's hosts come from. `ready` settles once the first answer (good or bad) is in. */
export interface EndpointSource {
  readonly ready: Promise<void>;
  start(): void;
  close(): void;
}

export interface SourceEnvironment {
  readonly services: CoreServices;
  readonly resolver: DnsResolver;
  readonly dnsCaches: DnsCaches;
  /** A running cluster by its name. */
  readonly find: (name: string) => UpstreamCluster | null;
  readonly onEvent: UpstreamEventSink;
}

export function createEndpointSource(
  cluster: UpstreamCluster,
  environment: SourceEnvironment,
): EndpointSource {
  const { provided } = cluster.config;
  if (provided?.kind === 'dynamic-forward-proxy') {
    const proxy = new DynamicForwardProxy(cluster, provided, environment.dnsCaches);
    cluster.provided = proxy;
    cluster.dynamicHosts = proxy;
    return proxy;
  }
  if (provided?.kind === 'original-dst') {
    const destination = new OriginalDestination(cluster, provided, environment);
    cluster.provided = destination;
    return destination;
  }
  if (provided?.kind === 'aggregate')
    cluster.provided = new AggregateBalancer(cluster, provided, environment.find);
  const { eds } = cluster.config;
  if (eds !== null) return new EdsEndpoints(cluster, eds, environment);
  switch (cluster.config.type) {
    case 'STRICT_DNS':
    case 'LOGICAL_DNS':
      return new DnsEndpoints(cluster, environment);
    case 'STATIC':
    case 'EDS':
    case 'ORIGINAL_DST':
    case 'AGGREGATE':
    case 'DYNAMIC_FORWARD_PROXY':
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
        alternatives: endpoint.additionalAddresses,
      })),
    );
  }

  close(): void {}
}

/**
 * STRICT_DNS: each address is a host, and a name without addresses has none. LOGICAL_DNS: the first address is the
 * only host, and stays when the name has none. When nobody could be asked, the last answer stays in use.
 */
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
    const { services } = this.environment;
    const resolver = dns.servers === null ? this.environment.resolver : new ServerDnsResolver(dns.servers);
    endpoints.forEach((endpoint, index) => {
      if (endpoint.port < 0 || isIP(endpoint.address) !== 0) {
        this.use(index, [endpoint.address]);
        return;
      }
      const source = new DnsSource(
        endpoint.address,
        dns,
        services,
        resolver,
        () => this.cluster.stats.updateAttempt.inc(),
        (outcome) => this.onOutcome(endpoint, index, outcome),
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

  private onOutcome(endpoint: EndpointConfig, index: number, outcome: DnsOutcome): boolean {
    const { stats, config } = this.cluster;
    const empty = outcome.ok && outcome.addresses.length === 0;
    if (!outcome.ok || (empty && config.type === 'LOGICAL_DNS')) {
      stats.updateFailure.inc();
      this.announceFailure(endpoint, outcome.ok ? NO_ADDRESS : outcome.reason, this.answers[index] ?? []);
      this.answered(index);
      return false;
    }
    stats.updateSuccess.inc();
    if (empty) this.announceFailure(endpoint, NO_ADDRESS, []);
    else this.announceReturn(endpoint, outcome.addresses);
    this.use(index, outcome.addresses);
    return true;
  }

  private use(index: number, addresses: readonly string[]): void {
    const first = this.answers[index] === null;
    this.answers[index] = addresses;
    this.cluster.setEndpoints(this.resolved());
    if (first) this.countDown();
  }

  private answered(index: number): void {
    if (this.answers[index] !== null) return;
    this.answers[index] = [];
    this.countDown();
  }

  private countDown(): void {
    if (--this.waiting === 0) this.settle();
  }

  private resolved(): ResolvedEndpoint[] {
    const { endpoints, type } = this.cluster.config;
    return endpoints.flatMap((endpoint, index) => {
      const addresses = this.answers[index] ?? [];
      const logical = type === 'LOGICAL_DNS';
      const hostname = endpoint.hostname === '' ? endpoint.address : endpoint.hostname;
      return (logical ? addresses.slice(0, 1) : addresses).map((ip) => ({
        ip,
        port: endpoint.port,
        hostname,
        endpoint,
        alternatives: logical ? addresses.slice(1) : [],
      }));
    });
  }

  private announceReturn(endpoint: EndpointConfig, addresses: readonly string[]): void {
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

  private announceFailure(endpoint: EndpointConfig, reason: string, kept: readonly string[]): void {
    if (this.failing.has(endpoint.address)) return;
    this.failing.add(endpoint.address);
    const consequence =
      kept.length === 0
        ? 'it gives no host until the name resolves'
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
