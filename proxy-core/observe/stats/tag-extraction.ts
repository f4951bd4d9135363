/**
 * Envoy's default tags (common/config/well_known_names.cc): a part of a dotted name becomes a label and leaves the
 * name. Every rule looks at the whole original name; what they take is cut out together.
 */
export interface Tag {
  readonly name: string;
  readonly value: string;
}

export interface ExtractedName {
  /** The name without the tagged parts: `cluster.upstream_rq`. */
  readonly name: string;
  readonly tags: readonly Tag[];
}

/** Group 1 leaves the name, group 2 is the value. A rule with a `prefix` only runs for names that begin with it. */
interface TagRule {
  readonly tag: string;
  readonly prefix: string;
  readonly pattern: RegExp;
  /** A cheap test before the pattern. */
  readonly contains: string;
}

/** A `stats_config.stats_tags` entry: a regex with Envoy's two groups, or a fixed value on every line. */
export interface CustomTag {
  readonly name: string;
  readonly match: (statName: string) => { readonly remove: string; readonly value: string } | null;
  readonly fixedValue: string | null;
  /** First segment of the names that its regex can match (`^cluster\\.…`), empty for any: decides the order of tags. */
  readonly prefix?: string;
}

const SEGMENT = '[^.]+';

function rule(tag: string, pattern: string, contains = ''): TagRule {
  const prefix = /^\^([a-z_]+)\\\./.exec(pattern)?.[1] ?? '';
  return { tag, prefix, pattern: new RegExp(pattern.replaceAll('<V>', SEGMENT), 'd'), contains };
}

/** Most specific first, the order of the labels. */
const RULES: readonly TagRule[] = [
  rule('envoy.response_code', '_rq(_(\\d{3}))$', '_rq_'),
  rule('envoy.response_code_class', '_rq_((\\d))xx$', '_rq_'),
  rule(
    'envoy.dynamo_partition_id',
    '^http\\.<V>\\.dynamodb\\.table\\.<V>\\.capacity\\.<V>(\\.__partition_id=(\\w{7}))$',
    '.dynamodb.',
  ),
  rule(
    'envoy.dynamo_operation',
    '^http\\.<V>\\.dynamodb\\.(?:operation|table\\.<V>\\.capacity)(\\.(<V>))(?:\\.|$)',
    '.dynamodb.',
  ),
  rule(
    'envoy.mongo_callsite',
    '^mongo\\.<V>\\.collection\\.<V>\\.callsite\\.((<V>)\\.)query\\.',
    '.callsite.',
  ),
  rule('envoy.dynamo_table', '^http\\.<V>\\.dynamodb\\.(?:table|error)\\.((<V>)\\.)', '.dynamodb.'),
  rule('envoy.mongo_collection', '^mongo\\.<V>\\.collection\\.((<V>)\\.).*?query\\.', '.collection.'),
  rule('envoy.mongo_cmd', '^mongo\\.<V>\\.cmd\\.((<V>)\\.)', '.cmd.'),
  rule('envoy.grpc_bridge_method', '^cluster\\.<V>\\.grpc\\.<V>\\.((<V>)\\.)', '.grpc.'),
  rule('envoy.http_user_agent', '^http\\.<V>\\.user_agent\\.((<V>)\\.)', '.user_agent.'),
  rule('envoy.virtual_cluster', '^vhost\\.<V>\\.vcluster\\.((<V>)\\.)', '.vcluster.'),
  rule('envoy.route', '^vhost\\.<V>\\.route\\.((<V>)\\.)', '.route.'),
  rule('envoy.fault_downstream_cluster', '^http\\.<V>\\.fault\\.((<V>)\\.)', '.fault.'),
  rule('envoy.worker_id', '^listener\\..*?\\.worker_((\\d+)\\.)', '.worker_'),
  rule('envoy.worker_id', '^listener_manager\\.worker_((\\d+)\\.)', '.worker_'),
  rule('envoy.worker_id', '^server\\.worker_((\\d+)\\.)', '.worker_'),
  rule('envoy.worker_id', '^thread_local_cluster_manager\\.worker_((\\d+)\\.)', '.worker_'),
  rule(
    'envoy.tls_certificate',
    '^(?:listener|cluster)\\..*?\\.ssl\\.certificate\\.((<V>)\\.)',
    '.ssl.certificate.',
  ),
  rule('envoy.ssl_cipher', '^listener\\..*?\\.ssl\\.ciphers(\\.([^.]+))$', '.ssl.ciphers.'),
  rule('envoy.ssl_curve', '\\.ssl\\.curves(\\.([^.]+))$', '.ssl.curves.'),
  rule('envoy.ssl_sigalg', '\\.ssl\\.sigalgs(\\.([^.]+))$', '.ssl.sigalgs.'),
  rule('envoy.ssl_version', '\\.ssl\\.versions(\\.(.+))$', '.ssl.versions.'),
  rule('envoy.ssl_cipher_suite', '^cluster\\.<V>\\.ssl\\.ciphers(\\.([^.]+))$', '.ssl.ciphers.'),
  rule('envoy.grpc_bridge_service', '^cluster\\.<V>\\.grpc\\.((<V>)\\.)', '.grpc.'),
  rule('envoy.tcp_prefix', '^tcp\\.((<V>)\\.)'),
  rule('envoy.udp_prefix', '^udp\\.((<V>)\\.)'),
  rule('envoy.clientssl_prefix', '^auth\\.clientssl\\.((<V>)\\.)'),
  rule('envoy.ratelimit_prefix', '^ratelimit\\.((<V>)\\.)'),
  rule('envoy.cluster_name', '^cluster\\.((<V>)\\.)'),
  rule('envoy.http_conn_manager_prefix', '^listener\\..*?\\.http\\.((<V>)\\.)', '.http.'),
  rule('envoy.http_conn_manager_prefix', '^http\\.((<V>)\\.)'),
  rule(
    'envoy.listener_address',
    '^listener\\.((?!admin\\.)((?:\\d+\\.\\d+\\.\\d+\\.\\d+_\\d+|\\[[^\\]]*\\]_\\d+|<V>))\\.)',
  ),
  rule('envoy.virtual_host', '^vhost\\.((<V>)\\.)'),
  rule('envoy.mongo_prefix', '^mongo\\.((<V>)\\.)'),
  rule('envoy.rds_route_config', '^http\\.<V>\\.rds\\.((.+)\\.)\\w+?$', '.rds.'),
  rule('envoy.scoped_rds_config', '^http\\.<V>\\.scoped_rds\\.((.+)\\.)\\w+?$', '.scoped_rds.'),
  rule('envoy.thrift_prefix', '^thrift\\.((<V>)\\.)'),
  rule('envoy.redis_prefix', '^redis\\.((<V>)\\.)'),
  rule('envoy.rbac_prefix', '^((<V>)\\.)rbac\\.', '.rbac.'),
  rule('envoy.rbac_http_hcm_prefix', '^http\\.<V>\\.rbac\\.((<V>)\\.)', '.rbac.'),
  rule('envoy.local_http_ratelimit_prefix', '^((<V>)\\.)http_local_rate_limit\\.', '.http_local_rate_limit.'),
  rule('envoy.local_network_ratelimit_prefix', '^local_rate_limit\\.((<V>)\\.)'),
  rule('envoy.local_listener_ratelimit_prefix', '^listener_local_ratelimit\\.((<V>)\\.)'),
  rule('envoy.dns_filter_prefix', '^dns_filter\\.((<V>)\\.)'),
  rule('envoy.connection_limit_prefix', '^connection_limit\\.((<V>)\\.)'),
  rule('envoy.ext_authz_prefix', '\\.ext_authz\\.((<V>)\\.)', '.ext_authz.'),
  rule('envoy.proxy_protocol_prefix', '^proxy_proto\\.((<V>)\\.)(?!.*versions?\\.)'),
];

