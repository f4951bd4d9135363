import { headerValue } from '../../base/headers.ts';
import type { ResponseHead } from '../../base/stream-info.ts';
import { decideRoute } from '../../route/decide.ts';
import { followRedirect, type InternalRedirectPolicy } from '../../route/internal-redirect.ts';
import type { Route, RouteInput } from '../../route/types.ts';
import type { ActiveStream } from '../stream.ts';
import type { RequestSide } from './request-side.ts';

/**
 * Follows a redirect answer with a stream of its own (Envoy: Router::Filter::setupRedirect). False when it goes to the
 * client: the request must be there whole, and the policy must like where the answer points.
 */
export function redirectInternally(
  stream: ActiveStream,
  policy: InternalRedirectPolicy,
  route: Route,
  request: RequestSide,
  response: ResponseHead,
): boolean {
  if (!request.ended || request.overflowed || request.trailers !== null) return false;
  if (headerValue(response.headers, 'location') === undefined) return false;
  const { config, info } = stream;
  const trail = stream.redirects ?? { hops: 0, visited: new Map() };
  const result = followRedirect(policy, route, request.head, response, trail, (head) =>
    decideRoute(config.routes, { ...(stream.routeInput as RouteInput), head }),
  );
  // The log tells the route that was found for the next hop, followed or not, as Envoy's does.
  if (result.route !== null) info.routeName = result.route.name;
  if (result.refusal !== null) {
    config.stats.internalRedirectRefused[result.refusal].inc();
    return false;
  }
  const { head } = result;
  stream.recreate(response, head, head.method === request.head.method ? request.chunks : [], trail);
  return true;
}
