import type { DetectorKind, OutlierConfig } from '../cluster-config.ts';
import type { UpstreamHost } from '../host.ts';
import type { LocalOriginResult, OutlierMonitor } from '../types.ts';

export type ConsecutiveDetector =
  | 'consecutive_5xx'
  | 'consecutive_gateway_failure'
  | 'consecutive_local_origin_failure';

/** What a monitor tells its detector: this many failures in a row were reached. */
export interface ConsecutiveListener {
  readonly config: OutlierConfig;
  onConsecutive(host: UpstreamHost, kind: ConsecutiveDetector): void;
}

/** Requests and successes of one origin, counted now and kept for the last whole interval. */
export class SuccessRateWindow {
  total = 0;
  success = 0;
  lastTotal = 0;
  lastSuccess = 0;
  /** Percent as of the last sweep, -1 when unknown. */
  rate = -1;

  roll(): void {
    this.lastTotal = this.total;
    this.lastSuccess = this.success;
    this.total = 0;
    this.success = 0;
    this.rate = -1;
  }
}

/** Counts the results of one host (envoy DetectorHostMonitorImpl). */
export class OutlierHostMonitor implements OutlierMonitor {
  consecutive5xx = 0;
  consecutiveGatewayFailure = 0;
  consecutiveLocalOriginFailure = 0;
  readonly external = new SuccessRateWindow();
  readonly localOrigin = new SuccessRateWindow();
  /** Ejections since the host exists. */
  ejections = 0;
  /** Ejections in a row: the factor of the ejection time. */
  multiplier = 0;
  /** Ejections in force: 2 when two detectors of one sweep hit. */
  activeEjections = 0;
  jitter = 0;
  /** What was told of detections that ejected nobody. */
  readonly refusals = new Map<
    DetectorKind,
    { readonly reason: string; readonly toldAt: number; untold: number }
  >();
  /** Monotonic milliseconds, -1 = never. */
  ejectedAt = -1;
  unejectedAt = -1;

  constructor(
    readonly host: UpstreamHost,
    private readonly listener: ConsecutiveListener,
  ) {}

  /** The settings as the runtime leaves them now. */
  private get config(): OutlierConfig {
    return this.listener.config;
  }

  putHttpStatus(status: number): void {
    this.external.total++;
    if (status < 500 || status > 599) {
      this.external.success++;
      this.consecutive5xx = 0;
      this.consecutiveGatewayFailure = 0;
      return;
    }
    if (status >= 502 && status <= 504) {
      if (++this.consecutiveGatewayFailure === this.config.consecutiveGatewayFailure) {
        this.listener.onConsecutive(this.host, 'consecutive_gateway_failure');
      }
    } else {
      this.consecutiveGatewayFailure = 0;
    }
    if (++this.consecutive5xx === this.config.consecutive5xx) {
      this.listener.onConsecutive(this.host, 'consecutive_5xx');
    }
  }

  putLocalOrigin(result: LocalOriginResult): void {
    if (!this.config.splitExternalLocalOriginErrors) {
      // Without the split a failure of our own making counts as the answer that it would have been.
      if (result === 'request-timeout') this.putHttpStatus(504);
      else if (result !== 'connect-success') this.putHttpStatus(503);
      return;
    }
    this.localOrigin.total++;
    if (result === 'connect-success') {
      this.localOrigin.success++;
      this.consecutiveLocalOriginFailure = 0;
      return;
    }
    if (++this.consecutiveLocalOriginFailure === this.config.consecutiveLocalOriginFailure) {
      this.listener.onConsecutive(this.host, 'consecutive_local_origin_failure');
    }
  }

  resetConsecutive(): void {
    this.consecutive5xx = 0;
    this.consecutiveGatewayFailure = 0;
    this.consecutiveLocalOriginFailure = 0;
  }

  /** Milliseconds that the present ejection lasts at least. */
  get ejectionTime(): number {
    return (
      Math.min(this.config.baseEjectionTime * this.multiplier, this.config.maxEjectionTime) + this.jitter
    );
  }
}
