import type { MessageReader } from '../../config/reader.ts';
import type { BodyStatus, FilterCallbacks, HeadStatus, HttpFilter, TrailersStatus } from '../filter.ts';
import type { HttpFilterExtension } from './extension.ts';
import { GradientController, type GradientSettings, gradientStats } from './gradient-controller.ts';
import { compileRuntimeFlag, flagEnabled, type RuntimeFlag } from './runtime-flag.ts';
import { errorStatusCode } from './status-codes.ts';

interface ConcurrencySettings {
  readonly enabled: RuntimeFlag;
  readonly status: number;
  readonly gradient: GradientSettings;
  readonly stats: ReturnType<typeof gradientStats>;
  /** Made with the first request. */
  controller: GradientController | null;
}

function compileGradient(reader: MessageReader | undefined): GradientSettings {
  const limits = reader?.message('concurrency_limit_params');
  const minimum = reader?.message('min_rtt_calc_params');
  const share = (message: MessageReader | undefined, field: string, otherwise: number): number => {
    const percent = message?.message(field);
    return (percent === undefined ? otherwise : (percent.number('value') ?? 0)) / 100;
  };
  return {
    minRttInterval: minimum?.duration('interval') ?? 0,
    updateInterval: limits?.duration('concurrency_update_interval') ?? 0,
    jitter: share(minimum, 'jitter', 15),
    maxConcurrency: limits?.number('max_concurrency_limit') ?? 1000,
    minRttRequests: minimum?.number('request_count') ?? 50,
    percentile: share(reader, 'sample_aggregate_percentile', 50),
    minConcurrency: minimum?.number('min_concurrency') ?? 3,
    fixedRtt: minimum?.duration('fixed_value') ?? 0,
    buffer: share(minimum, 'buffer', 25),
  };
}

class ConcurrencyFilter implements HttpFilter {
  /** When the request was admitted; null when it is not counted, or no more. */
  private started: number | null = null;

  constructor(
    private readonly callbacks: FilterCallbacks,
    private readonly settings: ConcurrencySettings,
    private readonly controller: GradientController,
  ) {}

  decodeHead(): HeadStatus {
    const { callbacks, settings, controller } = this;
    if (!flagEnabled(settings.enabled, callbacks.runtime) || callbacks.info.healthCheck === true)
      return 'continue';
    const now = callbacks.clock.now();
    if (controller.admit(now)) {
      this.started = now;
      return 'continue';
    }
    callbacks.sendLocalReply(settings.status, 'reached concurrency limit', null, 'reached_concurrency_limit');
    return 'stop-all';
  }

  encodeHead(_head: unknown, endStream: boolean): HeadStatus {
    if (endStream) this.complete();
    return 'continue';
  }

  encodeBody(_bytes: Uint8Array, _start: number, _end: number, endStream: boolean): BodyStatus {
    if (endStream) this.complete();
    return 'continue';
  }

  encodeTrailers(): TrailersStatus {
    this.complete();
    return 'continue';
  }

  private complete(): void {
    if (this.started === null) return;
    this.controller.finish(this.started, this.callbacks.clock.now());
    this.started = null;
  }

  onDestroy(): void {
    if (this.started !== null) this.controller.finish(null, this.callbacks.clock.now());
    this.started = null;
  }
}

/** `envoy.filters.http.adaptive_concurrency`: as many requests at once as the upstream takes without slowing down. */
export const ADAPTIVE_CONCURRENCY: HttpFilterExtension = {
  type: 'envoy.extensions.filters.http.adaptive_concurrency.v3.AdaptiveConcurrency',
  routeTypes: [],
  compile(name, config, ctx, environment) {
    const prefix = `${environment.statPrefix}adaptive_concurrency.gradient_controller.`;
    const gradient = compileGradient(config.message('gradient_controller_config'));
    if (gradient.minRttInterval < 1 && gradient.fixedRtt <= 0) {
      const message = 'adaptive_concurrency: neither `concurrency_update_interval` nor `fixed_value` set';
      ctx.report('error', 'filter.adaptive-concurrency', config, 'gradient_controller_config', message);
    }
    const settings: ConcurrencySettings = {
      enabled: compileRuntimeFlag(config.message('enabled')),
      status: errorStatusCode(config.message('concurrency_limit_exceeded_status'), 503),
      gradient,
      stats: gradientStats(environment.stats, prefix),
      controller: null,
    };
    return {
      name,
      source: config.range,
      create(callbacks) {
        settings.controller ??= new GradientController(
          gradient,
          settings.stats,
          () => callbacks.random(),
          callbacks.clock.now(),
        );
        return new ConcurrencyFilter(callbacks, settings, settings.controller);
      },
      explain(question, narrator) {
        if (!flagEnabled(settings.enabled, question.runtime)) return null;
        const { controller } = settings;
        const limit = controller?.limit ?? gradient.minConcurrency;
        const text = `${controller?.outstanding ?? 0} of ${limit} requests at once`;
        narrator.note('neutral', `Adaptive concurrency: ${text}`, config.range);
        return null;
      },
    };
  },
};
