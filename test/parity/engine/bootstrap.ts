import { stringify } from 'yaml';
import type { ClusterShorthand, ParityCase, Tree, TreeMap } from './case.ts';

const TYPE = 'type.googleapis.com/';
const HCM = `${TYPE}envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`;

/** Short names for `http_filters`, and the type each stands for. */
const HTTP_FILTERS: Readonly<Record<string, string>> = {
  router: 'envoy.extensions.filters.http.router.v3.Router',
  fault: 'envoy.extensions.filters.http.fault.v3.HTTPFault',
  cors: 'envoy.extensions.filters.http.cors.v3.Cors',
  rbac: 'envoy.extensions.filters.http.rbac.v3.RBAC',
  header_mutation: 'envoy.extensions.filters.http.header_mutation.v3.HeaderMutation',
  lua: 'envoy.extensions.filters.http.lua.v3.Lua',
  local_ratelimit: 'envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit',
  buffer: 'envoy.extensions.filters.http.buffer.v3.Buffer',
  compressor: 'envoy.extensions.filters.http.compressor.v3.Compressor',
  health_check: 'envoy.extensions.filters.http.health_check.v3.HealthCheck',
  basic_auth: 'envoy.extensions.filters.http.basic_auth.v3.BasicAuth',
  csrf: 'envoy.extensions.filters.http.csrf.v3.CsrfPolicy',
  decompressor: 'envoy.extensions.filters.http.decompressor.v3.Decompressor',
  set_metadata: 'envoy.extensions.filters.http.set_metadata.v3.Config',
  set_filter_state: 'envoy.extensions.filters.http.set_filter_state.v3.Config',
  header_to_metadata: 'envoy.extensions.filters.http.header_to_metadata.v3.Config',
  grpc_stats: 'envoy.extensions.filters.http.grpc_stats.v3.FilterConfig',
  grpc_http1_bridge: 'envoy.extensions.filters.http.grpc_http1_bridge.v3.Config',
  grpc_http1_reverse_bridge: 'envoy.extensions.filters.http.grpc_http1_reverse_bridge.v3.FilterConfig',
  grpc_json_transcoder: 'envoy.extensions.filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder',
  bandwidth_limit: 'envoy.extensions.filters.http.bandwidth_limit.v3.BandwidthLimit',
  stateful_session: 'envoy.extensions.filters.http.stateful_session.v3.StatefulSession',
  custom_response: 'envoy.extensions.filters.http.custom_response.v3.CustomResponse',
  admission_control: 'envoy.extensions.filters.http.admission_control.v3.AdmissionControl',
  adaptive_concurrency: 'envoy.extensions.filters.http.adaptive_concurrency.v3.AdaptiveConcurrency',
  tap: 'envoy.extensions.filters.http.tap.v3.Tap',
  ext_authz: 'envoy.extensions.filters.http.ext_authz.v3.ExtAuthz',
  ext_proc: 'envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor',
  jwt_authn: 'envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication',
  oauth2: 'envoy.extensions.filters.http.oauth2.v3.OAuth2',
  ratelimit: 'envoy.extensions.filters.http.ratelimit.v3.RateLimit',
  grpc_web: 'envoy.extensions.filters.http.grpc_web.v3.GrpcWeb',
};

/** The configuration of a case as text, with its `{{…}}` places still open. */
export function configurationText(spec: ParityCase): string {
  let text: string;
  if (spec.text !== undefined) text = spec.text;
  else {
    const bootstrap = structuredClone(spec.bootstrap ?? standardBootstrap(spec)) as Tree;
    for (const edit of spec.patch ?? []) setAt(bootstrap, fullPlace(edit.at), edit.value);
    // Envoy reads YAML 1.1, where a plain `no` is a boolean.
    text = stringify(bootstrap, { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false });
  }
  for (const { from, to } of spec.replace ?? []) {
    if (!text.includes(from)) throw new Error(`nothing to replace: ${JSON.stringify(from)}`);
    text = text.replace(from, () => to);
  }
  // A port is a number, and a quoted placeholder would make it a string.
  return text.replace(/port_value: "(\{\{[^}]+\}\})"/g, 'port_value: $1');
}

