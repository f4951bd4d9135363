import { CallbackTimer } from '../../base/clock.ts';
import type { CoreServices } from '../../config/compile-context.ts';
import type { DetectorKind, OutlierConfig } from '../cluster-config.ts';
import { upstreamEvent } from '../events.ts';
import { HealthFlag, type UpstreamHost } from '../host.ts';
import { leaveFailedHost } from '../host-connections.ts';
import type { HostNews } from '../host-news.ts';
import type { RuntimeReader } from '../runtime-reader.ts';
import { ejectLine, type LineSink, unejectLine } from './event-log.ts';
import { type ConsecutiveDetector, type ConsecutiveListener, OutlierHostMonitor } from './monitor.ts';
import { capRefusal, detection, enforcingRefusal, seconds } from './reasons.ts';
import { withRuntime } from './runtime.ts';
import { OutlierStats } from './stats.ts';
import { judgeSuccessRates, type SuccessRateNumbers, UNKNOWN_RATES } from './success-rate.ts';

export interface OutlierEnvironment {
  readonly services: CoreServices;
  readonly clusterName: string;
  /** `cluster.<name>.` */
  readonly statPrefix: string;
  readonly news: HostNews;
  /** The health flag of a host changed. */
  readonly onHealthChange: (host: UpstreamHost) => void;
  readonly eventLog: LineSink | null;
  readonly runtime: RuntimeReader;
}

/** Milliseconds between two notices of the same refusal for one host. */
const REFUSAL_PAUSE = 10_000;

/** Outlier detection of one cluster (envoy DetectorImpl): ejects at once, returns hosts at a sweep per interval. */
export class OutlierDetector implements ConsecutiveListener {
  externalRates: SuccessRateNumbers = UNKNOWN_RATES;
  localOriginRates: SuccessRateNumbers = UNKNOWN_RATES;
  private readonly monitors = new Map<UpstreamHost, OutlierHostMonitor>();
  private readonly stats: OutlierStats;
  private readonly sweepTimer: CallbackTimer;
  private ejected = 0;

  private seenRuntime: unknown = null;
  private effective: OutlierConfig;

  constructor(
    private readonly configured: OutlierConfig,
    private readonly environment: OutlierEnvironment,
  ) {
    const { services } = environment;
    this.effective = configured;
    this.stats = new OutlierStats(services.stats, environment.statPrefix);
    this.sweepTimer = new CallbackTimer(services.clock, () => this.sweep());
    this.sweepTimer.arm(this.config.interval);
  }

  /** The settings as the runtime leaves them. */
  get config(): OutlierConfig {
    const { runtime } = this.environment;
    if (this.seenRuntime !== runtime.current) {
      this.seenRuntime = runtime.current;
      this.effective = withRuntime(this.configured, runtime);
    }
    return this.effective;
  }

  get ejectedHosts(): number {
    return this.ejected;
  }

  /** The hosts of the cluster, over all priorities: watches new ones, forgets those that are gone. */
  setHosts(hosts: readonly UpstreamHost[]): void {
    const wanted = new Set(hosts);
    for (const [host] of this.monitors) if (!wanted.has(host)) this.forget(host);
    for (const host of hosts) {
      if (this.monitors.has(host)) continue;
      const monitor = new OutlierHostMonitor(host, this);
      host.outlier = monitor;
      this.monitors.set(host, monitor);
    }
  }

  close(): void {
    this.sweepTimer.disarm();
    for (const [host] of this.monitors) this.forget(host);
  }

  /** Wall time of the earliest return of a host, 0 when it is not ejected. */
  ejectedUntil(host: UpstreamHost): number {
    const monitor = this.monitors.get(host);
    if (monitor === undefined || !host.has(HealthFlag.failedOutlierCheck)) return 0;
    const { clock } = this.environment.services;
    return clock.wall() - (clock.now() - monitor.ejectedAt) + monitor.ejectionTime;
  }

  onConsecutive(host: UpstreamHost, kind: ConsecutiveDetector): void {
    const monitor = this.monitors.get(host);
    if (monitor === undefined || host.has(HealthFlag.failedOutlierCheck)) return;
    if (kind === 'consecutive_5xx') this.stats.consecutive5xx.inc();
    this.detect(monitor, kind, 0, 0);
    // Restarts the count, so that the next bout is noticed although no success came between.
    if (kind === 'consecutive_5xx') monitor.consecutive5xx = 0;
    else if (kind === 'consecutive_gateway_failure') monitor.consecutiveGatewayFailure = 0;
    else monitor.consecutiveLocalOriginFailure = 0;
  }

