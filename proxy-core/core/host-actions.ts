import { AttacheError } from '../base/errors.ts';
import type { HostRef } from '../facade/core-api.ts';
import type { HostHistoryState } from '../facade/state.ts';
import {
  type ClusterView,
  connectionEndText,
  hostCheck,
  type UpstreamCluster,
  type UpstreamHost,
} from '../upstream/index.ts';

/** What happened to a host, and its health check now. A host that was never heard of has no entries. */
export function hostHistory(view: ClusterView, { cluster, address }: HostRef): HostHistoryState {
  const known = view.get(cluster);
  const host = known?.hosts.find((each) => each.address === address);
  return {
    check: known === undefined || host === undefined ? null : hostCheck(host, known.wall),
    connectionEnds: (host?.pool?.ends?.list() ?? []).map((each) => ({
      ...each,
      text: connectionEndText(each.end),
    })),
    entries: known?.news.history.list(address) ?? [],
  };
}

/** Takes every host of that address out by hand, until it is taken back. */
export function ejectHost(view: ClusterView, ref: HostRef): void {
  const { cluster, hosts } = find(view, ref);
  for (const host of hosts) cluster.manual.eject(host);
}

/** Takes every host of that address back, whatever ejected it. */
export function unejectHost(view: ClusterView, ref: HostRef): void {
  const { cluster, hosts } = find(view, ref);
  for (const host of hosts) cluster.manual.uneject(host);
}

/** An address may stand in several priorities, and twice in a STATIC cluster. */
function find(
  view: ClusterView,
  ref: HostRef,
): { readonly cluster: UpstreamCluster; readonly hosts: readonly UpstreamHost[] } {
  const cluster = view.get(ref.cluster);
  if (cluster === undefined) {
    throw new AttacheError('core.no-cluster', `There is no cluster named ${ref.cluster}.`);
  }
  const hosts = cluster.hosts.filter((host) => host.address === ref.address);
  if (hosts.length === 0) {
    throw new AttacheError('core.no-host', `Cluster ${ref.cluster} has no host ${ref.address} now.`);
  }
  return { cluster, hosts };
}

/** A figure summed over all clusters. */
export function sumClusters(view: ClusterView, of: (cluster: UpstreamCluster) => number): number {
  return view.clusters.reduce((sum, cluster) => sum + of(cluster), 0);
}

/** A figure summed over all hosts of all clusters. */
export function sumHosts(view: ClusterView, of: (host: UpstreamHost) => number): number {
  return sumClusters(view, ({ hosts }) => hosts.reduce((sum, host) => sum + of(host), 0));
}
