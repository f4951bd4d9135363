import type { Stats } from '../base/stats.ts';
import type { CompileContext } from '../config/compile-context.ts';
import { MessageReader } from '../config/reader.ts';
import { compileAccessLogs } from '../observe/access-log/compile.ts';
import type { LogFileManager } from '../observe/access-log/log-file.ts';
import { compileRouteConfiguration } from '../route/compile.ts';
import type { RouteTable } from '../route/types.ts';
import { compileInternalAddresses } from './client-address.ts';
import { compileHeaderKeyFormat } from './codec/http1-header-keys.ts';
import type { Http1ServerOptions } from './codec/http1-server.ts';
import { compileHttp2 } from './codec/http2/compile.ts';
import type { HttpConnectionManagerConfig } from './connection-manager-config.ts';
import { connectionManagerStats } from './connection-manager-stats.ts';
import { compileEarlyMutations } from './early-header-mutation.ts';
import { perRouteCompiler } from './filters/per-route.ts';
import { compileHttpFilters } from './filters/registry.ts';
import { compileForwardedClientCert } from './forwarded-client-cert.ts';
import { compileIpDetection } from './ip-detection.ts';
import { compileLocalReplyConfig } from './local-reply-config.ts';

/** What compilation needs of the running core. In validation: a scratch stats store and no log files. */
export interface ListenerCompileOptions {
  readonly stats: Stats;
  /** Null: log files are opened for checking and closed again. */
  readonly logFiles: LogFileManager | null;
}

const HOUR = 3_600_000;

/** Compiles `envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`. */
export function compileHttpConnectionManager(
  reader: MessageReader,
  ctx: CompileContext,
  options: ListenerCompileOptions,
  listenerStatPrefix: string,
): HttpConnectionManagerConfig {
  const statPrefix = reader.string('stat_prefix') ?? '';
  const common = reader.message('common_http_protocol_options');
  const routeReader = reader.message('route_config');
  const filterEnvironment = { stats: options.stats, statPrefix: `http.${statPrefix}.` };
  const routes =
    routeReader === undefined
      ? emptyRoutes(reader, ctx)
      : compileRouteConfiguration(routeReader, ctx, { perFilter: perRouteCompiler(filterEnvironment) });
  const chain = compileHttpFilters(reader.messages('http_filters'), ctx, filterEnvironment);
  const useRemoteAddress = reader.bool('use_remote_address') ?? false;
  const transformation = reader.message('scheme_header_transformation');
  const stripAny = reader.bool('strip_any_host_port') ?? false;
  const stripMatching = reader.bool('strip_matching_host_port') ?? false;
  acceptRequestIdExtension(reader);
  const streamErrors = reader.bool('stream_error_on_invalid_http_message');
  const http1 = reader.message('http_protocol_options');
  const http1Options = compileHttp1(reader, http1, common, useRemoteAddress, ctx);
  return {
    statPrefix,
    codecType: (reader.enumeration('codec_type') ?? 'AUTO') as HttpConnectionManagerConfig['codecType'],
    routes,
    filters: chain.filters,
    filterNames: chain.names,
    hasRouter: chain.hasRouter,
    router: chain.router,
    suppressEnvoyHeaders: chain.router.suppressEnvoyHeaders,
    ...compileLogs(reader, ctx, options.logFiles),
    stats: connectionManagerStats(options.stats, statPrefix, listenerStatPrefix),
    http1: http1Options,
    http2: compileHttp2(
      reader.message('http2_protocol_options'),
      {
        maxHeadBytes: http1Options.maxHeadBytes,
        maxHeaders: http1Options.maxHeaders,
        underscores: http1Options.underscores,
      },
      streamErrors,
    ),
    defaultHostForHttp10: http1?.string('default_host_for_http_10') ?? '',
    useRemoteAddress,
    xffNumTrustedHops: reader.number('xff_num_trusted_hops') ?? 0,
    skipXffAppend: reader.bool('skip_xff_append') ?? false,
    ipDetection: compileIpDetection(reader, ctx),
    earlyMutations: compileEarlyMutations(reader, ctx),
    internalAddresses: compileInternalAddresses(reader.message('internal_address_config'), ctx),
    appendXForwardedPort: reader.bool('append_x_forwarded_port') ?? false,
    addUserAgent: reader.bool('add_user_agent') ?? false,
    schemeToOverwrite: transformation?.string('scheme_to_overwrite') ?? '',
    schemeMatchesUpstream: transformation?.bool('match_upstream') ?? false,
    serverName: reader.string('server_name') || 'envoy',
    serverHeader: (reader.enumeration('server_header_transformation') ??
      'OVERWRITE') as HttpConnectionManagerConfig['serverHeader'],
    via: reader.string('via') ?? '',
    forwardedClientCert: compileForwardedClientCert(reader),
    streamErrors: http1?.bool('override_stream_error_on_invalid_http_message') ?? streamErrors ?? false,
    localReply: compileLocalReplyConfig(reader.message('local_reply_config'), ctx),
    generateRequestId: reader.bool('generate_request_id') ?? true,
    preserveExternalRequestId: reader.bool('preserve_external_request_id') ?? false,
    alwaysSetRequestIdInResponse: reader.bool('always_set_request_id_in_response') ?? false,
    normalizePath: reader.bool('normalize_path') ?? false,
    mergeSlashes: reader.bool('merge_slashes') ?? false,
    escapedSlashes: escapedSlashes(reader.enumeration('path_with_escaped_slashes_action')),
    stripPort: stripAny ? 'any' : stripMatching ? 'matching' : 'none',
    stripTrailingHostDot: reader.bool('strip_trailing_host_dot') ?? false,
    upgrades: compileUpgrades(reader, ctx),
    proxy100Continue: reader.bool('proxy_100_continue') ?? false,
    streamIdleTimeout: reader.duration('stream_idle_timeout') ?? 300_000,
    requestTimeout: reader.duration('request_timeout') ?? 0,
    requestHeadersTimeout: reader.duration('request_headers_timeout') ?? 0,
    drainTimeout: reader.duration('drain_timeout') ?? 5000,
    delayedCloseTimeout: reader.duration('delayed_close_timeout') ?? 1000,
    idleTimeout: common?.duration('idle_timeout') ?? HOUR,
    maxConnectionDuration: common?.duration('max_connection_duration') ?? 0,
    maxStreamDuration: common?.duration('max_stream_duration') ?? 0,
    maxRequestsPerConnection: common?.number('max_requests_per_connection') ?? 0,
  };
}

