import type { CoreServices } from '../config/compile-context.ts';
import type { Narrator } from '../facade/decision.ts';
import { CircuitBreaker } from './circuit-breakers.ts';
import type { AssignmentPolicy, CompiledCluster, EndpointConfig } from './cluster-config.ts';
import { ClusterStatistics, clusterStatPrefix } from './cluster-stats.ts';
import type { ProvidedBalancer } from './cluster-types/provided.ts';
import { matchTransportSocket } from './compile-connections.ts';
import type { UpstreamEventSink } from './events.ts';
import { ClusterHealth } from './health/cluster-health.ts';
import { joinSinks } from './health/event-log.ts';
import type { CheckPacer } from './health/pacer.ts';
import { formatAddress, HealthFlag, UpstreamHost } from './host.ts';
import { HostNews } from './host-news.ts';
import { buildHostSet, type HostSet } from './host-set.ts';
import type { HostSetHistory } from './host-set-history.ts';
import { keepHealthyHosts, takeKnownHost } from './kept-hosts.ts';
import type { Balancer } from './load-balancer/balancer.ts';
import { ClientSideWeights } from './load-balancer/client-side-weights.ts';
import { createBalancer } from './load-balancer/create.ts';
import { type PickCount, pickDistribution } from './load-balancer/distribution.ts';
import { explainPick } from './load-balancer/explain-pick.ts';
import { balancerObserver } from './load-balancer/observer.ts';
import { selectOverrideHost } from './load-balancer/override-host.ts';
import { subsetStats } from './load-balancer/subset.ts';
import { ManualEjections } from './manual-ejections.ts';
import { publishMembership } from './membership.ts';
import { MergeWindow } from './merge-window.ts';
import { OutlierDetector } from './outlier/detector.ts';
import type { LineSink } from './outlier/event-log.ts';
import type { RuntimeReader } from './runtime-reader.ts';
import type { Cluster, DynamicHosts, LoadBalancerContext } from './types.ts';

export interface ClusterEnvironment {
  readonly services: CoreServices;
  readonly history: HostSetHistory;
  readonly onEvent: UpstreamEventSink;
  /** Hosts, health or settings changed. */
  readonly onChange: () => void;
  readonly outlierLog: LineSink | null;
  /** The hosts of the cluster that this proxy itself belongs to, for zone-aware routing. */
  readonly localHosts: (name: string) => HostSet | null;
  /** A log file by its path. */
  readonly openLog: (path: string) => LineSink;
  readonly runtime: RuntimeReader;
  /** Of all health checks together. */
  readonly pacer: CheckPacer;
}

/** An endpoint with the address that it stands for now. */
export interface ResolvedEndpoint {
  readonly ip: string;
  readonly port: number;
  readonly hostname: string;
  readonly endpoint: EndpointConfig;
  /** LOGICAL_DNS: the other addresses of the name. */
  readonly alternatives?: readonly string[];
}

const SILENT: Narrator = { candidate: () => {}, note: () => {} };

/** A running cluster: its hosts, their health, who is next. Lives over snapshots while its configuration stays. */
export class UpstreamCluster implements Cluster {
  readonly stats: ClusterStatistics;
  readonly detector: OutlierDetector | null;
  readonly health: ClusterHealth | null;
  readonly news: HostNews;
  readonly manual: ManualEjections;
  private readonly breakers: Readonly<Record<'default' | 'high', CircuitBreaker>>;
  private readonly window: MergeWindow;
  private readonly balancer: Balancer;
  private readonly loadWeights: ClientSideWeights | null;
  private current: readonly UpstreamHost[] = [];
  private set: HostSet;
  private closed = false;
  private initialized = false;
  private assignmentPolicy: AssignmentPolicy;
  /** Picks in place of the policy, for types that find their hosts themselves. */
  provided: ProvidedBalancer | null = null;
  dynamicHosts: DynamicHosts | null = null;

  constructor(
    private settings: CompiledCluster,
    private readonly environment: ClusterEnvironment,
  ) {
    const { services } = environment;
    const prefix = clusterStatPrefix(settings.statName);
    this.stats = new ClusterStatistics(services.stats, prefix);
    const breaker = (priority: 'default' | 'high'): CircuitBreaker =>
      new CircuitBreaker(
        settings.circuitBreakers[priority],
        services.stats,
        `${prefix}circuit_breakers.${priority}.`,
        environment.runtime,
        `circuit_breakers.${settings.name}.${priority}.`,
      );
    this.breakers = { default: breaker('default'), high: breaker('high') };
    this.news = new HostNews(settings.name, services, environment.onEvent);
    this.detector =
      settings.outlier === null
        ? null
        : new OutlierDetector(settings.outlier, {
            services,
            clusterName: settings.name,
            statPrefix: prefix,
            news: this.news,
            onHealthChange: () => this.hostsChanged(true),
            eventLog: environment.outlierLog,
            runtime: environment.runtime,
          });
    this.manual = new ManualEjections(services, prefix, settings.name, this.news, this.detector, () =>
      this.hostsChanged(true),
    );
    this.health = this.createHealth(settings, prefix);
    this.assignmentPolicy = settings.assignmentPolicy;
    this.set = this.makeSet();
    this.balancer = createBalancer(
      settings.loadBalancing,
      services.random.next() % 0x100000000,
      this.set,
      balancerObserver(
        services.stats,
        prefix,
        services.clock,
        this.stats.lbHealthyPanic,
        environment.localHosts,
      ),
      subsetStats(services.stats, prefix),
    );
    const { clientSideWeights } = settings.loadBalancing;
    this.loadWeights =
      clientSideWeights === null
        ? null
        : new ClientSideWeights(clientSideWeights, services.clock, () => this.deliver());
    this.window = new MergeWindow(services, settings.loadBalancing.updateMergeWindow, () => this.deliver());
  }

