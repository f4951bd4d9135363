import { CallbackTimer } from '../../base/clock.ts';
import type { Counter, Gauge } from '../../base/stats.ts';
import { canonicalJson } from '../../base/subset-criteria.ts';
import type { CoreServices } from '../../config/compile-context.ts';
import type { DnsResolver } from '../../discovery/dns-resolver.ts';
import { type DnsOutcome, DnsSource } from '../../discovery/dns-source.ts';
import { ServerDnsResolver } from '../../discovery/server-resolver.ts';
import type { DnsCacheConfig } from './config.ts';

/** How long nobody may ask for a name before the cache looks whether to drop it. */
export type DnsCacheAnswer = 'in-cache' | 'loading' | 'overflow' | 'pending-overflow';

/** A name in the cache, as those who use it see it. */
export interface CachedName {
  /** `example.com:443`. */
  readonly key: string;
  readonly port: number;
  /** Null until resolved, and while the name has no address. */
  readonly address: string | null;
  readonly alternatives: readonly string[];
  /** What the last resolution failed with; empty when it did not. */
  readonly failure: string;
}

export interface DnsCacheListener {
  onNames(): void;
}

/** c-ares' words, as Envoy tells them. */
const NO_ADDRESS = 'cares_norecords:Domain name not found';

class Entry implements CachedName {
  address: string | null = null;
  alternatives: readonly string[] = [];
  failure = '';
  resolved = false;
  lastUsed: number;
  readonly waiting = new Set<() => void>();
  source: DnsSource | null = null;

  constructor(
    readonly key: string,
    readonly port: number,
    now: number,
  ) {
    this.lastUsed = now;
  }
}

interface CacheStats {
  readonly queries: Counter;
  readonly successes: Counter;
  readonly failures: Counter;
  readonly timeouts: Counter;
  readonly pendingOverflow: Counter;
  readonly added: Counter;
  readonly removed: Counter;
  readonly changed: Counter;
  readonly overflow: Counter;
  readonly hosts: Gauge;
  readonly pendingOpen: Gauge;
  readonly pendingRemaining: Gauge;
}

/**
 * Names that are resolved when somebody asks, kept fresh, and forgotten when nobody asks any more
 * (`envoy.extensions.common.dynamic_forward_proxy.v3.DnsCacheConfig`).
 */
export class DnsCache {
  private readonly entries = new Map<string, Entry>();
  private readonly listeners = new Set<DnsCacheListener>();
  private readonly stats: CacheStats;
  private readonly sweep: CallbackTimer;
  private pending = 0;

  private readonly resolver: DnsResolver;

  constructor(
    readonly config: DnsCacheConfig,
    private readonly services: CoreServices,
    resolver: DnsResolver,
  ) {
    this.resolver = config.servers === null ? resolver : new ServerDnsResolver(config.servers);
    this.stats = cacheStats(services, `dns_cache.${config.name}.`);
    this.stats.pendingRemaining.set(config.maxPendingRequests);
    this.sweep = new CallbackTimer(services.clock, () => this.dropUnused());
    for (const { host, port } of config.preresolve) this.load(host, port, null);
  }

  listen(listener: DnsCacheListener): void {
    this.listeners.add(listener);
  }

  /** True when nobody uses the cache any more: it is closed then. */
  leave(listener: DnsCacheListener): boolean {
    this.listeners.delete(listener);
    if (this.listeners.size > 0) return false;
    this.sweep.disarm();
    for (const entry of this.entries.values()) entry.source?.close();
    this.entries.clear();
    this.stats.hosts.set(0);
    return true;
  }

  get names(): Iterable<CachedName> {
    return this.entries.values();
  }

  /** @param port Used when `host` names none. */
  find(host: string, port: number): CachedName | null {
    return this.entries.get(cacheKey(host, port)) ?? null;
  }

  touch(name: CachedName): void {
    const entry = this.entries.get(name.key);
    if (entry !== undefined) entry.lastUsed = this.services.clock.now();
  }

  /** Looks a name up; `ready` is called once when the answer is `loading`, not after `cancel`. */
  load(host: string, port: number, ready: (() => void) | null): DnsCacheAnswer {
    const { config, stats } = this;
    const key = cacheKey(host, port);
    let entry = this.entries.get(key);
    if (entry?.resolved === true) {
      entry.lastUsed = this.services.clock.now();
      return 'in-cache';
    }
    if (ready !== null && this.pending >= config.maxPendingRequests) {
      stats.pendingOverflow.inc();
      return 'pending-overflow';
    }
    if (entry === undefined) {
      if (this.entries.size >= config.maxHosts) {
        stats.overflow.inc();
        return 'overflow';
      }
      entry = this.begin(key, port);
    }
    if (ready !== null) {
      entry.waiting.add(ready);
      this.countPending(1);
    }
    return 'loading';
  }

  /** Takes back a `load` that has not been answered. */
  cancel(host: string, port: number, ready: () => void): void {
    if (this.entries.get(cacheKey(host, port))?.waiting.delete(ready) === true) this.countPending(-1);
  }

