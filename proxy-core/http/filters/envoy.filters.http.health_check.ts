import { setHeader } from '../../base/headers.ts';
import type { Gauge, Stats } from '../../base/stats.ts';
import type { RequestHead, ResponseHead } from '../../base/stream-info.ts';
import { compileHeaderMatcher, type HeaderMatcher, matchesHeader } from '../../route/header-matcher.ts';
import type { BodyStatus, FilterCallbacks, HeadStatus, HttpFilter, TrailersStatus } from '../filter.ts';
import type { HttpFilterExtension } from './extension.ts';

interface HealthCheckSettings {
  /** True: the request goes upstream unless a cached answer or a failed server stands in. */
  readonly passThrough: boolean;
  readonly headers: readonly HeaderMatcher[];
  /** Milliseconds, 0 = nothing is cached. */
  readonly cacheTime: number;
  /** Cluster → least share of healthy hosts in percent. */
  readonly minHealthy: ReadonlyMap<string, number>;
  readonly serviceCluster: string;
}

/** The last answer from upstream, shared by all streams of one filter. */
interface CachedAnswer {
  status: number;
  degraded: boolean;
  /** Monotonic milliseconds; -1: there is none. */
  until: number;
}

class HealthCheckFilter implements HttpFilter {
  private isCheck = false;
  private handling = false;
  private answered = false;

  constructor(
    private readonly callbacks: FilterCallbacks,
    private readonly settings: HealthCheckSettings,
    private readonly cache: CachedAnswer,
    private readonly stats: Stats,
  ) {}

  private get cached(): boolean {
    return this.settings.cacheTime > 0 && this.callbacks.clock.now() < this.cache.until;
  }

  decodeHead(head: RequestHead, endStream: boolean): HeadStatus {
    const { callbacks, settings } = this;
    if (settings.headers.every((matcher) => matchesHeader(matcher, head))) {
      this.isCheck = true;
      callbacks.info.healthCheck = true;
      this.handling = !settings.passThrough || callbacks.healthCheckFailed || this.cached;
    }
    if (!this.handling) return 'continue';
    if (endStream) this.answer();
    return 'stop';
  }

  decodeBody(_bytes: Uint8Array, _start: number, _end: number, endStream: boolean): BodyStatus {
    if (!this.handling) return 'continue';
    if (endStream) this.answer();
    return 'drop';
  }

  decodeTrailers(): TrailersStatus {
    if (!this.handling) return 'continue';
    this.answer();
    return 'drop';
  }

  private answer(): void {
    if (this.answered) return;
    this.answered = true;
    const { callbacks } = this;
    const { status, details } = this.verdict();
    const good = status >= 200 && status < 300;
    const degraded = !callbacks.healthCheckFailed && this.cached && this.cache.degraded;
    callbacks.sendLocalReply(
      status,
      '',
      good ? null : 'LH',
      details,
      degraded ? ['x-envoy-degraded', ''] : null,
    );
  }

  private verdict(): Verdict {
    if (this.callbacks.healthCheckFailed) return { status: 503, details: 'health_check_failed' };
    if (this.cached) return { status: this.cache.status, details: 'health_check_cached' };
    return judgeClusters(this.settings.minHealthy, this.stats);
  }

  encodeHead(head: ResponseHead): HeadStatus {
    const { settings, callbacks, cache } = this;
    if (this.isCheck) {
      if (settings.cacheTime > 0 && !this.cached) {
        cache.status = head.status;
        cache.degraded = head.headers.includes('x-envoy-degraded');
        cache.until = callbacks.clock.now() + settings.cacheTime;
      }
      setHeader(head.headers, 'x-envoy-upstream-healthchecked-cluster', settings.serviceCluster);
    } else if (callbacks.healthCheckFailed) {
      setHeader(head.headers, 'x-envoy-immediate-health-check-fail', 'true');
    }
    return 'continue';
  }
}

interface Verdict {
  readonly status: number;
  readonly details: string;
}

/** By `cluster_min_healthy_percentages`; degraded hosts count as healthy. */
function judgeClusters(minHealthy: ReadonlyMap<string, number>, stats: Stats): Verdict {
  for (const [cluster, percent] of minHealthy) {
    const gauge = (name: string): Gauge => stats.gauge(`cluster.${cluster.replaceAll(':', '_')}.${name}`);
    // Every cluster that there is has written this one.
    const membership = gauge('membership_total');
    if (!membership.used) return { status: 503, details: 'health_check_failed_no_cluster_found' };
    const total = membership.value;
    if (total === 0) {
      if (percent === 0) continue;
      return { status: 503, details: 'health_check_failed_cluster_empty' };
    }
    const usable = gauge('membership_healthy').value + gauge('membership_degraded').value;
    if (usable < (total * percent) / 100) {
      return { status: 503, details: 'health_check_failed_cluster_unhealthy' };
    }
  }
  return {
    status: 200,
    details: minHealthy.size === 0 ? 'health_check_ok' : 'health_check_ok_cluster_healthy',
  };
}

/** `envoy.filters.http.health_check`: answers health checks for the proxy itself. */
export const HEALTH_CHECK: HttpFilterExtension = {
  type: 'envoy.extensions.filters.http.health_check.v3.HealthCheck',
  routeTypes: [],
  compile(name, config, ctx, { stats }) {
    const passThrough = config.bool('pass_through_mode') ?? false;
    const cacheTime = config.duration('cache_time') ?? 0;
    if (!passThrough && cacheTime > 0) {
      const message = 'cache_time_ms must not be set when path_through_mode is disabled';
      ctx.report('error', 'filter.health-check', config, 'cache_time', message);
    }
    const minHealthy = new Map(
      [...config.messageMap('cluster_min_healthy_percentages')].map(([cluster, percent]) => [
        cluster,
        percent.number('value') ?? 0,
      ]),
    );
    const settings: HealthCheckSettings = {
      passThrough,
      headers: config.messages('headers').map((each) => compileHeaderMatcher(each, ctx)),
      cacheTime,
      minHealthy,
      serviceCluster: ctx.node.cluster,
    };
    const cache: CachedAnswer = { status: 200, degraded: false, until: -1 };
    return {
      name,
      source: config.range,
      create: (callbacks) => new HealthCheckFilter(callbacks, settings, cache, stats),
      explain(question, narrator) {
        if (!settings.headers.every((matcher) => matchesHeader(matcher, question.head))) return null;
        if (passThrough) {
          narrator.note('neutral', 'Health check: goes upstream unless an answer is cached', config.range);
          return null;
        }
        const { status, details } = judgeClusters(minHealthy, stats);
        const by = minHealthy.size === 0 ? '' : ', by the share of healthy hosts';
        narrator.note('neutral', `Health check: the proxy answers by itself${by}`, config.range);
        return { status, flags: status === 200 ? '' : 'LH', details };
      },
    };
  },
};
