/**
 * Names that guides older than 2022 write without `typed_config`, and the v3 type each stands for. Envoy looked
 * extensions up by name until 1.22 (`envoy.reloadable_features.no_extension_lookup_by_name`).
 */
const HTTP = 'envoy.extensions.filters.http';
const NETWORK = 'envoy.extensions.filters.network';
const LISTENER = 'envoy.extensions.filters.listener';
const SOCKET = 'envoy.extensions.transport_sockets';

type Table = Readonly<Record<string, string>>;

const httpFilters: Table = {
  router: `${HTTP}.router.v3.Router`,
  cors: `${HTTP}.cors.v3.Cors`,
  fault: `${HTTP}.fault.v3.HTTPFault`,
  grpc_web: `${HTTP}.grpc_web.v3.GrpcWeb`,
  grpc_http1_bridge: `${HTTP}.grpc_http1_bridge.v3.Config`,
  grpc_stats: `${HTTP}.grpc_stats.v3.FilterConfig`,
  health_check: `${HTTP}.health_check.v3.HealthCheck`,
  buffer: `${HTTP}.buffer.v3.Buffer`,
  csrf: `${HTTP}.csrf.v3.CsrfPolicy`,
  gzip: `${HTTP}.compressor.v3.Compressor`,
  compressor: `${HTTP}.compressor.v3.Compressor`,
  decompressor: `${HTTP}.decompressor.v3.Decompressor`,
  ext_authz: `${HTTP}.ext_authz.v3.ExtAuthz`,
  header_to_metadata: `${HTTP}.header_to_metadata.v3.Config`,
  ip_tagging: `${HTTP}.ip_tagging.v3.IPTagging`,
  jwt_authn: `${HTTP}.jwt_authn.v3.JwtAuthentication`,
  local_ratelimit: `${HTTP}.local_ratelimit.v3.LocalRateLimit`,
  lua: `${HTTP}.lua.v3.Lua`,
  original_src: `${HTTP}.original_src.v3.OriginalSrc`,
  ratelimit: `${HTTP}.ratelimit.v3.RateLimit`,
  rbac: `${HTTP}.rbac.v3.RBAC`,
  tap: `${HTTP}.tap.v3.Tap`,
  on_demand: `${HTTP}.on_demand.v3.OnDemand`,
  dynamic_forward_proxy: `${HTTP}.dynamic_forward_proxy.v3.FilterConfig`,
  adaptive_concurrency: `${HTTP}.adaptive_concurrency.v3.AdaptiveConcurrency`,
  aws_lambda: `${HTTP}.aws_lambda.v3.Config`,
  grpc_json_transcoder: `${HTTP}.grpc_json_transcoder.v3.GrpcJsonTranscoder`,
  stateful_session: `${HTTP}.stateful_session.v3.StatefulSession`,
};

const networkFilters: Table = {
  http_connection_manager: `${NETWORK}.http_connection_manager.v3.HttpConnectionManager`,
  tcp_proxy: `${NETWORK}.tcp_proxy.v3.TcpProxy`,
  echo: `${NETWORK}.echo.v3.Echo`,
  direct_response: `${NETWORK}.direct_response.v3.Config`,
  rbac: `${NETWORK}.rbac.v3.RBAC`,
  ratelimit: `${NETWORK}.ratelimit.v3.RateLimit`,
  local_ratelimit: `${NETWORK}.local_ratelimit.v3.LocalRateLimit`,
  connection_limit: `${NETWORK}.connection_limit.v3.ConnectionLimit`,
  ext_authz: `${NETWORK}.ext_authz.v3.ExtAuthz`,
  redis_proxy: `${NETWORK}.redis_proxy.v3.RedisProxy`,
  mongo_proxy: `${NETWORK}.mongo_proxy.v3.MongoProxy`,
  mysql_proxy: `${NETWORK}.mysql_proxy.v3.MySQLProxy`,
  thrift_proxy: `${NETWORK}.thrift_proxy.v3.ThriftProxy`,
  zookeeper_proxy: `${NETWORK}.zookeeper_proxy.v3.ZooKeeperProxy`,
  sni_cluster: `${NETWORK}.sni_cluster.v3.SniCluster`,
};

const listenerFilters: Table = {
  tls_inspector: `${LISTENER}.tls_inspector.v3.TlsInspector`,
  http_inspector: `${LISTENER}.http_inspector.v3.HttpInspector`,
  original_dst: `${LISTENER}.original_dst.v3.OriginalDst`,
  original_src: `${LISTENER}.original_src.v3.OriginalSrc`,
  proxy_protocol: `${LISTENER}.proxy_protocol.v3.ProxyProtocol`,
};

const tables: Readonly<Record<string, { readonly prefixes: readonly string[]; readonly names: Table }>> = {
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter': {
    prefixes: ['envoy.filters.http.', 'envoy.'],
    names: httpFilters,
  },
  'envoy.config.listener.v3.Filter': {
    prefixes: ['envoy.filters.network.', 'envoy.'],
    names: networkFilters,
  },
  'envoy.config.listener.v3.ListenerFilter': {
    prefixes: ['envoy.filters.listener.', 'envoy.listener.'],
    names: listenerFilters,
  },
  'envoy.config.core.v3.TransportSocket': {
    prefixes: ['envoy.transport_sockets.'],
    names: { raw_buffer: `${SOCKET}.raw_buffer.v3.RawBuffer` },
  },
  'envoy.config.accesslog.v3.AccessLog': {
    prefixes: ['envoy.access_loggers.', 'envoy.'],
    names: {
      stdout: 'envoy.extensions.access_loggers.stream.v3.StdoutAccessLog',
      stderr: 'envoy.extensions.access_loggers.stream.v3.StderrAccessLog',
      stdout_access_log: 'envoy.extensions.access_loggers.stream.v3.StdoutAccessLog',
      stderr_access_log: 'envoy.extensions.access_loggers.stream.v3.StderrAccessLog',
    },
  },
  'envoy.config.route.v3.RetryPolicy.RetryHostPredicate': {
    prefixes: ['envoy.retry_host_predicates.'],
    names: {
      previous_hosts: 'envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate',
      omit_canary_hosts: 'envoy.extensions.retry.host.omit_canary_hosts.v3.OmitCanaryHostsPredicate',
    },
  },
};

/** In a cluster the TLS socket has a form that needs no settings; in a listener it has none. */
const CLUSTER_TLS = `${SOCKET}.tls.v3.UpstreamTlsContext`;

/** The type that `name` alone stands for in an extension of this message type; undefined when it is not well known. */
export function wellKnownType(messageType: string, name: string, path: string): string | undefined {
  const table = tables[messageType];
  if (table === undefined) return undefined;
  if (messageType === 'envoy.config.core.v3.TransportSocket' && name === 'envoy.transport_sockets.tls') {
    return /(^|\.)clusters?\[/.test(path) ? CLUSTER_TLS : undefined;
  }
  for (const prefix of table.prefixes) {
    if (!name.startsWith(prefix)) continue;
    const rest = name.slice(prefix.length);
    if (Object.hasOwn(table.names, rest)) return table.names[rest];
  }
  return undefined;
}

/** Full well-known names for a message type, for suggestions. */
export function wellKnownNames(messageType: string): string[] {
  const table = tables[messageType];
  return table === undefined ? [] : Object.keys(table.names).map((name) => `${table.prefixes[0]}${name}`);
}
