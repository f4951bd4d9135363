import type { Random } from '../../base/random.ts';
import type { HealthCheckIntervals } from './config.ts';

/** What a check did to its host: nothing, moved it, or brought it nearer to its threshold. */
export type HealthTransition = 'unchanged' | 'changed' | 'change-pending';

export interface IntervalLimits {
  /** Runtime `health_check.min_interval` and `health_check.max_interval`, milliseconds. */
  readonly min: number;
  readonly max: number;
}

export const NO_LIMITS: IntervalLimits = { min: 0, max: Number.POSITIVE_INFINITY };

/**
 * Milliseconds until the next check of a host whose last check `succeeded` (envoy HealthCheckerImplBase::interval).
 * `hasTraffic`: the cluster has made a connection since it exists.
 */
export function nextInterval(
  config: HealthCheckIntervals,
  succeeded: boolean,
  transition: HealthTransition,
  hasTraffic: boolean,
  random: Random,
  limits: IntervalLimits = NO_LIMITS,
): number {
  return jittered(
    baseInterval(config, succeeded, transition, hasTraffic),
    config.intervalJitter,
    config,
    random,
    limits,
  );
}

/** Milliseconds until the first check; 0 = at once. */
export function firstInterval(config: HealthCheckIntervals, random: Random, limits = NO_LIMITS): number {
  return config.initialJitter === 0 ? 0 : jittered(0, config.initialJitter, config, random, limits);
}

function baseInterval(
  config: HealthCheckIntervals,
  succeeded: boolean,
  transition: HealthTransition,
  hasTraffic: boolean,
): number {
  const pending = transition === 'change-pending';
  if (!hasTraffic) {
    return succeeded && !pending ? config.noTrafficHealthyInterval : config.noTrafficInterval;
  }
  if (succeeded) return pending ? config.healthyEdgeInterval : config.interval;
  return pending ? config.unhealthyEdgeInterval : config.unhealthyInterval;
}

function jittered(
  base: number,
  jitter: number,
  config: HealthCheckIntervals,
  random: Random,
  limits: IntervalLimits,
): number {
  let time = Math.floor(base);
  const share = Math.floor((config.intervalJitterPercent * time) / 100);
  if (share > 0) time += random.next() % share;
  const most = Math.floor(jitter);
  if (most > 0) time += random.next() % most;
  return Math.max(1, Math.min(time, limits.max), limits.min);
}
