import { mergeCriteria, type SubsetCriteria, subsetCriteria } from '../base/subset-criteria.ts';
import type { CompileContext } from '../config/compile-context.ts';
import type { MessageNode } from '../config/message.ts';
import type { MessageReader } from '../config/reader.ts';
import { type ConnectConfig, compileConnectConfig } from './connect-config.ts';
import { readDataSourceBytes } from './data-source.ts';
import { compileHashPolicy } from './hash-policy.ts';
import { compileHeaderLevel } from './header-mutation.ts';
import { compileInternalRedirect } from './internal-redirect.ts';
import { compileMirrorPolicies, type MirrorPolicy } from './mirror.ts';
import type { PerFilterCompiler } from './per-filter.ts';
import { compilePerFilter } from './per-filter.ts';
import { compileRateLimits } from './rate-limit.ts';
import { compileSubstitution } from './regex.ts';
import { compileRetryPolicy } from './retry-policy.ts';
import { compilePathRewrite } from './rewrite.ts';
import type { RouteMatch } from './route-match.ts';
import type {
  ClusterAction,
  ClusterSpecifier,
  DirectResponseAction,
  HostRewrite,
  RedirectAction,
  RetryPolicy,
  WeightedEntry,
} from './types.ts';

/** What a route takes from its surroundings. */
export interface RouteSurroundings {
  readonly ctx: CompileContext;
  readonly perFilter: PerFilterCompiler;
  readonly validateClusters: boolean;
  /** Names of the table's `cluster_specifier_plugins`, which are not emulated. */
  readonly clusterPlugins: ReadonlySet<string>;
  readonly maxDirectResponseBody: number;
  readonly virtualHostRetryPolicy: RetryPolicy | null;
  readonly requestBufferLimit: number | null;
  /** Of the virtual host. */
  readonly hedgeOnPerTryTimeout: boolean;
  readonly inheritedMirrorPolicies: readonly MirrorPolicy[];
}

const NOT_FOUND_STATUS: Readonly<Record<string, number>> = {
  SERVICE_UNAVAILABLE: 503,
  NOT_FOUND: 404,
  INTERNAL_SERVER_ERROR: 500,
};

/** `envoy.config.route.v3.RouteAction`. */
export function compileClusterAction(
  reader: MessageReader,
  match: RouteMatch,
  around: RouteSurroundings,
): ClusterAction {
  const { ctx } = around;
  const metadataMatch = compileMetadataMatch(reader);
  const clusterSpecifier = compileClusterSpecifier(reader, around, metadataMatch);
  const duration = reader.message('max_stream_duration');
  // Any `max_stream_duration` switches the route's timeout off (Envoy: RouteEntry::usingNewTimeouts).
  const timeout = reader.duration('timeout');
  const retryPolicy = reader.message('retry_policy');
  const ownMirrors = compileMirrorPolicies(reader, ctx, around.validateClusters);
  const upgrades = new Map<string, boolean>();
  let connectConfig: ConnectConfig | null = null;
  for (const upgrade of reader.messages('upgrade_configs')) {
    const type = (upgrade.string('upgrade_type') ?? '').toLowerCase();
    if (upgrades.has(type)) {
      ctx.report(
        'error',
        'route.upgrade',
        upgrade,
        'upgrade_type',
        `Duplicate upgrade ${upgrade.string('upgrade_type') ?? ''}`,
      );
    }
    upgrades.set(type, upgrade.bool('enabled') ?? true);
    const connect = upgrade.message('connect_config');
    if (connect !== undefined && type === 'connect') connectConfig = compileConnectConfig(connect);
    if (connect !== undefined && type !== 'connect' && type !== 'connect-udp') {
      ctx.report(
        'error',
        'route.upgrade',
        upgrade,
        'upgrade_type',
        'Non-CONNECT upgrade type has ConnectConfig',
      );
    }
  }
  const maxGrpc = reader.duration('max_grpc_timeout');
  const grpcOffset = reader.duration('grpc_timeout_offset') ?? 0;
  return {
    kind: 'cluster',
    timeout: duration === undefined ? (timeout ?? 15_000) : 0,
    idleTimeout: reader.duration('idle_timeout') ?? null,
    maxStreamDuration:
      duration === undefined
        ? null
        : {
            max: duration.duration('max_stream_duration') ?? null,
            grpcTimeoutHeaderMax: duration.duration('grpc_timeout_header_max') ?? null,
            grpcTimeoutHeaderOffset: duration.duration('grpc_timeout_header_offset') ?? null,
          },
    maxGrpcTimeout: maxGrpc === undefined ? null : { max: maxGrpc, offset: grpcOffset },
    clusterNotFoundStatus:
      NOT_FOUND_STATUS[reader.enumeration('cluster_not_found_response_code') ?? ''] ?? 503,
    priority: reader.enumeration('priority') === 'HIGH' ? 'high' : 'default',
    retryPolicy:
      retryPolicy === undefined ? around.virtualHostRetryPolicy : compileRetryPolicy(retryPolicy, ctx),
    autoHostRewrite: reader.bool('auto_host_rewrite') ?? false,
    appendXForwardedHost: reader.bool('append_x_forwarded_host') ?? false,
    upgrades,
    connect: connectConfig,
    clusterNames: namesOf(clusterSpecifier),
    clusterSpecifier,
    pathRewrite: compilePathRewrite(reader, match, ctx),
    hostRewrite: compileHostRewrite(reader, ctx),
    metadataMatch,
    hashPolicies: reader.messages('hash_policy').map((r) => compileHashPolicy(r, ctx)),
    mirrorPolicies: ownMirrors.length === 0 ? around.inheritedMirrorPolicies : ownMirrors,
    rateLimits: compileRateLimits(reader, ctx),
    includeVirtualHostRateLimits: reader.bool('include_vh_rate_limits') ?? false,
    internalRedirect: compileInternalRedirect(reader, ctx),
    hedgeOnPerTryTimeout: compileHedge(reader, ctx) ?? around.hedgeOnPerTryTimeout,
  };
}

