import { headerValue } from '../../base/headers.ts';
import type { RequestHead, ResponseHead, StreamInfo } from '../../base/stream-info.ts';
import type { Narrator } from '../../facade/decision.ts';
import { mutateHeaders } from '../../route/header-mutation.ts';
import {
  countedPolicies,
  descriptorText,
  type RateLimitDescriptor,
  type RateLimitInput,
  rateLimitDescriptors,
  switchedOn,
} from '../../route/rate-limit-descriptor.ts';
import type { Route } from '../../route/types.ts';
import type { Cluster } from '../../upstream/types.ts';
import type { AsyncCall } from '../async-client/client.ts';
import type { FilterCallbacks, FilterQuestion, HeadStatus, HttpFilter } from '../filter.ts';
import type { HttpFilterExtension } from './extension.ts';
import { askRateLimit, type RateLimitResult, rateLimitHeaders } from './ratelimit-service.ts';
import {
  compileRateLimit,
  compileRateLimitRoute,
  type RateLimitRouteSettings,
  type RateLimitSettings,
} from './ratelimit-settings.ts';
import { noteService } from './service-watch.ts';

/** Asks a rate-limit service whether a request may pass (Envoy: RateLimitFilter::Filter). */
class RateLimitFilter implements HttpFilter {
  private call: AsyncCall | null = null;
  private starting = false;
  private head: RequestHead | null = null;
  private cluster: Cluster | null = null;
  /** Waits for the response. */
  private responseHeaders: string[] = [];
  private startedAt = 0;

  constructor(
    private readonly callbacks: FilterCallbacks,
    private readonly settings: RateLimitSettings,
  ) {}

  decodeHead(head: RequestHead): HeadStatus {
    const { callbacks, settings } = this;
    const { route, client, info, cluster, runtime } = callbacks;
    if (route === null || cluster === null || !concerns(settings, head)) return 'continue';
    const random = callbacks.random();
    if (!switchedOn('ratelimit.http_filter_enabled', { runtime, random })) return 'continue';
    const ofRoute = callbacks.perRouteConfig() as RateLimitRouteSettings | undefined;
    const { serviceCluster } = client.snapshot;
    const input = { head, info, route, cluster: cluster.config.name, serviceCluster, runtime, random };
    const descriptors = allDescriptors(route, settings, ofRoute, input, null);
    if (descriptors.length === 0) return 'continue';
    this.head = head;
    this.cluster = cluster;
    this.startedAt = callbacks.clock.now();
    this.starting = true;
    let waiting = true;
    const domain = ofRoute?.domain || settings.domain;
    const call = askRateLimit(client, settings, domain, descriptors, info, (result) => {
      waiting = false;
      this.call = null;
      this.onResult(result, descriptors);
    });
    this.starting = false;
    if (!waiting) return 'continue';
    this.call = call;
    return 'stop-all';
  }

  private onResult(result: RateLimitResult, descriptors: readonly RateLimitDescriptor[]): void {
    const { callbacks, settings } = this;
    const { info, client } = callbacks;
    note(settings, info, result, descriptors, Math.round(callbacks.clock.now() - this.startedAt));
    if (result.metadata !== null && Object.keys(result.metadata).length > 0) {
      info.dynamicMetadata ??= new Map();
      info.dynamicMetadata.set('envoy.filters.http.ratelimit', { ...result.metadata });
    }
    if (result.kind === 'error') {
      settings.watch.failed(client.path, result.failure);
      this.onError();
      return;
    }
    settings.watch.answered(client.path);
    this.responseHeaders = [...result.responseHeaders];
    if (result.kind === 'ok') {
      this.count('ok');
      if (settings.announce) this.responseHeaders.push(...rateLimitHeaders(result.statuses));
      this.proceed(result);
      return;
    }
    this.count('over_limit');
    this.cluster?.stats.chargeResponse(settings.limitedStatus, true);
    if (settings.marksAnswer) this.responseHeaders.push('x-envoy-ratelimited', 'true');
    if (settings.announce) this.responseHeaders.push(...rateLimitHeaders(result.statuses));
    const random = callbacks.random();
    if (!switchedOn('ratelimit.http_filter_enforcing', { runtime: callbacks.runtime, random })) {
      this.proceed(result);
      return;
    }
    const headers = this.responseHeaders;
    this.responseHeaders = [];
    mutateHeaders(settings.responseHeaders, headers, info);
    const { limitedStatus, grpcStatus } = settings;
    callbacks.sendLocalReply(limitedStatus, result.body, 'RL', 'request_rate_limited', headers, grpcStatus);
  }

