import type { Counter, Gauge, Stats } from '../../base/stats.ts';

/** `GradientControllerConfig`, compiled. Times in milliseconds, shares from 0 to 1. */
export interface GradientSettings {
  readonly minRttInterval: number;
  readonly updateInterval: number;
  readonly jitter: number;
  readonly maxConcurrency: number;
  readonly minRttRequests: number;
  readonly percentile: number;
  readonly minConcurrency: number;
  /** 0: measured. */
  readonly fixedRtt: number;
  readonly buffer: number;
}

interface GradientStats {
  readonly blocked: Counter;
  readonly burstQueueSize: Gauge;
  readonly limit: Gauge;
  readonly gradient: Gauge;
  readonly minRttActive: Gauge;
  readonly minRtt: Gauge;
  readonly sampleRtt: Gauge;
}

export function gradientStats(stats: Stats, prefix: string): GradientStats {
  return {
    blocked: stats.counter(`${prefix}rq_blocked`),
    burstQueueSize: stats.gauge(`${prefix}burst_queue_size`),
    limit: stats.gauge(`${prefix}concurrency_limit`),
    gradient: stats.gauge(`${prefix}gradient`),
    minRttActive: stats.gauge(`${prefix}min_rtt_calculation_active`),
    minRtt: stats.gauge(`${prefix}min_rtt_msecs`),
    sampleRtt: stats.gauge(`${prefix}sample_rtt_msecs`),
  };
}

/** More latencies than this in one window tell nothing new. */
const MAX_SAMPLES = 10_000;
/** So many windows in a row at the minimum: the measured minimum is doubted. */
const DOUBTFUL_WINDOWS = 5;

/**
 * Finds out how many requests an upstream takes at once from how its latency moves (Envoy: GradientController). Windows
 * are closed by the requests that come after their end, so there is no timer.
 */
export class GradientController {
  outstanding = 0;
  limit: number;
  private minRtt = 0;
  private samples: number[] = [];
  /** Requests that began before are no sample. */
  private epoch = 0;
  /** The limit that comes back after the minimum was measured; -1 while it is not being measured. */
  private deferredLimit = -1;
  private windowEnds: number;
  private minRttDue = Number.POSITIVE_INFINITY;
  private windowsAtMinimum = 0;

  constructor(
    private readonly settings: GradientSettings,
    private readonly stats: GradientStats,
    private readonly random: () => number,
    now: number,
  ) {
    this.limit = settings.minConcurrency;
    this.windowEnds = now + settings.updateInterval;
    if (settings.fixedRtt > 0) {
      this.minRtt = settings.fixedRtt;
      stats.minRtt.set(Math.floor(this.minRtt));
      this.setLimit(settings.minConcurrency);
    } else this.measureMinimum(now);
  }

  get measuring(): boolean {
    return this.deferredLimit >= 0;
  }

  /** May a request go on? One that may must be `finish`ed. */
  admit(now: number): boolean {
    this.turnWindows(now);
    if (this.outstanding >= this.limit) {
      this.stats.blocked.inc();
      return false;
    }
    this.outstanding++;
    return true;
  }

  /** @param started When it was admitted; null: it was not answered whole and says nothing. */
  finish(started: number | null, now: number): void {
    this.outstanding--;
    this.turnWindows(now);
    if (started === null || started < this.epoch || this.samples.length >= MAX_SAMPLES) return;
    this.samples.push(now - started);
    if (this.measuring && this.samples.length >= this.settings.minRttRequests) this.endMeasurement(now);
  }

  private turnWindows(now: number): void {
    if (now >= this.minRttDue && !this.measuring) this.measureMinimum(now);
    if (this.measuring || now < this.windowEnds) return;
    this.windowEnds = now + this.settings.updateInterval;
    if (this.samples.length === 0) return;
    const rtt = Math.max(0.001, this.takePercentile());
    this.stats.sampleRtt.set(Math.floor(rtt));
    this.setLimit(this.nextLimit(rtt));
    if (this.windowsAtMinimum >= DOUBTFUL_WINDOWS && this.settings.fixedRtt === 0) this.measureMinimum(now);
  }

  private measureMinimum(now: number): void {
    this.minRttDue = Number.POSITIVE_INFINITY;
    this.stats.minRttActive.set(1);
    this.deferredLimit = this.limit;
    this.setLimit(this.settings.minConcurrency);
    this.samples = [];
    this.epoch = now;
  }

  private endMeasurement(now: number): void {
    const { settings, stats } = this;
    this.minRtt = this.takePercentile();
    stats.minRtt.set(Math.floor(this.minRtt));
    const limit = this.deferredLimit;
    this.setLimit(limit);
    this.deferredLimit = -1;
    stats.minRttActive.set(0);
    const spread = Math.ceil(settings.minRttInterval * settings.jitter);
    this.minRttDue = now + settings.minRttInterval + (spread === 0 ? 0 : this.random() % spread);
    this.windowEnds = now + settings.updateInterval;
  }

  private takePercentile(): number {
    const sorted = this.samples.sort((a, b) => a - b);
    this.samples = [];
    const at = Math.min(sorted.length - 1, Math.floor(sorted.length * this.settings.percentile));
    return sorted[at] ?? 0;
  }

  private nextLimit(rtt: number): number {
    const { settings, stats } = this;
    const raw = (this.minRtt + this.minRtt * settings.buffer) / rtt;
    const gradient = Math.max(0.5, Math.min(2, raw));
    stats.gradient.set(Math.floor(gradient * 1000));
    const limit = this.limit * gradient;
    const headroom = Math.sqrt(limit);
    stats.burstQueueSize.set(Math.floor(headroom));
    return Math.max(settings.minConcurrency, Math.min(settings.maxConcurrency, Math.floor(limit + headroom)));
  }

  private setLimit(limit: number): void {
    const { minConcurrency } = this.settings;
    const stays = !this.measuring && this.limit === minConcurrency && limit === minConcurrency;
    this.windowsAtMinimum = stays ? this.windowsAtMinimum + 1 : 0;
    this.limit = limit;
    this.stats.limit.set(limit);
  }
}