const LISTENER = 'static_resources.listeners[0]';
const MANAGER = `${LISTENER}.filter_chains[0].filters[0].typed_config`;

/** First words of a place in `patch`, and where they are in the standard bootstrap. */
const PLACES: Readonly<Record<string, string>> = {
  listener: LISTENER,
  chain: `${LISTENER}.filter_chains[0]`,
  hcm: MANAGER,
  virtual_host: `${MANAGER}.route_config.virtual_hosts[0]`,
  route: `${MANAGER}.route_config.virtual_hosts[0].routes[0]`,
  cluster: 'static_resources.clusters[0]',
};

function fullPlace(at: string): string {
  const first = /^[a-z_]+/.exec(at)?.[0] ?? '';
  const place = PLACES[first];
  return place === undefined ? at : place + at.slice(first.length);
}

function standardBootstrap(spec: ParityCase): TreeMap {
  const base: TreeMap = {
    admin: { address: address('{{admin}}') },
    static_resources: {
      listeners: [
        merge(
          {
            name: 'listener',
            address: address('{{listener}}'),
            filter_chains: spec.filter_chains ?? [
              {
                filters: [
                  {
                    name: 'envoy.filters.network.http_connection_manager',
                    typed_config: connectionManager(spec),
                  },
                ],
              },
            ],
          },
          spec.listener ?? {},
        ),
      ],
      clusters: clusterList(spec),
    },
  };
  return merge(base, spec.top ?? {}) as TreeMap;
}

function connectionManager(spec: ParityCase): TreeMap {
  const accessLog: Tree[] = [];
  if (spec.log !== undefined || spec.log_json !== undefined) {
    accessLog.push({
      name: 'envoy.access_loggers.file',
      typed_config: {
        '@type': `${TYPE}envoy.extensions.access_loggers.file.v3.FileAccessLog`,
        path: '{{dir}}/access.log',
        ...(spec.log === 'default'
          ? {}
          : {
              log_format:
                spec.log === undefined
                  ? { json_format: spec.log_json ?? {} }
                  : { text_format_source: { inline_string: `${spec.log}\n` } },
            }),
      },
    });
  }
  const routes = spec.routes ?? [
    { match: { prefix: '/' }, route: { cluster: clusterNames(spec)[0] ?? 'a' } },
  ];
  const routing: TreeMap =
    spec.hcm && 'rds' in spec.hcm
      ? {}
      : {
          route_config: merge(
            {
              name: 'routes',
              virtual_hosts: spec.virtual_hosts ?? [{ name: 'all', domains: ['*'], routes }],
            },
            spec.route_config ?? {},
          ),
        };
  return merge(
    {
      '@type': HCM,
      stat_prefix: 'http',
      ...(accessLog.length > 0 ? { access_log: accessLog } : {}),
      ...routing,
      http_filters: [...(spec.http_filters ?? []), { router: {} }].map(httpFilter),
    },
    spec.hcm ?? {},
  ) as TreeMap;
}

/** `fault: {…}` becomes the whole filter; a map with `name` is one already. */
function httpFilter(filter: Tree): Tree {
  if (filter === null || typeof filter !== 'object' || Array.isArray(filter) || 'name' in filter)
    return filter;
  const [short, config] = Object.entries(filter)[0] ?? ['', null];
  const type = HTTP_FILTERS[short];
  if (type === undefined) throw new Error(`no short name for an HTTP filter: ${short}`);
  return {
    name: `envoy.filters.http.${short}`,
    typed_config: { '@type': TYPE + type, ...((config as TreeMap | null) ?? {}) },
  };
}

