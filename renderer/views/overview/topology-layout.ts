/** Where the boxes and edges of the topology stand. Pure; runs again only when the configuration or the size changes. */
import type { CoreState } from '../../../proxy-core/index.ts';

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface ListenerBox extends Box {
  readonly name: string;
}
export interface ChainBox extends Box {
  readonly listener: string;
  /** Position in its listener: names of filter chains may be missing or the same. */
  readonly index: number;
}
export interface RouteRow {
  readonly id: string;
  /** Height of its middle, where the edges start. */
  readonly y: number;
}
export interface VirtualHostBox extends Box {
  readonly routeConfig: string;
  readonly name: string;
  readonly rows: readonly RouteRow[];
  /** Routes that have no row because there are too many. */
  readonly hidden: number;
}
export interface ClusterBox extends Box {
  readonly name: string;
}
export interface HostBox extends Box {
  readonly cluster: string;
  readonly address: string;
}
/** The row "n more hosts" of a large cluster. */
export interface MoreHostsBox extends Box {
  readonly cluster: string;
  readonly count: number;
}

export type EdgeEnds =
  | { readonly kind: 'listener-chain'; readonly listener: string; readonly chain: number }
  | {
      readonly kind: 'chain-virtual-host';
      readonly listener: string;
      readonly chain: number;
      readonly routeConfig: string;
      readonly virtualHost: string;
    }
  | {
      readonly kind: 'chain-cluster';
      readonly listener: string;
      readonly chain: number;
      readonly cluster: string;
    }
  | { readonly kind: 'route-cluster'; readonly route: string; readonly cluster: string }
  | { readonly kind: 'cluster-host'; readonly cluster: string; readonly address: string };

export interface Edge {
  readonly ends: EdgeEnds;
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
}

export interface TopologyLayout {
  readonly width: number;
  readonly height: number;
  readonly columns: readonly { readonly title: string; readonly x: number }[];
  readonly listeners: readonly ListenerBox[];
  readonly chains: readonly ChainBox[];
  readonly virtualHosts: readonly VirtualHostBox[];
  readonly clusters: readonly ClusterBox[];
  readonly hosts: readonly HostBox[];
  readonly moreHosts: readonly MoreHostsBox[];
  readonly edges: readonly Edge[];
}

const PAD = 14;
const TOP = 30;
const TITLES = ['Listeners', 'Filter chains', 'Virtual hosts and routes', 'Clusters', 'Hosts'];
const LISTENER = 58;
const CHAIN = 36;
const CLUSTER = 46;
const HOST = 22;
const HOST_STEP = 25;
export const HEAD = 28;
export const ROUTE = 22;
const MAX_HOSTS = 8;
const MAX_ROUTES = 16;

/** Column widths: roomy from 1000 px on, else addresses shrink to their ports. */
export function columnWidths(width: number): readonly [number, number, number, number, number] {
  return width > 1000 ? [146, 88, 204, 182, 190] : [146, 84, 176, 182, 132];
}

