import { HealthFlag } from '../host.ts';

/**
 * Why a host with these flags is not plainly healthy, as part of a sentence; empty when it is. `answer` is what its
 * last health check said. One wording for states, explanations and the admin's reader.
 */
export function healthReason(flags: number, answer: string): string {
  const reasons: string[] = [];
  const said = answer === '' ? '' : `: ${answer}`;
  const has = (flag: number): boolean => (flags & flag) !== 0;
  if (has(HealthFlag.ejectedManually)) reasons.push('ejected by hand');
  if (has(HealthFlag.failedOutlierCheck)) reasons.push('ejected by outlier detection');
  if (has(HealthFlag.failedActiveCheck)) {
    reasons.push(answer === '' ? 'not checked yet' : `fails its health check${said}`);
  }
  if (has(HealthFlag.failedEdsHealth)) reasons.push('its endpoint says UNHEALTHY');
  if (has(HealthFlag.draining)) reasons.push('its endpoint says DRAINING');
  if (has(HealthFlag.degradedActiveCheck)) reasons.push(`degraded by its health check${said}`);
  if (has(HealthFlag.degradedEdsHealth)) reasons.push('its endpoint says DEGRADED');
  if (has(HealthFlag.pendingActiveCheck)) reasons.push('left out until its first health check');
  if (has(HealthFlag.excludedViaImmediateFail)) reasons.push('it asked to be left out at once');
  if (has(HealthFlag.pendingDynamicRemoval)) {
    reasons.push('no longer named by its endpoints, kept while its health check passes');
  }
  return reasons.join('; ');
}
