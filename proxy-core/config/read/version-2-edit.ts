import { stringify } from 'yaml';
import type { Fix } from '../diagnostic.ts';
import type { MessageSchema } from '../schema/types.ts';
import type { SourceEntry, SourceMap, SourceNode } from '../text/source-node.ts';
import type { ReadContext } from './context.ts';
import { wellKnownType } from './well-known.ts';

interface Edit {
  readonly key: string;
  readonly value: unknown;
}

/** Makes of a v2 field's value the v3 field and its value; undefined when that cannot be told from the value alone. */
type Upgrade = (value: unknown, siblings: Readonly<Record<string, unknown>>) => Edit | undefined;

const TLS = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.';

function tlsSocket(type: string): Upgrade {
  return (value) => ({
    key: 'transport_socket',
    value: {
      name: 'envoy.transport_sockets.tls',
      typed_config: { '@type': `${TLS}${type}`, ...(isRecord(value) ? value : {}) },
    },
  });
}

const exactOrRegex: Upgrade = (value, { regex }) =>
  regex === true
    ? { key: 'string_match', value: { safe_regex: { regex: value } } }
    : { key: 'string_match', value: { exact: value } };

function origins(matcher: (origin: unknown) => unknown): Upgrade {
  return (value) =>
    Array.isArray(value) ? { key: 'allow_origin_string_match', value: value.map(matcher) } : undefined;
}

/** By v3 message and v2 field. */
const upgrades: Readonly<Record<string, Readonly<Record<string, Upgrade>>>> = {
  'envoy.config.cluster.v3.Cluster': {
    hosts: (value, { name }) =>
      Array.isArray(value)
        ? {
            key: 'load_assignment',
            value: {
              cluster_name: name ?? '',
              endpoints: [{ lb_endpoints: value.map((address) => ({ endpoint: { address } })) }],
            },
          }
        : undefined,
    tls_context: tlsSocket('UpstreamTlsContext'),
  },
  'envoy.config.listener.v3.FilterChain': { tls_context: tlsSocket('DownstreamTlsContext') },
  'envoy.config.route.v3.RouteAction': {
    host_rewrite: (value) => ({ key: 'host_rewrite_literal', value }),
    auto_host_rewrite_header: (value) => ({ key: 'host_rewrite_header', value }),
    request_mirror_policy: (value) =>
      isRecord(value) ? { key: 'request_mirror_policies', value: [value] } : undefined,
  },
  'envoy.config.route.v3.WeightedCluster.ClusterWeight': {
    host_rewrite: (value) => ({ key: 'host_rewrite_literal', value }),
  },
  'envoy.config.route.v3.RouteMatch': { regex: (value) => ({ key: 'safe_regex', value: { regex: value } }) },
  'envoy.config.route.v3.HeaderMatcher': {
    regex_match: (value) => ({ key: 'string_match', value: { safe_regex: { regex: value } } }),
    value: exactOrRegex,
  },
  'envoy.config.route.v3.QueryParameterMatcher': { value: exactOrRegex },
  'envoy.config.route.v3.CorsPolicy': {
    allow_origin: origins((exact) => ({ exact })),
    allow_origin_regex: origins((regex) => ({ safe_regex: { regex } })),
    enabled: (value) => ({
      key: 'filter_enabled',
      value: { default_value: { numerator: value === false ? 0 : 100 } },
    }),
  },
  'envoy.config.core.v3.HealthCheck.HttpHealthCheck': {
    use_http2: (value) => ({ key: 'codec_client_type', value: value === true ? 'HTTP2' : 'HTTP1' }),
    service_name: (value) => ({ key: 'service_name_matcher', value: { prefix: value } }),
  },
  'envoy.type.matcher.v3.StringMatcher': {
    regex: (value) => ({ key: 'safe_regex', value: { regex: value } }),
  },
  'envoy.extensions.transport_sockets.tls.v3.CertificateValidationContext': {
    verify_subject_alt_name: (value) =>
      Array.isArray(value)
        ? {
            key: 'match_typed_subject_alt_names',
            value: value.map((exact) => ({
              san_type: String(exact).includes('://') ? 'URI' : 'DNS',
              matcher: { exact },
            })),
          }
        : undefined,
  },
};

