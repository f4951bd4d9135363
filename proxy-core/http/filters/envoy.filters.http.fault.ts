import { CallbackTimer } from '../../base/clock.ts';
import { type HeaderList, headerValue } from '../../base/headers.ts';
import type { Counter, Gauge, Stats } from '../../base/stats.ts';
import { addFlag, type RequestHead } from '../../base/stream-info.ts';
import type { CompileContext } from '../../config/compile-context.ts';
import type { SourceRange } from '../../config/diagnostic.ts';
import type { MessageReader } from '../../config/reader.ts';
import { effectiveFraction, type Fraction, fractionHits } from '../../route/fraction.ts';
import { compileHeaderMatcher, type HeaderMatcher, matchesHeader } from '../../route/header-matcher.ts';
import type { BodyStatus, FilterCallbacks, HeadStatus, HttpFilter, TrailersStatus } from '../filter.ts';
import type { HttpFilterExtension } from './extension.ts';
import { compilePercent, fractionText } from './percent.ts';
import { ByteBucket, bytesOfKbps, StreamRateLimiter } from './stream-rate-limiter.ts';

/** Milliseconds between two releases of a limited body. */
const RELEASE = 50;

/** `envoy.extensions.filters.http.fault.v3.HTTPFault`, compiled. */
interface FaultSettings {
  /** Milliseconds; null = `x-envoy-fault-delay-request` says. */
  readonly delay: { readonly duration: number | null; readonly percent: Fraction } | null;
  readonly abort: {
    /** HTTP or gRPC status; both null = request headers say. */
    readonly http: number | null;
    readonly grpc: number | null;
    readonly percent: Fraction;
  } | null;
  /** KiB per second; null = `x-envoy-fault-throughput-response` says. */
  readonly rateLimit: { readonly kbps: number | null; readonly percent: Fraction } | null;
  readonly headers: readonly HeaderMatcher[];
  readonly upstreamCluster: string;
  readonly downstreamNodes: readonly string[];
  readonly maxActiveFaults: number;
  readonly source: SourceRange;
}

function compileSettings(reader: MessageReader, ctx: CompileContext): FaultSettings {
  const delay = reader.message('delay');
  const abort = reader.message('abort');
  const limit = reader.message('response_rate_limit');
  delay?.acknowledge('header_delay');
  abort?.acknowledge('header_abort');
  limit?.acknowledge('header_limit');
  const key = (field: string, otherwise: string): string => reader.string(field) || otherwise;
  return {
    delay:
      delay === undefined
        ? null
        : {
            duration: delay.duration('fixed_delay') ?? null,
            percent: compilePercent(
              delay.message('percentage'),
              key('delay_percent_runtime', 'fault.http.delay.fixed_delay_percent'),
            ),
          },
    abort:
      abort === undefined
        ? null
        : {
            http: abort.number('http_status') ?? null,
            grpc: abort.number('grpc_status') ?? null,
            percent: compilePercent(
              abort.message('percentage'),
              key('abort_percent_runtime', 'fault.http.abort.abort_percent'),
            ),
          },
    rateLimit:
      limit === undefined
        ? null
        : {
            kbps: limit.message('fixed_limit')?.number('limit_kbps') ?? null,
            percent: compilePercent(
              limit.message('percentage'),
              key('response_rate_limit_percent_runtime', 'fault.http.rate_limit.response_percent'),
            ),
          },
    headers: reader.messages('headers').map((each) => compileHeaderMatcher(each, ctx)),
    upstreamCluster: reader.string('upstream_cluster') ?? '',
    downstreamNodes: reader.strings('downstream_nodes'),
    maxActiveFaults: reader.number('max_active_faults') ?? Number.POSITIVE_INFINITY,
    source: reader.range,
  };
}

interface FaultStats {
  readonly aborts: Counter;
  readonly delays: Counter;
  readonly overflow: Counter;
  readonly rateLimits: Counter;
  readonly active: Gauge;
}

