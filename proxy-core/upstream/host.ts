import { canonicalJson } from '../base/subset-criteria.ts';
import type { SocketOptions } from '../network/connect.ts';
import type { ClientTls } from '../network/tls/client.ts';
import type { EndpointConfig, EndpointHealth, EndpointMetadata, LocalityConfig } from './cluster-config.ts';
import { type EndpointCheckConfig, PLAIN_ENDPOINT_CHECK } from './health/config.ts';
import type { HostSession } from './health/session.ts';
import type { HostView } from './host-set.ts';
import type { OutlierHostMonitor } from './outlier/monitor.ts';
import type { Cluster, Host, HostPool, HostStats, LoadReportSink } from './types.ts';

/** Why a host is not plainly healthy: a bit set. The order is the order of words in `/clusters`. */
export const HealthFlag = {
  failedActiveCheck: 1,
  failedOutlierCheck: 2,
  failedEdsHealth: 4,
  degradedActiveCheck: 8,
  degradedEdsHealth: 16,
  pendingActiveCheck: 32,
  excludedViaImmediateFail: 64,
  draining: 128,
  activeCheckTimeout: 256,
  pendingDynamicRemoval: 512,
  /** Ours: somebody took the host out by hand. */
  ejectedManually: 1024,
} as const;

const FLAG_WORDS: readonly (readonly [number, string])[] = [
  [HealthFlag.failedActiveCheck, '/failed_active_hc'],
  [HealthFlag.failedOutlierCheck, '/failed_outlier_check'],
  [HealthFlag.failedEdsHealth, '/failed_eds_health'],
  [HealthFlag.degradedActiveCheck, '/degraded_active_hc'],
  [HealthFlag.degradedEdsHealth, '/degraded_eds_health'],
  [HealthFlag.pendingDynamicRemoval, '/pending_dynamic_removal'],
  [HealthFlag.pendingActiveCheck, '/pending_active_hc'],
  [HealthFlag.excludedViaImmediateFail, '/excluded_via_immediate_hc_fail'],
  [HealthFlag.activeCheckTimeout, '/active_hc_timeout'],
  [HealthFlag.draining, '/eds_status_draining'],
  [HealthFlag.ejectedManually, '/ejected_manually'],
];

const UNHEALTHY =
  HealthFlag.failedActiveCheck |
  HealthFlag.failedOutlierCheck |
  HealthFlag.failedEdsHealth |
  HealthFlag.draining |
  HealthFlag.ejectedManually;
const DEGRADED = HealthFlag.degradedActiveCheck | HealthFlag.degradedEdsHealth;
const EXCLUDED = HealthFlag.pendingActiveCheck | HealthFlag.excludedViaImmediateFail | HealthFlag.draining;

export type CoarseHealth = 'healthy' | 'degraded' | 'unhealthy';

export function coarseHealth(flags: number): CoarseHealth {
  if ((flags & UNHEALTHY) !== 0) return 'unhealthy';
  return (flags & DEGRADED) !== 0 ? 'degraded' : 'healthy';
}

/** Out by outlier detection or by hand. */
export function isEjected(host: UpstreamHost): boolean {
  return host.has(HealthFlag.failedOutlierCheck | HealthFlag.ejectedManually);
}

/** Left out of the sums that panic and priority load are made of. */
export function isExcluded(flags: number): boolean {
  return (flags & EXCLUDED) !== 0;
}

/** `healthy`, or the flags joined as `/clusters` prints them. */
export function healthFlagWords(flags: number): string {
  if (flags === 0) return 'healthy';
  return FLAG_WORDS.filter(([bit]) => (flags & bit) !== 0)
    .map(([, word]) => word)
    .join('');
}

/** `127.0.0.1:9001`, `[::1]:9001`, or a socket path. */
export function formatAddress(ip: string, port: number): string {
  if (port < 0) return ip;
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
}

/** A host of a cluster. Its settings may be replaced (weight, health) while it lives; its address never changes. */
export class UpstreamHost implements Host {
  readonly address: string;
  readonly stats: HostStats = {
    cxActive: 0,
    cxConnectFail: 0,
    cxTotal: 0,
    rqActive: 0,
    rqError: 0,
    rqSuccess: 0,
    rqTimeout: 0,
    rqTotal: 0,
  };
  hostname: string;
  alternatives: readonly string[] = [];
  weight: number;
  locality: LocalityConfig;
  metadata: EndpointMetadata;
  /** Monotonic milliseconds since when it is fit for traffic: slow start counts from there. */
  healthySince = 0;
  loadReports: LoadReportSink | null = null;
  /** By `transport_socket_matches`; undefined = the cluster's. */
  transportSocket: ClientTls | null | undefined = undefined;
  socketOptions: SocketOptions | null = null;
  pool: HostPool | null = null;
  outlier: OutlierHostMonitor | null = null;
  healthFlags = 0;
  /** The active health check of this host; null without. */
  check: HostSession | null = null;
  endpointCheck: EndpointCheckConfig;
  /** Of the health check, for telling when it changes. */
  lastCheckFailure = '';
  /** Belongs to the host sets: what the newest of them says of this host. */
  lastView: HostView | null = null;

  constructor(
    readonly ip: string,
    readonly port: number,
    readonly priority: number,
    endpoint: EndpointConfig,
    hostname: string,
    readonly cluster: Cluster | null = null,
  ) {
    this.address = formatAddress(ip, port);
    this.hostname = hostname;
    this.weight = endpoint.weight;
    this.locality = endpoint.locality;
    this.metadata = endpoint.metadata;
    this.endpointCheck = endpoint.check ?? PLAIN_ENDPOINT_CHECK;
    this.setEndpointHealth(endpoint.health);
  }

  /** Takes over what may change without a new host; true when load balancing must know. */
  adopt(endpoint: EndpointConfig, hostname: string): boolean {
    const before = this.healthFlags;
    const changed =
      this.weight !== endpoint.weight ||
      canonicalJson(this.locality) !== canonicalJson(endpoint.locality) ||
      !sameMetadata(this.metadata, endpoint.metadata);
    // Host sets hold the view of a host while it does not change.
    if (changed) this.lastView = null;
    this.weight = endpoint.weight;
    this.locality = endpoint.locality;
    this.metadata = endpoint.metadata;
    this.hostname = hostname;
    this.setEndpointHealth(endpoint.health);
    return changed || before !== this.healthFlags;
  }

  has(flag: number): boolean {
    return (this.healthFlags & flag) !== 0;
  }

  set(flag: number): void {
    this.healthFlags |= flag;
  }

  clear(flag: number): void {
    this.healthFlags &= ~flag;
  }

  private setEndpointHealth(health: EndpointHealth): void {
    this.clear(HealthFlag.failedEdsHealth | HealthFlag.degradedEdsHealth | HealthFlag.draining);
    if (health === 'UNHEALTHY') this.set(HealthFlag.failedEdsHealth);
    if (health === 'DEGRADED') this.set(HealthFlag.degradedEdsHealth);
    if (health === 'DRAINING') this.set(HealthFlag.draining);
  }
}

function sameMetadata(a: EndpointMetadata, b: EndpointMetadata): boolean {
  if (a === b) return true;
  if (a.size !== b.size) return false;
  for (const [name, value] of a) if (canonicalJson(value) !== canonicalJson(b.get(name))) return false;
  return true;
}
