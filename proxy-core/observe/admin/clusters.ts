import { addressJson, localityName } from './config-dump.ts';
import { json, text } from './response.ts';
import type {
  AdminAddress,
  AdminBackend,
  AdminCluster,
  AdminHost,
  AdminRequest,
  AdminResponse,
  AdminThresholds,
} from './types.ts';

/** `127.0.0.1:80`, `[::1]:80`, or the path of a pipe. */
export function addressText(address: AdminAddress): string {
  if (address.port < 0) return address.ip;
  return address.ip.includes(':') ? `[${address.ip}]:${address.port}` : `${address.ip}:${address.port}`;
}

/** `/clusters` (server/admin/clusters_handler.cc). */
export function clusters(request: AdminRequest, backend: AdminBackend): AdminResponse {
  const list = backend.clusters();
  if (request.params.get('format') === 'json') {
    return json(list.length === 0 ? {} : { cluster_statuses: list.map(clusterJson) });
  }
  return text(list.map(clusterText).join(''));
}

function clusterText(cluster: AdminCluster): string {
  const lines: string[] = [];
  const line = (key: string, value: unknown): void => {
    lines.push(`${cluster.name}::${key}::${value}\n`);
  };
  line('observability_name', cluster.observabilityName);
  if (cluster.outlier !== null) {
    line('outlier::success_rate_average', rate(cluster.outlier.successRateAverage));
    line('outlier::success_rate_ejection_threshold', rate(cluster.outlier.successRateEjectionThreshold));
    line('outlier::local_origin_success_rate_average', rate(cluster.outlier.localOriginSuccessRateAverage));
    line(
      'outlier::local_origin_success_rate_ejection_threshold',
      rate(cluster.outlier.localOriginSuccessRateEjectionThreshold),
    );
  }
  for (const [name, thresholds] of [
    ['default_priority', cluster.defaultPriority],
    ['high_priority', cluster.highPriority],
  ] as const) {
    line(`${name}::max_connections`, thresholds.maxConnections);
    line(`${name}::max_pending_requests`, thresholds.maxPendingRequests);
    line(`${name}::max_requests`, thresholds.maxRequests);
    line(`${name}::max_retries`, thresholds.maxRetries);
  }
  line('added_via_api', cluster.addedViaApi);
  if (cluster.edsServiceName !== '') line('eds_service_name', cluster.edsServiceName);
  for (const host of cluster.hosts) {
    const address = addressText(host.address);
    for (const [key, value] of hostLines(host)) line(`${address}::${key}`, value);
  }
  return lines.join('');
}

function hostLines(host: AdminHost): [string, unknown][] {
  return [
    ['cx_active', host.cxActive],
    ['cx_connect_fail', host.cxConnectFail],
    ['cx_total', host.cxTotal],
    ['rq_active', host.rqActive],
    ['rq_error', host.rqError],
    ['rq_success', host.rqSuccess],
    ['rq_timeout', host.rqTimeout],
    ['rq_total', host.rqTotal],
    ['hostname', host.hostname],
    ['health_flags', host.healthFlags],
    ['weight', host.weight],
    ['region', host.region],
    ['zone', host.zone],
    ['sub_zone', host.subZone],
    ['canary', host.canary],
    ['priority', host.priority],
    ['success_rate', rate(host.successRate)],
    ['local_origin_success_rate', rate(host.localOriginSuccessRate)],
  ];
}

/** C++'s default output of a double: six significant digits. */
function rate(value: number): string {
  return String(Number(value.toPrecision(6)));
}

function clusterJson(cluster: AdminCluster): unknown {
  const percent = (value: number | undefined): unknown =>
    value === undefined || value < 0 ? undefined : { value };
  const { outlier } = cluster;
  return {
    name: cluster.name,
    added_via_api: cluster.addedViaApi ? true : undefined,
    success_rate_ejection_threshold: percent(outlier?.successRateEjectionThreshold),
    local_origin_success_rate_ejection_threshold: percent(outlier?.localOriginSuccessRateEjectionThreshold),
    host_statuses: cluster.hosts.length === 0 ? undefined : cluster.hosts.map(hostJson),
    circuit_breakers: {
      thresholds: [
        thresholdsJson(cluster.defaultPriority),
        { priority: 'HIGH', ...thresholdsJson(cluster.highPriority) },
      ],
    },
    observability_name: cluster.observabilityName,
    eds_service_name: cluster.edsServiceName === '' ? undefined : cluster.edsServiceName,
  };
}

function thresholdsJson(thresholds: AdminThresholds): Record<string, unknown> {
  return {
    max_connections: thresholds.maxConnections,
    max_pending_requests: thresholds.maxPendingRequests,
    max_requests: thresholds.maxRequests,
    max_retries: thresholds.maxRetries,
  };
}

function hostJson(host: AdminHost): unknown {
  const counter = (name: string, value: number): unknown => ({
    ...(value === 0 ? {} : { value: String(value) }),
    name,
  });
  const gauge = (name: string, value: number): unknown => ({
    type: 'GAUGE',
    ...(value === 0 ? {} : { value: String(value) }),
    name,
  });
  return {
    address: addressJson(host.address),
    stats: [
      counter('cx_connect_fail', host.cxConnectFail),
      counter('cx_total', host.cxTotal),
      counter('rq_error', host.rqError),
      counter('rq_success', host.rqSuccess),
      counter('rq_timeout', host.rqTimeout),
      counter('rq_total', host.rqTotal),
      gauge('cx_active', host.cxActive),
      gauge('rq_active', host.rqActive),
    ],
    health_status: healthJson(host.healthFlags),
    success_rate: host.successRate < 0 ? undefined : { value: host.successRate },
    weight: host.weight,
    hostname: host.hostname === '' ? undefined : host.hostname,
    priority: host.priority === 0 ? undefined : host.priority,
    local_origin_success_rate:
      host.localOriginSuccessRate < 0 ? undefined : { value: host.localOriginSuccessRate },
    locality: localityName(host),
  };
}

/** `envoy.admin.v3.HostHealthStatus`: the words of the text form under their names there. */
const HEALTH_FIELDS: Readonly<Record<string, string>> = {
  failed_active_hc: 'failed_active_health_check',
  degraded_active_hc: 'failed_active_degraded_check',
  // There is no word for it there; what it does to the host is the same.
  ejected_manually: 'failed_outlier_check',
};

function healthJson(flags: string): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  let eds = 'HEALTHY';
  for (const flag of flags.split('/')) {
    if (flag === '' || flag === 'healthy') continue;
    if (flag === 'failed_eds_health') eds = 'UNHEALTHY';
    else if (flag === 'degraded_eds_health') eds = 'DEGRADED';
    else if (flag === 'eds_status_draining') eds = 'DRAINING';
    else result[HEALTH_FIELDS[flag] ?? flag] = true;
  }
  return { ...result, eds_health_status: eds };
}
