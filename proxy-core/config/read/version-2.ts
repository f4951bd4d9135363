/** Fields of the v2 API that are gone, by v3 message, with what stands in their place. */
const renamed: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'envoy.config.cluster.v3.Cluster': {
    hosts: 'load_assignment',
    tls_context: 'transport_socket',
    extension_protocol_options: 'typed_extension_protocol_options',
  },
  'envoy.config.listener.v3.FilterChain': { tls_context: 'transport_socket' },
  'envoy.config.route.v3.RouteMatch': { regex: 'safe_regex', cookies: 'headers' },
  'envoy.config.route.v3.HeaderMatcher': {
    regex_match: 'string_match',
    value: 'string_match',
    regex: 'string_match',
  },
  'envoy.config.route.v3.QueryParameterMatcher': { value: 'string_match', regex: 'string_match' },
  'envoy.config.route.v3.CorsPolicy': {
    allow_origin: 'allow_origin_string_match',
    allow_origin_regex: 'allow_origin_string_match',
    enabled: 'filter_enabled',
  },
  'envoy.config.route.v3.RouteAction': {
    request_mirror_policy: 'request_mirror_policies',
    host_rewrite: 'host_rewrite_literal',
    auto_host_rewrite_header: 'host_rewrite_header',
  },
  'envoy.config.route.v3.WeightedCluster.ClusterWeight': { host_rewrite: 'host_rewrite_literal' },
  'envoy.config.bootstrap.v3.Bootstrap': { runtime: 'layered_runtime' },
  'envoy.config.core.v3.HealthCheck.HttpHealthCheck': {
    use_http2: 'codec_client_type',
    service_name: 'service_name_matcher',
  },
  'envoy.type.matcher.v3.StringMatcher': { regex: 'safe_regex' },
  'envoy.config.accesslog.v3.AccessLog': { config: 'typed_config' },
  'envoy.extensions.transport_sockets.tls.v3.CertificateValidationContext': {
    verify_subject_alt_name: 'match_typed_subject_alt_names',
  },
};

/** The v3 field to look at instead of a v2 one; undefined when `key` was none. */
export function versionTwoField(messageType: string, key: string): string | undefined {
  const fields = renamed[messageType];
  if (fields !== undefined && Object.hasOwn(fields, key)) return fields[key];
  if (key === 'config') return 'typed_config';
  if (key === 'per_filter_config') return 'typed_per_filter_config';
  return undefined;
}
