import type { Counter, Stats } from '../../base/stats.ts';
import type { ConnectionInfo, RequestHead, ResponseHead } from '../../base/stream-info.ts';
import { TokenBucket } from '../../base/token-bucket.ts';
import type { CompileContext } from '../../config/compile-context.ts';
import type { MessageReader } from '../../config/reader.ts';
import { effectiveFraction, type Fraction, fractionHits } from '../../route/fraction.ts';
import { compileHeaderAdds, type HeaderMutations, mutateHeaders } from '../../route/header-mutation.ts';
import type { FilterCallbacks, HeadStatus, HttpFilter } from '../filter.ts';
import type { HttpFilterExtension } from './extension.ts';
import { compileRuntimePercent, fractionText } from './percent.ts';

interface LimitSettings {
  /** Null: nothing is limited. */
  readonly bucket: TokenBucket | null;
  /** One bucket for each connection instead of one for all. */
  readonly perConnection: WeakMap<ConnectionInfo, TokenBucket> | null;
  readonly status: number;
  readonly enabled: Fraction;
  readonly enforced: Fraction;
  readonly responseHeaders: HeaderMutations;
  readonly requestHeaders: HeaderMutations;
  readonly announce: boolean;
  readonly grpcStatus: number | null;
  readonly stats: {
    readonly enabled: Counter;
    readonly enforced: Counter;
    readonly ok: Counter;
    readonly limited: Counter;
  };
}

function compileSettings(
  reader: MessageReader,
  ctx: CompileContext,
  stats: Stats,
  ofRoute: boolean,
): LimitSettings {
  const prefix = `${reader.string('stat_prefix') ?? ''}.http_local_rate_limit`;
  const status = reader.message('status')?.enumeration('code');
  const level = 'local rate limit';
  return {
    bucket: compileBucket(reader, ctx, ofRoute),
    perConnection:
      (reader.bool('local_rate_limit_per_downstream_connection') ?? false) ? new WeakMap() : null,
    status: Math.max(0, STATUS_CODES[status ?? ''] ?? 429),
    enabled: compileRuntimePercent(reader, 'filter_enabled', 0, ctx),
    enforced: compileRuntimePercent(reader, 'filter_enforced', 0, ctx),
    responseHeaders: [
      { level, removes: [], adds: compileHeaderAdds(reader.messages('response_headers_to_add'), ctx) },
    ],
    requestHeaders: [
      {
        level,
        removes: [],
        adds: compileHeaderAdds(reader.messages('request_headers_to_add_when_not_enforced'), ctx),
      },
    ],
    announce: reader.enumeration('enable_x_ratelimit_headers') === 'DRAFT_VERSION_03',
    grpcStatus: (reader.bool('rate_limited_as_resource_exhausted') ?? false) ? 8 : null,
    stats: {
      enabled: stats.counter(`${prefix}.enabled`),
      enforced: stats.counter(`${prefix}.enforced`),
      ok: stats.counter(`${prefix}.ok`),
      limited: stats.counter(`${prefix}.rate_limited`),
    },
  };
}

/** Error statuses of `envoy.type.v3.StatusCode`; anything below 400 counts as 429. */
const STATUS_CODES: Readonly<Record<string, number>> = {
  BadRequest: 400,
  Unauthorized: 401,
  PaymentRequired: 402,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  ProxyAuthenticationRequired: 407,
  RequestTimeout: 408,
  Conflict: 409,
  Gone: 410,
  LengthRequired: 411,
  PreconditionFailed: 412,
  PayloadTooLarge: 413,
  URITooLong: 414,
  UnsupportedMediaType: 415,
  RangeNotSatisfiable: 416,
  ExpectationFailed: 417,
  MisdirectedRequest: 421,
  UnprocessableEntity: 422,
  Locked: 423,
  FailedDependency: 424,
  UpgradeRequired: 426,
  PreconditionRequired: 428,
  TooManyRequests: 429,
  RequestHeaderFieldsTooLarge: 431,
  InternalServerError: 500,
  NotImplemented: 501,
  BadGateway: 502,
  ServiceUnavailable: 503,
  GatewayTimeout: 504,
  HTTPVersionNotSupported: 505,
  VariantAlsoNegotiates: 506,
  InsufficientStorage: 507,
  LoopDetected: 508,
  NotExtended: 510,
  NetworkAuthenticationRequired: 511,
};

