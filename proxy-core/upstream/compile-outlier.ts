import type { CompileContext } from '../config/compile-context.ts';
import type { MessageReader } from '../config/reader.ts';
import type { OutlierConfig } from './cluster-config.ts';

/** Reads `outlier_detection`; null when it is not set. The runtime overrules its numbers later, while it runs. */
export function compileOutlier(cluster: MessageReader, ctx: CompileContext): OutlierConfig | null {
  const reader = cluster.message('outlier_detection');
  if (reader === undefined) return null;
  const number = (field: string, fallback: number): number => reader.number(field) ?? fallback;
  const duration = (field: string, fallback: number): number => reader.duration(field) ?? fallback;
  const percent = (field: string, fallback: number): number => Math.min(100, number(field, fallback));

  const baseEjectionTime = duration('base_ejection_time', 30_000);
  const maxEjectionTime = duration('max_ejection_time', Math.max(300_000, baseEjectionTime));
  if (maxEjectionTime < baseEjectionTime) {
    ctx.report(
      'error',
      'cluster.outlier-max-below-base',
      reader,
      'max_ejection_time',
      `max_ejection_time (${maxEjectionTime / 1000} s) is shorter than base_ejection_time (${baseEjectionTime / 1000} s).`,
      { expected: `at least ${baseEjectionTime / 1000}s` },
    );
  }
  return {
    interval: duration('interval', 10_000),
    baseEjectionTime,
    maxEjectionTime,
    maxEjectionTimeJitter: duration('max_ejection_time_jitter', 0),
    maxEjectionPercent: percent('max_ejection_percent', 10),
    alwaysEjectOneHost: reader.bool('always_eject_one_host') ?? false,
    splitExternalLocalOriginErrors: reader.bool('split_external_local_origin_errors') ?? false,
    unejectedByHealthCheck: reader.bool('successful_active_health_check_uneject_host') ?? true,
    consecutive5xx: number('consecutive_5xx', 5),
    consecutiveGatewayFailure: number('consecutive_gateway_failure', 5),
    consecutiveLocalOriginFailure: number('consecutive_local_origin_failure', 5),
    successRateMinimumHosts: number('success_rate_minimum_hosts', 5),
    successRateRequestVolume: number('success_rate_request_volume', 100),
    successRateStdevFactor: number('success_rate_stdev_factor', 1900),
    failurePercentageThreshold: number('failure_percentage_threshold', 85),
    failurePercentageMinimumHosts: number('failure_percentage_minimum_hosts', 5),
    failurePercentageRequestVolume: number('failure_percentage_request_volume', 50),
    enforcing: {
      consecutive_5xx: percent('enforcing_consecutive_5xx', 100),
      consecutive_gateway_failure: percent('enforcing_consecutive_gateway_failure', 0),
      consecutive_local_origin_failure: percent('enforcing_consecutive_local_origin_failure', 100),
      success_rate: percent('enforcing_success_rate', 100),
      local_origin_success_rate: percent('enforcing_local_origin_success_rate', 100),
      failure_percentage: percent('enforcing_failure_percentage', 0),
      local_origin_failure_percentage: percent('enforcing_failure_percentage_local_origin', 0),
    },
    source: reader.range,
  };
}

/** A whole number of the static runtime layers. */
export function runtimeNumber(ctx: CompileContext, key: string): number | undefined {
  const value = ctx.runtime.get(key);
  const number = typeof value === 'string' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) && number >= 0
    ? Math.floor(number)
    : undefined;
}
