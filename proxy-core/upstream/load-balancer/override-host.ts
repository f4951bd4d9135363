import type { OverrideHost } from '../../base/stream-info.ts';
import type { Narrator } from '../../facade/decision.ts';
import { HealthFlag, type UpstreamHost } from '../host.ts';
import type { HostSet } from '../host-set.ts';

/** `envoy.config.core.v3.HealthStatus`, as `override_host_status` names hosts. */
export type HostStatus = 'UNKNOWN' | 'HEALTHY' | 'UNHEALTHY' | 'DRAINING' | 'TIMEOUT' | 'DEGRADED';

/** Without `override_host_status`. */
export const DEFAULT_OVERRIDE_STATUS: ReadonlySet<HostStatus> = new Set(['UNKNOWN', 'HEALTHY', 'DEGRADED']);

/** Checks by this proxy come before what the endpoint's own status says. */
function statusOf(flags: number): HostStatus {
  if ((flags & (HealthFlag.failedActiveCheck | HealthFlag.failedOutlierCheck)) !== 0) return 'UNHEALTHY';
  if ((flags & HealthFlag.failedEdsHealth) !== 0) return 'UNHEALTHY';
  if ((flags & HealthFlag.draining) !== 0) return 'DRAINING';
  return (flags & (HealthFlag.degradedActiveCheck | HealthFlag.degradedEdsHealth)) === 0
    ? 'HEALTHY'
    : 'DEGRADED';
}

/** The host that a filter asks for, if the cluster has it in a state that is allowed (envoy HostUtility::selectOverrideHost). */
export function selectOverrideHost(
  set: HostSet,
  wanted: OverrideHost,
  allowed: ReadonlySet<HostStatus>,
  narrator: Narrator | null,
): UpstreamHost | null {
  const host = hostAt(set, wanted.address);
  const flags = narrator === null ? host?.healthFlags : flagsIn(set, host);
  const status = flags === undefined ? null : statusOf(flags);
  const usable = status !== null && allowed.has(status);
  narrator?.note(
    usable ? 'good' : 'bad',
    usable
      ? `A filter asks for ${wanted.address}: it is picked before any balancing.`
      : `A filter asks for ${wanted.address}, which ${status === null ? 'is no host of the cluster' : `is ${status}, not allowed by \`override_host_status\``}${wanted.strict ? ': no other host will do.' : '.'}`,
    null,
  );
  return usable ? host : null;
}

/** As they were when the set was made. */
function flagsIn(set: HostSet, host: UpstreamHost | null): number | undefined {
  return set.priorities.flatMap((p) => p.views).find((view) => view.host === host)?.flags;
}

const maps = new WeakMap<HostSet, ReadonlyMap<string, UpstreamHost>>();

function hostAt(set: HostSet, address: string): UpstreamHost | null {
  let map = maps.get(set);
  if (map === undefined) {
    map = new Map(set.priorities.flatMap((p) => p.views.map((view) => [view.host.address, view.host])));
    maps.set(set, map);
  }
  return map.get(address) ?? null;
}