/** v2 fields that only say how their neighbour is meant; they go with it. */
const companions: Readonly<Record<string, string>> = {
  'envoy.config.route.v3.HeaderMatcher.regex': 'value',
  'envoy.config.route.v3.QueryParameterMatcher.regex': 'value',
};

/**
 * The edit that turns a v2 field into its v3 form, in the style in which the file is written. Values keep their
 * meaning; comments inside a value that is rebuilt are lost, those around it stay.
 */
export function versionTwoEdit(
  context: ReadContext,
  schema: MessageSchema,
  entry: SourceEntry,
  node: SourceMap,
  path: string,
): Fix | undefined {
  const siblings = plainMap(node);
  if (entry.key === 'config') return typedConfigEdit(context, schema, entry, siblings, path);
  const companion = companions[`${schema.typeName}.${entry.key}`];
  if (companion !== undefined && Object.hasOwn(siblings, companion)) return removal(context, entry, node);
  const edit = upgrades[schema.typeName]?.[entry.key]?.(plain(entry.value), siblings);
  // With the v3 field there already, nobody can say which of the two is meant.
  if (edit === undefined || Object.hasOwn(siblings, edit.key)) return undefined;
  return {
    title: `Change to ${edit.key}`,
    range: context.range(entry.keyStart, entry.value.end),
    text: rendered(context, entry, node, edit),
  };
}

function rendered(context: ReadContext, entry: SourceEntry, node: SourceMap, { key, value }: Edit): string {
  if (node.flow) {
    const quoted = context.source.text[entry.keyStart] === '"';
    return `${quoted ? JSON.stringify(key) : key}: ${JSON.stringify(value)}`;
  }
  const indent = ' '.repeat(context.source.position(entry.keyStart).column - 1);
  const text = stringify({ [key]: value }, { lineWidth: 0 }).trimEnd();
  return text.replaceAll('\n', `\n${indent}`);
}

/** `config: {…}` of an extension whose name tells its type becomes `typed_config` with that type in front. */
function typedConfigEdit(
  context: ReadContext,
  schema: MessageSchema,
  entry: SourceEntry,
  siblings: Readonly<Record<string, unknown>>,
  path: string,
): Fix | undefined {
  const above = path.replace(/\.?config$/, '');
  const type = wellKnownType(schema.typeName, String(siblings['name'] ?? ''), above);
  const { value } = entry;
  if (type === undefined || value.kind !== 'map' || Object.hasOwn(siblings, 'typed_config')) return undefined;
  const url = `type.googleapis.com/${type}`;
  const key = context.source.text[entry.keyStart] === '"' ? '"typed_config"' : 'typed_config';
  const title = 'Change to typed_config with its @type';
  if (value.flow) {
    const more = value.entries.length === 0 ? '' : ', ';
    return {
      title,
      range: context.range(entry.keyStart, value.start + 1),
      text: `${key}: {"@type": "${url}"${more}`,
    };
  }
  const indent = ' '.repeat(context.source.position(value.start).column - 1);
  return {
    title,
    range: context.range(entry.keyStart, value.start),
    text: `${key}:\n${indent}"@type": ${url}\n${indent}`,
  };
}

/** Takes an entry out of its map, with what separates it from the one before or after. */
function removal(context: ReadContext, entry: SourceEntry, node: SourceMap): Fix | undefined {
  const at = node.entries.indexOf(entry);
  const before = node.entries[at - 1];
  const after = node.entries[at + 1];
  const title = `Remove ${entry.key}`;
  if (before !== undefined) {
    return { title, range: context.range(before.value.end, entry.value.end), text: '' };
  }
  if (after === undefined) return undefined;
  return { title, range: context.range(entry.keyStart, after.keyStart), text: '' };
}

function plain(node: SourceNode): unknown {
  switch (node.kind) {
    case 'map':
      return plainMap(node);
    case 'list':
      return node.items.map(plain);
    case 'scalar':
      return node.value;
  }
}

function plainMap(node: SourceMap): Record<string, unknown> {
  return Object.fromEntries(node.entries.map(({ key, value }) => [key, plain(value)]));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
