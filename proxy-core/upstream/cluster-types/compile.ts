import type { CompileContext } from '../../config/compile-context.ts';
import type { MessageReader } from '../../config/reader.ts';
import type { DnsLookupFamily } from '../cluster-config.ts';
import { compileServers } from '../compile-dns.ts';
import type { ClusterConfig } from '../types.ts';
import type { DnsCacheConfig, EdsConfig, OriginalDstConfig, ProvidedConfig } from './config.ts';

const AGGREGATE = 'envoy.extensions.clusters.aggregate.v3.ClusterConfig';
const DYNAMIC_FORWARD_PROXY = 'envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig';

/** Names of the built-in types, which `cluster_type` may use as well. */
const BUILT_IN: ReadonlyMap<string, ClusterConfig['type']> = new Map([
  ['envoy.cluster.static', 'STATIC'],
  ['envoy.cluster.strict_dns', 'STRICT_DNS'],
  ['envoy.cluster.logical_dns', 'LOGICAL_DNS'],
  ['envoy.cluster.eds', 'EDS'],
  ['envoy.cluster.original_dst', 'ORIGINAL_DST'],
] as const);

export interface CompiledType {
  readonly type: ClusterConfig['type'];
  readonly provided: ProvidedConfig | null;
  readonly eds: EdsConfig | null;
}

/** `type` or `cluster_type` of a cluster, with the settings that belong to it. */
export function compileClusterType(reader: MessageReader, ctx: CompileContext, name: string): CompiledType {
  const custom = reader.has('cluster_type') ? customType(reader, ctx, name) : null;
  if (custom !== null) return custom;
  const type = builtInType(reader);
  if (type === 'ORIGINAL_DST') {
    if (reader.has('load_assignment')) {
      ctx.report(
        'error',
        'cluster.original-dst-endpoints',
        reader,
        'load_assignment',
        'ORIGINAL_DST clusters must have no load assignment configured',
      );
    }
    return { type, provided: compileOriginalDst(reader), eds: null };
  }
  if (type !== 'EDS') return { type, provided: null, eds: null };
  if (!reader.has('eds_cluster_config')) {
    ctx.report(
      'error',
      'cluster.eds-without-config',
      reader,
      'type',
      `Cluster ${name} is of type EDS and has no eds_cluster_config that says where its endpoints come from.`,
    );
    return { type, provided: null, eds: null };
  }
  return { type, provided: null, eds: compileEds(reader, ctx, name) };
}

function builtInType(reader: MessageReader): ClusterConfig['type'] {
  const custom = reader.message('cluster_type')?.string('name');
  const named = custom === undefined ? undefined : BUILT_IN.get(custom);
  return named ?? ((reader.enumeration('type') ?? 'STATIC') as ClusterConfig['type']);
}

/** Null for a built-in type that is written as an extension. */
function customType(reader: MessageReader, ctx: CompileContext, name: string): CompiledType | null {
  const custom = reader.message('cluster_type');
  const typeName = custom?.string('name') ?? '';
  if (BUILT_IN.has(typeName)) return null;
  const config = custom?.message('typed_config');
  switch (config?.type) {
    case AGGREGATE: {
      const clusters = config.strings('clusters');
      return { type: 'AGGREGATE', provided: { kind: 'aggregate', clusters }, eds: null };
    }
    case DYNAMIC_FORWARD_PROXY: {
      config.acknowledge('allow_insecure_cluster_options');
      const cache = config.message('dns_cache_config');
      if (cache === undefined) break;
      const provided = { kind: 'dynamic-forward-proxy', cache: compileDnsCache(cache) } as const;
      return { type: 'DYNAMIC_FORWARD_PROXY', provided, eds: null };
    }
    default:
      break;
  }
  ctx.report(
    'notice',
    'cluster.type-not-emulated',
    reader,
    'cluster_type',
    `Cluster ${name} uses the cluster extension ${typeName}, which is not emulated: it has no hosts and answers 503.`,
  );
  return { type: 'STATIC', provided: null, eds: null };
}

function compileOriginalDst(reader: MessageReader): OriginalDstConfig {
  const config = reader.message('original_dst_lb_config');
  const key = config?.message('metadata_key');
  const useHeader = config?.bool('use_http_header') ?? false;
  const named = (config?.string('http_header_name') ?? '').toLowerCase();
  return {
    kind: 'original-dst',
    header: useHeader ? named || 'x-envoy-original-dst-host' : '',
    port: config?.number('upstream_port_override') ?? 0,
    metadataNamespace: key?.string('key') ?? '',
    metadataPath: key?.messages('path').map((segment) => segment.string('key') ?? '') ?? [],
    cleanupInterval: reader.duration('cleanup_interval') ?? 5000,
  };
}

function compileEds(reader: MessageReader, ctx: CompileContext, name: string): EdsConfig | null {
  const config = reader.message('eds_cluster_config');
  const source = config?.message('eds_config');
  source?.acknowledge('resource_api_version');
  const path = source?.message('path_config_source');
  const file = path?.string('path') ?? source?.string('path');
  if (file === undefined) {
    ctx.report(
      'notice',
      'cluster.eds-source-not-emulated',
      config ?? reader,
      'eds_config',
      `The endpoints of cluster ${name} come from a source that is not emulated: it has no hosts and answers 503.`,
    );
    return null;
  }
  if (!ctx.files.exists(file)) {
    ctx.report(
      'error',
      'cluster.eds-file-missing',
      path ?? source ?? reader,
      'path',
      `paths must refer to an existing path in the system: '${file}' does not exist`,
    );
  }
  return {
    serviceName: config?.string('service_name') || name,
    path: file,
    watchedDirectory: path?.message('watched_directory')?.string('path') ?? '',
    initialFetchTimeout: source?.duration('initial_fetch_timeout') ?? 15_000,
  };
}

/** The filter and the cluster both name their cache; the same message compiles to the same thing. */
export function compileDnsCache(reader: MessageReader): DnsCacheConfig {
  const failure = reader.message('dns_failure_refresh_rate');
  const base = failure?.duration('base_interval');
  return {
    name: reader.string('name') ?? '',
    lookupFamily: (reader.enumeration('dns_lookup_family') ?? 'AUTO') as DnsLookupFamily,
    refreshRate: reader.duration('dns_refresh_rate') ?? 60_000,
    minRefreshRate: reader.duration('dns_min_refresh_rate') ?? 5000,
    failureRefreshRate:
      base === undefined ? null : { base, max: failure?.duration('max_interval') ?? base * 10 },
    hostTtl: reader.duration('host_ttl') ?? 300_000,
    maxHosts: reader.number('max_hosts') ?? 1024,
    maxPendingRequests: reader.message('dns_cache_circuit_breaker')?.number('max_pending_requests') ?? 1024,
    queryTimeout: reader.duration('dns_query_timeout') ?? 5000,
    servers: compileServers(reader),
    preresolve: reader.messages('preresolve_hostnames').map((address) => {
      address.acknowledge('protocol');
      return { host: address.string('address') ?? '', port: address.number('port_value') ?? 0 };
    }),
  };
}