  private countPending(change: number): void {
    const { config, stats } = this;
    this.pending += change;
    stats.pendingOpen.set(this.pending >= config.maxPendingRequests ? 1 : 0);
    stats.pendingRemaining.set(Math.max(0, config.maxPendingRequests - this.pending));
  }

  private begin(key: string, defaultPort: number): Entry {
    const { config, services, stats } = this;
    const { host, port } = splitKey(key, defaultPort);
    const entry = new Entry(key, port, services.clock.now());
    this.entries.set(key, entry);
    stats.added.inc();
    stats.hosts.set(this.entries.size);
    entry.source = new DnsSource(
      host,
      {
        lookupFamily: config.lookupFamily,
        refreshRate: config.refreshRate,
        failureRefreshRate: config.failureRefreshRate,
        respectTtl: true,
        minimumRefreshRate: config.minRefreshRate,
        jitter: 0,
        queryTimeout: config.queryTimeout,
        servers: null,
      },
      services,
      this.resolver,
      () => stats.queries.inc(),
      (outcome) => this.onOutcome(entry, outcome),
    );
    entry.source.start();
    if (!this.sweep.armed) this.sweep.arm(config.hostTtl);
    return entry;
  }

  private onOutcome(entry: Entry, outcome: DnsOutcome): boolean {
    const { stats } = this;
    entry.resolved = true;
    const good = outcome.ok;
    if (outcome.ok) {
      stats.successes.inc();
      const [address = null, ...alternatives] = outcome.addresses;
      entry.failure = address === null ? NO_ADDRESS : '';
      // A name without addresses keeps those that it had.
      if (address !== null && address !== entry.address) {
        entry.address = address;
        stats.changed.inc();
      }
      if (address !== null) entry.alternatives = alternatives;
      for (const listener of this.listeners) listener.onNames();
    } else {
      (outcome.timeout ? stats.timeouts : stats.failures).inc();
      entry.failure = outcome.reason;
    }
    const waiting = [...entry.waiting];
    entry.waiting.clear();
    this.countPending(-waiting.length);
    for (const ready of waiting) ready();
    return good;
  }

  private dropUnused(): void {
    const oldest = this.services.clock.now() - this.config.hostTtl;
    let dropped = false;
    for (const [key, entry] of this.entries) {
      if (entry.lastUsed > oldest || entry.waiting.size > 0) continue;
      entry.source?.close();
      this.entries.delete(key);
      this.stats.removed.inc();
      dropped = true;
    }
    this.stats.hosts.set(this.entries.size);
    if (dropped) for (const listener of this.listeners) listener.onNames();
    if (this.entries.size > 0) this.sweep.arm(Math.max(1000, this.config.hostTtl / 2));
  }
}

/** The caches by name: clusters and filters that name the same one share it. */
export class DnsCaches {
  private readonly caches = new Map<string, DnsCache>();

  constructor(
    private readonly services: CoreServices,
    private readonly resolver: DnsResolver,
  ) {}

  use(config: DnsCacheConfig, listener: DnsCacheListener): DnsCache {
    let cache = this.caches.get(config.name);
    // With other settings it is another cache: clusters of the configuration before keep theirs until they go.
    if (cache === undefined || canonicalJson(cache.config) !== canonicalJson(config)) {
      cache = new DnsCache(config, this.services, this.resolver);
      this.caches.set(config.name, cache);
    }
    cache.listen(listener);
    return cache;
  }

  leave(cache: DnsCache, listener: DnsCacheListener): void {
    if (cache.leave(listener) && this.caches.get(cache.config.name) === cache) {
      this.caches.delete(cache.config.name);
    }
  }
}

/** `host:port`, with the default port for a host that names none. */
function cacheKey(host: string, port: number): string {
  return /^\[[^\]]*\]:\d+$|^[^:[]*:\d+$/.test(host) ? host : `${host}:${port}`;
}

function splitKey(key: string, defaultPort: number): { host: string; port: number } {
  const at = key.lastIndexOf(':');
  const host = key.slice(0, at).replace(/^\[(.*)\]$/, '$1');
  const port = Number(key.slice(at + 1));
  return { host, port: Number.isInteger(port) && port > 0 && port < 65536 ? port : defaultPort };
}

function cacheStats(services: CoreServices, prefix: string): CacheStats {
  const counter = (name: string): Counter => services.stats.counter(prefix + name);
  counter('cache_load');
  return {
    queries: counter('dns_query_attempt'),
    successes: counter('dns_query_success'),
    failures: counter('dns_query_failure'),
    timeouts: counter('dns_query_timeout'),
    pendingOverflow: counter('dns_rq_pending_overflow'),
    added: counter('host_added'),
    removed: counter('host_removed'),
    changed: counter('host_address_changed'),
    overflow: counter('host_overflow'),
    hosts: services.stats.gauge(`${prefix}num_hosts`),
    pendingOpen: services.stats.gauge(`${prefix}circuit_breakers.rq_pending_open`),
    pendingRemaining: services.stats.gauge(`${prefix}circuit_breakers.rq_pending_remaining`),
  };
}
