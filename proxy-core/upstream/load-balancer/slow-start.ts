import type { SlowStartConfig } from '../cluster-config.ts';
import { coarseHealth, type UpstreamHost } from '../host.ts';

/**
 * Share of its weight that a host has now: max(minimum, (age / window)^(1 / aggression)), 1 when the window is over
 * (envoy EdfLoadBalancerBase::applySlowStartFactor).
 */
export function slowStartFactor(host: UpstreamHost, config: SlowStartConfig, now: number): number {
  const age = now - host.healthySince;
  if (age >= config.window || coarseHealth(host.healthFlags) !== 'healthy') return 1;
  const time = Math.max(1, age) / config.window;
  const grown = config.aggression === 1 ? time : time ** (1 / config.aggression);
  return Math.max(grown, config.minimumWeight);
}
