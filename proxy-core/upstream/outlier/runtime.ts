import type { DetectorKind, OutlierConfig } from '../cluster-config.ts';
import type { RuntimeReader } from '../runtime-reader.ts';

/** The runtime word of each enforcing percentage, behind `outlier_detection.enforcing_`. */
const ENFORCING: Readonly<Record<DetectorKind, string>> = {
  consecutive_5xx: 'consecutive_5xx',
  consecutive_gateway_failure: 'consecutive_gateway_failure',
  consecutive_local_origin_failure: 'consecutive_local_origin_failure',
  success_rate: 'success_rate',
  local_origin_success_rate: 'local_origin_success_rate',
  failure_percentage: 'failure_percentage',
  local_origin_failure_percentage: 'failure_percentage_local_origin',
};

/** The settings with what the runtime overrules (`outlier_detection.consecutive_5xx` and so on). */
export function withRuntime(config: OutlierConfig, runtime: RuntimeReader): OutlierConfig {
  if (runtime.current.size === 0) return config;
  const number = (key: string, fallback: number): number =>
    runtime.number(`outlier_detection.${key}`, fallback);
  const percent = (key: string, fallback: number): number => Math.min(100, number(key, fallback));
  const enforcing = { ...config.enforcing };
  for (const [kind, word] of Object.entries(ENFORCING) as [DetectorKind, string][]) {
    enforcing[kind] = percent(`enforcing_${word}`, config.enforcing[kind]);
  }
  return {
    ...config,
    interval: number('interval_ms', config.interval),
    baseEjectionTime: number('base_ejection_time_ms', config.baseEjectionTime),
    maxEjectionTime: number('max_ejection_time_ms', config.maxEjectionTime),
    maxEjectionTimeJitter: number('max_ejection_time_jitter_ms', config.maxEjectionTimeJitter),
    maxEjectionPercent: percent('max_ejection_percent', config.maxEjectionPercent),
    consecutive5xx: number('consecutive_5xx', config.consecutive5xx),
    consecutiveGatewayFailure: number('consecutive_gateway_failure', config.consecutiveGatewayFailure),
    consecutiveLocalOriginFailure: number(
      'consecutive_local_origin_failure',
      config.consecutiveLocalOriginFailure,
    ),
    successRateMinimumHosts: number('success_rate_minimum_hosts', config.successRateMinimumHosts),
    successRateRequestVolume: number('success_rate_request_volume', config.successRateRequestVolume),
    successRateStdevFactor: number('success_rate_stdev_factor', config.successRateStdevFactor),
    failurePercentageThreshold: number('failure_percentage_threshold', config.failurePercentageThreshold),
    failurePercentageMinimumHosts: number(
      'failure_percentage_minimum_hosts',
      config.failurePercentageMinimumHosts,
    ),
    failurePercentageRequestVolume: number(
      'failure_percentage_request_volume',
      config.failurePercentageRequestVolume,
    ),
    enforcing,
  };
}