  private detect(monitor: OutlierHostMonitor, kind: DetectorKind, rate: number, threshold: number): void {
    this.stats.detected.get(kind)?.inc();
    const why = detection(kind, this.config, rate, threshold);
    const { maxEjectionPercent, alwaysEjectOneHost } = this.config;
    const allowed =
      (100 * (this.ejected + 1)) / this.monitors.size <= maxEjectionPercent ||
      (alwaysEjectOneHost && this.ejected === 0);
    if (!allowed) {
      this.stats.overflow.inc();
      this.announceRefusal(
        monitor,
        kind,
        why,
        capRefusal(this.ejected, this.monitors.size, maxEjectionPercent),
      );
      return;
    }
    if (kind === 'consecutive_5xx' || kind === 'success_rate') this.stats.total.inc();
    const enforced = this.isEnforced(kind);
    if (enforced) this.eject(monitor, kind);
    this.logEject(monitor, kind, enforced);
    if (!enforced) {
      this.announceRefusal(monitor, kind, why, enforcingRefusal(kind, this.config.enforcing[kind]));
      return;
    }
    this.announceEjection(monitor, kind, why);
  }

  /** `enforcing_*` percent of the detections are carried out. */
  private isEnforced(kind: DetectorKind): boolean {
    const percent = this.config.enforcing[kind];
    if (percent >= 100) return true;
    return percent > 0 && this.environment.services.random.next() % 100 < percent;
  }

  private eject(monitor: OutlierHostMonitor, kind: DetectorKind): void {
    const { config } = this;
    const { clock, random } = this.environment.services;
    this.ejected++;
    this.stats.active.inc();
    this.stats.enforcedTotal.inc();
    this.stats.enforced.get(kind)?.inc();
    monitor.host.set(HealthFlag.failedOutlierCheck);
    monitor.ejections++;
    monitor.activeEjections++;
    monitor.ejectedAt = clock.now();
    monitor.jitter =
      config.maxEjectionTimeJitter > 0 ? random.next() % (Math.floor(config.maxEjectionTimeJitter) + 1) : 0;
    if (monitor.multiplier * config.baseEjectionTime < config.maxEjectionTime + config.baseEjectionTime) {
      monitor.multiplier++;
    }
    this.environment.onHealthChange(monitor.host);
    leaveFailedHost(monitor.host);
  }

  private sweep(): void {
    const now = this.environment.services.clock.now();
    for (const monitor of this.monitors.values()) {
      this.considerReturn(monitor, now);
      monitor.external.roll();
      monitor.localOrigin.roll();
    }
    this.externalRates = this.judge('external');
    this.localOriginRates = this.judge('localOrigin');
    this.sweepTimer.arm(this.config.interval);
  }

  private considerReturn(monitor: OutlierHostMonitor, now: number): void {
    if (!monitor.host.has(HealthFlag.failedOutlierCheck)) {
      if (monitor.multiplier > 0) monitor.multiplier--;
      return;
    }
    if (monitor.ejectionTime <= now - monitor.ejectedAt) this.uneject(monitor, now);
  }

  /** `successful_active_health_check_uneject_host`: a host that passes its health check comes back at once. */
  onHealthCheckPassed(host: UpstreamHost): void {
    if (this.config.unejectedByHealthCheck) this.unejectNow(host, 'its health check passed', '');
  }

  /** Somebody wants the host back. False when it is not ejected. */
  unejectManually(host: UpstreamHost): boolean {
    return this.unejectNow(host, 'it was taken back by hand', 'manual');
  }

  private unejectNow(host: UpstreamHost, why: string, detector: string): boolean {
    const monitor = this.monitors.get(host);
    if (monitor === undefined || !host.has(HealthFlag.failedOutlierCheck)) return false;
    this.uneject(monitor, this.environment.services.clock.now(), why, detector);
    return true;
  }

