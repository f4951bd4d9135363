/** Rates and error shares of every node and edge, from the ticks. Pure. */
import type { CoreState, HostHealth, MetricsTick } from '../../../proxy-core/index.ts';
import { type ClusterFigures, clusterFigures, rate } from '../../state/series.ts';
import type { EdgeEnds } from './topology-layout.ts';

/** From this share of 5xx on, edges and clusters are amber, then vermilion. */
export const AMBER_SHARE = 0.01;
export const RED_SHARE = 0.05;

export type Severity = 'fine' | 'warn' | 'err';

export function severityOf(share: number | null): Severity {
  if (share === null || share < AMBER_SHARE) return 'fine';
  return share < RED_SHARE ? 'warn' : 'err';
}

export interface TopologyFigures {
  readonly listeners: ReadonlyMap<string, number>;
  readonly chains: ReadonlyMap<string, number>;
  readonly routes: ReadonlyMap<string, number>;
  readonly clusters: ReadonlyMap<string, ClusterFigures>;
  edge(ends: EdgeEnds): EdgeFigures;
  /** Width in pixels of an edge that carries this many requests a second. */
  width(rate: number): number;
}

export interface EdgeFigures {
  readonly rate: number;
  readonly severity: Severity;
  /** `never`: no request since the counters began; `gone`: the host is out of rotation. */
  readonly state: 'used' | 'never' | 'gone';
}

/** Filter chains are known by their position: their names may be missing or the same. */
export function chainKey(listener: string, index: number): string {
  return `${listener}\n${index}`;
}

/** The share of failures of one host, when it is known. */
export type HostErrors = (cluster: string, address: string) => number | null;

