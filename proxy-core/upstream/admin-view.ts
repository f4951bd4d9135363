import type { UpstreamCluster } from './cluster.ts';
import { HealthFlag, healthFlagWords, type UpstreamHost } from './host.ts';
import type { HostStats } from './types.ts';

/** What `/clusters` tells of one cluster, in Envoy's order; text and JSON are made of it. */
export interface AdminCluster {
  readonly name: string;
  /** `alt_stat_name`, else the name. */
  readonly observabilityName: string;
  readonly addedViaApi: boolean;
  /** Only with outlier detection. -1 = unknown. */
  readonly outlier: {
    readonly successRateAverage: number;
    readonly successRateEjectionThreshold: number;
    readonly localOriginSuccessRateAverage: number;
    readonly localOriginSuccessRateEjectionThreshold: number;
  } | null;
  readonly defaultPriority: AdminThresholds;
  readonly highPriority: AdminThresholds;
  readonly hosts: readonly AdminHost[];
}

export interface AdminThresholds {
  readonly maxConnections: number;
  readonly maxPendingRequests: number;
  readonly maxRequests: number;
  readonly maxRetries: number;
}

export interface AdminHost {
  readonly address: string;
  readonly ip: string;
  /** -1 for a Unix socket. */
  readonly port: number;
  readonly stats: Readonly<HostStats>;
  readonly hostname: string;
  /** `healthy` or the words joined, for the text form. */
  readonly healthFlags: string;
  /** For JSON `health_status`. */
  readonly failedOutlierCheck: boolean;
  readonly failedActiveHealthCheck: boolean;
  readonly edsHealthStatus: 'HEALTHY' | 'UNHEALTHY' | 'DRAINING' | 'DEGRADED';
  readonly weight: number;
  readonly region: string;
  readonly zone: string;
  readonly subZone: string;
  readonly canary: boolean;
  readonly priority: number;
  readonly successRate: number;
  readonly localOriginSuccessRate: number;
}

export function adminCluster(cluster: UpstreamCluster): AdminCluster {
  const { config, detector } = cluster;
  return {
    name: config.name,
    observabilityName: config.statName,
    addedViaApi: false,
    outlier:
      detector === null
        ? null
        : {
            successRateAverage: detector.externalRates.average,
            successRateEjectionThreshold: detector.externalRates.threshold,
            localOriginSuccessRateAverage: detector.localOriginRates.average,
            localOriginSuccessRateEjectionThreshold: detector.localOriginRates.threshold,
          },
    defaultPriority: config.circuitBreakers.default,
    highPriority: config.circuitBreakers.high,
    hosts: [...cluster.hosts].sort((a, b) => a.priority - b.priority).map(adminHost),
  };
}

function adminHost(host: UpstreamHost): AdminHost {
  return {
    address: host.address,
    ip: host.ip,
    port: host.port,
    stats: host.stats,
    hostname: host.hostname,
    healthFlags: healthFlagWords(host.healthFlags),
    failedOutlierCheck: host.has(HealthFlag.failedOutlierCheck),
    failedActiveHealthCheck: host.has(HealthFlag.failedActiveCheck),
    edsHealthStatus: endpointHealth(host),
    weight: host.weight,
    region: host.locality.region,
    zone: host.locality.zone,
    subZone: host.locality.subZone,
    canary: false,
    priority: host.priority,
    successRate: host.outlier?.external.rate ?? -1,
    localOriginSuccessRate: host.outlier?.localOrigin.rate ?? -1,
  };
}

function endpointHealth(host: UpstreamHost): AdminHost['edsHealthStatus'] {
  if (host.has(HealthFlag.failedEdsHealth)) return 'UNHEALTHY';
  if (host.has(HealthFlag.draining)) return 'DRAINING';
  return host.has(HealthFlag.degradedEdsHealth) ? 'DEGRADED' : 'HEALTHY';
}
