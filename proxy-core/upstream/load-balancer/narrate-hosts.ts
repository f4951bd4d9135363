import type { Narrator } from '../../facade/decision.ts';
import type { CompiledCluster } from '../cluster-config.ts';
import { healthReason } from '../health/reason.ts';
import { coarseHealth, HealthFlag, healthFlagWords, isExcluded, type UpstreamHost } from '../host.ts';
import type { HostSet, HostView } from '../host-set.ts';

/** Tells each host of a set: the one picked, those that could have been, and those left out and why. */
export function narrateHosts(
  set: HostSet,
  picked: UpstreamHost | null,
  config: CompiledCluster,
  wall: number,
  narrator: Narrator,
  /** Why the balancer left a healthy host out; empty = it did not. */
  leftOutBy: (view: HostView) => string = () => '',
): void {
  let index = 0;
  for (const priority of set.priorities) {
    for (const view of priority.views) {
      index++;
      const won = view.host === picked;
      const why = leftOut(view, wall) || (won ? '' : leftOutBy(view));
      narrator.candidate({
        result: won ? 'won' : 'lost',
        index,
        name: view.host.address,
        condition: `weight ${view.weight}${set.priorities.length > 1 ? `, priority ${view.host.priority}` : ''}`,
        reason: won ? pickedBecause(why) : why === '' ? passedOver(view.host, picked) : why,
        source: sourceOf(config, view.host),
      });
    }
  }
}

function pickedBecause(flaw: string): string {
  return flaw === '' ? 'picked' : `picked although ${flaw}`;
}

function passedOver(host: UpstreamHost, picked: UpstreamHost | null): string {
  return picked !== null && host.priority !== picked.priority
    ? `healthy, but priority ${picked.priority} was drawn`
    : 'healthy, not picked this time';
}

function leftOut(view: HostView, wall: number): string {
  const { flags } = view;
  if (flags === 0) return '';
  if ((flags & HealthFlag.failedOutlierCheck) !== 0) {
    const at = new Date(view.ejectedUntil).toISOString().slice(11, 23);
    return view.ejectedUntil > wall
      ? `ejected until ${at} UTC`
      : `ejected until ${at} UTC or the sweep after it`;
  }
  const why = `${healthReason(flags, view.checkAnswer)} (\`${healthFlagWords(flags)}\`)`;
  if ((flags & HealthFlag.ejectedManually) !== 0) return why;
  if (isExcluded(flags)) return `left out: ${why}`;
  switch (coarseHealth(flags)) {
    case 'degraded':
      return `degraded: ${why}`;
    case 'unhealthy':
      return `unhealthy: ${why}`;
    case 'healthy':
      return '';
  }
}

function sourceOf(config: CompiledCluster, host: UpstreamHost): CompiledCluster['source'] | null {
  const found = config.endpoints.find(
    (e) => e.port === host.port && (e.address === host.ip || e.address === host.hostname),
  );
  return found?.source ?? null;
}