export function topologyFigures(
  state: CoreState,
  ticks: readonly MetricsTick[],
  hostErrors: HostErrors,
): TopologyFigures {
  const listeners = new Map(
    state.listeners.map((l) => [l.name, rate(ticks, (tick) => tick.listeners[l.name] ?? 0)]),
  );
  const routes = new Map<string, number>();
  const hits = new Map<string, number>();
  const virtualHostRates = new Map<string, number>();
  const routeConfigRates = new Map<string, number>();
  for (const config of state.routeConfigs) {
    let configRate = 0;
    for (const virtualHost of config.virtualHosts) {
      let virtualHostRate = 0;
      for (const route of virtualHost.routes) {
        const perSecond = rate(ticks, (tick) => tick.routes[route.id] ?? 0);
        routes.set(route.id, perSecond);
        hits.set(route.id, route.hits);
        virtualHostRate += perSecond;
      }
      virtualHostRates.set(`${config.name}\n${virtualHost.name}`, virtualHostRate);
      configRate += virtualHostRate;
    }
    routeConfigRates.set(config.name, configRate);
  }
  const clusters = new Map(state.clusters.map((c) => [c.name, clusterFigures(ticks, c.name)]));
  const chains = chainRates(state, listeners, routeConfigRates);
  const health = new Map<string, HostHealth>();
  for (const cluster of state.clusters) {
    for (const host of cluster.hosts) health.set(`${cluster.name}\n${host.address}`, host.health);
  }
  const sharesOfConfig = new Map<string, number>();
  for (const listener of state.listeners) {
    for (const [index, chain] of listener.filterChains.entries()) {
      if (chain.routeConfig === null) continue;
      const own = chains.get(chainKey(listener.name, index)) ?? 0;
      sharesOfConfig.set(chain.routeConfig, (sharesOfConfig.get(chain.routeConfig) ?? 0) + own);
    }
  }
  const clustersOfRoute = new Map(
    state.routeConfigs
      .flatMap((c) => c.virtualHosts)
      .flatMap((v) => v.routes)
      .map((r) => [r.id, r.clusters]),
  );
  const busiest = Math.max(1, ...listeners.values(), ...[...clusters.values()].map((c) => c.rate));
  // Thickness by the square root of the rate, so that a tenth is still seen; 15 px at most.
  const factor = Math.min(3.1, 15 / Math.sqrt(busiest));

  function edge(ends: EdgeEnds): EdgeFigures {
    switch (ends.kind) {
      case 'listener-chain':
        return used(chains.get(chainKey(ends.listener, ends.chain)) ?? 0);
      case 'chain-virtual-host': {
        const chain = chains.get(chainKey(ends.listener, ends.chain)) ?? 0;
        const whole = sharesOfConfig.get(ends.routeConfig) ?? 0;
        const share = whole === 0 ? 0 : chain / whole;
        return used((virtualHostRates.get(`${ends.routeConfig}\n${ends.virtualHost}`) ?? 0) * share);
      }
      case 'chain-cluster':
        return used(clusters.get(ends.cluster)?.rate ?? 0);
      case 'route-cluster': {
        if ((hits.get(ends.route) ?? 0) === 0 && (routes.get(ends.route) ?? 0) === 0) {
          return { rate: 0, severity: 'fine', state: 'never' };
        }
        const cluster = clusters.get(ends.cluster);
        const perSecond = (routes.get(ends.route) ?? 0) * shareOfCluster(ends.route, ends.cluster);
        return { rate: perSecond, severity: severityOf(cluster?.errorShare ?? null), state: 'used' };
      }
      case 'cluster-host': {
        const cluster = clusters.get(ends.cluster);
        const perSecond = cluster?.hostRates.get(ends.address) ?? 0;
        const out = health.get(`${ends.cluster}\n${ends.address}`);
        if (out === 'ejected' || out === 'unhealthy') {
          return { rate: perSecond, severity: 'fine', state: 'gone' };
        }
        return {
          rate: perSecond,
          severity: severityOf(hostErrors(ends.cluster, ends.address) ?? cluster?.errorShare ?? null),
          state: 'used',
        };
      }
    }
  }

  /** A route with several clusters sends them what the clusters themselves get, in proportion. */
  function shareOfCluster(route: string, cluster: string): number {
    const names = [...new Set(clustersOfRoute.get(route) ?? [])];
    if (names.length < 2) return 1;
    const total = names.reduce((sum, name) => sum + (clusters.get(name)?.rate ?? 0), 0);
    return total === 0 ? 1 / names.length : (clusters.get(cluster)?.rate ?? 0) / total;
  }

  return {
    listeners,
    chains,
    routes,
    clusters,
    edge,
    width: (perSecond) => (perSecond <= 0 ? 1 : Math.max(1.5, Math.min(15, factor * Math.sqrt(perSecond)))),
  };
}

function used(perSecond: number): EdgeFigures {
  return { rate: perSecond, severity: 'fine', state: 'used' };
}

/**
 * Requests are counted by listener and by route, not by filter chain. One chain of a listener has its rate; among
 * several, a chain whose route table nobody shares has the rate of that table, and the rest is divided evenly.
 */
function chainRates(
  state: CoreState,
  listeners: ReadonlyMap<string, number>,
  routeConfigRates: ReadonlyMap<string, number>,
): Map<string, number> {
  const users = new Map<string, number>();
  for (const listener of state.listeners) {
    for (const { routeConfig } of listener.filterChains) {
      if (routeConfig !== null) users.set(routeConfig, (users.get(routeConfig) ?? 0) + 1);
    }
  }
  const rates = new Map<string, number>();
  for (const listener of state.listeners) {
    const whole = listeners.get(listener.name) ?? 0;
    const unknown: string[] = [];
    let known = 0;
    for (const [index, chain] of listener.filterChains.entries()) {
      const key = chainKey(listener.name, index);
      if (
        listener.filterChains.length > 1 &&
        chain.routeConfig !== null &&
        users.get(chain.routeConfig) === 1
      ) {
        const own = Math.min(whole, routeConfigRates.get(chain.routeConfig) ?? 0);
        rates.set(key, own);
        known += own;
      } else {
        unknown.push(key);
      }
    }
    for (const key of unknown) rates.set(key, Math.max(0, whole - known) / unknown.length);
  }
  return rates;
}