/** Rules that look at any name run before those bound to a first segment, as Envoy's tag producer does. */
const ANYWHERE = RULES.filter((r) => r.prefix === '');
const BY_PREFIX = new Map<string, TagRule[]>();
for (const r of RULES) {
  if (r.prefix === '') continue;
  const list = BY_PREFIX.get(r.prefix);
  if (list === undefined) BY_PREFIX.set(r.prefix, [r]);
  else list.push(r);
}

/** True for the names of Envoy's default tags. */
export function isDefaultTag(name: string): boolean {
  return RULES.some((each) => each.tag === name);
}

export function extractTags(statName: string, custom: readonly CustomTag[] = []): ExtractedName {
  const tags: Tag[] = [];
  const cuts: [number, number][] = [];
  applyRules(statName, ANYWHERE, tags, cuts);
  applyCustom(statName, custom, '', tags, cuts);
  const dot = statName.indexOf('.');
  const segment = dot < 0 ? statName : statName.slice(0, dot);
  const bound = BY_PREFIX.get(segment);
  if (bound !== undefined) applyRules(statName, bound, tags, cuts);
  applyCustom(statName, custom, segment, tags, cuts);
  return { name: cut(statName, cuts), tags };
}

function applyCustom(
  statName: string,
  custom: readonly CustomTag[],
  prefix: string,
  tags: Tag[],
  cuts: [number, number][],
): void {
  for (const tag of custom) {
    if ((tag.prefix ?? '') !== prefix) continue;
    if (tag.fixedValue !== null) {
      tags.push({ name: tag.name, value: tag.fixedValue });
      continue;
    }
    const found = tag.match(statName);
    if (found === null) continue;
    const at = statName.indexOf(found.remove);
    tags.push({ name: tag.name, value: found.value });
    if (at >= 0) cuts.push([at, at + found.remove.length]);
  }
}

function applyRules(
  statName: string,
  rules: readonly TagRule[],
  tags: Tag[],
  cuts: [number, number][],
): void {
  for (const { tag, pattern, contains } of rules) {
    if (contains !== '' && !statName.includes(contains)) continue;
    const match = pattern.exec(statName);
    if (match === null) continue;
    if (tags.some((t) => t.name === tag)) continue;
    tags.push({ name: tag, value: match[2] as string });
    cuts.push(match.indices?.[1] as [number, number]);
  }
}

function cut(text: string, cuts: [number, number][]): string {
  if (cuts.length === 0) return text;
  cuts.sort((a, b) => a[0] - b[0]);
  let result = '';
  let from = 0;
  for (const [start, end] of cuts) {
    if (start > from) result += text.slice(from, start);
    from = Math.max(from, end);
  }
  return result + text.slice(from);
}
