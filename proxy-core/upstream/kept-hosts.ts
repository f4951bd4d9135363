import type { CompiledCluster, EndpointConfig } from './cluster-config.ts';
import { PLAIN_ENDPOINT_CHECK, sameEndpointCheck } from './health/config.ts';
import { HealthFlag, type UpstreamHost } from './host.ts';
import type { HostNews } from './host-news.ts';

/** The host that an endpoint is already, taken out of `known`; one that is to be checked elsewhere is another host. */
export function takeKnownHost(
  known: UpstreamHost[] | undefined,
  endpoint: EndpointConfig,
): UpstreamHost | undefined {
  const [first] = known ?? [];
  const check = endpoint.check ?? PLAIN_ENDPOINT_CHECK;
  if (first === undefined || !sameEndpointCheck(first.endpointCheck, check)) return undefined;
  known?.shift();
  first.clear(HealthFlag.pendingDynamicRemoval);
  return first;
}

/**
 * Hosts that discovery no longer names stay while their health checks pass (envoy updateDynamicHostList): moves them
 * from `left` to `next`.
 */
export function keepHealthyHosts(
  left: ReadonlyMap<string, UpstreamHost[]>,
  next: UpstreamHost[],
  { type, healthCheck, ignoreHealthOnHostRemoval }: CompiledCluster,
  news: HostNews,
): void {
  if (healthCheck === null || ignoreHealthOnHostRemoval) return;
  if (type !== 'EDS' && type !== 'STRICT_DNS') return;
  for (const hosts of left.values()) {
    const staying = hosts.filter(
      (host) => host.check !== null && !host.has(HealthFlag.failedActiveCheck | HealthFlag.failedEdsHealth),
    );
    for (const host of staying) {
      if (!host.has(HealthFlag.pendingDynamicRemoval)) news.stays(host);
      host.set(HealthFlag.pendingDynamicRemoval);
      hosts.splice(hosts.indexOf(host), 1);
      next.push(host);
    }
  }
}
