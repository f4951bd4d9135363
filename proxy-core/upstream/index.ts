export { type AdminCluster, type AdminHost, type AdminThresholds, adminCluster } from './admin-view.ts';
export type { ResolvedEndpoint, UpstreamCluster } from './cluster.ts';
export type * from './cluster-config.ts';
export {
  type ClusterManagerOptions,
  type ClusterUpdate,
  type ClusterView,
  createClusterManager,
  type UpstreamManager,
} from './cluster-manager.ts';
export { clusterState, clusterStates, hostCheck } from './cluster-state.ts';
export { compileDnsCache } from './cluster-types/compile.ts';
export { checkDuplicateClusters, compileCluster, type TransportSocketCompiler } from './compile-cluster.ts';
export type { UpstreamEvent, UpstreamEventSink } from './events.ts';
export { fingerprint } from './fingerprint.ts';
export { HealthFlag, healthFlagWords, isEjected, UpstreamHost } from './host.ts';
export type { LineSink } from './outlier/event-log.ts';
export { connectionEndText } from './pool/connection-end.ts';
export type { LoadBalancerContext } from './types.ts';