export function layOutTopology(state: CoreState, width: number, height: number): TopologyLayout {
  const widths = columnWidths(width);
  const gap = Math.max(16, (width - 2 * PAD - widths.reduce((sum, w) => sum + w, 0)) / 4);
  const x = widths.map((_, i) => PAD + widths.slice(0, i).reduce((sum, w) => sum + w, 0) + gap * i);
  const at = (column: number) => ({ x: x[column] ?? 0, width: widths[column] ?? 0 });

  const all = state.routeConfigs.flatMap((config) =>
    config.virtualHosts.map((virtualHost) => ({ routeConfig: config.name, virtualHost })),
  );
  const virtualHostHeights = all.map(({ virtualHost }) => {
    const { length } = virtualHost.routes;
    const rows = length > MAX_ROUTES ? MAX_ROUTES + 1 : length;
    return HEAD + rows * ROUTE + 4;
  });
  const clusters = inReferenceOrder(state);
  const clusterHeights = clusters.map(({ hosts }) => {
    const rows = hosts.length > MAX_HOSTS ? MAX_HOSTS + 1 : hosts.length;
    return Math.max(CLUSTER, rows * HOST_STEP - 3);
  });
  const chainCount = state.listeners.reduce((sum, l) => sum + l.filterChains.length, 0);
  const needed = Math.max(
    sum(virtualHostHeights) + 12 * Math.max(0, all.length - 1),
    sum(clusterHeights) + 10 * Math.max(0, clusters.length - 1),
    chainCount * (CHAIN + 8),
    state.listeners.length * (LISTENER + 8),
  );
  const available = Math.max(height - TOP - PAD, needed);

  const virtualHostTops = stack(virtualHostHeights, available, 34);
  const virtualHosts = all.map(({ routeConfig, virtualHost }, i): VirtualHostBox => {
    const y = virtualHostTops[i] ?? 0;
    const shown = virtualHost.routes.slice(0, MAX_ROUTES);
    return {
      ...at(2),
      y,
      height: virtualHostHeights[i] ?? 0,
      routeConfig,
      name: virtualHost.name,
      rows: shown.map((route, k) => ({ id: route.id, y: y + HEAD + k * ROUTE + ROUTE / 2 })),
      hidden: virtualHost.routes.length - shown.length,
    };
  });

  const clusterTops = stack(clusterHeights, available, 26);
  const hosts: HostBox[] = [];
  const moreHosts: MoreHostsBox[] = [];
  const clusterBoxes = clusters.map((cluster, i): ClusterBox => {
    const y = clusterTops[i] ?? 0;
    const block = clusterHeights[i] ?? CLUSTER;
    const shown = cluster.hosts.slice(0, MAX_HOSTS);
    const hidden = cluster.hosts.length - shown.length;
    const rows = shown.length + (hidden > 0 ? 1 : 0);
    const hostTop = y + (block - (rows * HOST_STEP - 3)) / 2;
    shown.forEach((host, k) => {
      hosts.push({
        ...at(4),
        y: hostTop + k * HOST_STEP,
        height: HOST,
        cluster: cluster.name,
        address: host.address,
      });
    });
    if (hidden > 0) {
      const last = hostTop + shown.length * HOST_STEP;
      moreHosts.push({ ...at(4), y: last, height: HOST, cluster: cluster.name, count: hidden });
    }
    return { ...at(3), y: y + (block - CLUSTER) / 2, height: CLUSTER, name: cluster.name };
  });

  const chainPlans = state.listeners.flatMap((listener) =>
    listener.filterChains.map((chain, index) => {
      const targets = [
        ...virtualHosts.filter((v) => v.routeConfig === chain.routeConfig).map((v) => v.y + HEAD / 2),
        ...clusterBoxes.filter((c) => chain.clusters.includes(c.name)).map((c) => c.y + CLUSTER / 2),
      ];
      return { listener: listener.name, index, wanted: mean(targets, TOP + available / 2) };
    }),
  );
  const chainMiddles = spread(
    chainPlans.map((plan) => plan.wanted),
    comfortable(chainPlans.length, CHAIN, available),
    TOP + CHAIN / 2,
    TOP + available - CHAIN / 2,
  );
  const chains = chainPlans.map(
    ({ listener, index }, i): ChainBox => ({
      ...at(1),
      y: (chainMiddles[i] ?? 0) - CHAIN / 2,
      height: CHAIN,
      listener,
      index,
    }),
  );
  const listenerMiddles = spread(
    state.listeners.map((listener) =>
      mean(
        chains.filter((c) => c.listener === listener.name).map((c) => c.y + CHAIN / 2),
        TOP + available / 2,
      ),
    ),
    comfortable(state.listeners.length, LISTENER, available),
    TOP + LISTENER / 2,
    TOP + available - LISTENER / 2,
  );
  const listeners = state.listeners.map(
    (listener, i): ListenerBox => ({
      ...at(0),
      y: (listenerMiddles[i] ?? 0) - LISTENER / 2,
      height: LISTENER,
      name: listener.name,
    }),
  );

  return {
    width,
    height: TOP + available + PAD,
    columns: TITLES.map((title, i) => ({ title, x: x[i] ?? 0 })),
    listeners,
    chains,
    virtualHosts,
    clusters: clusterBoxes,
    hosts,
    moreHosts,
    edges: edgesOf(state, { listeners, chains, virtualHosts, clusters: clusterBoxes, hosts }),
  };
}

