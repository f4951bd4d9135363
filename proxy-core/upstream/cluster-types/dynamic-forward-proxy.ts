import type { Narrator } from '../../facade/decision.ts';
import type { ResolvedEndpoint, UpstreamCluster } from '../cluster.ts';
import type { EndpointSource } from '../endpoint-source.ts';
import type { UpstreamHost } from '../host.ts';
import type { DynamicHosts, LoadBalancerContext } from '../types.ts';
import type { DynamicForwardProxyConfig } from './config.ts';
import type { CachedName, DnsCache, DnsCacheAnswer, DnsCacheListener, DnsCaches } from './dns-cache.ts';
import type { ProvidedBalancer } from './provided.ts';

/**
 * `envoy.clusters.dynamic_forward_proxy`: the hosts are the names in a DNS cache, and a request goes to the one that its
 * authority names. Who sends it there (the HTTP filter of this name) makes sure first that the name is in the cache.
 */
export class DynamicForwardProxy implements EndpointSource, ProvidedBalancer, DynamicHosts, DnsCacheListener {
  readonly ready = Promise.resolve();
  readonly defaultPort: number;
  private readonly cache: DnsCache;
  private byName = new Map<string, UpstreamHost>();

  constructor(
    private readonly cluster: UpstreamCluster,
    config: DynamicForwardProxyConfig,
    private readonly caches: DnsCaches,
  ) {
    this.defaultPort = cluster.config.transportSocket === null ? 80 : 443;
    this.cache = caches.use(config.cache, this);
  }

  start(): void {
    this.onNames();
  }

  close(): void {
    this.caches.leave(this.cache, this);
  }

  load(host: string, ready: () => void): DnsCacheAnswer {
    return this.cache.load(host, this.defaultPort, ready);
  }

  cancel(host: string, ready: () => void): void {
    this.cache.cancel(host, this.defaultPort, ready);
  }

  failure(host: string): string {
    const name = this.cache.find(host, this.defaultPort);
    return name === null ? 'unknown' : name.address === null ? name.failure : '';
  }

  onNames(): void {
    const resolved: ResolvedEndpoint[] = [];
    for (const name of this.cache.names)
      if (name.address !== null) resolved.push(endpointOf(this.cluster, name));
    this.cluster.setEndpoints(resolved);
    this.byName = new Map(this.cluster.hosts.map((host) => [host.hostname, host]));
  }

  choose(context: LoadBalancerContext): UpstreamHost | null {
    const name = this.cache.find(destination(context), this.defaultPort);
    if (name === null) return null;
    this.cache.touch(name);
    return this.byName.get(name.key) ?? null;
  }

  explain(context: LoadBalancerContext, narrator: Narrator): UpstreamHost | null {
    const wanted = destination(context);
    const name = this.cache.find(wanted, this.defaultPort);
    const host = name === null ? null : (this.byName.get(name.key) ?? null);
    narrator.note(
      host === null ? 'bad' : 'neutral',
      host === null
        ? `\`${wanted}\` is not in the DNS cache \`${this.cache.config.name}\`: a request would have it resolved first.`
        : `\`${wanted}\` is in the DNS cache \`${this.cache.config.name}\` as ${host.address}.`,
      null,
    );
    return host;
  }
}

/** The authority of a request; for a connection its server name. */
function destination(context: LoadBalancerContext): string {
  return context.head?.authority ?? context.info?.connection.requestedServerName ?? '';
}

function endpointOf(cluster: UpstreamCluster, name: CachedName): ResolvedEndpoint {
  const ip = name.address ?? '';
  return {
    ip,
    port: name.port,
    hostname: name.key,
    alternatives: name.alternatives,
    endpoint: {
      address: ip,
      port: name.port,
      hostname: name.key,
      weight: 1,
      priority: 0,
      locality: NO_LOCALITY,
      health: 'HEALTHY',
      metadata: NO_METADATA,
      additionalAddresses: [],
      source: cluster.config.source,
    },
  };
}

export const NO_LOCALITY = { region: '', zone: '', subZone: '', weight: null } as const;
export const NO_METADATA: ReadonlyMap<string, Readonly<Record<string, unknown>>> = new Map();