  get config(): CompiledCluster {
    return this.settings;
  }

  get name(): string {
    return this.settings.name;
  }

  /** The hosts as load balancing sees them now. */
  get hostSet(): HostSet {
    return this.set;
  }

  /** Wall milliseconds. */
  get wall(): number {
    return this.environment.services.clock.wall();
  }

  get hostSetId(): number {
    return this.set.id;
  }

  /** Where in its schedule the last `choose` was: keep it with the record, and `explainChoice` repeats that pick. */
  get lastPosition(): number {
    return this.balancer.lastPosition;
  }

  /** The hosts as they are now; load balancing may still use an older set (`update_merge_window`). */
  get hosts(): readonly UpstreamHost[] {
    return this.current;
  }

  /** True while some priority panics. */
  get panic(): boolean {
    return this.set.load.panic.some(Boolean);
  }

  limits(priority: 'default' | 'high'): CircuitBreaker {
    return this.breakers[priority];
  }

  choose(context: LoadBalancerContext): UpstreamHost | null {
    if (this.provided !== null) return this.provided.choose(context);
    const wanted = context.overrideHost;
    if (wanted != null) {
      const host = selectOverrideHost(this.set, wanted, this.settings.loadBalancing.overrideHostStatus, null);
      if (host !== null || wanted.strict) return host;
    }
    return this.balancer.choose(context);
  }

  /** Where `draws` requests like this one would go, the most picked host first. */
  distribution(context: LoadBalancerContext, draws: number): PickCount[] {
    if (this.provided !== null) return [{ host: this.provided.explain(context, SILENT), picks: draws }];
    const { services, localHosts } = this.environment;
    return pickDistribution(this.settings.loadBalancing, this.set, context, draws, {
      now: () => services.clock.now(),
      localHosts,
    });
  }

  explainChoice(context: LoadBalancerContext, narrator: Narrator, hostSetId?: number): UpstreamHost | null {
    if (this.provided !== null) return this.provided.explain(context, narrator);
    const known = hostSetId === undefined ? this.set : this.environment.history.get(hostSetId);
    if (known === undefined) {
      narrator.note(
        'neutral',
        'The hosts of that moment are no longer kept; told with the hosts of now.',
        null,
      );
    }
    return explainPick(known ?? this.set, this.balancer, this.settings, context, this.wall, narrator);
  }

  /** What came with the endpoints of EDS. */
  setAssignmentPolicy(policy: AssignmentPolicy): void {
    this.assignmentPolicy = policy;
  }

  /** Percentage of requests to drop by `drop_overloads`, by category. */
  get dropOverloads(): AssignmentPolicy['dropOverloads'] {
    return this.assignmentPolicy.dropOverloads;
  }

  /** Same settings, read again: only its place in the file may differ. */
  moveTo(config: CompiledCluster): void {
    this.settings = config;
  }

