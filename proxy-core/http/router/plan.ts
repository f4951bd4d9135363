import { setHeader } from '../../base/headers.ts';
import type { RequestHead } from '../../base/stream-info.ts';
import { hashRequest } from '../../route/hash-policy.ts';
import { type Mirror, selectMirrors } from '../../route/mirror.ts';
import { finalizeRequest } from '../../route/rewrite.ts';
import type { ClusterAction, ClusterChoice, Route, RouteInput } from '../../route/types.ts';
import type { Cluster } from '../../upstream/types.ts';
import type { ActiveStream } from '../stream.ts';
import { criteriaFor, HostChoice } from './host-choice.ts';
import { RequestSide } from './request-side.ts';
import { type AltStats, type RequestStats, requestStatsOf, takeAltStats } from './request-stats.ts';
import { createRetryState, type RetryState } from './retry-state.ts';
import { finalTimeouts, hedgesOnTimeout, type RequestTimeouts, setExpectedTimeout } from './timeouts.ts';

/** What all tries of a request share. */
export interface RequestPlan {
  readonly route: Route;
  readonly action: ClusterAction;
  readonly choice: ClusterChoice;
  readonly cluster: Cluster;
  readonly request: RequestSide;
  readonly timeouts: RequestTimeouts;
  readonly hosts: HostChoice;
  /** A try whose `per_try_timeout` ran out stays alive beside the next one. */
  readonly hedges: boolean;
  /** Where it is counted beside the cluster. */
  readonly counted: readonly RequestStats[];
  /** Where its answers are counted once more; mostly null. */
  readonly alt: AltStats | null;
  /** Null when nothing is retried, or no more. */
  retry: RetryState | null;
  mirrors: readonly Mirror[];
}

/** Settles timeouts, the hash and the head that goes upstream, and whether there are retries and copies. */
export function planRequest(
  stream: ActiveStream,
  route: Route,
  action: ClusterAction,
  choice: ClusterChoice,
  cluster: Cluster,
  head: RequestHead,
  endStream: boolean,
): RequestPlan {
  const { info, config } = stream;
  const { random } = stream.path.services;
  const request = new RequestSide(head, stream.stream);
  request.ended = endStream;
  const counted = requestStatsOf(stream.path.stats, route, head, info);
  const alt = stream.internal ? takeAltStats(stream.path.stats, cluster.config.statName, head) : null;
  const hedges = hedgesOnTimeout(action, head);
  const timeouts = finalTimeouts(action, head, config.router.respectExpectedTimeout);
  let hash: bigint | null = null;
  if (action.hashPolicies.length > 0) {
    const hashed = hashRequest(route, head, info);
    hash = hashed.hash;
    stream.setCookie = hashed.setCookie;
  }
  const hosts = new HostChoice(info, head, criteriaFor(action, choice, info), hash, random);
  finalizeRequest(route, choice, head, info, null, !config.suppressEnvoyHeaders);
  setExpectedTimeout(head, timeouts, 0, hedges, !config.suppressEnvoyHeaders);
  if (route.virtualHost.includeAttemptCountInRequest) setHeader(head.headers, 'x-envoy-attempt-count', '1');
  let retry: RetryState | null = null;
  if (action.retryPolicy !== null || stream.internal) {
    const limits = cluster.limits(action.priority);
    retry = createRetryState(action.retryPolicy, head, cluster, limits, random, counted);
    if (retry !== null && retry.priorities !== null) hosts.avoidPriorities(retry.priorities);
  }
  const mirrors = selectMirrors(action, head, stream.routeInput as RouteInput);
  request.keeps = retry !== null || mirrors.length > 0 || action.internalRedirect !== null;
  return { route, action, choice, cluster, request, timeouts, hosts, hedges, counted, alt, retry, mirrors };
}
