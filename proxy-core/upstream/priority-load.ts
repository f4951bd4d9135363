/**
 * Which share of the traffic goes to which priority, and which priorities panic, in Envoy's integer arithmetic
 * (source/common/upstream: LoadBalancerBase, architecture pages "Priority levels", "Degraded endpoints",
 * "Panic threshold").
 */

/** What the arithmetic needs to know of one priority. Weights are used with `weighted_priority_health` only. */
export interface PriorityCounts {
  readonly hosts: number;
  readonly healthy: number;
  readonly degraded: number;
  /** Hosts that do not count at all (draining). */
  readonly excluded: number;
}

export interface PriorityLoad {
  /** min(100, factor · healthy / total) of each priority. */
  readonly health: readonly number[];
  readonly degradedHealth: readonly number[];
  /** Percent of the traffic that each priority's healthy (in panic: all) hosts get. */
  readonly healthyLoad: readonly number[];
  readonly degradedLoad: readonly number[];
  readonly panic: readonly boolean[];
  /** min(100, sum of all health): 100 means that no priority panics. */
  readonly totalAvailability: number;
  /** Every priority panics: the load goes by number of hosts. */
  readonly totalPanic: boolean;
}

export function computePriorityLoad(
  priorities: readonly PriorityCounts[],
  overprovisioningFactor: number,
  panicThreshold: number,
): PriorityLoad {
  const share = (part: number, p: PriorityCounts): number => {
    const total = p.hosts - p.excluded;
    return total > 0 ? Math.min(100, Math.floor((overprovisioningFactor * part) / total)) : 0;
  };
  const health = priorities.map((p) => share(p.healthy, p));
  const degradedHealth = priorities.map((p) => share(p.degraded, p));
  const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);
  const totalAvailability = Math.min(100, sum(health) + sum(degradedHealth));
  const healthyLoad = priorities.map(() => 0);
  const degradedLoad = priorities.map(() => 0);

  if (totalAvailability === 0) {
    healthyLoad[0] = 100;
  } else {
    const afterHealthy = distribute(healthyLoad, health, 100, totalAvailability);
    const afterDegraded = distribute(degradedLoad, degradedHealth, afterHealthy.rest, totalAvailability);
    // What is left is a rounding error; it goes to the first priority that has anything.
    if (afterDegraded.rest > 0) {
      if (afterHealthy.first >= 0)
        healthyLoad[afterHealthy.first] = at(healthyLoad, afterHealthy.first) + afterDegraded.rest;
      else degradedLoad[afterDegraded.first] = at(degradedLoad, afterDegraded.first) + afterDegraded.rest;
    }
  }

  const base = { health, degradedHealth, healthyLoad, degradedLoad, totalAvailability };
  const none = priorities.map(() => false);
  if (panicThreshold === 0 && totalAvailability === 0) return { ...base, panic: none, totalPanic: false };
  const panic = totalAvailability === 100 ? none : priorities.map((p) => isBelowThreshold(p, panicThreshold));
  const totalPanic = panic.every(Boolean);
  if (totalPanic) spreadByHosts(priorities, healthyLoad, degradedLoad);
  return { ...base, panic, totalPanic };
}

/**
 * The load of the other priorities when some are left out (Envoy: PreviousPriorities::adjustForAttemptedPriorities);
 * null when none of them is available.
 */
export function loadWithout(
  load: PriorityLoad,
  excluded: ReadonlySet<number>,
): Pick<PriorityLoad, 'healthyLoad' | 'degradedLoad'> | null {
  const rest = (list: readonly number[]): number[] => list.map((value, i) => (excluded.has(i) ? 0 : value));
  const health = rest(load.health);
  const degradedHealth = rest(load.degradedHealth);
  const total = Math.min(
    100,
    [...health, ...degradedHealth].reduce((a, b) => a + b, 0),
  );
  if (total === 0) return null;
  const healthyLoad = health.map(() => 0);
  const degradedLoad = health.map(() => 0);
  const healthy = distribute(healthyLoad, health, 100, total);
  const degraded = distribute(degradedLoad, degradedHealth, healthy.rest, total);
  if (degraded.rest > 0) {
    if (healthy.first >= 0) healthyLoad[healthy.first] = at(healthyLoad, healthy.first) + degraded.rest;
    else degradedLoad[degraded.first] = at(degradedLoad, degraded.first) + degraded.rest;
  }
  return { healthyLoad, degradedLoad };
}

/** Percent of the counted hosts that are available. */
export function availablePercent(p: PriorityCounts): number {
  const total = p.hosts - p.excluded;
  return total === 0 ? 0 : (100 * (p.healthy + p.degraded)) / total;
}

function isBelowThreshold(p: PriorityCounts, threshold: number): boolean {
  return availablePercent(p) < threshold;
}

function distribute(
  load: number[],
  availability: readonly number[],
  total: number,
  totalAvailability: number,
): { first: number; rest: number } {
  let first = -1;
  let rest = total;
  for (let i = 0; i < availability.length; i++) {
    const available = at(availability, i);
    if (first < 0 && available > 0) first = i;
    const mine = Math.min(rest, Math.floor((available * 100) / totalAvailability));
    load[i] = mine;
    rest -= mine;
  }
  return { first, rest };
}

function spreadByHosts(priorities: readonly PriorityCounts[], healthy: number[], degraded: number[]): void {
  const total = priorities.reduce((n, p) => n + p.hosts, 0);
  degraded.fill(0);
  healthy.fill(0);
  if (total === 0) {
    healthy[0] = 100;
    return;
  }
  let rest = 100;
  let first = -1;
  priorities.forEach((p, i) => {
    if (first < 0 && p.hosts > 0) first = i;
    const mine = Math.floor((100 * p.hosts) / total);
    healthy[i] = mine;
    rest -= mine;
  });
  healthy[first] = at(healthy, first) + rest;
}

function at(list: readonly number[], index: number): number {
  return list[index] ?? 0;
}
