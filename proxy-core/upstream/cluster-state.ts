import type {
  CircuitBreakerState,
  ClusterState,
  HealthCheckState,
  HostCheckState,
  HostHealth,
  HostState,
  OutlierState,
} from '../facade/state.ts';
import type { UpstreamCluster } from './cluster.ts';
import { checkText } from './health/config.ts';
import { healthReason } from './health/reason.ts';
import { coarseHealth, HealthFlag, healthFlagWords, isEjected, type UpstreamHost } from './host.ts';
import { localityName } from './host-set.ts';
import { neverEjectsReason } from './outlier/reasons.ts';

/** A cluster as plain data for the app and the CLI. */
export function clusterState(cluster: UpstreamCluster, wall = 0): ClusterState {
  const { config } = cluster;
  return {
    name: config.name,
    type: config.type,
    lbPolicy: config.lbPolicy,
    source: config.source,
    given: config.given,
    hosts: cluster.hosts.map((host) => hostState(cluster, host, wall)),
    panic: cluster.panic,
    outlier: outlierState(cluster),
    healthCheck: healthCheckState(cluster),
    circuitBreakers: [breakerState(cluster, 'default'), breakerState(cluster, 'high')],
  };
}

export function clusterStates(clusters: readonly UpstreamCluster[]): ClusterState[] {
  return clusters.map((cluster) => clusterState(cluster, cluster.wall));
}

function healthCheckState({ config }: UpstreamCluster): HealthCheckState | null {
  const { healthCheck } = config;
  if (healthCheck === null) return null;
  const { check, interval, noTrafficInterval, timeout, unhealthyThreshold, healthyThreshold, source } =
    healthCheck;
  return {
    check: checkText(check),
    interval,
    noTrafficInterval,
    timeout,
    unhealthyThreshold,
    healthyThreshold,
    source,
  };
}

export function hostCheck({ check }: UpstreamHost, wall: number): HostCheckState | null {
  if (check === null) return null;
  const { nextIn } = check;
  return {
    answer: check.lastAnswer,
    at: check.lastAt,
    nextAt: nextIn < 0 ? 0 : Math.round(wall + nextIn),
  };
}

function hostState(cluster: UpstreamCluster, host: UpstreamHost, wall: number): HostState {
  return {
    address: host.address,
    hostname: host.hostname,
    weight: host.weight,
    priority: host.priority,
    locality: localityName(host.locality),
    health: healthOf(host),
    healthFlags: healthFlagWords(host.healthFlags),
    healthReason: healthReason(host.healthFlags, host.check?.lastAnswer ?? ''),
    ejectedManually: host.has(HealthFlag.ejectedManually),
    check: hostCheck(host, wall),
    consecutive5xx: host.outlier?.consecutive5xx ?? 0,
    consecutiveGatewayFailure: host.outlier?.consecutiveGatewayFailure ?? 0,
    ejections: host.outlier?.ejections ?? 0,
    ejectedUntil: cluster.detector?.ejectedUntil(host) ?? 0,
    activeRequests: host.stats.rqActive,
    activeConnections: host.stats.cxActive,
    totalRequests: host.stats.rqTotal,
    successRequests: host.stats.rqSuccess,
    errorRequests: host.stats.rqError,
  };
}

function healthOf(host: UpstreamHost): HostHealth {
  if (isEjected(host)) return 'ejected';
  if (host.has(HealthFlag.draining)) return 'draining';
  return coarseHealth(host.healthFlags);
}

function outlierState(cluster: UpstreamCluster): OutlierState | null {
  const { detector } = cluster;
  if (detector === null) return null;
  const { config } = detector;
  return {
    consecutive5xx: config.consecutive5xx,
    consecutiveGatewayFailure: config.consecutiveGatewayFailure,
    baseEjectionTime: config.baseEjectionTime,
    maxEjectionTime: config.maxEjectionTime,
    interval: config.interval,
    maxEjectionPercent: config.maxEjectionPercent,
    ejected: cluster.hosts.filter((host) => host.has(HealthFlag.failedOutlierCheck)).length,
    neverEjects: neverEjectsReason(config, cluster.hosts.length),
  };
}

function breakerState(cluster: UpstreamCluster, priority: 'default' | 'high'): CircuitBreakerState {
  const limits = cluster.limits(priority);
  return {
    priority,
    connections: { value: limits.connections, limit: limits.maxConnections },
    pendingRequests: { value: limits.pendingRequests, limit: limits.maxPendingRequests },
    requests: { value: limits.requests, limit: limits.maxRequests },
    retries: { value: limits.retries, limit: limits.maxRetries },
  };
}
