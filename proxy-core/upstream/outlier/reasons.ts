import type { DetectorKind, OutlierConfig } from '../cluster-config.ts';

/** The sentences about ejections, in one place so that events, states and explanations say the same. */

export function capRefusal(ejected: number, hosts: number, maxEjectionPercent: number): string {
  const percent = Math.floor((100 * (ejected + 1)) / hosts);
  return `${ejected + 1} of ${hosts} hosts is ${percent} %, max_ejection_percent ${maxEjectionPercent} % would be exceeded`;
}

export function enforcingRefusal(kind: DetectorKind, percent: number): string {
  const field = `enforcing_${kind}`;
  return percent === 0
    ? `${field} is 0 %: detected only, never ejected`
    : `${field} is ${percent} %, and this draw was not among them`;
}

export function detection(
  kind: DetectorKind,
  config: OutlierConfig,
  rate: number,
  threshold: number,
): string {
  switch (kind) {
    case 'consecutive_5xx':
      return `${config.consecutive5xx} × 5xx in a row`;
    case 'consecutive_gateway_failure':
      return `${config.consecutiveGatewayFailure} gateway failures (502, 503, 504) in a row`;
    case 'consecutive_local_origin_failure':
      return `${config.consecutiveLocalOriginFailure} connect failures or timeouts in a row`;
    case 'success_rate':
    case 'local_origin_success_rate':
      return `success rate ${round(rate)} % is below the cluster's threshold of ${round(threshold)} %`;
    case 'failure_percentage':
    case 'local_origin_failure_percentage':
      return `${round(100 - rate)} % of its requests failed, failure_percentage_threshold is ${config.failurePercentageThreshold} %`;
  }
}

export function seconds(milliseconds: number): string {
  return `${Number((milliseconds / 1000).toFixed(3))} s`;
}

/** Why these settings can never eject anybody, empty when they can. */
export function neverEjectsReason(config: OutlierConfig, hosts: number): string {
  const active = (Object.keys(config.enforcing) as DetectorKind[]).filter((kind) => isOn(kind, config));
  if (active.length === 0) {
    return 'No detector can eject: every threshold is off or its enforcing percentage is 0 %.';
  }
  if (hosts === 0 || config.alwaysEjectOneHost || 100 / hosts <= config.maxEjectionPercent) return '';
  const one = Math.floor(100 / hosts);
  if (config.maxEjectionPercent === 0) {
    return 'max_ejection_percent is 0 %: no host is ever ejected.';
  }
  const needed = Math.ceil(100 / config.maxEjectionPercent);
  return `max_ejection_percent is ${config.maxEjectionPercent} %, and one of ${hosts} host${hosts === 1 ? '' : 's'} is already ${one} %: no host is ever ejected. It takes ${needed} hosts, or max_ejection_percent of at least ${Math.ceil(100 / hosts)} %.`;
}

function isOn(kind: DetectorKind, config: OutlierConfig): boolean {
  if (config.enforcing[kind] === 0) return false;
  switch (kind) {
    case 'consecutive_5xx':
      return config.consecutive5xx > 0;
    case 'consecutive_gateway_failure':
      return config.consecutiveGatewayFailure > 0;
    case 'consecutive_local_origin_failure':
      return config.splitExternalLocalOriginErrors && config.consecutiveLocalOriginFailure > 0;
    case 'local_origin_success_rate':
    case 'local_origin_failure_percentage':
      return config.splitExternalLocalOriginErrors;
    case 'success_rate':
    case 'failure_percentage':
      return true;
  }
}

function round(value: number): number {
  return Number(value.toFixed(1));
}