/** Clusters that are written out, or one for each upstream name without its number. */
function clusterNames(spec: ParityCase): string[] {
  if (spec.clusters) return Object.keys(spec.clusters);
  return [...new Set(upstreamNames(spec).map((name) => name.replace(/\d+$/, '')))];
}

export function upstreamNames(spec: ParityCase): string[] {
  return Object.keys(spec.upstreams ?? (!spec.clusters && !spec.bootstrap ? { a: null } : {}));
}

function clusterList(spec: ParityCase): Tree[] {
  return clusterNames(spec).map((name) => {
    const { hosts, ...fields } = spec.clusters?.[name] ?? ({} as ClusterShorthand);
    const members = hosts ?? upstreamNames(spec).filter((upstream) => upstream.replace(/\d+$/, '') === name);
    const assignment: TreeMap = {
      cluster_name: name,
      endpoints: [{ lb_endpoints: members.map(endpoint) }],
    };
    return merge(
      { name, type: 'STATIC', connect_timeout: '1s', load_assignment: assignment },
      fields as TreeMap,
    );
  });
}

function endpoint(host: string | (TreeMap & { upstream: string })): Tree {
  if (typeof host === 'string') return { endpoint: { address: address(`{{upstream:${host}}}`) } };
  const { upstream, hostname, ...rest } = host;
  return {
    endpoint: {
      address: address(`{{upstream:${upstream}}}`),
      ...(hostname === undefined ? {} : { hostname }),
    },
    ...rest,
  };
}

function address(port: string): TreeMap {
  return { socket_address: { address: '127.0.0.1', port_value: port } };
}

/** Maps are merged, anything else is replaced by the second. */
export function merge(base: Tree, extra: Tree): Tree {
  if (!isMap(base) || !isMap(extra)) return extra;
  const merged: TreeMap = { ...base };
  for (const [key, value] of Object.entries(extra)) {
    const before = merged[key];
    merged[key] = before === undefined ? value : merge(before, value);
  }
  return merged;
}

function isMap(value: Tree): value is TreeMap {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

/** Puts `value` at a place such as `clusters[0].name`; without a value removes what is there. */
export function setAt(root: Tree, at: string, value: Tree | undefined): void {
  const keys = at.match(/"[^"]*"|[^.[\]]+/g)?.map((key) => key.replace(/^"|"$/g, '')) ?? [];
  const last = keys.pop();
  if (last === undefined) throw new Error(`not a place: ${at}`);
  let node: Tree = root;
  for (const key of keys) {
    if (Array.isArray(node)) node = node[Number(key)] ?? null;
    else if (isMap(node)) {
      node[key] ??= {};
      node = node[key] ?? null;
    } else throw new Error(`nothing at ${key} of ${at}`);
  }
  if (Array.isArray(node)) {
    if (value === undefined) node.splice(Number(last), 1);
    else node[Number(last)] = value;
  } else if (isMap(node)) {
    if (value === undefined) delete node[last];
    else node[last] = value;
  } else throw new Error(`nothing at ${at}`);
}

/** Runtime guards that make the newer binary take the code paths of 1.32. */
const GUARDS_1_32: TreeMap = {
  'envoy.reloadable_features.http1_balsa_allow_cr_or_lf_at_request_start': false,
  'envoy.reloadable_features.enable_new_query_param_present_match_behavior': false,
  'envoy.reloadable_features.http2_use_oghttp2': false,
  'envoy.reloadable_features.safe_http2_options': false,
  'envoy.reloadable_features.websocket_allow_4xx_5xx_through_filter_chain': false,
  'envoy.reloadable_features.websocket_enable_timeout_on_upgrade_response': false,
  'envoy.reloadable_features.reject_empty_trusted_ca_file': false,
};

/** The runtime layer as text to give beside the configuration, so that the case's own text stays what it is. */
export function guardLayer(): string {
  return stringify({ layered_runtime: { layers: [{ name: 'guards', static_layer: GUARDS_1_32 }] } });
}
