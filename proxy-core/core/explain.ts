import type { ConnectionInfo, RequestHead, StreamInfo } from '../base/stream-info.ts';
import type { ExplainRequest } from '../facade/core-api.ts';
import type { Decision } from '../facade/decision.ts';
import type { CoreEvent } from '../facade/state.ts';
import type { HttpConnectionManagerConfig } from '../http/connection-manager-config.ts';
import { createStreamInfo } from '../http/stream-info.ts';
import type { ListenerConfig } from '../listener/index.ts';
import { decideRoute, type Route, type RouteInput, redirectResponse } from '../route/index.ts';
import { recordedHeadline } from './explain-attempts.ts';
import { explainConnection, explainWithoutHttp } from './explain-connection.ts';
import { tellResponseHeaders } from './explain-headers.ts';
import {
  findListener,
  receivedHead,
  tellFilterChain,
  tellFilters,
  tellNormalization,
  tellRecordedListener,
} from './explain-listener.ts';
import { tellLocalReply } from './explain-local-reply.ts';
import { tellRequestHead } from './explain-request-head.ts';
import { routeSteps, routeSubject } from './explain-route.ts';
import { tellUpgrade } from './explain-upgrade.ts';
import { tellUpstream } from './explain-upstream.ts';
import { step } from './narration.ts';
import type { Snapshot } from './snapshot.ts';
import { finish, NOTHING, replyOf, type Telling } from './telling.ts';

/** The decision for an imagined request: the same functions that decide, with somebody listening. */
export function explainRequest(
  snapshot: Snapshot,
  request: ExplainRequest,
  boundPort: (listener: string) => number | null,
): Decision {
  const telling: Telling = {
    snapshot,
    steps: [],
    outcome: NOTHING,
    recorded: null,
    events: [],
    draws: request.draws ?? 0,
  };
  const { listener, port } = findListener(telling, request.url, boundPort);
  if (listener === null) return finish(telling, 'No listener takes this request.', '');
  const received = receivedHead(request, port);
  const connection: ConnectionInfo = {
    id: 0,
    listenerName: listener.name,
    local: { ip: listener.address.ip, port },
    directRemote: { ip: '127.0.0.1', port: 0 },
    filterChainName: '',
    requestedServerName: received.scheme === 'https' ? hostOf(received.authority) : '',
    tls: null,
    terminationDetails: '',
  };
  const info = createStreamInfo(0, connection, snapshot.version, 'HTTP/1.1', snapshot.appliedAt, 0);
  info.receivedHead = received;
  info.random = request.random ?? 0;
  return tell(telling, listener, info, received);
}

/** The decision of a recorded request, from what it used: its snapshot, its head, its draws, its host sets. */
export function explainRecorded(
  snapshot: Snapshot,
  recorded: StreamInfo,
  events: readonly CoreEvent[] = [],
): Decision {
  const telling: Telling = { snapshot, steps: [], outcome: NOTHING, recorded, events, draws: 0 };
  const listener = snapshot.bootstrap.listeners.find(
    (each) => each.name === recorded.connection.listenerName,
  );
  const received = recorded.receivedHead;
  if (listener !== undefined && recorded.downstreamProtocol === 'TCP') {
    return explainConnection(telling, listener, recorded);
  }
  if (listener === undefined || received === null) {
    return finish(telling, recordedHeadline(recorded), 'The request was refused before it could be routed.');
  }
  const { connection } = recorded;
  tellRecordedListener(telling, listener, connection);
  const info = createStreamInfo(
    recorded.streamId,
    connection,
    snapshot.version,
    recorded.downstreamProtocol,
    recorded.startWall,
    recorded.start,
  );
  info.receivedHead = received;
  info.random = recorded.random;
  return tell(telling, listener, info, received);
}

/** Details that the emulated filters write with their answers. */
const LOCAL_FILTER_DETAILS =
  /^(cors_response|fault_filter_abort|local_rate_limited|rbac_access_denied|health_check_|csrf_origin_mismatch|request_payload_too_large|ext_authz_|jwt_authn_access_denied|request_rate_limited|rate_limiter_error|ext_proc|oauth\.|denied_by_admission_control|reached_concurrency_limit|(early_)?grpc_json_transcode_failure|grpc_bridge_|grpc_base_64_decode_failed|[a-z]+_[a-z]+_for_basic_auth|lua_response|dns_cache_|dns_resolution_failure|dynamic_forward_proxy_pending)/;

/** A browser's SNI: the host without its port, in lower case. */
function hostOf(authority: string): string {
  return authority.replace(/:\d+$/, '').toLowerCase();
}