type Boxes = Pick<TopologyLayout, 'listeners' | 'chains' | 'virtualHosts' | 'clusters' | 'hosts'>;

function edgesOf(state: CoreState, boxes: Boxes): Edge[] {
  const edges: Edge[] = [];
  const join = (ends: EdgeEnds, from: Box, y1: number, to: Box, y2: number) =>
    edges.push({ ends, x1: from.x + from.width, y1, x2: to.x, y2 });
  const middle = (box: Box) => box.y + box.height / 2;
  const clusterBox = new Map(boxes.clusters.map((box) => [box.name, box]));

  for (const listener of state.listeners) {
    const from = boxes.listeners.find((box) => box.name === listener.name);
    for (const [index, chain] of listener.filterChains.entries()) {
      const box = boxes.chains.find((c) => c.listener === listener.name && c.index === index);
      if (from === undefined || box === undefined) continue;
      const ends = { listener: listener.name, chain: index };
      join({ kind: 'listener-chain', ...ends }, from, middle(from), box, middle(box));
      for (const target of boxes.virtualHosts) {
        if (target.routeConfig !== chain.routeConfig) continue;
        const { routeConfig, name: virtualHost } = target;
        join(
          { kind: 'chain-virtual-host', ...ends, routeConfig, virtualHost },
          box,
          middle(box),
          target,
          target.y + HEAD / 2,
        );
      }
      if (chain.kind === 'http') continue;
      for (const cluster of chain.clusters) {
        const target = clusterBox.get(cluster);
        if (target === undefined) continue;
        join({ kind: 'chain-cluster', ...ends, cluster }, box, middle(box), target, middle(target));
      }
    }
  }
  const routes = state.routeConfigs.flatMap((c) => c.virtualHosts.flatMap((v) => v.routes));
  const clustersOfRoute = new Map(routes.map((route) => [route.id, route.clusters]));
  for (const virtualHost of boxes.virtualHosts) {
    for (const row of virtualHost.rows) {
      for (const cluster of new Set(clustersOfRoute.get(row.id) ?? [])) {
        const target = clusterBox.get(cluster);
        if (target === undefined) continue;
        join({ kind: 'route-cluster', route: row.id, cluster }, virtualHost, row.y, target, middle(target));
      }
    }
  }
  for (const host of boxes.hosts) {
    const from = clusterBox.get(host.cluster);
    if (from === undefined) continue;
    const ends = { kind: 'cluster-host' as const, cluster: host.cluster, address: host.address };
    join(ends, from, middle(from), host, middle(host));
  }
  return edges;
}

/** Clusters in the order in which routes first name them, so that few edges cross; the unnamed come last. */
function inReferenceOrder(state: CoreState): CoreState['clusters'] {
  const rank = new Map<string, number>();
  const note = (name: string) => rank.has(name) || rank.set(name, rank.size);
  for (const config of state.routeConfigs) {
    for (const virtualHost of config.virtualHosts) {
      for (const route of virtualHost.routes) {
        // A second cluster of a canary route must not push in before the route's main one.
        for (const cluster of route.clusters) note(cluster);
      }
    }
  }
  for (const listener of state.listeners) {
    for (const chain of listener.filterChains) for (const cluster of chain.clusters) note(cluster);
  }
  const position = (name: string) => rank.get(name) ?? Number.MAX_SAFE_INTEGER;
  return state.clusters.toSorted((a, b) => position(a.name) - position(b.name));
}