function compileBucket(reader: MessageReader, ctx: CompileContext, ofRoute: boolean): TokenBucket | null {
  const bucket = reader.message('token_bucket');
  if (bucket === undefined) {
    if (ofRoute) {
      const message = 'local rate limit token bucket must be set for per filter configs';
      ctx.report('error', 'filter.local-rate-limit', reader, '', message);
    }
    return null;
  }
  const fillInterval = bucket.duration('fill_interval') ?? 0;
  if (fillInterval < 50) {
    const message = 'local rate limit token bucket fill timer must be >= 50ms';
    ctx.report('error', 'filter.local-rate-limit', bucket, 'fill_interval', message);
  }
  return new TokenBucket({
    maxTokens: bucket.number('max_tokens') ?? 0,
    tokensPerFill: bucket.number('tokens_per_fill') ?? 1,
    fillInterval: Math.max(1, fillInterval),
  });
}

class LocalRateLimitFilter implements HttpFilter {
  private bucket: TokenBucket | null = null;

  constructor(
    private readonly callbacks: FilterCallbacks,
    private readonly configured: LimitSettings,
  ) {}

  private get settings(): LimitSettings {
    return (this.callbacks.perRouteConfig() as LimitSettings | undefined) ?? this.configured;
  }

  decodeHead(head: RequestHead): HeadStatus {
    const { callbacks, settings } = this;
    if (!fractionHits(settings.enabled, callbacks.random(), callbacks.runtime)) return 'continue';
    settings.stats.enabled.inc();
    this.bucket = bucketOf(settings, callbacks.info.connection);
    if (this.bucket === null || this.bucket.take(callbacks.clock)) {
      settings.stats.ok.inc();
      return 'continue';
    }
    settings.stats.limited.inc();
    if (!fractionHits(settings.enforced, callbacks.random(), callbacks.runtime)) {
      mutateHeaders(settings.requestHeaders, head.headers, callbacks.info);
      return 'continue';
    }
    settings.stats.enforced.inc();
    const headers: string[] = [];
    mutateHeaders(settings.responseHeaders, headers, callbacks.info);
    const text = 'local_rate_limited';
    callbacks.sendLocalReply(settings.status, text, 'RL', text, headers, settings.grpcStatus);
    return 'stop-all';
  }

  encodeHead(head: ResponseHead): HeadStatus {
    const { bucket } = this;
    if (bucket === null || !this.settings.announce) return 'continue';
    head.headers.push('x-ratelimit-limit', String(bucket.settings.maxTokens));
    head.headers.push('x-ratelimit-remaining', String(bucket.remaining));
    head.headers.push('x-ratelimit-reset', String(bucket.resetSeconds));
    return 'continue';
  }
}

function bucketOf(settings: LimitSettings, connection: ConnectionInfo): TokenBucket | null {
  const { bucket, perConnection } = settings;
  if (bucket === null || perConnection === null) return bucket;
  const known = perConnection.get(connection);
  if (known !== undefined) return known;
  const own = new TokenBucket(bucket.settings);
  perConnection.set(connection, own);
  return own;
}

const TYPE = 'envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit';

/** `envoy.filters.http.local_ratelimit`: a token bucket, without descriptors. */
export const LOCAL_RATE_LIMIT: HttpFilterExtension = {
  type: TYPE,
  routeTypes: [TYPE],
  compileRoute: (config, ctx, { stats }) => compileSettings(config, ctx, stats, true),
  compile(name, config, ctx, { stats }) {
    const settings = compileSettings(config, ctx, stats, false);
    return {
      name,
      source: config.range,
      create: (callbacks) => new LocalRateLimitFilter(callbacks, settings),
      explain(question, narrator) {
        const used = (question.routeConfigs()[0] as LimitSettings | undefined) ?? settings;
        const share = (fraction: Fraction): string =>
          fractionText(effectiveFraction(fraction, question.runtime));
        const text =
          used.bucket === null
            ? 'no token bucket, nothing is limited'
            : `${used.bucket.remaining} of ${used.bucket.settings.maxTokens} tokens left; enabled for ${share(used.enabled)}, enforced for ${share(used.enforced)}`;
        narrator.note('neutral', `Local rate limit: ${text}`, config.range);
        return null;
      },
    };
  },
};