function faultStats(stats: Stats, prefix: string): FaultStats {
  return {
    aborts: stats.counter(`${prefix}fault.aborts_injected`),
    delays: stats.counter(`${prefix}fault.delays_injected`),
    overflow: stats.counter(`${prefix}fault.faults_overflow`),
    rateLimits: stats.counter(`${prefix}fault.response_rl_injected`),
    active: stats.gauge(`${prefix}fault.active_faults`),
  };
}

/** Does the fault concern this request at all? */
function concerns(settings: FaultSettings, head: RequestHead, from: Pick<FilterCallbacks, 'route'>): boolean {
  const { upstreamCluster, downstreamNodes, headers } = settings;
  if (upstreamCluster !== '') {
    const action = from.route?.action;
    if (action?.kind !== 'cluster' || action.clusterNames[0] !== upstreamCluster) return false;
  }
  if (downstreamNodes.length > 0) {
    const node = headerValue(head.headers, 'x-envoy-downstream-service-node');
    if (node === undefined || !downstreamNodes.includes(node)) return false;
  }
  return headers.every((matcher) => matchesHeader(matcher, head));
}

/** A whole number in a request header. */
function headerNumber(head: RequestHead, name: string): number | null {
  const text = headerValue(head.headers, name);
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : null;
}

/** A percentage header may only lower what is configured. */
function lowered(fraction: Fraction, head: RequestHead, name: string, byHeader: boolean): Fraction {
  const wanted = byHeader ? headerNumber(head, name) : null;
  return wanted === null ? fraction : { ...fraction, numerator: Math.min(wanted, fraction.numerator) };
}

function delayOf(settings: FaultSettings, head: RequestHead): { duration: number; percent: Fraction } | null {
  if (settings.delay === null) return null;
  const { duration, percent } = settings.delay;
  const milliseconds = duration ?? headerNumber(head, 'x-envoy-fault-delay-request');
  if (milliseconds === null || milliseconds <= 0) return null;
  const name = 'x-envoy-fault-delay-request-percentage';
  return { duration: milliseconds, percent: lowered(percent, head, name, duration === null) };
}

interface Abort {
  readonly status: number;
  readonly grpcStatus: number | null;
  readonly percent: Fraction;
}

function abortOf(settings: FaultSettings, head: RequestHead): Abort | null {
  if (settings.abort === null) return null;
  const { http, grpc } = settings.abort;
  const byHeader = http === null && grpc === null;
  const name = 'x-envoy-fault-abort-request-percentage';
  const percent = lowered(settings.abort.percent, head, name, byHeader);
  if (http !== null) return { status: http, grpcStatus: null, percent };
  if (grpc !== null) return { status: 200, grpcStatus: grpc, percent };
  const status = headerNumber(head, 'x-envoy-fault-abort-request');
  if (status !== null && status >= 200 && status < 600) return { status, grpcStatus: null, percent };
  const grpcStatus = headerNumber(head, 'x-envoy-fault-abort-grpc-request');
  return grpcStatus === null ? null : { status: 200, grpcStatus, percent };
}

/** Delay first, then abort; both are drawn for themselves (Envoy: FaultFilter). */
class FaultFilter implements HttpFilter {
  private active = false;
  private timer: CallbackTimer | null = null;
  private limiter: StreamRateLimiter | null = null;

  constructor(
    private readonly callbacks: FilterCallbacks,
    private readonly configured: FaultSettings,
    private readonly stats: FaultStats,
  ) {}

  decodeHead(head: RequestHead): HeadStatus {
    const { callbacks, stats } = this;
    const settings = (callbacks.perRouteConfig() as FaultSettings | undefined) ?? this.configured;
    if (stats.active.value >= settings.maxActiveFaults) {
      stats.overflow.inc();
      return 'continue';
    }
    if (!concerns(settings, head, callbacks)) return 'continue';
    this.limitResponse(settings, head);
    const delay = delayOf(settings, head);
    const abort = abortOf(settings, head);
    if (delay !== null && this.hits(delay.percent)) {
      this.timer = new CallbackTimer(callbacks.clock, () => {
        if (!this.aborted(abort)) callbacks.continueDecoding();
      });
      this.timer.arm(delay.duration);
      this.charge(stats.delays);
      addFlag(callbacks.info, 'DI');
      return 'stop-all';
    }
    return this.aborted(abort) ? 'stop-all' : 'continue';
  }

