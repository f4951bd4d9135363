import type { ClusterState, HostState } from '../../proxy-core/index.ts';

interface Sample {
  readonly at: number;
  readonly total: number;
  readonly errors: number;
}

export interface HostWindow {
  /** Requests that ended in the window, and how many of them failed. */
  readonly requests: number;
  readonly errors: number;
}

const WINDOW = 60_000;
const SPACING = 900;

/** The counters of each host over the last minute: turns Envoy's running totals into "success of the last minute". */
export class HostHistory {
  private readonly samples = new Map<string, Sample[]>();

  observe(at: number, clusters: readonly ClusterState[]): void {
    for (const cluster of clusters) {
      for (const host of cluster.hosts) {
        const key = `${cluster.name}\n${host.address}`;
        const list = this.samples.get(key) ?? [];
        this.samples.set(key, list);
        const last = list.at(-1);
        if (last !== undefined && host.totalRequests < last.total) list.length = 0;
        if (last !== undefined && at - last.at < SPACING) continue;
        list.push({ at, total: host.totalRequests, errors: host.errorRequests });
        while (list.length > 2 && (list[1]?.at ?? at) <= at - WINDOW) list.shift();
      }
    }
  }

  window(cluster: string, address: string, now: { total: number; errors: number }): HostWindow {
    const first = this.samples.get(`${cluster}\n${address}`)?.[0];
    if (first === undefined) return { requests: 0, errors: 0 };
    return {
      requests: Math.max(0, now.total - first.total),
      errors: Math.max(0, now.errors - first.errors),
    };
  }

  /** Failed of all in the last minute; null without requests. */
  errorShare(cluster: string, host: HostState): number | null {
    const { requests, errors } = this.window(cluster, host.address, {
      total: host.totalRequests,
      errors: host.errorRequests,
    });
    return requests === 0 ? null : errors / requests;
  }

  clear(): void {
    this.samples.clear();
  }
}