  private uneject(monitor: OutlierHostMonitor, now: number, why = '', detector = ''): void {
    const { services, clusterName, news, onHealthChange, eventLog } = this.environment;
    const { host } = monitor;
    this.release(monitor);
    monitor.resetConsecutive();
    monitor.unejectedAt = now;
    onHealthChange(host);
    const wall = services.clock.wall();
    eventLog?.(unejectLine(clusterName, monitor, wall, now));
    const because = why === '' ? '' : `, as ${why}`;
    news.announce(
      host,
      upstreamEvent({
        at: wall,
        detector,
        reason: why,
        kind: 'host-returned',
        tone: 'ok',
        text: `${host.address} of ${clusterName} is back after ${seconds(now - monitor.ejectedAt)}${because}; its counts of failures start at 0.`,
        cluster: clusterName,
        host: host.address,
        duration: now - monitor.ejectedAt,
        count: monitor.multiplier,
      }),
    );
  }

  /** Success rates and failure percentages of the last interval. */
  private judge(origin: 'external' | 'localOrigin'): SuccessRateNumbers {
    if (origin === 'localOrigin' && !this.config.splitExternalLocalOriginErrors) return UNKNOWN_RATES;
    const verdict = judgeSuccessRates([...this.monitors.values()], origin, this.config);
    if (origin === 'external') this.externalRates = verdict.numbers;
    else this.localOriginRates = verdict.numbers;
    for (const outlier of verdict.outliers) {
      if (!outlier.kind.endsWith('failure_percentage')) this.stats.successRate.inc();
      this.detect(outlier.monitor, outlier.kind, outlier.monitor[origin].rate, verdict.numbers.threshold);
    }
    return verdict.numbers;
  }

  private logEject(monitor: OutlierHostMonitor, kind: DetectorKind, enforced: boolean): void {
    const { services, clusterName, eventLog } = this.environment;
    if (eventLog === null) return;
    const rates = kind.startsWith('local_origin') ? this.localOriginRates : this.externalRates;
    eventLog(
      ejectLine({
        kind,
        cluster: clusterName,
        monitor,
        enforced,
        wall: services.clock.wall(),
        now: services.clock.now(),
        average: rates.average,
        threshold: rates.threshold,
      }),
    );
  }

  private announceEjection(monitor: OutlierHostMonitor, kind: DetectorKind, why: string): void {
    const { services, clusterName, news } = this.environment;
    const duration = monitor.ejectionTime;
    news.announce(
      monitor.host,
      upstreamEvent({
        at: services.clock.wall(),
        kind: 'host-ejected',
        tone: 'eject',
        text: `${monitor.host.address} of ${clusterName} is ejected for ${seconds(duration)} (number ${monitor.multiplier} in a row): ${why}.`,
        cluster: clusterName,
        host: monitor.host.address,
        detector: kind,
        reason: why,
        duration,
        count: monitor.multiplier,
      }),
    );
  }

  /** The first refusal is told at once, those that follow together, so that a host that only fails fills no list. */
  private announceRefusal(
    monitor: OutlierHostMonitor,
    kind: DetectorKind,
    why: string,
    refusal: string,
  ): void {
    const { services, clusterName, news } = this.environment;
    const now = services.clock.now();
    const before = monitor.refusals.get(kind);
    if (before !== undefined && before.reason === refusal && now - before.toldAt < REFUSAL_PAUSE) {
      before.untold++;
      return;
    }
    const count = 1 + (before?.untold ?? 0);
    monitor.refusals.set(kind, { reason: refusal, toldAt: now, untold: 0 });
    const times = count === 1 ? '' : `, ${count} times since the last notice`;
    news.announce(
      monitor.host,
      upstreamEvent({
        at: services.clock.wall(),
        kind: 'host-not-ejected',
        tone: 'warn',
        text: `${monitor.host.address} of ${clusterName} was detected (${why}${times}) but not ejected: ${refusal}.`,
        cluster: clusterName,
        host: monitor.host.address,
        detector: kind,
        reason: refusal,
        count,
      }),
    );
  }

  /**
   * Two detectors of one sweep may eject a host twice, and both count as active, as in Envoy; unlike there, both
   * are given back when it returns, or the gauge and the cap would be wrong for ever after.
   */
  private release(monitor: OutlierHostMonitor): void {
    monitor.host.clear(HealthFlag.failedOutlierCheck);
    for (; monitor.activeEjections > 0; monitor.activeEjections--) {
      this.ejected--;
      this.stats.active.dec();
    }
  }

  private forget(host: UpstreamHost): void {
    const monitor = this.monitors.get(host);
    this.monitors.delete(host);
    if (monitor !== undefined) this.release(monitor);
    host.outlier = null;
  }
}
