import type { CompileContext } from '../../config/compile-context.ts';
import type { SourceRange } from '../../config/diagnostic.ts';
import type { MessageReader } from '../../config/reader.ts';
import { compileHeaderAdds, type HeaderMutations } from '../../route/header-mutation.ts';
import type { VirtualHostLimits } from '../../route/rate-limit-descriptor.ts';
import { compileGrpcService, type GrpcServiceTarget } from './service-target.ts';
import { ServiceWatch } from './service-watch.ts';
import { errorStatusCode, statusCode } from './status-codes.ts';

/** `envoy.extensions.filters.http.ratelimit.v3.RateLimit`, compiled. */
export interface RateLimitSettings {
  readonly name: string;
  readonly source: SourceRange;
  readonly domain: string;
  readonly stage: number;
  readonly requestType: 'internal' | 'external' | 'both';
  readonly service: GrpcServiceTarget;
  /** Milliseconds. */
  readonly timeout: number;
  readonly failureModeDeny: boolean;
  /** Of gRPC answers; null: by the HTTP status. */
  readonly grpcStatus: number | null;
  readonly announce: boolean;
  /** `x-envoy-ratelimited` is sent. */
  readonly marksAnswer: boolean;
  readonly limitedStatus: number;
  readonly statusOnError: number;
  readonly responseHeaders: HeaderMutations;
  /** `ratelimit.` and the filter's `stat_prefix`, under the cluster that the route leads to. */
  readonly clusterStatPrefix: string;
  readonly watch: ServiceWatch;
}

/** Milliseconds. */
const DEFAULT_TIMEOUT = 20;

export function compileRateLimit(
  name: string,
  reader: MessageReader,
  ctx: CompileContext,
): RateLimitSettings {
  const config = reader.message('rate_limit_service');
  config?.acknowledge('transport_api_version');
  const grpc = config?.message('grpc_service');
  const timeout = reader.duration('timeout') ?? DEFAULT_TIMEOUT;
  const service: GrpcServiceTarget =
    grpc === undefined
      ? { cluster: '', authority: '', timeout, metadata: [], skipEnvoyHeaders: false, maxMessage: 0 }
      : compileGrpcService(grpc, timeout, ctx);
  const failureModeDeny = reader.bool('failure_mode_deny') ?? false;
  const statusOnError = statusCode(reader.message('status_on_error'), 500);
  const statPrefix = reader.string('stat_prefix') ?? '';
  const adds = compileHeaderAdds(reader.messages('response_headers_to_add'), ctx);
  return {
    name,
    source: reader.range,
    domain: reader.string('domain') ?? '',
    stage: reader.number('stage') ?? 0,
    requestType: (reader.string('request_type') || 'both') as RateLimitSettings['requestType'],
    service,
    timeout,
    failureModeDeny,
    grpcStatus: (reader.bool('rate_limited_as_resource_exhausted') ?? false) ? 8 : null,
    announce: reader.enumeration('enable_x_ratelimit_headers') === 'DRAFT_VERSION_03',
    marksAnswer: !(reader.bool('disable_x_envoy_ratelimited_header') ?? false),
    limitedStatus: errorStatusCode(reader.message('rate_limited_status'), 429),
    statusOnError,
    responseHeaders: adds.length === 0 ? [] : [{ level: 'rate limit', removes: [], adds }],
    clusterStatPrefix: statPrefix === '' ? 'ratelimit.' : `ratelimit.${statPrefix}.`,
    watch: new ServiceWatch(
      name,
      service.cluster,
      failureModeDeny
        ? `Requests are answered with ${statusOnError} (failure_mode_deny).`
        : 'Requests are let through unlimited.',
    ),
  };
}

/** `envoy.extensions.filters.http.ratelimit.v3.RateLimitPerRoute`, compiled. */
export interface RateLimitRouteSettings {
  readonly virtualHost: VirtualHostLimits;
  readonly domain: string;
}

export function compileRateLimitRoute(reader: MessageReader): RateLimitRouteSettings {
  return {
    virtualHost: (reader.enumeration('vh_rate_limits') ?? 'OVERRIDE') as VirtualHostLimits,
    domain: reader.string('domain') ?? '',
  };
}
