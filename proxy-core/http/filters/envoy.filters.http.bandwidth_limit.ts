import type { HeaderList } from '../../base/headers.ts';
import type { Counter, Gauge, Histogram, Stats } from '../../base/stats.ts';
import type { CompileContext } from '../../config/compile-context.ts';
import type { MessageReader } from '../../config/reader.ts';
import type { BodyStatus, FilterCallbacks, HeadStatus, HttpFilter, TrailersStatus } from '../filter.ts';
import type { FilterEnvironment, HttpFilterExtension } from './extension.ts';
import { compileRuntimeFlag, flagEnabled, type RuntimeFlag } from './runtime-flag.ts';
import { ByteBucket, bytesOfKbps, StreamRateLimiter } from './stream-rate-limiter.ts';

interface DirectionStats {
  readonly enabled: Counter;
  readonly enforced: Counter;
  readonly pending: Gauge;
  readonly incomingSize: Gauge;
  readonly allowedSize: Gauge;
  readonly incomingTotal: Counter;
  readonly allowedTotal: Counter;
  readonly duration: Histogram;
}

interface BandwidthSettings {
  readonly request: boolean;
  readonly response: boolean;
  readonly kbps: number;
  /** Milliseconds. */
  readonly fillInterval: number;
  readonly enabled: RuntimeFlag;
  readonly stats: { readonly request: DirectionStats; readonly response: DirectionStats };
  /** Null: no trailers. `""`, or the configured prefix and `-`. */
  readonly trailerPrefix: string | null;
  readonly source: MessageReader['range'];
  /** All streams share one bucket, made with the first. */
  bucket: ByteBucket | null;
}

function directionStats(stats: Stats, prefix: string): DirectionStats {
  return {
    enabled: stats.counter(`${prefix}_enabled`),
    enforced: stats.counter(`${prefix}_enforced`),
    pending: stats.gauge(`${prefix}_pending`),
    incomingSize: stats.gauge(`${prefix}_incoming_size`),
    allowedSize: stats.gauge(`${prefix}_allowed_size`),
    incomingTotal: stats.counter(`${prefix}_incoming_total_size`),
    allowedTotal: stats.counter(`${prefix}_allowed_total_size`),
    duration: stats.histogram(`${prefix}_transfer_duration`),
  };
}

function compileSettings(reader: MessageReader, environment: FilterEnvironment): BandwidthSettings {
  const mode = reader.enumeration('enable_mode') ?? 'DISABLED';
  const prefix = `${reader.string('stat_prefix') ?? ''}.http_bandwidth_limit.`;
  const trailers = reader.bool('enable_response_trailers') ?? false;
  const trailerPrefix = reader.string('response_trailer_prefix') ?? '';
  return {
    request: mode === 'REQUEST' || mode === 'REQUEST_AND_RESPONSE',
    response: mode === 'RESPONSE' || mode === 'REQUEST_AND_RESPONSE',
    kbps: reader.number('limit_kbps') ?? 0,
    fillInterval: reader.duration('fill_interval') ?? 50,
    enabled: compileRuntimeFlag(reader.message('runtime_enabled')),
    stats: {
      request: directionStats(environment.stats, `${prefix}request`),
      response: directionStats(environment.stats, `${prefix}response`),
    },
    trailerPrefix: trailers ? (trailerPrefix === '' ? '' : `${trailerPrefix.toLowerCase()}-`) : null,
    source: reader.range,
    bucket: null,
  };
}

/** One direction of one stream. */
interface Transfer {
  readonly limiter: StreamRateLimiter;
  /** Monotonic milliseconds of the first bytes; -1 before, and after the end. */
  started: number;
  duration: number;
  /** Milliseconds that bytes had to wait. */
  delay: number;
}

class BandwidthFilter implements HttpFilter {
  private readonly settings: BandwidthSettings;
  private request: Transfer | null = null;
  private response: Transfer | null = null;

  constructor(
    private readonly callbacks: FilterCallbacks,
    configured: BandwidthSettings,
  ) {
    this.settings = (callbacks.perRouteConfig() as BandwidthSettings | undefined) ?? configured;
  }

  decodeHead(): HeadStatus {
    const { callbacks, settings } = this;
    if (settings.request && flagEnabled(settings.enabled, callbacks.runtime)) {
      this.request = this.transfer(settings.stats.request, {
        inject: callbacks.injectRequest,
        injectTrailers: callbacks.injectRequestTrailers,
        pause: callbacks.pauseRequest,
      });
    }
    return 'continue';
  }

  decodeBody(bytes: Uint8Array, start: number, end: number, endStream: boolean): BodyStatus {
    return this.limit(this.request, this.settings.stats.request, bytes, start, end, endStream);
  }

  decodeTrailers(trailers: HeaderList): TrailersStatus {
    return this.request?.limiter.holdTrailers(trailers) === true ? 'drop' : 'continue';
  }

  encodeHead(): HeadStatus {
    const { callbacks, settings } = this;
    if (settings.response && flagEnabled(settings.enabled, callbacks.runtime)) {
      this.response = this.transfer(settings.stats.response, {
        inject: callbacks.injectResponse,
        injectTrailers: callbacks.injectResponseTrailers,
        pause: callbacks.pauseResponse,
      });
    }
    return 'continue';
  }

