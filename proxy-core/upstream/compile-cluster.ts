import type { CompileContext } from '../config/compile-context.ts';
import type { MessageReader } from '../config/reader.ts';
import type { ClientTls } from '../network/tls/client.ts';
import type { CompiledCluster } from './cluster-config.ts';
import { compileClusterType } from './cluster-types/compile.ts';
import { compileCircuitBreakers } from './compile-circuit-breakers.ts';
import { compileSocketOptions, compileTransportSocketMatches } from './compile-connections.ts';
import { compileDns } from './compile-dns.ts';
import { compileEndpoints } from './compile-endpoints.ts';
import { compileLoadBalancing } from './compile-load-balancing.ts';
import { compileOutlier } from './compile-outlier.ts';
import { compileProtocol } from './compile-protocol.ts';
import { unwrapProxyProtocol } from './compile-proxy-protocol.ts';
import { fingerprint } from './fingerprint.ts';
import { compileHealthCheck } from './health/compile.ts';

/** Compiles a transport socket; owned by the TLS code. Null = raw buffer. */
export type TransportSocketCompiler = (reader: MessageReader, ctx: CompileContext) => ClientTls | null;

/**
 * Compiles `envoy.config.cluster.v3.Cluster` with Envoy's verdicts. Null when an error makes the cluster useless;
 * all errors are reported through `ctx`. `given` says that it came from `--cluster` and not from the file;
 * `bindEverywhere` is `cluster_manager.upstream_bind_config`.
 */
export function compileCluster(
  reader: MessageReader,
  ctx: CompileContext,
  given: boolean,
  compileTransportSocket: TransportSocketCompiler | null = null,
  bindEverywhere: MessageReader | null = null,
): CompiledCluster | null {
  const name = reader.string('name') ?? '';
  const { type, provided, eds } = compileClusterType(reader, ctx, name);
  // New clusters are waited for in any case.
  reader.acknowledge('wait_for_warm_on_init');
  const assignment = compileEndpoints(reader, ctx, type);
  const protocol = compileProtocol(reader, ctx, name);
  const healthCheck = compileHealthCheck(reader, ctx, name, protocol.upstreamProtocol);
  const outlier = compileOutlier(reader, ctx);
  const loadBalancing = compileLoadBalancing(reader, ctx, name, type);
  if (name === '' || assignment === null || loadBalancing === null) return null;
  const { socket, proxyProtocol } = unwrapProxyProtocol(reader.message('transport_socket'));
  const transportSocket =
    socket === undefined || compileTransportSocket === null ? null : compileTransportSocket(socket, ctx);
  // What holds for all clusters changes each of them.
  const around = bindEverywhere === null ? '' : fingerprint(bindEverywhere.node);
  return {
    name,
    statName: reader.string('alt_stat_name') || name,
    metadata: reader.message('metadata')?.jsonMap('filter_metadata') ?? new Map(),
    type,
    lbPolicy: loadBalancing.policy,
    source: reader.range,
    given,
    connectTimeout: reader.duration('connect_timeout') ?? 5000,
    perConnectionBufferLimit: reader.number('per_connection_buffer_limit_bytes') ?? 1024 * 1024,
    ...protocol,
    proxyProtocol,
    transportSocket,
    fingerprint: around + fingerprint(reader.node),
    settingsFingerprint: around + fingerprint(reader.node, ['load_assignment']),
    endpoints: assignment.endpoints,
    assignmentPolicy: assignment.policy,
    outlier,
    healthCheck,
    closesWithHostHealth: reader.bool('close_connections_on_host_health_failure') ?? false,
    ignoreHealthOnHostRemoval: reader.bool('ignore_health_on_host_removal') ?? false,
    ignoreNewHostsUntilFirstCheck:
      reader.message('common_lb_config')?.bool('ignore_new_hosts_until_first_hc') ?? false,
    circuitBreakers: compileCircuitBreakers(reader),
    loadBalancing,
    dns: compileDns(reader, ctx),
    preconnectRatio: reader.message('preconnect_policy')?.number('per_upstream_preconnect_ratio') ?? 1,
    closeConnectionsOnHostSetChange:
      reader.message('common_lb_config')?.bool('close_connections_on_host_set_change') ?? false,
    transportSocketMatches: compileTransportSocketMatches(reader, ctx, compileTransportSocket),
    socketOptions: compileSocketOptions(reader, bindEverywhere),
    provided,
    eds,
  };
}

/** Reports every cluster whose name an earlier one has. */
export function checkDuplicateClusters(readers: readonly MessageReader[], ctx: CompileContext): void {
  const seen = new Set<string>();
  for (const reader of readers) {
    const name = reader.string('name') ?? '';
    if (name === '') continue;
    if (seen.has(name)) {
      ctx.report(
        'error',
        'cluster.duplicate-name',
        reader,
        'name',
        `There are two clusters named ${name}. Rename one of them.`,
      );
    }
    seen.add(name);
  }
}
