import { setHeader } from '../../base/headers.ts';
import type { ResponseHead } from '../../base/stream-info.ts';
import { finalizeResponse } from '../../route/response.ts';
import type { ClusterChoice, Route } from '../../route/types.ts';
import type { ActiveStream } from '../stream.ts';

/**
 * Makes the head that goes downstream from the one that came from upstream, in place. `elapsed`: milliseconds since the
 * request was complete, -1 when it is not.
 */
export function prepareResponseHead(
  stream: ActiveStream,
  route: Route,
  choice: ClusterChoice | null,
  head: ResponseHead,
  elapsed: number,
): void {
  const { info } = stream;
  const { headers, status } = head;
  info.upstreamResponseHead = { status, headers: headers.slice() };
  info.responseCodeDetails = 'via_upstream';
  if (elapsed >= 0 && !stream.config.suppressEnvoyHeaders) {
    setHeader(headers, 'x-envoy-upstream-service-time', String(Math.floor(elapsed)));
  }
  if (route.virtualHost.includeAttemptCountInResponse) {
    setHeader(headers, 'x-envoy-attempt-count', String(info.attempts.length));
  }
  info.responseCode = status;
  finalizeResponse(route, choice, head, info);
  if (stream.setCookie !== null) headers.push('set-cookie', stream.setCookie);
}