/** `hedge_policy`: whether it hedges on a per-try timeout; undefined without one. */
export function compileHedge(reader: MessageReader, ctx: CompileContext): boolean | undefined {
  const hedge = reader.message('hedge_policy');
  if (hedge === undefined) return undefined;
  // Envoy reads both fields and does nothing with them.
  for (const field of ['initial_requests', 'additional_request_chance']) {
    if (!hedge.has(field)) continue;
    hedge.acknowledge(field);
    ctx.report('notice', 'route.hedge', hedge, field, `\`${field}\` does nothing, here as in Envoy.`);
  }
  return hedge.bool('hedge_on_per_try_timeout') ?? false;
}

function namesOf(specifier: ClusterSpecifier): string[] {
  if (specifier.kind === 'cluster') return [specifier.choice.cluster];
  if (specifier.kind !== 'weighted') return [];
  return specifier.entries.map((entry) => entry.name).filter((name) => name !== '');
}

function checkCluster(
  name: string,
  what: string,
  reader: MessageReader,
  field: string,
  around: Pick<RouteSurroundings, 'ctx' | 'validateClusters'>,
): void {
  if (name === '' || !around.validateClusters || around.ctx.clusterNames.has(name)) return;
  around.ctx.report('error', 'route.unknown-cluster', reader, field, `route: unknown ${what} '${name}'`);
}

/** The name is looked at without being read, so that the notice stays: no plugin chooses a cluster here. */
function checkPlugin(reader: MessageReader, around: RouteSurroundings): void {
  const field = 'cluster_specifier_plugin';
  const name = textOf(reader.node, field);
  if (name === '' || around.clusterPlugins.has(name)) return;
  const message = `Unknown cluster specifier plugin name: ${name} is used in the route`;
  around.ctx.report('error', 'route.unknown-plugin', reader, field, message);
}

/** Names of `RouteConfiguration.cluster_specifier_plugins`. */
export function clusterPluginNames(table: MessageNode): ReadonlySet<string> {
  const plugins = table.fields.get('cluster_specifier_plugins')?.value;
  const names = new Set<string>();
  for (const plugin of plugins?.kind === 'list' ? plugins.items : []) {
    const extension = plugin.kind === 'message' ? plugin.fields.get('extension')?.value : undefined;
    if (extension?.kind === 'message') names.add(textOf(extension, 'name'));
  }
  return names;
}

function textOf(node: MessageNode, field: string): string {
  const value = node.fields.get(field)?.value;
  return value?.kind === 'scalar' ? String(value.value) : '';
}

function compileClusterSpecifier(
  reader: MessageReader,
  around: RouteSurroundings,
  routeMatch: SubsetCriteria | null,
): ClusterSpecifier {
  const cluster = reader.string('cluster');
  if (cluster !== undefined) {
    checkCluster(cluster, 'cluster', reader, 'cluster', around);
    return { kind: 'cluster', choice: { cluster, weightedIndex: -1 } };
  }
  const header = reader.string('cluster_header');
  if (header !== undefined) return { kind: 'header', header: header.toLowerCase() };
  const weighted = reader.message('weighted_clusters');
  if (weighted === undefined) {
    checkPlugin(reader, around);
    return { kind: 'none' };
  }
  const entries = weighted.messages('clusters').map((r, i) => compileWeighted(r, i, around, routeMatch));
  const totalWeight = entries.reduce((sum, entry) => sum + entry.weight, 0);
  const { ctx } = around;
  if (entries.length > 0 && totalWeight === 0) {
    ctx.report(
      'error',
      'route.weights',
      weighted,
      'clusters',
      'Sum of weights in the weighted_cluster must be greater than 0.',
    );
  }
  if (totalWeight > 0xffffffff) {
    ctx.report(
      'error',
      'route.weights',
      weighted,
      'clusters',
      `The sum of weights of all weighted clusters of route exceeds 4294967295`,
    );
  }
  const configured = weighted.number('total_weight');
  if (configured !== undefined && configured !== totalWeight) {
    ctx.report(
      'warning',
      'route.total-weight',
      weighted,
      'total_weight',
      `total_weight is ignored: the weights add up to ${totalWeight}.`,
    );
  }
  return {
    kind: 'weighted',
    entries,
    totalWeight,
    runtimeKeyPrefix: weighted.string('runtime_key_prefix') ?? '',
    randomHeader: (weighted.string('header_name') ?? '').toLowerCase(),
  };
}

