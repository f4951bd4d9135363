import type { Counter } from '../../base/stats.ts';
import type { CompileContext } from '../../config/compile-context.ts';
import type { SourceRange } from '../../config/diagnostic.ts';
import type { MessageReader } from '../../config/reader.ts';
import type { Fraction } from '../../route/fraction.ts';
import type { HeaderMutations } from '../../route/header-mutation.ts';
import { compileMetadataMatcher, type MetadataMatcher } from '../../route/metadata-matcher.ts';
import { compileStringMatcher, matchesString, type StringMatcher } from '../../route/string-matcher.ts';
import type { FilterEnvironment } from './extension.ts';
import { compileMutationRules, type MutationRules } from './mutation-rules.ts';
import { compileRuntimePercent } from './percent.ts';
import {
  compileGrpcService,
  compileHeaderValues,
  compileHttpUri,
  type GrpcServiceTarget,
  type HttpTarget,
} from './service-target.ts';
import { ServiceWatch } from './service-watch.ts';
import { statusCode } from './status-codes.ts';

/** `ListStringMatcher`: a name passes when one of them matches. */
export type NameMatchers = readonly StringMatcher[];

export function matchesAny(matchers: NameMatchers, name: string): boolean {
  for (const matcher of matchers) if (matchesString(matcher, name)) return true;
  return false;
}

/** `envoy.extensions.filters.http.ext_authz.v3.BufferSettings` */
export interface BodySettings {
  readonly maxBytes: number;
  readonly allowPartial: boolean;
  readonly packAsBytes: boolean;
}

/** `HttpService`, compiled. */
export interface AuthorizationHttpService {
  readonly target: HttpTarget;
  readonly pathPrefix: string;
  readonly headersToAdd: HeaderMutations;
  readonly allowedUpstream: NameMatchers;
  readonly allowedUpstreamToAppend: NameMatchers;
  /** Null: everything but the host. */
  readonly allowedClient: NameMatchers | null;
  readonly allowedClientOnSuccess: NameMatchers;
  readonly metadataFromHeaders: NameMatchers;
}

export type AuthorizationService =
  | { readonly kind: 'http'; readonly http: AuthorizationHttpService }
  | { readonly kind: 'grpc'; readonly grpc: GrpcServiceTarget };

/** `envoy.extensions.filters.http.ext_authz.v3.ExtAuthz`, compiled. */
export interface AuthzSettings {
  readonly name: string;
  readonly source: SourceRange;
  readonly service: AuthorizationService;
  /** Cluster of the service. */
  readonly cluster: string;
  readonly failureModeAllow: boolean;
  readonly failureModeAllowHeader: boolean;
  readonly statusOnError: number;
  readonly body: BodySettings | null;
  readonly clearRouteCache: boolean;
  readonly validateMutations: boolean;
  readonly enabled: Fraction;
  readonly enabledMetadata: MetadataMatcher | null;
  readonly denyAtDisable: { readonly value: boolean; readonly runtimeKey: string };
  /** Null: all, or for an HTTP service none but those that it always gets. */
  readonly allowedHeaders: NameMatchers | null;
  readonly disallowedHeaders: NameMatchers;
  /** `decoder_header_mutation_rules`: what the service may change in a request; null = everything. */
  readonly rules: MutationRules | null;
  /** `encode_raw_headers`: headers go as bytes, each line by itself. */
  readonly rawHeaders: boolean;
  /** `route_metadata_context_namespaces` */
  readonly routeMetadataNamespaces: readonly string[];
  readonly includePeerCertificate: boolean;
  readonly includeTlsSession: boolean;
  readonly metadataNamespaces: readonly string[];
  readonly ingestMetadata: boolean;
  readonly chargeCluster: boolean;
  /** `ext_authz.` and the filter's `stat_prefix`. */
  readonly clusterStatPrefix: string;
  readonly stats: AuthzStats;
  readonly watch: ServiceWatch;
}

export interface AuthzStats {
  readonly ok: Counter;
  readonly denied: Counter;
  readonly error: Counter;
  readonly disabled: Counter;
  readonly failureModeAllowed: Counter;
  readonly invalid: Counter;
}

/** gRPC and HTTP alike, milliseconds. */
const DEFAULT_TIMEOUT = 200;

