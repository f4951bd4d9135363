import type { LoadBalancingConfig, LocalityConfig } from './cluster-config.ts';
import { coarseHealth, isExcluded, type UpstreamHost } from './host.ts';
import { computePriorityLoad, type PriorityCounts, type PriorityLoad } from './priority-load.ts';

/** One host as it was when the set was made: what a later explanation may tell of it. */
export interface HostView {
  readonly host: UpstreamHost;
  readonly flags: number;
  readonly weight: number;
  /** Wall time of the earliest return, 0 when not ejected. */
  readonly ejectedUntil: number;
  /** What the last health check said of a host that fails it or is degraded by it. */
  readonly checkAnswer: string;
}

/** Which hosts of a priority a pick chooses among. Localities add two sources each, from `firstLocality` on. */
export const Source = { all: 0, healthy: 1, degraded: 2, firstLocality: 3 } as const;

export interface LocalityView {
  readonly locality: LocalityConfig;
  readonly hosts: number;
  /** weight · min(100, factor · healthy %), and the same for degraded; 0 takes no part. */
  readonly healthyWeight: number;
  readonly degradedWeight: number;
}

export interface PrioritySet {
  readonly counts: PriorityCounts;
  readonly views: readonly HostView[];
  /** Hosts by source number. */
  readonly sources: readonly (readonly UpstreamHost[])[];
  /** Only when balancing looks at localities (their weights, or zones), else empty. */
  readonly localities: readonly LocalityView[];
}

/** The hosts of a cluster and their health at one moment. Immutable; a change makes a new one with a new id. */
export interface HostSet {
  readonly id: number;
  /** Monotonic milliseconds when it was made. */
  readonly madeAt: number;
  readonly priorities: readonly PrioritySet[];
  readonly load: PriorityLoad;
  /** What a policy built for this set (rings, tables), by priority; filled at the first pick. */
  readonly built: unknown[];
}

export function buildHostSet(
  id: number,
  madeAt: number,
  hosts: readonly UpstreamHost[],
  config: LoadBalancingConfig,
  ejectedUntil: (host: UpstreamHost) => number,
): HostSet {
  const views = hosts.map((host) => viewOf(host, host.healthFlags === 0 ? 0 : ejectedUntil(host)));
  return assembleHostSet(id, madeAt, views, config, null);
}

/** A set of some hosts of another one. `scale` says which share of its weight a locality keeps. */
export function assembleHostSet(
  id: number,
  madeAt: number,
  views: readonly HostView[],
  config: LoadBalancingConfig,
  scale: ((locality: string, hosts: number) => number) | null,
): HostSet {
  let priorityCount = 1;
  for (const { host } of views) if (host.priority >= priorityCount) priorityCount = host.priority + 1;
  const priorities: PrioritySet[] = [];
  for (let priority = 0; priority < priorityCount; priority++) {
    const mine = priorityCount === 1 ? views : views.filter(({ host }) => host.priority === priority);
    priorities.push(buildPriority(mine, config, scale));
  }
  const counts = priorities.map((p) => (config.weightedPriorityHealth ? weightedCounts(p) : p.counts));
  return {
    id,
    madeAt,
    priorities,
    load: computePriorityLoad(counts, config.overprovisioningFactor, config.panicThreshold),
    built: [],
  };
}

function buildPriority(
  views: readonly HostView[],
  config: LoadBalancingConfig,
  scale: ((locality: string, hosts: number) => number) | null,
): PrioritySet {
  const all: UpstreamHost[] = [];
  const healthy: UpstreamHost[] = [];
  const degraded: UpstreamHost[] = [];
  let excluded = 0;
  for (const { host, flags } of views) {
    all.push(host);
    const health = coarseHealth(flags);
    if (health === 'healthy') healthy.push(host);
    else if (health === 'degraded') degraded.push(host);
    if (isExcluded(flags)) excluded++;
  }
  const counts = { hosts: all.length, healthy: healthy.length, degraded: degraded.length, excluded };
  const sources: UpstreamHost[][] = [all, healthy, degraded];
  const byLocality = config.localityWeighted || config.zoneAware !== null;
  const localities = byLocality ? addLocalities(views, sources, config.overprovisioningFactor, scale) : [];
  return { counts, views, sources, localities };
}

/** The last view of a host while nothing changed: most sets differ from the one before in one host only. */
function viewOf(host: UpstreamHost, ejectedUntil: number): HostView {
  const last = host.lastView;
  const { healthFlags: flags, weight } = host;
  const checkAnswer = flags === 0 ? '' : (host.check?.lastAnswer ?? '');
  if (
    last !== null &&
    last.flags === flags &&
    last.weight === weight &&
    last.ejectedUntil === ejectedUntil &&
    last.checkAnswer === checkAnswer
  ) {
    return last;
  }
  const view = { host, flags, weight, ejectedUntil, checkAnswer };
  host.lastView = view;
  return view;
}

function addLocalities(
  views: readonly HostView[],
  sources: UpstreamHost[][],
  overprovisioningFactor: number,
  scale: ((locality: string, hosts: number) => number) | null,
): LocalityView[] {
  const groups = new Map<string, { locality: LocalityConfig; views: HostView[] }>();
  for (const view of views) {
    const key = localityName(view.host.locality);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { locality: view.host.locality, views: [view] });
    else group.views.push(view);
  }
  const localities: LocalityView[] = [];
  for (const [name, group] of groups) {
    const healthy = group.views.filter(({ flags }) => coarseHealth(flags) === 'healthy');
    const degraded = group.views.filter(({ flags }) => coarseHealth(flags) === 'degraded');
    const counted = group.views.filter(({ flags }) => !isExcluded(flags)).length;
    const weight = (group.locality.weight ?? 0) * (scale === null ? 1 : scale(name, group.views.length));
    const effective = (part: number): number =>
      counted === 0 ? 0 : weight * Math.min(1, (overprovisioningFactor / 100) * (part / counted));
    sources.push(
      healthy.map(({ host }) => host),
      degraded.map(({ host }) => host),
    );
    localities.push({
      locality: group.locality,
      hosts: group.views.length,
      healthyWeight: effective(healthy.length),
      degradedWeight: effective(degraded.length),
    });
  }
  return localities;
}

function weightedCounts(p: PrioritySet): PriorityCounts {
  const sum = (views: readonly HostView[]): number => views.reduce((n, v) => n + v.weight, 0);
  return {
    hosts: sum(p.views),
    healthy: sum(p.views.filter((v) => coarseHealth(v.flags) === 'healthy')),
    degraded: sum(p.views.filter((v) => coarseHealth(v.flags) === 'degraded')),
    excluded: sum(p.views.filter((v) => isExcluded(v.flags))),
  };
}

/** `region/zone/sub_zone`, trailing empty parts left out. */
export function localityName(locality: LocalityConfig): string {
  return [locality.region, locality.zone, locality.subZone].join('/').replace(/\/+$/, '');
}
