import type { CompileContext } from '../config/compile-context.ts';
import type { MessageReader } from '../config/reader.ts';
import {
  clusterPluginNames,
  compileClusterAction,
  compileDirectResponse,
  compileHedge,
  compileRedirectAction,
  type RouteSurroundings,
} from './action.ts';
import { actionText } from './describe.ts';
import { buildDomainIndex } from './domain-index.ts';
import { compileHeaderLevel, type HeaderLevel, type HeaderMutations } from './header-mutation.ts';
import { lintRouteTable } from './lint.ts';
import { compileMirrorPolicies } from './mirror.ts';
import { compilePerFilter, KEEP_READER, type PerFilterCompiler } from './per-filter.ts';
import { compileRateLimits } from './rate-limit.ts';
import { compileRetryPolicy } from './retry-policy.ts';
import { buildRouteIndex } from './route-index.ts';
import { compileRouteMatch, matchText } from './route-match.ts';
import type { DirectResponseAction, RedirectAction, Route, RouteTable, VirtualHost } from './types.ts';
import { compileVirtualClusters } from './virtual-cluster.ts';
import { compileVirtualHostMatcher } from './virtual-host-matcher.ts';

export interface RouteCompileOptions {
  /** Who compiles `typed_per_filter_config`; without it the readers are kept. */
  readonly perFilter?: PerFilterCompiler;
  /** False for routes that come by RDS: their clusters are not checked. */
  readonly validateClusters?: boolean;
}

interface SideLevels {
  readonly request: HeaderLevel | null;
  readonly response: HeaderLevel | null;
}

interface TableSettings {
  readonly ctx: CompileContext;
  readonly name: string;
  readonly levels: SideLevels;
  readonly mostSpecificWins: boolean;
  readonly surroundings: Omit<
    RouteSurroundings,
    'virtualHostRetryPolicy' | 'requestBufferLimit' | 'hedgeOnPerTryTimeout'
  >;
}

/** Compiles an `envoy.config.route.v3.RouteConfiguration`. Reports everything wrong in it; never throws. */
export function compileRouteConfiguration(
  reader: MessageReader,
  ctx: CompileContext,
  options: RouteCompileOptions = {},
): RouteTable {
  const name = reader.string('name') ?? '';
  const validateClusters = reader.bool('validate_clusters') ?? options.validateClusters ?? true;
  const perFilter = options.perFilter ?? KEEP_READER;
  const settings: TableSettings = {
    ctx,
    name,
    levels: compileLevels(reader, 'route configuration', ctx),
    mostSpecificWins: reader.bool('most_specific_header_mutations_wins') ?? false,
    surroundings: {
      ctx,
      perFilter,
      validateClusters,
      clusterPlugins: clusterPluginNames(reader.node),
      maxDirectResponseBody: reader.number('max_direct_response_body_size_bytes') ?? 4096,
      inheritedMirrorPolicies: compileMirrorPolicies(reader, ctx, validateClusters),
    },
  };
  const readers = reader.messages('virtual_hosts');
  const virtualHosts = readers.map((r) => compileVirtualHost(r, settings));
  const domainIndex = buildDomainIndex(virtualHosts, (virtualHost, index, domain) => {
    const at = readers[virtualHosts.indexOf(virtualHost)] ?? reader;
    const range = at.itemRanges('domains')[index];
    const message =
      domain === '*'
        ? `Only a single wildcard domain is permitted in route ${name}`
        : `Only unique values for domains are permitted. Duplicate entry of domain ${domain} in route ${name}`;
    ctx.report(
      'error',
      'route.duplicate-domain',
      at,
      'domains',
      message,
      range === undefined ? {} : { range },
    );
  });
  const table: RouteTable = {
    name,
    source: reader.range,
    virtualHosts,
    domainIndex,
    ignorePortInHostMatching: reader.bool('ignore_port_in_host_matching') ?? false,
    ignorePathParameters: reader.bool('ignore_path_parameters_in_path_matching') ?? false,
    internalOnlyHeaders: reader.strings('internal_only_headers').map((header) => header.toLowerCase()),
    perFilterConfig: compilePerFilter(reader, perFilter, ctx),
  };
  lintRouteTable(table, readers, ctx);
  return table;
}

function compileLevels(reader: MessageReader, level: string, ctx: CompileContext): SideLevels {
  return {
    request: compileHeaderLevel(reader, 'request', level, ctx),
    response: compileHeaderLevel(reader, 'response', level, ctx),
  };
}

/** Most specific first, so that the least specific has the last word; `most_specific_header_mutations_wins` turns it. */
function combine(
  levels: readonly SideLevels[],
  side: 'request' | 'response',
  mostSpecificWins: boolean,
): HeaderMutations | null {
  const present = levels.map((level) => level[side]).filter((level) => level !== null);
  if (mostSpecificWins) present.reverse();
  return present.length === 0 ? null : present;
}

