import { mergeCriteria, type SubsetCriteria, subsetCriteria } from '../base/subset-criteria.ts';
import type { CompileContext } from '../config/compile-context.ts';
import type { MessageReader } from '../config/reader.ts';
import type { ListenerCompileOptions } from '../http/compile.ts';
import { type AccessLogType, compileAccessLogs } from '../observe/access-log/compile.ts';
import type { AccessLog } from '../observe/types.ts';
import { type TcpProxyStats, tcpProxyStats } from './tcp-proxy-stats.ts';
import { compileTunneling, type TunnelingConfig } from './tunneling-config.ts';

/** Compiled `envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy`. Durations in milliseconds, 0 = off. */
export interface TcpProxyConfig {
  /** One for `cluster`, several for `weighted_clusters`. */
  readonly clusters: readonly TcpCluster[];
  readonly totalWeight: number;
  readonly idleTimeout: number;
  readonly maxConnectAttempts: number;
  readonly maxConnectionDuration: number;
  readonly hashesSourceIp: boolean;
  readonly accessLogs: readonly AccessLog[];
  /** Also when the upstream connection stands; empty unless asked for. */
  readonly connectedLogs: readonly AccessLog[];
  /** Also each `logInterval` milliseconds; empty unless asked for. */
  readonly periodicLogs: readonly AccessLog[];
  readonly logInterval: number;
  /** Null: plain TCP to the hosts. */
  readonly tunneling: TunnelingConfig | null;
  readonly stats: TcpProxyStats;
}

export interface TcpCluster {
  readonly name: string;
  readonly weight: number;
  readonly criteria: SubsetCriteria | null;
}

const HOUR = 3_600_000;

export function compileTcpProxy(
  reader: MessageReader,
  ctx: CompileContext,
  options: ListenerCompileOptions,
): TcpProxyConfig {
  const criteria = compileMetadataMatch(reader);
  const clusters = compileClusters(reader, criteria);
  let hashesSourceIp = false;
  for (const policy of reader.messages('hash_policy')) {
    if (policy.message('source_ip') !== undefined) hashesSourceIp = true;
  }
  return {
    clusters,
    totalWeight: clusters.reduce((sum, { weight }) => sum + weight, 0),
    idleTimeout: reader.duration('idle_timeout') ?? HOUR,
    maxConnectAttempts: reader.number('max_connect_attempts') ?? 1,
    maxConnectionDuration: reader.duration('max_downstream_connection_duration') ?? 0,
    hashesSourceIp,
    ...compileLogs(reader, ctx, options),
    tunneling: compileTunneling(reader.message('tunneling_config'), ctx),
    stats: tcpProxyStats(options.stats, reader.string('stat_prefix') ?? ''),
  };
}

type Logs = Pick<TcpProxyConfig, 'accessLogs' | 'connectedLogs' | 'periodicLogs' | 'logInterval'>;

/** `access_log` and when it is written; the two fields beside `access_log_options` are the deprecated spelling. */
function compileLogs(reader: MessageReader, ctx: CompileContext, options: ListenerCompileOptions): Logs {
  const logs = reader.messages('access_log');
  const when = reader.message('access_log_options');
  const asked = reader.bool('flush_access_log_on_connected') ?? false;
  const connected = when?.bool('flush_access_log_on_connected') ?? asked;
  const interval = reader.duration('access_log_flush_interval') ?? 0;
  const logInterval = when?.duration('access_log_flush_interval') ?? interval;
  const compile = (type: AccessLogType): AccessLog[] => compileAccessLogs(logs, ctx, options.logFiles, type);
  return {
    accessLogs: compile('TcpConnectionEnd'),
    connectedLogs: connected ? compile('TcpUpstreamConnected') : [],
    periodicLogs: logInterval > 0 ? compile('TcpPeriodic') : [],
    logInterval,
  };
}

function compileClusters(reader: MessageReader, criteria: SubsetCriteria | null): TcpCluster[] {
  const name = reader.string('cluster');
  if (name !== undefined) return [{ name, weight: 1, criteria }];
  return (reader.message('weighted_clusters')?.messages('clusters') ?? []).map((each) => ({
    name: each.string('name') ?? '',
    weight: each.number('weight') ?? 1,
    criteria: mergeCriteria(criteria, compileMetadataMatch(each)),
  }));
}

function compileMetadataMatch(reader: MessageReader): SubsetCriteria | null {
  const values = reader.message('metadata_match')?.jsonMap('filter_metadata').get('envoy.lb');
  return values === undefined ? null : subsetCriteria(values);
}

/** The cluster of a connection, by its random draw. */
export function pickTcpCluster(config: TcpProxyConfig, random: number): TcpCluster | null {
  const { clusters, totalWeight } = config;
  if (clusters.length <= 1) return clusters[0] ?? null;
  let left = random % totalWeight;
  for (const cluster of clusters) {
    if (left < cluster.weight) return cluster;
    left -= cluster.weight;
  }
  return null;
}