  encodeBody(bytes: Uint8Array, start: number, end: number, endStream: boolean): BodyStatus {
    const { response, settings } = this;
    if (response === null) return 'continue';
    const trailers = endStream && settings.trailerPrefix !== null;
    this.limit(response, settings.stats.response, bytes, start, end, endStream && !trailers);
    // Trailers that tell how long it took.
    if (trailers) {
      const made: HeaderList = [];
      if (!response.limiter.holdTrailers(made)) this.callbacks.injectResponseTrailers(made);
    }
    return 'drop';
  }

  encodeTrailers(trailers: HeaderList): TrailersStatus {
    return this.response?.limiter.holdTrailers(trailers) === true ? 'drop' : 'continue';
  }

  private transfer(
    stats: DirectionStats,
    to: Pick<ConstructorParameters<typeof StreamRateLimiter>[4], 'inject' | 'injectTrailers' | 'pause'>,
  ): Transfer {
    const { settings, callbacks } = this;
    const { clock } = callbacks;
    const rate = bytesOfKbps(settings.kbps);
    settings.bucket ??= new ByteBucket(clock, rate, Math.floor((rate * settings.fillInterval) / 1000));
    stats.enabled.inc();
    const sink = {
      ...to,
      onRelease: (bytes: number, held: boolean) => {
        stats.allowedSize.set(bytes);
        stats.allowedTotal.add(bytes);
        if (!held) return;
        stats.enforced.inc();
        transfer.delay += settings.fillInterval;
      },
      onEnd: (trailers: HeaderList | null) => this.finish(transfer, stats, trailers),
    };
    const limiter = new StreamRateLimiter(
      clock,
      settings.bucket,
      settings.fillInterval,
      callbacks.bufferLimit,
      sink,
    );
    const transfer: Transfer = { limiter, started: -1, duration: 0, delay: 0 };
    return transfer;
  }

  private limit(
    transfer: Transfer | null,
    stats: DirectionStats,
    bytes: Uint8Array,
    start: number,
    end: number,
    endStream: boolean,
  ): BodyStatus {
    if (transfer === null) return 'continue';
    if (transfer.started < 0) {
      transfer.started = this.callbacks.clock.now();
      stats.pending.inc();
    }
    stats.incomingSize.set(end - start);
    stats.incomingTotal.add(end - start);
    transfer.limiter.write(bytes, start, end, endStream);
    return 'drop';
  }

  private finish(transfer: Transfer, stats: DirectionStats, trailers: HeaderList | null): void {
    if (transfer.started < 0) return;
    transfer.duration = Math.floor(this.callbacks.clock.now() - transfer.started);
    transfer.started = -1;
    stats.duration.record(transfer.duration);
    stats.pending.dec();
    const prefix = this.settings.trailerPrefix;
    if (transfer !== this.response || trailers === null || prefix === null) return;
    const tell = (name: string, milliseconds: number): void => {
      if (milliseconds > 0) trailers.push(`${prefix}bandwidth-${name}-ms`, String(milliseconds));
    };
    tell('request-delay', this.request?.duration ?? 0);
    tell('request-filter-delay', this.request?.delay ?? 0);
    tell('response-delay', transfer.duration);
    tell('response-filter-delay', transfer.delay);
  }

  onDestroy(): void {
    const { request, response, settings } = this;
    request?.limiter.destroy();
    response?.limiter.destroy();
    if (request !== null && request.started >= 0) settings.stats.request.pending.dec();
    if (response !== null && response.started >= 0) settings.stats.response.pending.dec();
  }
}

const CONFIG = 'envoy.extensions.filters.http.bandwidth_limit.v3.BandwidthLimit';

/** `envoy.filters.http.bandwidth_limit`: bodies at so many KiB per second, all streams together. */
export const BANDWIDTH_LIMIT: HttpFilterExtension = {
  type: CONFIG,
  routeTypes: [CONFIG],
  compileRoute(
    config: MessageReader,
    ctx: CompileContext,
    environment: FilterEnvironment,
  ): BandwidthSettings {
    if (!config.has('limit_kbps')) {
      ctx.report(
        'error',
        'filter.bandwidth-limit',
        config,
        '',
        'limit must be set for per route filter config',
      );
    }
    return compileSettings(config, environment);
  },
  compile(name, config, _ctx, environment) {
    const settings = compileSettings(config, environment);
    return {
      name,
      source: config.range,
      create: (callbacks) => new BandwidthFilter(callbacks, settings),
      explain(question, narrator) {
        const used = (question.routeConfigs()[0] as BandwidthSettings | undefined) ?? settings;
        const what = used.request
          ? used.response
            ? 'both bodies'
            : 'the request body'
          : 'the response body';
        const on = (used.request || used.response) && flagEnabled(used.enabled, question.runtime);
        const text = on ? `${what} at ${used.kbps} KiB per second` : 'off for this request';
        narrator.note('neutral', `Bandwidth limit: ${text}`, used.source);
        return null;
      },
    };
  },
};
