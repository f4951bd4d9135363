import type { Clock } from '../../base/clock.ts';
import { CallbackTimer } from '../../base/clock.ts';
import { Counter, Gauge, type Stats } from '../../base/stats.ts';
import { IntervalHistogram } from './histogram.ts';
import { type CustomTag, type ExtractedName, extractTags } from './tag-extraction.ts';

/** `stats_flush_interval`, milliseconds. */
export const DEFAULT_FLUSH_INTERVAL = 5000;

/** All statistics of one core, by name. They outlive configurations: the same name gives the same object. */
export class StatsStore implements Stats {
  readonly counters = new Map<string, Counter>();
  readonly gauges = new Map<string, Gauge>();
  readonly histograms = new Map<string, IntervalHistogram>();
  readonly texts = new Map<string, string>();
  /** Counters that were zeroed by `/reset_counters` after they had been used. */
  private readonly usedBeforeReset = new Set<string>();
  private readonly extracted = new Map<string, ExtractedName>();
  private tracked: Map<string, number> | null = null;
  private customTags: readonly CustomTag[] = [];
  private readonly beforeFlush: (() => void)[] = [];
  private timer: CallbackTimer | null = null;

  counter(name: string): Counter {
    this.noteLookup(name);
    let counter = this.counters.get(name);
    if (counter === undefined) {
      counter = new Counter(name);
      this.counters.set(name, counter);
    }
    return counter;
  }

  gauge(name: string): Gauge {
    this.noteLookup(name);
    let gauge = this.gauges.get(name);
    if (gauge === undefined) {
      gauge = new Gauge(name);
      this.gauges.set(name, gauge);
    }
    return gauge;
  }

  histogram(name: string): IntervalHistogram {
    this.noteLookup(name);
    let histogram = this.histograms.get(name);
    if (histogram === undefined) {
      histogram = new IntervalHistogram(name);
      this.histograms.set(name, histogram);
    }
    return histogram;
  }

  /** `/stats/recentlookups`: how often statistics were looked up by name since tracking began; null while it is off. */
  get lookups(): Map<string, number> | null {
    return this.tracked;
  }

  trackLookups(on: boolean): void {
    this.tracked = on ? (this.tracked ?? new Map()) : null;
  }

  private noteLookup(name: string): void {
    if (this.tracked !== null) this.tracked.set(name, (this.tracked.get(name) ?? 0) + 1);
  }

  text(name: string, value: string): void {
    this.texts.set(name, value);
  }

  /** Forgets every statistic whose name begins so (a removed cluster's). */
  removePrefix(prefix: string): void {
    for (const map of [this.counters, this.gauges, this.histograms, this.texts, this.extracted]) {
      for (const name of map.keys()) {
        if (name.startsWith(prefix)) map.delete(name);
      }
    }
  }

  counterUsed(counter: Counter): boolean {
    return counter.value > 0 || this.usedBeforeReset.has(counter.name);
  }

  /** `/reset_counters`: counters only; what was used stays used. */
  resetCounters(): void {
    for (const counter of this.counters.values()) {
      if (counter.value > 0) this.usedBeforeReset.add(counter.name);
      counter.value = 0;
    }
  }

  /** Name without tags, and the tags; worked out once per name. */
  tagged(name: string): ExtractedName {
    let result = this.extracted.get(name);
    if (result === undefined) {
      result = extractTags(name, this.customTags);
      this.extracted.set(name, result);
    }
    return result;
  }

  /** `stats_config.stats_tags` of the running configuration. */
  setCustomTags(tags: readonly CustomTag[]): void {
    this.customTags = tags;
    this.extracted.clear();
  }

  /** Called before each flush, to refresh gauges that are looked up (`server.uptime`). */
  onFlush(refresh: () => void): void {
    this.beforeFlush.push(refresh);
  }

  /** Ends one interval of every histogram. */
  flush(): void {
    for (const refresh of this.beforeFlush) refresh();
    for (const histogram of this.histograms.values()) histogram.flush();
  }

  /** Flushes every `interval` milliseconds until `stop`. */
  start(clock: Clock, interval = DEFAULT_FLUSH_INTERVAL): void {
    this.stop();
    const timer = new CallbackTimer(clock, () => {
      timer.arm(interval);
      this.flush();
    });
    this.timer = timer;
    timer.arm(interval);
  }

  stop(): void {
    this.timer?.disarm();
    this.timer = null;
  }
}
