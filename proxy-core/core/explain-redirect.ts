import type { RequestHead, StreamInfo } from '../base/stream-info.ts';
import type { HttpConnectionManagerConfig } from '../http/connection-manager-config.ts';
import { decideRoute } from '../route/decide.ts';
import { followRedirect } from '../route/internal-redirect.ts';
import type { ClusterAction, Route, RouteInput } from '../route/types.ts';
import { Narration, step } from './narration.ts';
import type { Telling } from './telling.ts';

/**
 * Whether a recorded redirect answer was followed inside the proxy, and why not. What earlier hops visited is not kept
 * with a record: `previous_routes` is told from this hop on.
 */
export function tellInternalRedirect(
  telling: Telling,
  http: HttpConnectionManagerConfig,
  route: Route,
  action: ClusterAction,
  input: RouteInput,
  sent: RequestHead,
  recorded: StreamInfo,
): void {
  const policy = action.internalRedirect;
  // A followed answer is the response of its hop; one that went to the client came from upstream.
  const response = recorded.upstreamResponseHead ?? recorded.responseHead;
  if (policy === null || response === null || recorded.localReply || !policy.statuses.has(response.status)) {
    return;
  }
  const narration = new Narration();
  const trail = { hops: recorded.redirectHops ?? 0, visited: new Map<string, Set<string>>() };
  const result = followRedirect(
    policy,
    route,
    sent,
    response,
    trail,
    (head) => decideRoute(http.routes, { ...input, head }),
    narration,
  );
  telling.steps.push(
    step(
      {
        kind: 'response',
        subject: `internal redirect`,
        text:
          result.refusal === null
            ? `to route ${result.route.name === '' ? result.route.matchText : result.route.name}`
            : 'is not followed',
        tone: result.refusal === null ? 'good' : 'bad',
        source: policy.source,
      },
      narration,
    ),
  );
}
