import type { CompileContext } from '../../config/compile-context.ts';
import type { MessageReader } from '../../config/reader.ts';
import { compileHeaderAdds } from '../../route/header-mutation.ts';
import type { EndpointMetadata } from '../cluster-config.ts';
import type { ClusterConfig } from '../types.ts';
import { compileHttpCheck } from './compile-http.ts';
import type { CheckKind, EndpointCheckConfig, HealthCheckConfig, TcpCheck } from './config.ts';
import { compilePayload } from './payload.ts';

/** Envoy's default of `no_traffic_interval`. */
const NO_TRAFFIC_INTERVAL = 60_000;

const FILE_SINK = 'envoy.extensions.health_check.event_sinks.file.v3.HealthCheckEventFileSink';

/** Reads `health_checks`; null when there is none or an error was reported. Envoy takes one per cluster. */
export function compileHealthCheck(
  cluster: MessageReader,
  ctx: CompileContext,
  name: string,
  protocol: ClusterConfig['upstreamProtocol'],
): HealthCheckConfig | null {
  const readers = cluster.messages('health_checks');
  const [first, second] = readers;
  if (first === undefined) return null;
  if (second !== undefined) {
    ctx.report(
      'error',
      'cluster.health-checks-many',
      second,
      '',
      `Cluster ${name} has ${readers.length} health checks, and one cluster takes one. Keep one of them.`,
    );
    return null;
  }
  const check = compileCheck(first, ctx, name, protocol);
  return check === null ? null : settings(first, ctx, check);
}

function settings(reader: MessageReader, ctx: CompileContext, check: CheckKind): HealthCheckConfig {
  const interval = reader.duration('interval') ?? 0;
  const unhealthyInterval = reader.duration('unhealthy_interval') ?? interval;
  const noTraffic = reader.duration('no_traffic_interval') ?? NO_TRAFFIC_INTERVAL;
  return {
    timeout: reader.duration('timeout') ?? 0,
    interval,
    unhealthyInterval,
    unhealthyEdgeInterval: reader.duration('unhealthy_edge_interval') ?? unhealthyInterval,
    healthyEdgeInterval: reader.duration('healthy_edge_interval') ?? interval,
    noTrafficInterval: noTraffic,
    noTrafficHealthyInterval: reader.duration('no_traffic_healthy_interval') ?? noTraffic,
    initialJitter: reader.duration('initial_jitter') ?? 0,
    intervalJitter: reader.duration('interval_jitter') ?? 0,
    intervalJitterPercent: reader.number('interval_jitter_percent') ?? 0,
    unhealthyThreshold: reader.number('unhealthy_threshold') ?? 0,
    healthyThreshold: reader.number('healthy_threshold') ?? 0,
    reuseConnection: reader.bool('reuse_connection') ?? true,
    alwaysLogFailures: reader.bool('always_log_health_check_failures') ?? false,
    alwaysLogSuccess: reader.bool('always_log_health_check_success') ?? false,
    eventLogPaths: eventLogs(reader, ctx),
    alpn: reader.message('tls_options')?.strings('alpn_protocols') ?? [],
    transportSocketMatch: socketCriteria(reader),
    check,
    source: reader.range,
  };
}

function socketCriteria(reader: MessageReader): EndpointMetadata | null {
  const criteria = reader.json('transport_socket_match_criteria');
  if (criteria === undefined) return null;
  return new Map([['envoy.transport_socket_match', criteria as Record<string, unknown>]]);
}

function compileCheck(
  reader: MessageReader,
  ctx: CompileContext,
  name: string,
  protocol: ClusterConfig['upstreamProtocol'],
): CheckKind | null {
  const http = reader.message('http_health_check');
  if (http !== undefined) return compileHttpCheck(http, ctx);
  const tcp = reader.message('tcp_health_check');
  if (tcp !== undefined) return compileTcp(tcp, ctx);
  const grpc = reader.message('grpc_health_check');
  if (grpc !== undefined) {
    if (protocol === 'HTTP1') {
      ctx.report(
        'error',
        'cluster.health-check-grpc-http1',
        reader,
        'grpc_health_check',
        `Cluster ${name} speaks HTTP/1 and gRPC health checks need HTTP/2. Set http2_protocol_options.`,
      );
    }
    const adds = compileHeaderAdds(grpc.messages('initial_metadata'), ctx);
    return {
      kind: 'grpc',
      serviceName: grpc.string('service_name') ?? '',
      authority: grpc.string('authority') ?? '',
      metadata: adds.length === 0 ? [] : [{ level: 'health check', removes: [], adds }],
    };
  }
  if (reader.has('custom_health_check')) {
    ctx.report(
      'notice',
      'cluster.health-check-custom',
      reader,
      'custom_health_check',
      `Custom health checks are not emulated: the hosts of cluster ${name} are not checked and count as healthy.`,
    );
  }
  return null;
}

function compileTcp(reader: MessageReader, ctx: CompileContext): TcpCheck | null {
  const sendReader = reader.message('send');
  const send = sendReader === undefined ? null : compilePayload(sendReader, ctx);
  const receive = reader.messages('receive').map((each) => compilePayload(each, ctx));
  const proxy = reader.message('proxy_protocol_config');
  if ((sendReader !== undefined && send === null) || receive.includes(null)) return null;
  return {
    kind: 'tcp',
    send,
    receive: receive.filter((each) => each !== null),
    proxyProtocol:
      proxy === undefined ? null : ((proxy.enumeration('version') ?? 'V1') as TcpCheck['proxyProtocol']),
  };
}

function eventLogs(reader: MessageReader, ctx: CompileContext): string[] {
  const paths: string[] = [];
  const path = reader.string('event_log_path') ?? '';
  if (path !== '') paths.push(path);
  for (const sink of reader.messages('event_logger')) {
    sink.acknowledge('name');
    const config = sink.message('typed_config');
    if (config?.type === FILE_SINK) {
      const file = config.string('event_log_path') ?? '';
      if (file !== '') paths.push(file);
    } else {
      ctx.report(
        'notice',
        'cluster.health-check-event-sink',
        sink,
        'typed_config',
        'Only the file sink of health check events is emulated: this one gets nothing.',
      );
    }
  }
  return paths;
}

/** `endpoint.health_check_config`; undefined when it is not set. */
export function compileEndpointCheck(endpoint: MessageReader | undefined): EndpointCheckConfig | undefined {
  const reader = endpoint?.message('health_check_config');
  if (reader === undefined) return undefined;
  const socket = reader.message('address')?.message('socket_address');
  socket?.acknowledge('protocol');
  return {
    port: socket?.number('port_value') ?? reader.number('port_value') ?? 0,
    address: socket?.string('address') ?? '',
    hostname: reader.string('hostname') ?? '',
    disabled: reader.bool('disable_active_health_check') ?? false,
  };
}