/** From the filter chain on, both kinds of decision are told alike. */
function tell(telling: Telling, listener: ListenerConfig, info: StreamInfo, received: RequestHead): Decision {
  const decision = tellFromChain(telling, listener, info, received);
  return telling.recorded === null ? tellLocalReply(telling, decision, listener, info) : decision;
}

function tellFromChain(
  telling: Telling,
  listener: ListenerConfig,
  info: StreamInfo,
  received: RequestHead,
): Decision {
  telling.outcome = { ...telling.outcome, listener: listener.name };
  const chain = tellFilterChain(telling, listener, info);
  const http = chain?.http ?? null;
  if (chain === null || http === null) return explainWithoutHttp(telling, chain);
  const { recorded, snapshot } = telling;
  const { head: seen, internal, rejectStatus } = tellRequestHead(telling, http, info, received, chain.tls);
  if (rejectStatus > 0 && recorded === null) {
    const details = 'rejecting_because_detection_failed';
    telling.outcome = { ...telling.outcome, localReply: { status: rejectStatus, flags: '', details } };
    return finish(telling, `${rejectStatus} written by the proxy.`, 'No client address was found.');
  }
  const normalized = tellNormalization(http, seen, info);
  const input: RouteInput = {
    head: seen,
    random: info.random,
    tls: chain.tls,
    clientCertificate: info.connection.tls?.peer ? 'validated' : 'none',
    internal,
    runtime: snapshot.bootstrap.runtime,
  };
  if (normalized.answer !== null && recorded === null) {
    telling.outcome = {
      ...telling.outcome,
      localReply: { status: normalized.answer, flags: '', details: 'path_normalization_failed' },
    };
    return finish(
      telling,
      `${normalized.answer} written by the proxy.`,
      'The path is not one that may be routed.',
    );
  }
  const answer = tellFilters(telling, http, input, info, normalized.narration);
  if (
    recorded?.localReply === true &&
    recorded.routeIndex < 0 &&
    recorded.responseCodeDetails !== 'route_not_found'
  ) {
    telling.outcome = { ...telling.outcome, localReply: replyOf(recorded) };
    return finish(telling, recordedHeadline(recorded), 'The connection manager answered before routing.');
  }
  const route = tellRoute(telling, http, input);
  const refused = tellUpgrade(telling, http, route, received);
  if (refused !== null) return refused;
  if (answer !== null && recorded === null) {
    telling.outcome = { ...telling.outcome, localReply: answer };
    return finish(telling, `${answer.status} written by the proxy.`, 'An HTTP filter answers the request.');
  }
  if (recorded?.localReply === true && LOCAL_FILTER_DETAILS.test(recorded.responseCodeDetails)) {
    telling.outcome = { ...telling.outcome, localReply: replyOf(recorded) };
    return finish(telling, recordedHeadline(recorded), 'An HTTP filter answered the request.');
  }
  if (route === null) {
    telling.outcome = {
      ...telling.outcome,
      localReply: { status: 404, flags: 'NR', details: 'route_not_found' },
    };
    const host = telling.outcome.virtualHost;
    const why =
      host === null
        ? `No virtual host takes \`${input.head.authority}\`.`
        : `Virtual host ${host} matched, none of its routes did. Envoy does not fall back to another virtual host.`;
    return finish(telling, '404 written by the proxy.', why);
  }
  const action = route.action;
  if (action.kind !== 'cluster') return tellAnswer(telling, route, input, info);
  return tellUpstream(telling, http, route, action, input, info);
}

function tellRoute(telling: Telling, http: HttpConnectionManagerConfig, input: RouteInput): Route | null {
  const told = routeSteps(input, (narration) => decideRoute(http.routes, input, narration));
  telling.steps.push(...told.steps);
  telling.outcome = { ...telling.outcome, virtualHost: told.virtualHost };
  if (told.route !== null) {
    telling.outcome = { ...telling.outcome, route: routeSubject(told.route), routeIndex: told.route.index };
  }
  return told.route;
}

function tellAnswer(telling: Telling, route: Route, input: RouteInput, info: StreamInfo): Decision {
  const answer = redirectResponse(route, input.head);
  const status = answer?.status ?? 0;
  telling.steps.push(
    step({
      kind: 'response',
      subject: String(status),
      text: answer?.location
        ? `the route redirects to \`${answer.location}\``
        : 'the route answers by itself',
      source: route.source,
    }),
  );
  tellResponseHeaders(telling, route, null, info);
  telling.outcome = { ...telling.outcome, localReply: { status, flags: '', details: 'direct_response' } };
  const what =
    route.action.kind === 'redirect'
      ? `Route ${telling.outcome.route} redirects to \`${answer?.location ?? ''}\`.`
      : `Route ${telling.outcome.route} has a direct response.`;
  return finish(telling, `${status} written by the proxy.`, what);
}
