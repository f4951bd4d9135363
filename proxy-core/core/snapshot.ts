import type { LoadedConfig } from '../config/load.ts';
import type { ConfigSource } from '../facade/core-api.ts';
import type { SnapshotRuntime } from '../http/runtime.ts';
import type { RouteTable } from '../route/index.ts';
import type { ClusterView } from '../upstream/index.ts';
import type { CompiledBootstrap } from './compile.ts';

/** One immutable compiled configuration with a version; what runs, and what old records are explained with. */
export interface Snapshot {
  readonly version: number;
  readonly source: ConfigSource;
  readonly loaded: LoadedConfig;
  readonly bootstrap: CompiledBootstrap;
  readonly clusters: ClusterView;
  readonly runtime: SnapshotRuntime;
  /** Wall milliseconds. */
  readonly appliedAt: number;
}

/** Every route table that a listener of the bootstrap uses, once. */
export function routeTables(bootstrap: CompiledBootstrap): RouteTable[] {
  const tables = new Set<RouteTable>();
  for (const listener of bootstrap.listeners) {
    for (const chain of listener.filterChains) {
      if (chain.http !== null) tables.add(chain.http.routes);
    }
  }
  return [...tables];
}

/** Routes keep their hit counts over an apply while their match stays: by virtual host, name and match. */
export function carryHits(from: CompiledBootstrap, to: CompiledBootstrap): void {
  const counts = new Map<string, { count: number }>();
  for (const [key, hits] of allHits(from)) counts.set(key, hits);
  for (const [key, hits] of allHits(to)) hits.count = counts.get(key)?.count ?? 0;
}

function* allHits(bootstrap: CompiledBootstrap): Iterable<[string, { count: number }]> {
  for (const table of routeTables(bootstrap)) {
    for (const virtualHost of table.virtualHosts) {
      for (const route of virtualHost.routes) {
        yield [`${table.name}/${virtualHost.name}/${route.name}/${route.matchText}`, route.hits];
      }
    }
  }
}

/** Keeps snapshots while a record in the ring may name them. */
export class SnapshotTable {
  private readonly byVersion = new Map<number, Snapshot>();

  constructor(private readonly limit = 256) {}

  add(snapshot: Snapshot): void {
    this.byVersion.set(snapshot.version, snapshot);
  }

  get(version: number): Snapshot | undefined {
    return this.byVersion.get(version);
  }

  /** Forgets what is older than the oldest record, and the oldest beyond the limit. */
  prune(oldestNeeded: number): void {
    for (const version of this.byVersion.keys()) {
      if (version >= oldestNeeded && this.byVersion.size <= this.limit) break;
      this.byVersion.delete(version);
    }
  }
}