type Logs = Pick<
  HttpConnectionManagerConfig,
  'accessLogs' | 'startLogs' | 'periodicLogs' | 'periodicLogInterval'
>;

/** `access_log` for each moment at which it is written; the old fields beside `access_log_options` are deprecated. */
function compileLogs(reader: MessageReader, ctx: CompileContext, files: LogFileManager | null): Logs {
  const options = reader.message('access_log_options');
  const atStart =
    options?.bool('flush_access_log_on_new_request') ??
    reader.bool('flush_access_log_on_new_request') ??
    false;
  const interval =
    options?.duration('access_log_flush_interval') ?? reader.duration('access_log_flush_interval') ?? 0;
  const logs = reader.messages('access_log');
  return {
    accessLogs: compileAccessLogs(logs, ctx, files),
    startLogs: atStart ? compileAccessLogs(logs, ctx, files, 'DownstreamStart') : [],
    periodicLogs: interval > 0 ? compileAccessLogs(logs, ctx, files, 'DownstreamPeriodic') : [],
    periodicLogInterval: interval,
  };
}

const REQUEST_ID = 'envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig';

/** Both settings of the only extension speak of tracing, of which there is none. */
function acceptRequestIdExtension(reader: MessageReader): void {
  const config = reader.message('request_id_extension')?.message('typed_config');
  if (config?.type === REQUEST_ID)
    config.acknowledge('pack_trace_reason', 'use_request_id_for_trace_sampling');
}

function compileHttp1(
  reader: MessageReader,
  http1: MessageReader | undefined,
  common: MessageReader | undefined,
  useRemoteAddress: boolean,
  ctx: CompileContext,
): Http1ServerOptions {
  http1?.acknowledge('use_balsa_parser', 'send_fully_qualified_url');
  const underscores = common?.enumeration('headers_with_underscores_action');
  return {
    maxHeadBytes: (reader.number('max_request_headers_kb') ?? 60) * 1024,
    maxHeaders: common?.number('max_headers_count') ?? 100,
    underscores:
      underscores === 'REJECT_REQUEST' ? 'reject' : underscores === 'DROP_HEADER' ? 'drop' : 'allow',
    enableTrailers: http1?.bool('enable_trailers') ?? false,
    allowChunkedLength: http1?.bool('allow_chunked_length') ?? false,
    acceptHttp10: http1?.bool('accept_http_10') ?? false,
    allowAbsoluteUrl: http1?.bool('allow_absolute_url') ?? true,
    headerKeyFormat: compileHeaderKeyFormat(http1, ctx),
    anyMethod: http1?.bool('allow_custom_methods') ?? false,
    refuseHttpsTarget: useRemoteAddress,
  };
}

function escapedSlashes(value: string | undefined): HttpConnectionManagerConfig['escapedSlashes'] {
  switch (value) {
    case 'REJECT_REQUEST':
    case 'UNESCAPE_AND_REDIRECT':
    case 'UNESCAPE_AND_FORWARD':
      return value;
    default:
      return 'KEEP_UNCHANGED';
  }
}

function compileUpgrades(reader: MessageReader, ctx: CompileContext): ReadonlyMap<string, boolean> {
  const upgrades = new Map<string, boolean>();
  for (const upgrade of reader.messages('upgrade_configs')) {
    const type = upgrade.string('upgrade_type') ?? '';
    if (upgrades.has(type.toLowerCase())) {
      ctx.report(
        'error',
        'http.duplicate-upgrade',
        upgrade,
        'upgrade_type',
        `Error: multiple upgrade configs with the same name: '${type}'`,
      );
    }
    upgrades.set(type.toLowerCase(), upgrade.bool('enabled') ?? true);
  }
  return upgrades;
}

/** Without `route_config` (the routes come by RDS, say) nothing matches. */
function emptyRoutes(reader: MessageReader, ctx: CompileContext): RouteTable {
  return compileRouteConfiguration(
    new MessageReader({
      kind: 'message',
      type: 'envoy.config.route.v3.RouteConfiguration',
      range: reader.range,
      path: reader.path,
      fields: new Map(),
      fromAny: false,
    }),
    ctx,
  );
}