  private hits(percent: Fraction): boolean {
    return fractionHits(percent, this.callbacks.random(), this.callbacks.runtime);
  }

  private aborted(abort: Abort | null): boolean {
    if (abort === null || !this.hits(abort.percent)) return false;
    this.charge(this.stats.aborts);
    const { status, grpcStatus } = abort;
    this.callbacks.sendLocalReply(status, 'fault filter abort', 'FI', 'fault_filter_abort', null, grpcStatus);
    return true;
  }

  /** However many faults one stream has, it counts as one active fault. */
  private charge(counter: Counter): void {
    counter.inc();
    if (!this.active) this.stats.active.inc();
    this.active = true;
  }

  private limitResponse(settings: FaultSettings, head: RequestHead): void {
    if (settings.rateLimit === null) return;
    const kbps = settings.rateLimit.kbps ?? headerNumber(head, 'x-envoy-fault-throughput-response');
    if (kbps === null || kbps <= 0 || !this.hits(settings.rateLimit.percent)) return;
    this.charge(this.stats.rateLimits);
    const { callbacks } = this;
    const rate = bytesOfKbps(kbps);
    const bucket = new ByteBucket(callbacks.clock, rate, (rate * RELEASE) / 1000);
    this.limiter = new StreamRateLimiter(callbacks.clock, bucket, RELEASE, callbacks.bufferLimit, {
      inject: callbacks.injectResponse,
      injectTrailers: callbacks.injectResponseTrailers,
      pause: callbacks.pauseResponse,
    });
  }

  encodeBody(bytes: Uint8Array, start: number, end: number, endStream: boolean): BodyStatus {
    if (this.limiter === null) return 'continue';
    this.limiter.write(bytes, start, end, endStream);
    return 'drop';
  }

  encodeTrailers(trailers: HeaderList): TrailersStatus {
    return this.limiter === null || !this.limiter.holdTrailers(trailers) ? 'continue' : 'drop';
  }

  onDestroy(): void {
    this.timer?.disarm();
    this.limiter?.destroy();
    if (this.active) this.stats.active.dec();
  }
}

/** `envoy.filters.http.fault`: delays, aborts and slow responses on purpose. */
export const FAULT: HttpFilterExtension = {
  type: 'envoy.extensions.filters.http.fault.v3.HTTPFault',
  routeTypes: ['envoy.extensions.filters.http.fault.v3.HTTPFault'],
  compileRoute: compileSettings,
  compile(name, config, ctx, environment) {
    const settings = compileSettings(config, ctx);
    const stats = faultStats(environment.stats, environment.statPrefix);
    return {
      name,
      source: config.range,
      create: (callbacks) => new FaultFilter(callbacks, settings, stats),
      explain(question, narrator) {
        const used = (question.routeConfigs()[0] as FaultSettings | undefined) ?? settings;
        if (!concerns(used, question.head, question)) {
          narrator.note('neutral', 'Fault: does not concern this request', used.source);
          return null;
        }
        const share = (fraction: Fraction): string =>
          `${fractionText(effectiveFraction(fraction, question.runtime))} of requests`;
        const delay = delayOf(used, question.head);
        if (delay !== null) {
          narrator.note(
            'neutral',
            `Fault: delays ${share(delay.percent)} by ${delay.duration} ms`,
            used.source,
          );
        }
        const abort = abortOf(used, question.head);
        if (abort === null) return null;
        narrator.note('bad', `Fault: aborts ${share(abort.percent)} with ${abort.status}`, used.source);
        return fractionHits(abort.percent, question.random, question.runtime)
          ? { status: abort.status, flags: 'FI', details: 'fault_filter_abort' }
          : null;
      },
    };
  },
};
