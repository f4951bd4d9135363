import type { LineSink } from '../outlier/event-log.ts';
import type { CheckKind } from './config.ts';

export type FailureType = 'ACTIVE' | 'PASSIVE' | 'NETWORK' | 'NETWORK_TIMEOUT';

/** What happened to a host, as `envoy.data.core.v3.HealthCheckEvent` tells it. */
export type HealthLogEvent =
  | { readonly kind: 'eject_unhealthy_event'; readonly failure: FailureType }
  | { readonly kind: 'add_healthy_event'; readonly firstCheck: boolean }
  | { readonly kind: 'successful_health_check_event' }
  | {
      readonly kind: 'health_check_failure_event';
      readonly failure: FailureType;
      readonly firstCheck: boolean;
    }
  | { readonly kind: 'degraded_healthy_host' }
  | { readonly kind: 'no_longer_degraded_host' };

export interface LoggedHost {
  readonly ip: string;
  readonly port: number;
  readonly locality: { readonly region: string; readonly zone: string; readonly subZone: string };
}

/** One line of the event log: protobuf JSON in field order, defaults printed, as Envoy writes it. */
export function healthEventLine(
  check: CheckKind['kind'],
  cluster: string,
  host: LoggedHost,
  event: HealthLogEvent,
  wall: number,
): string {
  const what = { [event.kind]: details(event) };
  // Field numbers: eject 4, add 5, timestamp 6, failure 7, degraded 8 and 9, locality 11, success 12.
  const early = event.kind === 'eject_unhealthy_event' || event.kind === 'add_healthy_event';
  const last = event.kind === 'successful_health_check_event';
  return JSON.stringify({
    health_checker_type: check.toUpperCase(),
    host: addressOf(host),
    cluster_name: cluster,
    ...(early ? what : {}),
    timestamp: new Date(wall).toISOString().replace('.000Z', 'Z'),
    ...(early || last ? {} : what),
    locality: {
      region: host.locality.region,
      zone: host.locality.zone,
      sub_zone: host.locality.subZone,
    },
    ...(last ? what : {}),
  });
}

/** Writes a line to every file of a check; null when it has none. */
export function joinSinks(sinks: readonly LineSink[]): LineSink | null {
  if (sinks.length === 0) return null;
  return (line) => {
    for (const sink of sinks) sink(line);
  };
}

function details(event: HealthLogEvent): object {
  switch (event.kind) {
    case 'eject_unhealthy_event':
      return { failure_type: event.failure };
    case 'add_healthy_event':
      return { first_check: event.firstCheck };
    case 'health_check_failure_event':
      return { failure_type: event.failure, first_check: event.firstCheck };
    case 'successful_health_check_event':
    case 'degraded_healthy_host':
    case 'no_longer_degraded_host':
      return {};
  }
}

function addressOf(host: LoggedHost): object {
  if (host.port < 0) return { pipe: { path: host.ip, mode: 0 } };
  return {
    socket_address: {
      protocol: 'TCP',
      address: host.ip,
      port_value: host.port,
      resolver_name: '',
      ipv4_compat: false,
    },
  };
}
