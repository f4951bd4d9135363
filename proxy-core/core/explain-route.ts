import type { DecisionStep } from '../facade/decision.ts';
import type { Route, RouteInput, RouteNarration } from '../route/index.ts';
import { Narration, plural, step } from './narration.ts';

export interface ToldRoute {
  readonly route: Route | null;
  /** The virtual host that took the request; null when none did. */
  readonly virtualHost: string | null;
  readonly steps: readonly DecisionStep[];
}

/** Runs a decision with somebody listening: one step for the virtual host and, when one was found, one for its routes. */
export function routeSteps(
  input: RouteInput,
  decide: (narration: RouteNarration) => Route | null,
): ToldRoute {
  const virtualHosts = new Narration();
  const routes = new Narration();
  const route = decide({ virtualHost: virtualHosts, route: routes });
  const winner = virtualHosts.candidates.find((each) => each.result === 'won');
  const virtualHost = route?.virtualHost.name ?? winner?.name ?? null;
  const host = input.head.authority;
  const steps = [
    step(
      {
        kind: 'virtual-host',
        subject: virtualHost ?? 'none',
        text: virtualHost === null ? `takes host \`${host}\`` : `for host \`${host}\``,
        tone: virtualHost === null ? 'bad' : 'neutral',
        source: winner?.source ?? null,
      },
      virtualHosts,
    ),
  ];
  if (virtualHost === null) return { route: null, virtualHost, steps };
  const count = routes.candidates.length;
  steps.push(
    step(
      {
        kind: 'route',
        subject: route === null ? 'none' : routeSubject(route),
        text:
          route === null
            ? `of ${plural(count, 'route')} matches`
            : count <= 1
              ? 'is the only route'
              : `is the first of ${count} that matches`,
        tone: route === null ? 'bad' : 'good',
        source: route?.source ?? null,
      },
      routes,
    ),
  );
  return { route, virtualHost, steps };
}

export function routeSubject(route: Route): string {
  return route.name === '' ? route.matchText : route.name;
}
