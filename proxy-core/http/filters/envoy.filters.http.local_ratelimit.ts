import type { Counter, Stats } from '../../base/stats.ts';
import type { ConnectionInfo, RequestHead, ResponseHead } from '../../base/stream-info.ts';
import type { TokenBucket } from '../../base/token-bucket.ts';
import type { CompileContext } from '../../config/compile-context.ts';
import type { MessageReader } from '../../config/reader.ts';
import type { Narrator } from '../../facade/decision.ts';
import { effectiveFraction, type Fraction, fractionHits } from '../../route/fraction.ts';
import { compileHeaderAdds, type HeaderMutations, mutateHeaders } from '../../route/header-mutation.ts';
import {
  countedPolicies,
  type RateLimitDescriptor,
  type RateLimitInput,
  rateLimitDescriptors,
  type VirtualHostLimits,
} from '../../route/rate-limit-descriptor.ts';
import type { FilterCallbacks, HeadStatus, HttpFilter } from '../filter.ts';
import type { HttpFilterExtension } from './extension.ts';
import { compileLocalBuckets, type LocalBuckets } from './local-buckets.ts';
import { compileRuntimePercent, fractionText } from './percent.ts';
import { errorStatusCode } from './status-codes.ts';

interface LimitSettings {
  readonly buckets: LocalBuckets;
  /** Buckets for each connection instead of the same for all. */
  readonly perConnection: WeakMap<ConnectionInfo, LocalBuckets> | null;
  readonly stage: number;
  readonly virtualHost: VirtualHostLimits;
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
  const level = 'local rate limit';
  return {
    buckets: compileLocalBuckets(reader, ctx, ofRoute),
    perConnection:
      (reader.bool('local_rate_limit_per_downstream_connection') ?? false) ? new WeakMap() : null,
    stage: reader.number('stage') ?? 0,
    virtualHost: (reader.enumeration('vh_rate_limits') ?? 'OVERRIDE') as VirtualHostLimits,
    status: errorStatusCode(reader.message('status'), 429),
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
    const buckets = bucketsOf(settings, callbacks.info.connection);
    const { allowed, bucket } = buckets.take(this.descriptors(head), callbacks.clock);
    this.bucket = bucket;
    if (allowed) {
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

  private descriptors(head: RequestHead): RateLimitDescriptor[] {
    const { callbacks, settings } = this;
    if (!settings.buckets.hasDescriptors) return [];
    const { info, route, runtime, client, cluster } = callbacks;
    const { serviceCluster } = client.snapshot;
    const random = callbacks.random();
    const name = cluster?.config.name ?? '';
    return descriptorsOf(
      settings,
      { head, info, route, cluster: name, serviceCluster, runtime, random },
      null,
    );
  }

  encodeHead(head: ResponseHead): HeadStatus {
    const { bucket } = this;
    if (bucket === null || !this.settings.announce) return 'continue';
    head.headers.push('x-ratelimit-limit', String(bucket.settings.maxTokens));
    head.headers.push('x-ratelimit-remaining', String(bucket.remaining));
    head.headers.push('x-ratelimit-reset', String(bucket.resetSeconds(this.callbacks.clock)));
    return 'continue';
  }
}

function bucketsOf(settings: LimitSettings, connection: ConnectionInfo): LocalBuckets {
  const { buckets, perConnection } = settings;
  if (perConnection === null) return buckets;
  let own = perConnection.get(connection);
  if (own === undefined) {
    own = buckets.copy();
    perConnection.set(connection, own);
  }
  return own;
}

function descriptorsOf(
  settings: LimitSettings,
  input: RateLimitInput,
  narrator: Narrator | null,
): RateLimitDescriptor[] {
  const { route } = input;
  if (route === null || !settings.buckets.hasDescriptors) return [];
  return countedPolicies(route, settings.virtualHost).flatMap((policies) =>
    rateLimitDescriptors(policies, settings.stage, input, narrator),
  );
}

const TYPE = 'envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit';

/** `envoy.filters.http.local_ratelimit`: a token bucket, and others for requests of certain descriptors. */
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
        const { head, info, route, runtime, random } = question;
        const cluster = route?.action.kind === 'cluster' ? (route.action.clusterNames[0] ?? '') : '';
        const input = { head, info, route, cluster, serviceCluster: '', runtime, random };
        const told = used.buckets.describe(descriptorsOf(used, input, narrator));
        narrator.note(
          'neutral',
          told === ''
            ? 'Local rate limit: no token bucket, nothing is limited'
            : `Local rate limit: ${told}; enabled for ${share(used.enabled)}, enforced for ${share(used.enforced)}`,
          config.range,
        );
        return null;
      },
    };
  },
};