  private onError(): void {
    const { callbacks, settings } = this;
    this.count('error');
    if (settings.failureModeDeny) {
      callbacks.sendLocalReply(settings.statusOnError, '', 'RLSE', 'rate_limiter_error');
      return;
    }
    this.count('failure_mode_allowed');
    if (!this.starting) callbacks.continueDecoding();
  }

  private proceed(result: RateLimitResult): void {
    const { headers } = this.head as RequestHead;
    for (const text of result.requestHeaders) headers.push(text);
    if (!this.starting) this.callbacks.continueDecoding();
  }

  private count(stat: string): void {
    const { cluster, callbacks, settings } = this;
    if (cluster === null) return;
    const name = `cluster.${cluster.config.statName}.${settings.clusterStatPrefix}${stat}`;
    callbacks.client.path.stats.counter(name).inc();
  }

  encodeHead(head: ResponseHead): HeadStatus {
    for (const text of this.responseHeaders) head.headers.push(text);
    this.responseHeaders = [];
    return 'continue';
  }

  onDestroy(): void {
    this.call?.cancel();
  }
}

/** `request_type`: only requests from inside, only those from outside, or both. */
function concerns(settings: RateLimitSettings, head: RequestHead): boolean {
  if (settings.requestType === 'both') return true;
  const internal = headerValue(head.headers, 'x-envoy-internal') === 'true';
  return internal === (settings.requestType === 'internal');
}

/** The route's descriptors, and those of its virtual host when they count too. */
function allDescriptors(
  route: Route,
  settings: RateLimitSettings,
  ofRoute: RateLimitRouteSettings | undefined,
  input: RateLimitInput,
  narrator: Narrator | null,
): RateLimitDescriptor[] {
  return countedPolicies(route, ofRoute?.virtualHost ?? 'OVERRIDE').flatMap((policies) =>
    rateLimitDescriptors(policies, settings.stage, input, narrator),
  );
}

function note(
  settings: RateLimitSettings,
  info: StreamInfo,
  result: RateLimitResult,
  descriptors: readonly RateLimitDescriptor[],
  elapsed: number,
): void {
  const asked = descriptors.map(descriptorText).join('; ');
  const answer =
    result.kind === 'error'
      ? `no answer (${result.failure})`
      : result.kind === 'ok'
        ? 'below the limit'
        : 'over the limit';
  noteService(
    info,
    `\`${settings.name}\` asked cluster ${settings.service.cluster} about ${asked}: ${answer}, after ${elapsed} ms`,
  );
}

function explain(settings: RateLimitSettings, question: FilterQuestion, narrator: Narrator): void {
  const { name, source, service } = settings;
  const { head, info, route, runtime, random } = question;
  if (route === null || route.action.kind !== 'cluster') return;
  if (!concerns(settings, head)) {
    narrator.note('neutral', `\`${name}\` counts ${settings.requestType} requests only`, source);
    return;
  }
  const ofRoute = question.routeConfigs()[0] as RateLimitRouteSettings | undefined;
  const cluster = route.action.clusterNames[0] ?? '';
  const input = { head, info, route, cluster, serviceCluster: '', runtime, random };
  const descriptors = allDescriptors(route, settings, ofRoute, input, narrator);
  const domain = ofRoute?.domain || settings.domain;
  const otherwise = settings.failureModeDeny
    ? `answers ${settings.statusOnError}`
    : 'lets the request through';
  narrator.note(
    'neutral',
    descriptors.length === 0
      ? `\`${name}\` asks nobody: the request has no descriptor`
      : `\`${name}\` asks cluster ${service.cluster} about ${descriptors.length === 1 ? 'one descriptor' : `${descriptors.length} descriptors`} of domain \`${domain}\`; without an answer in ${settings.timeout} ms it ${otherwise}`,
    source,
  );
}

/** `envoy.filters.http.ratelimit`. */
export const RATE_LIMIT: HttpFilterExtension = {
  type: 'envoy.extensions.filters.http.ratelimit.v3.RateLimit',
  routeTypes: ['envoy.extensions.filters.http.ratelimit.v3.RateLimitPerRoute'],
  compileRoute: compileRateLimitRoute,
  compile(name, config, ctx) {
    const settings = compileRateLimit(name, config, ctx);
    return {
      name,
      source: config.range,
      create: (callbacks) => new RateLimitFilter(callbacks, settings),
      explain: (question, narrator) => {
        explain(settings, question, narrator);
        return null;
      },
    };
  },
};
