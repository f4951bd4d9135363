import type { CoreState, FilterChainState, ListenerState, RouteConfigState } from '../facade/state.ts';
import type { FilterChainConfig, Listener, ListenerConfig } from '../listener/index.ts';
import type { RouteTable } from '../route/index.ts';
import { clusterStates } from '../upstream/index.ts';
import { routeTables, type Snapshot } from './snapshot.ts';

/** What runs, as plain data. `null` before the first apply. */
export function coreState(
  snapshot: Snapshot | null,
  listeners: readonly Listener[],
  admin: { readonly address: string; readonly port: number } | null,
): CoreState {
  if (snapshot === null) {
    return {
      version: 0,
      source: '',
      appliedAt: 0,
      listeners: [],
      routeConfigs: [],
      clusters: [],
      admin: null,
    };
  }
  return {
    version: snapshot.version,
    source: snapshot.source.file,
    appliedAt: snapshot.appliedAt,
    listeners: listeners.map(listenerState),
    routeConfigs: routeTables(snapshot.bootstrap).map(routeConfigState),
    clusters: clusterStates(snapshot.clusters.clusters),
    admin,
  };
}

/** `127.0.0.1:8080`, `[::1]:8080`, or a socket path. */
export function addressText(address: { readonly ip: string; readonly port: number }): string {
  if (address.port < 0) return address.ip;
  return address.ip.includes(':') ? `[${address.ip}]:${address.port}` : `${address.ip}:${address.port}`;
}

function listenerState(listener: Listener): ListenerState {
  const { config } = listener;
  return {
    name: config.name,
    address: addressText(boundAddress(config, listener)),
    // After /drain_listeners it is still there and takes no connection. One that does not bind has others' handed on.
    status: listener.accepting || !config.bindsToPort ? 'listening' : 'draining',
    error: '',
    activeConnections: listener.activeConnections,
    source: config.source,
    filterChains: config.filterChains.map(filterChainState),
  };
}

function boundAddress(config: ListenerConfig, listener: Listener): { ip: string; port: number } {
  return { ip: config.address.ip, port: listener.address?.port ?? config.address.port };
}

function filterChainState(chain: FilterChainConfig): FilterChainState {
  const http = chain.http;
  const clusters = new Set<string>();
  for (const virtualHost of http?.routes.virtualHosts ?? []) {
    for (const route of virtualHost.routes) {
      if (route.action.kind === 'cluster') for (const name of route.action.clusterNames) clusters.add(name);
    }
  }
  for (const name of chain.terminal?.clusters ?? []) clusters.add(name);
  return {
    name: chain.name,
    match: chain.matchText,
    kind: chain.kind === 'empty' ? 'other' : chain.kind,
    tls: chain.tls,
    routeConfig: http?.routes.name ?? null,
    clusters: [...clusters],
    httpFilters: http?.filterNames ?? [],
    source: chain.source,
  };
}

function routeConfigState(table: RouteTable): RouteConfigState {
  return {
    name: table.name,
    source: table.source,
    virtualHosts: table.virtualHosts.map((virtualHost) => ({
      name: virtualHost.name,
      domains: virtualHost.domains,
      source: virtualHost.source,
      routes: virtualHost.routes.map((route) => ({
        id: route.id,
        index: route.index,
        name: route.name === '' ? route.matchText : route.name,
        match: route.matchText,
        action: route.actionText,
        clusters: route.action.kind === 'cluster' ? route.action.clusterNames : [],
        hits: route.hits.count,
        source: route.source,
      })),
    })),
  };
}
