import type { CompileContext } from '../config/compile-context.ts';
import type { MessageReader } from '../config/reader.ts';
import type { ClientTls } from '../network/tls/client.ts';
import { checkHealthChecks } from './check-health-checks.ts';
import type { CompiledCluster, DnsConfig, DnsLookupFamily } from './cluster-config.ts';
import { compileCircuitBreakers } from './compile-circuit-breakers.ts';
import { compileEndpoints } from './compile-endpoints.ts';
import { compileLoadBalancing } from './compile-load-balancing.ts';
import { compileOutlier } from './compile-outlier.ts';
import { compileProtocol } from './compile-protocol.ts';
import { fingerprint } from './fingerprint.ts';
import type { ClusterConfig } from './types.ts';

/** Compiles a transport socket; owned by the TLS code. Null = raw buffer. */
export type TransportSocketCompiler = (reader: MessageReader, ctx: CompileContext) => ClientTls | null;

const SUPPORTED_TYPES: ReadonlySet<string> = new Set(['STATIC', 'STRICT_DNS', 'LOGICAL_DNS']);

/**
 * Compiles `envoy.config.cluster.v3.Cluster` with Envoy's verdicts. Null when an error makes the cluster useless;
 * all errors are reported through `ctx`. `given` says that it came from `--cluster` and not from the file.
 */
export function compileCluster(
  reader: MessageReader,
  ctx: CompileContext,
  given: boolean,
  compileTransportSocket: TransportSocketCompiler | null = null,
): CompiledCluster | null {
  const name = reader.string('name') ?? '';
  const type = clusterType(reader, ctx, name);
  const endpoints = compileEndpoints(reader, ctx, type);
  const protocol = compileProtocol(reader, ctx, name);
  checkHealthChecks(reader, ctx, name, protocol.upstreamProtocol);
  const outlier = compileOutlier(reader, ctx);
  const loadBalancing = compileLoadBalancing(reader, ctx, name, type);
  if (name === '' || endpoints === null || loadBalancing === null) return null;
  const transportSocket = reader.has('transport_socket')
    ? transportSocketOf(reader, ctx, compileTransportSocket)
    : null;
  return {
    name,
    statName: reader.string('alt_stat_name') || name,
    type,
    lbPolicy: loadBalancing.policy,
    source: reader.range,
    given,
    connectTimeout: reader.duration('connect_timeout') ?? 5000,
    perConnectionBufferLimit: reader.number('per_connection_buffer_limit_bytes') ?? 1024 * 1024,
    ...protocol,
    transportSocket,
    fingerprint: fingerprint(reader.node),
    settingsFingerprint: fingerprint(reader.node, ['load_assignment']),
    endpoints,
    outlier,
    circuitBreakers: compileCircuitBreakers(reader),
    loadBalancing,
    dns: compileDns(reader),
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

function transportSocketOf(
  reader: MessageReader,
  ctx: CompileContext,
  compile: TransportSocketCompiler | null,
): ClientTls | null {
  if (compile === null) return null;
  const socket = reader.message('transport_socket');
  return socket === undefined ? null : compile(socket, ctx);
}

function clusterType(reader: MessageReader, ctx: CompileContext, name: string): ClusterConfig['type'] {
  if (reader.has('cluster_type')) {
    ctx.report(
      'notice',
      'cluster.type-not-emulated',
      reader,
      'cluster_type',
      `Cluster ${name} uses a cluster extension that is not emulated: it has no hosts and answers 503.`,
    );
    return 'STATIC';
  }
  const type = reader.enumeration('type') ?? 'STATIC';
  if (type === 'EDS' && !reader.has('eds_cluster_config')) {
    ctx.report(
      'error',
      'cluster.eds-without-config',
      reader,
      'type',
      `Cluster ${name} is of type EDS and has no eds_cluster_config that says where its endpoints come from.`,
    );
  } else if (!SUPPORTED_TYPES.has(type)) {
    ctx.report(
      'notice',
      'cluster.type-not-emulated',
      reader,
      'type',
      `Cluster ${name} is of type ${type}, which is not emulated: it has no hosts and answers 503.`,
    );
  }
  return type as ClusterConfig['type'];
}

function compileDns(reader: MessageReader): DnsConfig {
  const failure = reader.message('dns_failure_refresh_rate');
  const base = failure?.duration('base_interval');
  return {
    lookupFamily: (reader.enumeration('dns_lookup_family') ?? 'AUTO') as DnsLookupFamily,
    refreshRate: reader.duration('dns_refresh_rate') ?? 5000,
    failureRefreshRate:
      base === undefined ? null : { base, max: failure?.duration('max_interval') ?? base * 10 },
  };
}
