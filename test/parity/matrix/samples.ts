import { envoySchema } from '../../../proxy-core/config/schema/schema.ts';
import type { FieldSchema } from '../../../proxy-core/config/schema/types.ts';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonMap = { [key: string]: Json };

const TYPE = 'type.googleapis.com/';
export const ROUTER: JsonMap = {
  name: 'envoy.filters.http.router',
  typed_config: { '@type': `${TYPE}envoy.extensions.filters.http.router.v3.Router` },
};
const ADDRESS: JsonMap = { socket_address: { address: '127.0.0.1', port_value: 10000 } };
const ROUTE: JsonMap = { match: { prefix: '/' }, route: { cluster: 'a' } };
const VIRTUAL_HOST: JsonMap = { name: 'v', domains: ['*'], routes: [ROUTE] };
const MANAGER: JsonMap = {
  stat_prefix: 'http',
  route_config: { name: 'r', virtual_hosts: [VIRTUAL_HOST] },
  http_filters: [ROUTER],
};
const ENDPOINTS: JsonMap = { lb_endpoints: [{ endpoint: { address: ADDRESS } }] };
const CLUSTER: JsonMap = { name: 'a', load_assignment: { cluster_name: 'a', endpoints: [ENDPOINTS] } };
const NETWORK_FILTER: JsonMap = {
  name: 'f',
  typed_config: {
    '@type': `${TYPE}envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    ...MANAGER,
  },
};

/** A bootstrap that works, from which probing starts. */
export const BASE: JsonMap = {
  admin: { address: { socket_address: { address: '127.0.0.1', port_value: 9901 } } },
  static_resources: {
    listeners: [{ name: 'l', address: ADDRESS, filter_chains: [{ filters: [NETWORK_FILTER] }] }],
    clusters: [CLUSTER],
  },
};

/** Messages whose smallest useful form the constraints do not tell. */
const SEEDS: Readonly<Record<string, Json>> = {
  'envoy.config.core.v3.Address': ADDRESS,
  'envoy.config.core.v3.SocketAddress': { address: '127.0.0.1', port_value: 10000 },
  'envoy.config.bootstrap.v3.Bootstrap.StaticResources': BASE['static_resources'] as Json,
  'envoy.config.listener.v3.Listener': {
    name: 'l',
    address: ADDRESS,
    filter_chains: [{ filters: [NETWORK_FILTER] }],
  },
  'envoy.config.listener.v3.FilterChain': { filters: [NETWORK_FILTER] },
  'envoy.config.listener.v3.Filter': NETWORK_FILTER,
  'envoy.config.cluster.v3.Cluster': CLUSTER,
  'envoy.config.endpoint.v3.ClusterLoadAssignment': { cluster_name: 'a', endpoints: [ENDPOINTS] },
  'envoy.config.endpoint.v3.LocalityLbEndpoints': ENDPOINTS,
  'envoy.config.endpoint.v3.LbEndpoint': { endpoint: { address: ADDRESS } },
  'envoy.config.endpoint.v3.Endpoint': { address: ADDRESS },
  'envoy.config.route.v3.RouteConfiguration': { name: 'r', virtual_hosts: [VIRTUAL_HOST] },
  'envoy.config.route.v3.VirtualHost': VIRTUAL_HOST,
  'envoy.config.route.v3.Route': ROUTE,
  'envoy.config.route.v3.RouteMatch': { prefix: '/' },
  'envoy.config.route.v3.RouteAction': { cluster: 'a' },
  'envoy.config.route.v3.WeightedCluster': { clusters: [{ name: 'a', weight: 1 }] },
  'envoy.config.route.v3.WeightedCluster.ClusterWeight': { name: 'a', weight: 1 },
  'envoy.config.route.v3.RetryPolicy': { retry_on: '5xx' },
  'envoy.config.route.v3.DirectResponseAction': { status: 200 },
  'envoy.config.core.v3.HeaderValueOption': { header: { key: 'x-a', value: 'a' } },
  'envoy.config.core.v3.HeaderValue': { key: 'x-a', value: 'a' },
  'envoy.config.core.v3.DataSource': { inline_string: 'a' },
  'envoy.config.core.v3.SubstitutionFormatString': { text_format_source: { inline_string: 'a' } },
  'envoy.config.core.v3.HealthCheck': {
    timeout: '1s',
    interval: '1s',
    unhealthy_threshold: 1,
    healthy_threshold: 1,
    http_health_check: { path: '/' },
  },
  'envoy.config.accesslog.v3.AccessLog': {
    name: 'log',
    typed_config: {
      '@type': `${TYPE}envoy.extensions.access_loggers.stream.v3.StdoutAccessLog`,
    },
  },
  // Compilation opens the file.
  'envoy.extensions.access_loggers.file.v3.FileAccessLog': { path: '/dev/null' },
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager': MANAGER,
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter': ROUTER,
  'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy': { stat_prefix: 't', cluster: 'a' },
  'envoy.type.matcher.v3.RegexMatcher': { regex: 'a' },
  'envoy.type.matcher.v3.StringMatcher': { exact: 'a' },
  'envoy.type.matcher.v3.RegexMatchAndSubstitute': { pattern: { regex: 'a' }, substitution: 'b' },
};

/** The smallest message of a type that the constraints let through, as far as they can tell. */
export function seedOf(typeName: string, depth = 0): Json {
  const seed = SEEDS[typeName];
  if (seed !== undefined) return structuredClone(seed);
  const message = envoySchema().message(typeName);
  if (message === undefined || depth > 5) return {};
  const result: JsonMap = {};
  for (const field of message.fields) {
    if (field.oneof === null && isRequired(field)) result[field.name] = sample(field, depth + 1);
  }
  for (const oneof of message.oneofs) {
    const first = message.fields.find((field) => field.oneof === oneof.name && !field.deprecated);
    if (oneof.required && first !== undefined) result[first.name] = sample(first, depth + 1);
  }
  return result;
}

function isRequired(field: FieldSchema): boolean {
  const { rules } = field;
  if (rules === null) return false;
  if (rules.message?.required) return true;
  switch (rules.kind?.case) {
    case 'string':
      return (rules.kind.rules.minLen ?? rules.kind.rules.minBytes ?? 0) > 0;
    case 'repeated':
      return Number(rules.kind.rules.minItems ?? 0) > 0;
    case 'duration':
    case 'any':
      return rules.kind.rules.required === true;
    case 'number':
      return rules.kind.rules.gt !== undefined && rules.kind.rules.ignoreEmpty !== true;
    default:
      return false;
  }
}

const WELL_KNOWN: Readonly<Record<string, Json>> = {
  Duration: '1s',
  Timestamp: '2030-01-01T00:00:00Z',
  Struct: { a: 'b' },
  Value: 'a',
  ListValue: ['a'],
  Empty: {},
  Any: { '@type': `${TYPE}google.protobuf.Empty` },
  BoolValue: true,
  StringValue: 'a',
  BytesValue: 'YQ==',
  DoubleValue: 1,
  FloatValue: 1,
  Int32Value: 1,
  Int64Value: 1,
  UInt32Value: 1,
  UInt64Value: 1,
};

/** A value for a field, in the shape of its cardinality except for messages below lists, which the caller places. */
export function sample(field: FieldSchema, depth = 0): Json {
  const one = sampleOne(field, depth);
  if (depth === 0 || field.cardinality === 'single') return one;
  return field.cardinality === 'list' ? [one] : { key: one };
}

function sampleOne(field: FieldSchema, depth: number): Json {
  const { type, rules } = field;
  switch (type.kind) {
    case 'enum':
      return type.enumeration.names.at(-1) ?? 0;
    case 'message':
      return type.typeName.startsWith('google.protobuf.')
        ? (WELL_KNOWN[type.typeName.slice('google.protobuf.'.length)] ?? {})
        : seedOf(type.typeName, depth);
    case 'scalar':
      switch (type.scalar) {
        case 'bool':
          return true;
        case 'bytes':
          return 'YQ==';
        case 'string': {
          if (/(^|_)cluster(_name)?$/.test(field.name)) return 'a';
          // A file may be opened for it, and a route's path begins like this, too.
          if (/(^|_)path$/.test(field.name)) return '/dev/null';
          if (rules?.kind?.case !== 'string') return 'a';
          return rules.kind.rules.const ?? rules.kind.rules.in?.[0] ?? `${rules.kind.rules.prefix ?? ''}a`;
        }
        default: {
          if (rules?.kind?.case !== 'number') return 1;
          const { gte, gt, in: among } = rules.kind.rules;
          return among?.[0] ?? gte ?? (gt === undefined ? 1 : gt + 1);
        }
      }
  }
}
