import type { RequestHead, StreamInfo } from '../../base/stream-info.ts';
import type { Narrator } from '../../facade/decision.ts';
import { decideRoute } from '../../route/decide.ts';
import type { Route, RouteInput } from '../../route/types.ts';
import type { HttpConnectionManagerConfig } from '../connection-manager-config.ts';
import type { FilterAnswer } from '../filter.ts';
import { disabledByRoute, routeConfigs, routeLevels } from './per-route.ts';

/**
 * Asks the filters in order what they do with a request; the answer of the first that lets it go no further. The head
 * of `input` changes where a filter changes it and has the route found anew.
 */
export function explainFilters(
  config: HttpConnectionManagerConfig,
  routed: Route | null,
  input: RouteInput,
  info: StreamInfo,
  narrator: Narrator,
): FilterAnswer | null {
  let route = routed;
  let levels = routeLevels(config.routes, route, input);
  const reroute = (change: (head: RequestHead) => void): void => {
    change(input.head);
    route = decideRoute(config.routes, input, null);
    levels = routeLevels(config.routes, route, input);
  };
  for (const { factory, disabled } of config.filters) {
    if (disabledByRoute(levels, factory.name) ?? disabled) {
      narrator.note('neutral', `\`${factory.name}\` is disabled for this request`, factory.source);
      continue;
    }
    const question = {
      head: input.head,
      info,
      route,
      runtime: input.runtime,
      random: input.random,
      routeConfigs: (key = factory.name) => routeConfigs(levels, key),
      reroute,
    };
    const answer = factory.explain?.(question, narrator) ?? null;
    if (answer !== null) return answer;
  }
  return null;
}
