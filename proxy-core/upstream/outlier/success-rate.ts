import type { DetectorKind, OutlierConfig } from '../cluster-config.ts';
import { HealthFlag } from '../host.ts';
import type { OutlierHostMonitor } from './monitor.ts';

/** Cluster-wide numbers of the last sweep; -1 when there were too few hosts or requests. */
export interface SuccessRateNumbers {
  readonly average: number;
  readonly threshold: number;
}

export const UNKNOWN_RATES: SuccessRateNumbers = { average: -1, threshold: -1 };

export interface SuccessRateVerdict {
  readonly numbers: SuccessRateNumbers;
  /** In the order in which they are to be treated; a host may stand in it twice, once for each detector. */
  readonly outliers: readonly { readonly monitor: OutlierHostMonitor; readonly kind: DetectorKind }[];
}

/** mean - factor · population standard deviation. */
export function successRateThreshold(rates: readonly number[], stdevFactor: number): SuccessRateNumbers {
  const average = rates.reduce((a, b) => a + b, 0) / rates.length;
  const variance = rates.reduce((sum, rate) => sum + (rate - average) ** 2, 0) / rates.length;
  return { average, threshold: average - stdevFactor * Math.sqrt(variance) };
}

/** Judges the last interval's requests of every host that is not ejected, and stores each host's rate. */
export function judgeSuccessRates(
  monitors: readonly OutlierHostMonitor[],
  origin: 'external' | 'localOrigin',
  config: OutlierConfig,
): SuccessRateVerdict {
  const enoughForRate = monitors.length >= config.successRateMinimumHosts;
  const enoughForPercentage = monitors.length >= config.failurePercentageMinimumHosts;
  if (!enoughForRate && !enoughForPercentage) return { numbers: UNKNOWN_RATES, outliers: [] };

  const forRate: { monitor: OutlierHostMonitor; rate: number }[] = [];
  const forPercentage: { monitor: OutlierHostMonitor; rate: number }[] = [];
  for (const monitor of monitors) {
    const window = monitor[origin];
    if (window.lastTotal === 0 || monitor.host.has(HealthFlag.failedOutlierCheck)) continue;
    const rate = (100 * window.lastSuccess) / window.lastTotal;
    if (
      window.lastTotal >= Math.min(config.successRateRequestVolume, config.failurePercentageRequestVolume)
    ) {
      window.rate = rate;
    }
    if (window.lastTotal >= config.successRateRequestVolume) forRate.push({ monitor, rate });
    if (window.lastTotal >= config.failurePercentageRequestVolume) forPercentage.push({ monitor, rate });
  }

  const outliers: { monitor: OutlierHostMonitor; kind: DetectorKind }[] = [];
  let numbers = UNKNOWN_RATES;
  if (forRate.length > 0 && forRate.length >= config.successRateMinimumHosts) {
    numbers = successRateThreshold(
      forRate.map((entry) => entry.rate),
      config.successRateStdevFactor / 1000,
    );
    const kind: DetectorKind = origin === 'external' ? 'success_rate' : 'local_origin_success_rate';
    for (const { monitor, rate } of forRate) {
      if (rate < numbers.threshold) outliers.push({ monitor, kind });
    }
  }
  if (forPercentage.length > 0 && forPercentage.length >= config.failurePercentageMinimumHosts) {
    const kind: DetectorKind =
      origin === 'external' ? 'failure_percentage' : 'local_origin_failure_percentage';
    for (const { monitor, rate } of forPercentage) {
      if (100 - rate >= config.failurePercentageThreshold) outliers.push({ monitor, kind });
    }
  }
  return { numbers, outliers };
}