  /**
   * The cluster's endpoints: hosts at known addresses stay, with their numbers, ejections and connections. Two names
   * with one address are one host; an address written twice in a STATIC cluster is two, as in Envoy.
   */
  setEndpoints(resolved: readonly ResolvedEndpoint[]): void {
    if (this.closed) return;
    const known = new Map<string, UpstreamHost[]>();
    for (const host of this.current) {
      const key = this.keyOf(host.address, host.priority, host.hostname);
      known.set(key, [...(known.get(key) ?? []), host]);
    }
    const isStatic = this.settings.type === 'STATIC';
    const seen = new Set<string>();
    const next: UpstreamHost[] = [];
    let added = 0;
    let matched = 0;
    let adopted = false;
    for (const { ip, port, hostname, endpoint, alternatives } of resolved) {
      const key = this.keyOf(formatAddress(ip, port), endpoint.priority, hostname);
      if (!isStatic && seen.has(key)) continue;
      seen.add(key);
      const kept = takeKnownHost(known.get(key), endpoint);
      const host = kept ?? new UpstreamHost(ip, port, endpoint.priority, endpoint, hostname, this);
      if (kept === undefined) {
        added++;
        host.healthySince = this.environment.services.clock.now();
        this.health?.prepare(host);
        if (this.initialized) this.news.joined(host);
      } else if (kept.adopt(endpoint, hostname)) {
        adopted = true;
        this.news.changed(host);
      }
      host.alternatives = alternatives ?? [];
      if (this.equip(host) && kept === undefined) matched++;
      next.push(host);
    }
    keepHealthyHosts(known, next, this.settings, this.news);
    const removed = this.current.length - (next.length - added);
    if (added === 0 && removed === 0 && !adopted) {
      // Warming ends with the first answer, also when it brings nothing.
      this.initialized = true;
      if (!isStatic) this.stats.updateNoRebuild.inc();
      this.health?.setHosts(next);
      return;
    }
    this.current = next;
    this.stats.totalMatchCount.add(added - matched);
    this.detector?.setHosts(next);
    this.loadWeights?.setHosts(next);
    if (added > 0 || removed > 0) {
      this.stats.membershipChange.inc();
      if (this.settings.closeConnectionsOnHostSetChange) for (const host of next) host.pool?.drain();
    }
    this.hostsChanged(added === 0 && removed === 0);
    for (const hosts of known.values()) {
      for (const host of hosts) {
        host.pool?.drain();
        this.manual.forget(host);
        this.news.left(host);
      }
    }
    this.health?.setHosts(next);
  }

  private createHealth(settings: CompiledCluster, statPrefix: string): ClusterHealth | null {
    const { services, runtime, openLog, pacer } = this.environment;
    const config = settings.healthCheck;
    if (config === null) return null;
    return new ClusterHealth(config, settings.ignoreNewHostsUntilFirstCheck, {
      services,
      runtime,
      pacer,
      statPrefix,
      clusterStats: this.stats,
      cluster: () => this.settings,
      news: this.news,
      eventLog: joinSinks(config.eventLogPaths.map(openLog)),
      onHealthChange: (host) => this.onCheckedHealth(host),
      onPassed: (host) => this.detector?.onHealthCheckPassed(host),
      onFirstRound: () => {
        if (this.closed) return;
        this.publish();
        this.window.deliverFirst();
      },
    });
  }

  private onCheckedHealth(host: UpstreamHost): void {
    if (
      this.settings.type === 'EDS' &&
      host.has(HealthFlag.pendingDynamicRemoval) &&
      host.has(HealthFlag.failedActiveCheck)
    ) {
      this.current = this.current.filter((each) => each !== host);
      this.news.left(host);
      this.stats.membershipChange.inc();
      this.detector?.setHosts(this.current);
      this.hostsChanged(false);
      this.health?.setHosts(this.current);
    } else this.hostsChanged(true);
  }

  /** How connections to a host are made; true when it has a transport socket of its own. */
  private equip(host: UpstreamHost): boolean {
    const { socketOptions, transportSocketMatches } = this.settings;
    host.socketOptions = socketOptions;
    if (transportSocketMatches.length === 0) return false;
    const match = matchTransportSocket(transportSocketMatches, host.metadata);
    host.transportSocket = match === null ? undefined : match.socket;
    if (match !== null) this.stats.countTransportSocketMatch(match.name);
    return match !== null;
  }

  /** Writes the gauges that describe the hosts, also after another cluster of this name wrote them. */
  publish(): void {
    publishMembership(this.stats, this.current);
  }

  /** Stops timers and lets connections go as their requests end. Picks go on working for requests in flight. */
  close(): void {
    this.closed = true;
    this.window.close();
    this.loadWeights?.close();
    this.detector?.close();
    this.health?.close();
    for (const host of this.current) host.pool?.drain();
  }

  private hostsChanged(mergeable: boolean): void {
    if (this.closed) return;
    this.publish();
    // The first round of health checks makes one set of hosts at its end, not one for each answer.
    const warming = this.health?.warming === true;
    if (warming && mergeable) return;
    if (this.initialized && !warming) {
      this.window.schedule(mergeable);
    } else {
      this.initialized = true;
      this.window.deliverFirst();
    }
    this.environment.onChange();
  }

  private deliver(): void {
    this.set = this.makeSet();
    this.balancer.use(this.set);
    this.environment.onChange();
  }

  private makeSet(): HostSet {
    const { history, services } = this.environment;
    const set = buildHostSet(
      history.nextId(),
      services.clock.now(),
      this.current,
      { ...this.settings.loadBalancing, ...this.assignmentPolicy },
      (host) => this.detector?.ejectedUntil(host) ?? 0,
    );
    history.add(set);
    return set;
  }

  /** What makes two endpoints the same host. Names of a dynamic forward proxy stay apart also at one address. */
  private keyOf(address: string, priority: number, hostname: string): string {
    const name = this.settings.type === 'DYNAMIC_FORWARD_PROXY' ? ` ${hostname}` : '';
    return `${priority} ${address}${name}`;
  }
}