/** Tops of boxes that stand under one another, centred in the column, with at most `largestGap` between them. */
function stack(heights: readonly number[], available: number, largestGap: number): number[] {
  const total = sum(heights);
  const gaps = Math.max(1, heights.length - 1);
  const gap = Math.min(largestGap, Math.max(0, (available - total) / gaps));
  let y = TOP + Math.max(0, (available - total - gap * (heights.length - 1)) / 2);
  return heights.map((height) => {
    const top = y;
    y += height + gap;
    return top;
  });
}

/**
 * The places nearest to the wanted ones (least squares) that are at least `step` apart and inside `first`…`last`, in
 * the order of the wanted ones. Pools neighbours that would be too close and moves each pool to its mean.
 */
export function spread(wanted: readonly number[], step: number, first: number, last: number): number[] {
  const order = wanted.map((_, i) => i).sort((a, b) => (wanted[a] ?? 0) - (wanted[b] ?? 0) || a - b);
  const pools: { total: number; count: number }[] = [];
  order.forEach((index, rank) => {
    let pool = { total: (wanted[index] ?? 0) - rank * step, count: 1 };
    for (let before = pools.at(-1); before !== undefined; before = pools.at(-1)) {
      if (before.total / before.count <= pool.total / pool.count) break;
      pools.pop();
      pool = { total: pool.total + before.total, count: pool.count + before.count };
    }
    pools.push(pool);
  });
  const most = Math.max(first, last - (order.length - 1) * step);
  const places = new Array<number>(wanted.length).fill(0);
  let rank = 0;
  for (const pool of pools) {
    const base = Math.min(most, Math.max(first, pool.total / pool.count));
    for (let i = 0; i < pool.count; i++, rank++) places[order[rank] ?? 0] = base + rank * step;
  }
  return places;
}

/** How far apart boxes of one column stand when there is room. */
function comfortable(count: number, size: number, available: number): number {
  return Math.max(size + 8, Math.min(112, (available - size) / Math.max(1, count)));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function mean(values: readonly number[], otherwise: number): number {
  return values.length === 0 ? otherwise : sum(values) / values.length;
}

/** Changes exactly when the drawing must be laid out anew. */
export function topologyKey(state: CoreState): string {
  return JSON.stringify([
    state.listeners.map((l) => [
      l.name,
      l.filterChains.map((c) => [c.name, c.routeConfig, c.kind, c.clusters]),
    ]),
    state.routeConfigs.map((c) => [
      c.name,
      c.virtualHosts.map((v) => [v.name, v.routes.map((r) => [r.id, r.clusters])]),
    ]),
    state.clusters.map((c) => [c.name, c.hosts.map((h) => h.address)]),
  ]);
}

/** The nodes that an edge leads from and to, as ids of the drawing. */
export function edgeNodes(ends: EdgeEnds): readonly [from: string, to: string] {
  switch (ends.kind) {
    case 'listener-chain':
      return [nodeId('listener', ends.listener), nodeId('chain', ends.listener, String(ends.chain))];
    case 'chain-virtual-host':
      return [
        nodeId('chain', ends.listener, String(ends.chain)),
        nodeId('virtual-host', ends.routeConfig, ends.virtualHost),
      ];
    case 'chain-cluster':
      return [nodeId('chain', ends.listener, String(ends.chain)), nodeId('cluster', ends.cluster)];
    case 'route-cluster':
      return [nodeId('route', ends.route), nodeId('cluster', ends.cluster)];
    case 'cluster-host':
      return [nodeId('cluster', ends.cluster), nodeId('host', ends.cluster, ends.address)];
  }
}

export function nodeId(kind: string, ...parts: readonly string[]): string {
  return [kind, ...parts].join('|');
}