function compileVirtualHost(reader: MessageReader, table: TableSettings): VirtualHost {
  const { ctx } = table;
  const retryPolicy = reader.message('retry_policy');
  const ownMirrors = compileMirrorPolicies(reader, ctx, table.surroundings.validateClusters);
  const around: RouteSurroundings = {
    ...table.surroundings,
    requestBufferLimit: reader.number('per_request_buffer_limit_bytes') ?? null,
    hedgeOnPerTryTimeout: compileHedge(reader, ctx) ?? false,
    virtualHostRetryPolicy: retryPolicy === undefined ? null : compileRetryPolicy(retryPolicy, ctx),
    inheritedMirrorPolicies:
      ownMirrors.length === 0 ? table.surroundings.inheritedMirrorPolicies : ownMirrors,
  };
  const levels = compileLevels(reader, 'virtual host', ctx);
  const requireTls = (reader.enumeration('require_tls') ?? 'NONE') as VirtualHost['requireTls'];
  const routes: Route[] = [];
  const virtualHost: VirtualHost = {
    name: reader.string('name') ?? '',
    domains: reader.strings('domains'),
    source: reader.range,
    routes,
    requireTls,
    virtualClusters: compileVirtualClusters(reader, ctx),
    includeAttemptCountInRequest: reader.bool('include_request_attempt_count') ?? false,
    includeIsTimeoutRetry: reader.bool('include_is_timeout_retry_header') ?? false,
    includeAttemptCountInResponse: reader.bool('include_attempt_count_in_response') ?? false,
    perFilterConfig: compilePerFilter(reader, around.perFilter, ctx, reader),
    rateLimits: compileRateLimits(reader, ctx),
    routeIndex: { hashed: null },
    tlsRedirect: null,
    matcher: null,
  };
  const add = (r: MessageReader): Route => {
    const route = compileRoute(r, routes.length, virtualHost, [levels, table.levels], table, around);
    routes.push(route);
    return route;
  };
  for (const r of reader.messages('routes')) add(r);
  const matcher = compileVirtualHostMatcher(reader, add, ctx);
  return Object.assign(virtualHost, {
    matcher,
    routeIndex: buildRouteIndex(routes),
    tlsRedirect: requireTls === 'NONE' ? null : tlsRedirect(virtualHost, table.name),
  });
}

function compileRoute(
  reader: MessageReader,
  index: number,
  virtualHost: VirtualHost,
  outerLevels: readonly SideLevels[],
  table: TableSettings,
  around: RouteSurroundings,
): Route {
  const { ctx } = table;
  const matchReader = reader.message('match');
  const match = matchReader === undefined ? EMPTY_MATCH : compileRouteMatch(matchReader, ctx);
  const levels = [compileLevels(reader, 'route', ctx), ...outerLevels];
  const action = compileAction(reader, match, around);
  return {
    id: `${table.name}/${virtualHost.name}/${index}`,
    index,
    name: reader.string('name') ?? '',
    matchText: matchText(match),
    actionText: actionText(action),
    source: reader.range,
    virtualHost,
    action,
    perFilterConfig: compilePerFilter(reader, around.perFilter, ctx, reader.message('route')),
    match,
    requestHeaders: combine(levels, 'request', table.mostSpecificWins),
    responseHeaders: combine(levels, 'response', table.mostSpecificWins),
    requestBufferLimit: reader.number('per_request_buffer_limit_bytes') ?? around.requestBufferLimit,
    statPrefix: reader.string('stat_prefix') ?? '',
    metadata: filterMetadata(reader),
    hits: { count: 0 },
  };
}

/** `metadata.filter_metadata`; what it holds is for filters, formatters and tests. */
function filterMetadata(reader: MessageReader): Route['metadata'] {
  const metadata = new Map<string, Readonly<Record<string, unknown>>>();
  for (const [namespace, value] of reader.message('metadata')?.jsonMap('filter_metadata') ?? []) {
    if (typeof value === 'object' && value !== null)
      metadata.set(namespace, value as Record<string, unknown>);
  }
  return metadata;
}

function compileAction(
  reader: MessageReader,
  match: Route['match'],
  around: RouteSurroundings,
): Route['action'] {
  const cluster = reader.message('route');
  if (cluster !== undefined) return compileClusterAction(cluster, match, around);
  const redirect = reader.message('redirect');
  if (redirect !== undefined) return compileRedirectAction(redirect, match, around.ctx);
  const direct = reader.message('direct_response');
  if (direct !== undefined) return compileDirectResponse(direct, around);
  if (reader.has('non_forwarding_action') || reader.has('filter_action')) {
    const field = reader.has('filter_action') ? 'filter_action' : 'non_forwarding_action';
    around.ctx.report(
      'notice',
      'route.action',
      reader,
      field,
      `\`${field}\` is not emulated: requests of this route are answered with 500.`,
    );
  }
  return NO_ACTION;
}

/** A route whose action cannot be carried out. */
const NO_ACTION: DirectResponseAction = {
  kind: 'direct-response',
  status: 500,
  body: '',
  bodyBytes: new Uint8Array(0),
};

const EMPTY_MATCH: Route['match'] = {
  pathKind: 'never',
  path: '',
  caseSensitive: true,
  regex: null,
  template: null,
  headers: [],
  queryParameters: [],
  dynamicMetadata: [],
  grpc: false,
  fraction: null,
  tlsPresented: null,
  tlsValidated: null,
  pathOnly: true,
  source: { file: '', line: 1, column: 1, endLine: 1, endColumn: 1 },
};

const TO_HTTPS: RedirectAction = {
  kind: 'redirect',
  status: 301,
  scheme: 'https',
  host: '',
  port: 0,
  path: '',
  pathRewrite: null,
  stripQuery: false,
};

function tlsRedirect(virtualHost: VirtualHost, tableName: string): Route {
  return {
    id: `${tableName}/${virtualHost.name}/require_tls`,
    index: -1,
    name: '',
    matchText: `require_tls: ${virtualHost.requireTls}`,
    actionText: actionText(TO_HTTPS),
    source: virtualHost.source,
    virtualHost,
    action: TO_HTTPS,
    perFilterConfig: new Map(),
    match: EMPTY_MATCH,
    requestHeaders: null,
    responseHeaders: null,
    requestBufferLimit: null,
    statPrefix: '',
    metadata: new Map(),
    hits: { count: 0 },
  };
}