export function compileAuthz(
  name: string,
  reader: MessageReader,
  ctx: CompileContext,
  environment: FilterEnvironment,
): AuthzSettings {
  const http = reader.message('http_service');
  const grpc = reader.message('grpc_service');
  reader.acknowledge('transport_api_version');
  const service: AuthorizationService =
    http === undefined && grpc !== undefined
      ? { kind: 'grpc', grpc: compileGrpcService(grpc, DEFAULT_TIMEOUT, ctx) }
      : { kind: 'http', http: compileHttpService(http, ctx) };
  if (http === undefined && grpc === undefined) {
    ctx.report('warning', 'filter.ext-authz', reader, '', 'No service is named: every check fails.');
  }
  const failureModeAllow = reader.bool('failure_mode_allow') ?? false;
  const statusOnError = statusCode(reader.message('status_on_error'), 403);
  const deny = reader.message('deny_at_disable');
  const enabledMetadata = reader.message('filter_enabled_metadata');
  const allowed =
    nameMatchers(reader.message('allowed_headers'), ctx) ??
    nameMatchers(http?.message('authorization_request')?.message('allowed_headers'), ctx);
  const rules = reader.message('decoder_header_mutation_rules');
  const statPrefix = reader.string('stat_prefix') ?? '';
  const prefix = statPrefix === '' ? 'ext_authz.' : `ext_authz.${statPrefix}.`;
  const cluster = service.kind === 'http' ? service.http.target.cluster : service.grpc.cluster;
  return {
    name,
    source: reader.range,
    service,
    cluster,
    failureModeAllow,
    failureModeAllowHeader: reader.bool('failure_mode_allow_header_add') ?? false,
    statusOnError,
    body: compileBody(reader.message('with_request_body')),
    clearRouteCache: reader.bool('clear_route_cache') ?? false,
    validateMutations: reader.bool('validate_mutations') ?? false,
    enabled: compileRuntimePercent(reader, 'filter_enabled', 100, ctx),
    enabledMetadata: enabledMetadata === undefined ? null : compileMetadataMatcher(enabledMetadata, ctx),
    denyAtDisable: {
      value: deny?.bool('default_value') ?? false,
      runtimeKey: deny?.string('runtime_key') ?? '',
    },
    allowedHeaders: allowed,
    disallowedHeaders: nameMatchers(reader.message('disallowed_headers'), ctx) ?? [],
    rules: rules === undefined ? null : compileMutationRules(rules, ctx),
    rawHeaders: reader.bool('encode_raw_headers') ?? false,
    routeMetadataNamespaces: reader.strings('route_metadata_context_namespaces'),
    includePeerCertificate: reader.bool('include_peer_certificate') ?? false,
    includeTlsSession: reader.bool('include_tls_session') ?? false,
    metadataNamespaces: reader.strings('metadata_context_namespaces'),
    ingestMetadata: reader.bool('enable_dynamic_metadata_ingestion') ?? true,
    chargeCluster: reader.bool('charge_cluster_response_stats') ?? true,
    clusterStatPrefix: prefix,
    stats: compileStats(environment, prefix),
    watch: new ServiceWatch(
      name,
      cluster,
      failureModeAllow
        ? 'Requests are let through unchecked (failure_mode_allow).'
        : `Requests are answered with ${statusOnError}.`,
    ),
  };
}

function compileStats({ stats, statPrefix }: FilterEnvironment, prefix: string): AuthzStats {
  const counter = (stat: string): Counter => stats.counter(`${statPrefix}${prefix}${stat}`);
  for (const unused of ['filter_state_name_collision', 'ignored_dynamic_metadata']) counter(unused);
  return {
    ok: counter('ok'),
    denied: counter('denied'),
    error: counter('error'),
    disabled: counter('disabled'),
    failureModeAllowed: counter('failure_mode_allowed'),
    invalid: counter('invalid'),
  };
}

function compileBody(reader: MessageReader | undefined): BodySettings | null {
  if (reader === undefined) return null;
  return {
    maxBytes: reader.number('max_request_bytes') ?? 0,
    allowPartial: reader.bool('allow_partial_message') ?? false,
    packAsBytes: reader.bool('pack_as_bytes') ?? false,
  };
}

function nameMatchers(reader: MessageReader | undefined, ctx: CompileContext): NameMatchers | null {
  return reader?.messages('patterns').map((each) => compileStringMatcher(each, ctx)) ?? null;
}

function compileHttpService(
  reader: MessageReader | undefined,
  ctx: CompileContext,
): AuthorizationHttpService {
  const uri = reader?.message('server_uri');
  const pathPrefix = reader?.string('path_prefix') ?? '';
  if (reader !== undefined && pathPrefix !== '' && !pathPrefix.startsWith('/')) {
    const message = `path_prefix should start with "/".`;
    ctx.report('error', 'filter.ext-authz', reader, 'path_prefix', message);
  }
  const request = reader?.message('authorization_request');
  const response = reader?.message('authorization_response');
  const names = (field: string): NameMatchers | null => nameMatchers(response?.message(field), ctx);
  const client = names('allowed_client_headers') ?? [];
  return {
    target:
      uri === undefined
        ? { uri: '', authority: '', path: '/', cluster: '', timeout: DEFAULT_TIMEOUT }
        : compileHttpUri(uri),
    pathPrefix,
    headersToAdd: compileHeaderValues(request?.messages('headers_to_add') ?? [], 'ext_authz', ctx),
    allowedUpstream: names('allowed_upstream_headers') ?? [],
    allowedUpstreamToAppend: names('allowed_upstream_headers_to_append') ?? [],
    allowedClient: client.length === 0 ? null : client,
    allowedClientOnSuccess: names('allowed_client_headers_on_success') ?? [],
    metadataFromHeaders: names('dynamic_metadata_from_headers') ?? [],
  };
}

/** `envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute`, compiled. */
export interface AuthzRouteSettings {
  readonly disabled: boolean;
  readonly contextExtensions: ReadonlyMap<string, string>;
  readonly withoutBody: boolean;
  readonly body: BodySettings | null;
}

export function compileAuthzRoute(reader: MessageReader, ctx: CompileContext): AuthzRouteSettings {
  const check = reader.message('check_settings');
  const withoutBody = check?.bool('disable_request_body_buffering') ?? false;
  if (check !== undefined && withoutBody && check.has('with_request_body')) {
    ctx.report(
      'error',
      'filter.ext-authz',
      check,
      'with_request_body',
      'Invalid configuration for check_settings. Only one of disable_request_body_buffering or with_request_body can be set to true.',
    );
  }
  return {
    disabled: reader.bool('disabled') ?? false,
    contextExtensions: (check?.scalarMap('context_extensions') ?? new Map()) as Map<string, string>,
    withoutBody,
    body: compileBody(check?.message('with_request_body')),
  };
}
