import { envoySchema } from '../../../proxy-core/config/schema/schema.ts';
import type { FieldSchema } from '../../../proxy-core/config/schema/types.ts';

/** Messages whose meaning depends on where they stand: each place is looked into. */
export const EVERYWHERE: ReadonlySet<string> = new Set([
  'envoy.config.core.v3.TypedExtensionConfig',
  'envoy.config.core.v3.TransportSocket',
  'envoy.config.accesslog.v3.AccessLog',
]);

/** Where an Any stands, and the packages whose messages may stand in it. */
const PACKAGES: readonly (readonly [place: string, packages: readonly string[]])[] = [
  ['envoy.config.listener.v3.Filter.typed_config', ['envoy.extensions.filters.network.']],
  ['envoy.config.listener.v3.ListenerFilter.typed_config', ['envoy.extensions.filters.listener.']],
  [
    'envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter.typed_config',
    ['envoy.extensions.filters.http.'],
  ],
  ['typed_per_filter_config', ['envoy.extensions.filters.http.']],
  ['envoy.config.accesslog.v3.AccessLog.typed_config', ['envoy.extensions.access_loggers.']],
  ['envoy.config.core.v3.TransportSocket.typed_config', ['envoy.extensions.transport_sockets.']],
  ['typed_extension_protocol_options', ['envoy.extensions.upstreams.http.v3.']],
  ['envoy.config.route.v3.RetryPolicy.RetryHostPredicate.typed_config', ['envoy.extensions.retry.host.']],
  ['envoy.config.route.v3.RetryPolicy.RetryPriority.typed_config', ['envoy.extensions.retry.priority.']],
];

/** The same for a TypedExtensionConfig, by the name of the field that it stands in. */
const PACKAGES_BY_PARENT: Readonly<Record<string, readonly string[]>> = {
  path_match_policy: ['envoy.extensions.path.match.'],
  path_rewrite_policy: ['envoy.extensions.path.rewrite.'],
  typed_extension_config: ['envoy.extensions.load_balancing_policies.'],
  compressor_library: ['envoy.extensions.compression.'],
  decompressor_library: ['envoy.extensions.compression.'],
  original_ip_detection_extensions: ['envoy.extensions.http.original_ip_detection.'],
  early_header_mutation_extensions: ['envoy.extensions.http.early_header_mutation.'],
  header_formatter: ['envoy.extensions.http.header_formatters.'],
  stateful_format: ['envoy.extensions.http.header_formatters.'],
};

/** Settings under which some fields of a message begin to matter: they are looked at with each of these as well. */
export const CIRCUMSTANCES: Readonly<Record<string, readonly Readonly<Record<string, string | boolean>>[]>> =
  {
    'envoy.config.cluster.v3.Cluster': [
      { lb_policy: 'LEAST_REQUEST' },
      { lb_policy: 'RING_HASH' },
      { lb_policy: 'MAGLEV' },
      { type: 'STRICT_DNS' },
      { type: 'LOGICAL_DNS' },
    ],
    'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager': [
      { use_remote_address: true },
    ],
  };

/** Messages that may stand in an Any; helpers that other messages hold are left out. */
export function candidates(field: FieldSchema, parent: string): readonly string[] {
  const named = PACKAGES.find(([place]) => field.fullName === place || field.fullName.endsWith(`.${place}`));
  const packages = named?.[1] ?? PACKAGES_BY_PARENT[parent] ?? [];
  return configurationTypes().filter((type) => packages.some((name) => type.startsWith(name)));
}

let known: readonly string[] | null = null;

function configurationTypes(): readonly string[] {
  if (known !== null) return known;
  const schema = envoySchema();
  const all = schema.messageNames().filter((name) => name.startsWith('envoy.extensions.'));
  schema.prepare(all);
  const held = new Set<string>();
  for (const name of all) {
    if (name.includes('.EnvoyMobile')) continue;
    for (const field of schema.message(name)?.fields ?? []) {
      if (field.type.kind !== 'message' || field.type.typeName === name) continue;
      // Helpers live in the package of the message that holds them.
      if (packageOf(field.type.typeName) === packageOf(name)) held.add(field.type.typeName);
    }
  }
  // A message inside another one starts with a capital before its last part.
  known = all.filter((name) => !held.has(name) && !/\.[A-Z]\w*\.[A-Z]/.test(name)).sort();
  return known;
}

function packageOf(typeName: string): string {
  return typeName.slice(0, typeName.search(/\.[A-Z]/));
}