function compileWeighted(
  reader: MessageReader,
  index: number,
  around: RouteSurroundings,
  routeMatch: SubsetCriteria | null,
): WeightedEntry {
  const { ctx } = around;
  const name = reader.string('name') ?? '';
  const clusterHeader = (reader.string('cluster_header') ?? '').toLowerCase();
  if (name !== '' && clusterHeader !== '') {
    ctx.report(
      'error',
      'route.weighted-cluster',
      reader,
      'cluster_header',
      'Only one of name or cluster_header can be specified',
    );
  } else if (name === '' && clusterHeader === '') {
    ctx.report(
      'error',
      'route.weighted-cluster',
      reader,
      '',
      'At least one of name or cluster_header need to be specified',
    );
  }
  const weight = reader.number('weight');
  if (weight === undefined) {
    ctx.report('error', 'route.weight-missing', reader, '', `Field 'weight' is missing in: name: "${name}"`);
  }
  checkCluster(name, 'weighted cluster', reader, 'name', around);
  const request = compileHeaderLevel(reader, 'request', 'weighted cluster', ctx);
  const response = compileHeaderLevel(reader, 'response', 'weighted cluster', ctx);
  return {
    name,
    clusterHeader,
    weight: weight ?? 0,
    hostRewriteLiteral: reader.string('host_rewrite_literal') ?? '',
    requestHeaders: request === null ? null : [request],
    responseHeaders: response === null ? null : [response],
    perFilterConfig: compilePerFilter(reader, around.perFilter, ctx),
    source: reader.range,
    choice: {
      cluster: name,
      weightedIndex: index,
      metadataMatch: mergeCriteria(routeMatch, compileMetadataMatch(reader)),
    },
  };
}

/** `metadata_match`: what stands under `envoy.lb` picks a subset, the rest says nothing here. */
function compileMetadataMatch(reader: MessageReader): SubsetCriteria | null {
  const values = reader.message('metadata_match')?.jsonMap('filter_metadata').get('envoy.lb');
  return values === undefined ? null : subsetCriteria(values);
}

function compileHostRewrite(reader: MessageReader, ctx: CompileContext): HostRewrite | null {
  const value = reader.string('host_rewrite_literal') ?? '';
  if (value !== '') return { kind: 'literal', value };
  const header = reader.string('host_rewrite_header') ?? '';
  if (header !== '') return { kind: 'header', header: header.toLowerCase() };
  const regex = reader.message('host_rewrite_path_regex');
  return regex === undefined ? null : { kind: 'path-regex', substitution: compileSubstitution(regex, ctx) };
}

const REDIRECT_STATUS: Readonly<Record<string, number>> = {
  MOVED_PERMANENTLY: 301,
  FOUND: 302,
  SEE_OTHER: 303,
  TEMPORARY_REDIRECT: 307,
  PERMANENT_REDIRECT: 308,
};

/** `envoy.config.route.v3.RedirectAction`. */
export function compileRedirectAction(
  reader: MessageReader,
  match: RouteMatch,
  ctx: CompileContext,
): RedirectAction {
  return {
    kind: 'redirect',
    status: REDIRECT_STATUS[reader.enumeration('response_code') ?? ''] ?? 301,
    scheme: reader.bool('https_redirect') === true ? 'https' : (reader.string('scheme_redirect') ?? ''),
    host: reader.string('host_redirect') ?? '',
    port: reader.number('port_redirect') ?? 0,
    path: reader.string('path_redirect') ?? '',
    pathRewrite: compilePathRewrite(reader, match, ctx),
    stripQuery: reader.bool('strip_query') ?? false,
  };
}

/** `envoy.config.route.v3.DirectResponseAction`. */
export function compileDirectResponse(
  reader: MessageReader,
  around: Pick<RouteSurroundings, 'ctx' | 'maxDirectResponseBody'>,
): DirectResponseAction {
  const { ctx } = around;
  const source = reader.message('body');
  const bodyBytes = (source === undefined ? null : readDataSourceBytes(source, ctx)) ?? new Uint8Array(0);
  if (bodyBytes.length > around.maxDirectResponseBody) {
    ctx.report(
      'error',
      'route.direct-response-size',
      reader,
      'body',
      `response body size is ${bodyBytes.length} bytes; maximum is ${around.maxDirectResponseBody}`,
    );
  }
  return {
    kind: 'direct-response',
    status: reader.number('status') ?? 200,
    body: new TextDecoder().decode(bodyBytes),
    bodyBytes,
  };
}
