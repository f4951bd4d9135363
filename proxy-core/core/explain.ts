import { AttacheError } from '../base/errors.ts';
import type { ConnectionInfo, RequestHead, StreamInfo } from '../base/stream-info.ts';
import type { ExplainRequest } from '../facade/core-api.ts';
import type { Decision, DecisionOutcome, DecisionStep } from '../facade/decision.ts';
import type { CoreEvent } from '../facade/state.ts';
import type { HttpConnectionManagerConfig } from '../http/connection-manager-config.ts';
import { normalizeAuthority, normalizePath, normalizesPath } from '../http/path.ts';
import { mutateRequestHeaders } from '../http/request-headers.ts';
import { createStreamInfo } from '../http/stream-info.ts';
import type { FilterChainConfig, ListenerConfig } from '../listener/index.ts';
import {
  type ClusterAction,
  type ClusterChoice,
  decideRoute,
  finalizeRequest,
  hashRequest,
  type Route,
  type RouteInput,
  redirectResponse,
  selectCluster,
} from '../route/index.ts';
import type { UpstreamCluster } from '../upstream/index.ts';
import { explainAttempts, recordedHeadline } from './explain-attempts.ts';
import { durationText, Narration, plural, step } from './narration.ts';
import type { Snapshot } from './snapshot.ts';
import { addressText } from './state.ts';

/** A decision under construction: what each stage found, and the steps told so far. */
interface Telling {
  readonly snapshot: Snapshot;
  readonly steps: DecisionStep[];
  outcome: DecisionOutcome;
  /** The stream as it was recorded; null in a dry run. */
  readonly recorded: StreamInfo | null;
  /** What happened while it ran: ejections that its answers caused are told with them. */
  readonly events: readonly CoreEvent[];
}

const NOTHING: DecisionOutcome = {
  listener: null,
  filterChain: null,
  virtualHost: null,
  route: null,
  routeIndex: -1,
  cluster: null,
  host: null,
  localReply: null,
};

/** The decision for an imagined request: the same functions that decide, with somebody listening. */
export function explainRequest(
  snapshot: Snapshot,
  request: ExplainRequest,
  boundPort: (listener: string) => number | null,
): Decision {
  const telling: Telling = { snapshot, steps: [], outcome: NOTHING, recorded: null, events: [] };
  const { listener, port } = findListener(telling, request.url, boundPort);
  if (listener === null) return finish(telling, 'No listener takes this request.', '');
  const received = receivedHead(request, port);
  const connection: ConnectionInfo = {
    id: 0,
    listenerName: listener.name,
    local: { ip: listener.address.ip, port },
    directRemote: { ip: '127.0.0.1', port: 0 },
    filterChainName: '',
    requestedServerName: '',
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
  const telling: Telling = { snapshot, steps: [], outcome: NOTHING, recorded, events };
  const listener = snapshot.bootstrap.listeners.find(
    (each) => each.name === recorded.connection.listenerName,
  );
  const received = recorded.receivedHead;
  if (listener === undefined || received === null) {
    return finish(telling, recordedHeadline(recorded), 'The request was refused before it could be routed.');
  }
  const { connection } = recorded;
  telling.steps.push(
    step({
      kind: 'listener',
      subject: listener.name,
      text: `${addressText(listener.address)}, from ${addressText(connection.directRemote)}, connection C${connection.id}`,
      source: listener.source,
      at: 0,
    }),
  );
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

/** From the filter chain on, both kinds of decision are told alike. */
function tell(telling: Telling, listener: ListenerConfig, info: StreamInfo, received: RequestHead): Decision {
  telling.outcome = { ...telling.outcome, listener: listener.name };
  const chain = tellFilterChain(telling, listener, info);
  const http = chain?.http ?? null;
  if (chain === null || http === null) {
    return finish(telling, 'The connection is closed: no filter chain takes it.', '');
  }
  const { recorded, snapshot } = telling;
  const head: RequestHead = { ...received, headers: [...received.headers] };
  const uuid = (): string => recorded?.requestId ?? '00000000-0000-4000-8000-000000000000';
  const internal = mutateRequestHeaders(head, info, http, snapshot.runtime, false, false, uuid);
  const seen = info.requestHead ?? head;
  const normalized = tellNormalization(http, seen, info);
  const input: RouteInput = {
    head: seen,
    random: info.random,
    tls: false,
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
  tellFilters(telling, http, normalized.narration);
  if (
    recorded?.localReply === true &&
    recorded.routeIndex < 0 &&
    recorded.responseCodeDetails !== 'route_not_found'
  ) {
    telling.outcome = { ...telling.outcome, localReply: replyOf(recorded) };
    return finish(telling, recordedHeadline(recorded), 'The connection manager answered before routing.');
  }
  const route = tellRoute(telling, http, input);
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
  if (action.kind !== 'cluster') return tellAnswer(telling, route, input);
  return tellUpstream(telling, route, action, input, info);
}

function findListener(
  telling: Telling,
  url: string,
  boundPort: (listener: string) => number | null,
): { listener: ListenerConfig | null; port: number } {
  const listeners = telling.snapshot.bootstrap.listeners;
  const portOf = (listener: ListenerConfig): number => boundPort(listener.name) ?? listener.address.port;
  const wanted = portOfUrl(url);
  const exact = listeners.find((listener) => portOf(listener) === wanted) ?? null;
  const chosen =
    exact ?? listeners.find((listener) => listener.filterChains.some((chain) => chain.http !== null)) ?? null;
  const narration = new Narration();
  for (const [index, listener] of listeners.entries()) {
    const won = listener === chosen;
    narration.candidate({
      result: won ? 'won' : 'lost',
      index: index + 1,
      name: listener.name,
      condition: addressText({ ip: listener.address.ip, port: portOf(listener) }),
      reason: won
        ? exact === null
          ? 'the first that speaks HTTP'
          : `listens on port ${wanted}`
        : `listens on port ${portOf(listener)}, the URL says ${wanted}`,
      source: listener.source,
    });
  }
  if (chosen !== null && exact === null) {
    narration.note('neutral', `No listener has port ${wanted}; the first that speaks HTTP stands in.`, null);
  }
  telling.steps.push(
    step(
      {
        kind: 'listener',
        subject: chosen?.name ?? 'none',
        text:
          chosen === null
            ? 'there is no HTTP listener'
            : addressText({ ip: chosen.address.ip, port: portOf(chosen) }),
        tone: chosen === null ? 'bad' : 'neutral',
        source: chosen?.source ?? null,
      },
      narration,
    ),
  );
  return { listener: chosen, port: chosen === null ? 0 : portOf(chosen) };
}

function parseUrl(url: string): URL {
  try {
    return new URL(url.includes('://') ? url : `http://${url}`);
  } catch {
    throw new AttacheError('explain.bad-url', `“${url}” is not a URL. Write http://host[:port]/path.`);
  }
}

function portOfUrl(url: string): number {
  const parsed = parseUrl(url);
  return parsed.port === '' ? (parsed.protocol === 'https:' ? 443 : 80) : Number(parsed.port);
}

/** The head as a client would send it; a `host` header in the list wins over the URL's. */
function receivedHead(request: ExplainRequest, _port: number): RequestHead {
  const url = parseUrl(request.url);
  const headers: string[] = [];
  let authority = url.host;
  for (const [name, value] of request.headers) {
    const lower = name.toLowerCase();
    if (lower === 'host') authority = value;
    else headers.push(lower, value);
  }
  const path = `${url.pathname}${url.search}`;
  return { method: request.method.toUpperCase(), authority, path, scheme: 'http', protocol: '', headers };
}

function tellFilterChain(
  telling: Telling,
  listener: ListenerConfig,
  info: StreamInfo,
): FilterChainConfig | null {
  const chains = listener.filterChains;
  const chain =
    chains.find(
      (each) =>
        telling.recorded !== null && each.name === info.connection.filterChainName && each.http !== null,
    ) ??
    chains[0] ??
    null;
  telling.steps.push(
    step({
      kind: 'filter-chain',
      subject: chain === null ? 'none' : chain.name === '' ? 'filter chain 1' : chain.name,
      text:
        chain === null
          ? 'the listener has none'
          : chains.length === 1
            ? 'the only chain'
            : `matched: ${chain.matchText}`,
      tone: chain === null ? 'bad' : 'neutral',
      source: chain?.source ?? null,
    }),
  );
  telling.outcome = { ...telling.outcome, filterChain: chain?.name ?? null };
  return chain;
}

/** What the connection manager makes of host and path before routing, as the data path does; changes `head`. */
function tellNormalization(
  http: HttpConnectionManagerConfig,
  head: RequestHead,
  info: StreamInfo,
): { readonly answer: number | null; readonly narration: Narration } {
  const narration = new Narration();
  const authority = normalizeAuthority(head.authority, http, info.connection.local.port);
  if (authority !== head.authority) {
    narration.note(
      'neutral',
      `host \`${head.authority}\` became \`${authority}\` by the connection manager`,
      null,
    );
    head.authority = authority;
  }
  if (head.path.includes('#')) return { answer: 400, narration };
  if (!normalizesPath(http) || head.method === 'CONNECT') return { answer: null, narration };
  const { path, action } = normalizePath(head.path, http);
  if (path !== head.path) {
    narration.note('neutral', `path \`${head.path}\` became \`${path}\` by the connection manager`, null);
    head.path = path;
  }
  return { answer: action === 'continue' ? null : action === 'reject' ? 400 : 307, narration };
}

function tellFilters(telling: Telling, http: HttpConnectionManagerConfig, narration: Narration): void {
  telling.steps.push(
    step(
      {
        kind: 'http-filters',
        subject: http.filterNames.join(', ') || 'none',
        text: http.hasRouter ? '' : 'without a router every request hangs until its idle timeout',
        tone: http.hasRouter ? 'neutral' : 'bad',
      },
      narration,
    ),
  );
}

function tellRoute(telling: Telling, http: HttpConnectionManagerConfig, input: RouteInput): Route | null {
  const virtualHosts = new Narration();
  const routes = new Narration();
  const route = decideRoute(http.routes, input, { virtualHost: virtualHosts, route: routes });
  const winner = virtualHosts.candidates.find((each) => each.result === 'won');
  const name = route?.virtualHost.name ?? winner?.name ?? null;
  telling.steps.push(
    step(
      {
        kind: 'virtual-host',
        subject: name ?? 'none',
        text:
          name === null ? `takes host \`${input.head.authority}\`` : `for host \`${input.head.authority}\``,
        tone: name === null ? 'bad' : 'neutral',
        source: winner?.source ?? null,
      },
      virtualHosts,
    ),
  );
  telling.outcome = { ...telling.outcome, virtualHost: name };
  if (name === null) return null;
  const count = routes.candidates.length;
  const subject = route === null ? 'none' : route.name === '' ? route.matchText : route.name;
  telling.steps.push(
    step(
      {
        kind: 'route',
        subject,
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
  if (route !== null) telling.outcome = { ...telling.outcome, route: subject, routeIndex: route.index };
  return route;
}

function tellAnswer(telling: Telling, route: Route, input: RouteInput): Decision {
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
  telling.outcome = { ...telling.outcome, localReply: { status, flags: '', details: 'direct_response' } };
  const what =
    route.action.kind === 'redirect'
      ? `Route ${telling.outcome.route} redirects to \`${answer?.location ?? ''}\`.`
      : `Route ${telling.outcome.route} has a direct response.`;
  return finish(telling, `${status} written by the proxy.`, what);
}

function tellUpstream(
  telling: Telling,
  route: Route,
  action: ClusterAction,
  input: RouteInput,
  info: StreamInfo,
): Decision {
  const { recorded, snapshot } = telling;
  const narration = new Narration();
  const choice = selectCluster(route, input, narration);
  const cluster = choice === null ? undefined : snapshot.clusters.get(choice.cluster);
  tellTimeouts(action, route, narration);
  if (choice === null || cluster === undefined) {
    const name = choice?.cluster ?? 'none';
    narration.note(
      'bad',
      choice === null ? 'No cluster was found.' : `Cluster ${name} does not exist.`,
      route.source,
    );
    telling.steps.push(
      step(
        { kind: 'cluster', subject: name, text: 'is not defined', tone: 'bad', source: route.source },
        narration,
      ),
    );
    telling.outcome = {
      ...telling.outcome,
      cluster: choice?.cluster ?? null,
      localReply: { status: action.clusterNotFoundStatus, flags: 'NC', details: 'cluster_not_found' },
    };
    return finish(
      telling,
      `${action.clusterNotFoundStatus} written by the proxy.`,
      choice === null
        ? 'The route found no cluster.'
        : `Cluster ${name} is not defined. Give it with --cluster ${name}=HOST:PORT, or add it to the file.`,
    );
  }
  telling.steps.push(
    step(
      {
        kind: 'cluster',
        subject: choice.cluster,
        text: describeChoice(choice, action),
        source: cluster.config.source,
      },
      narration,
    ),
  );
  telling.outcome = { ...telling.outcome, cluster: choice.cluster };
  tellRewrite(telling, route, choice, input, info);
  if (recorded !== null) {
    explainAttempts(
      telling.steps,
      cluster,
      recorded,
      telling.events,
      hashRequest(route, input.head, info)?.hash ?? null,
    );
    const host = recorded.upstreamHost === '' ? null : recorded.upstreamHost;
    telling.outcome = {
      ...telling.outcome,
      host,
      localReply: recorded.localReply ? replyOf(recorded) : null,
    };
    return finish(telling, recordedHeadline(recorded), recordedDetail(recorded));
  }
  const host = tellHost(telling, cluster, route, input, info);
  telling.outcome = { ...telling.outcome, host };
  if (host === null) {
    telling.outcome = {
      ...telling.outcome,
      localReply: { status: 503, flags: 'UH', details: 'no_healthy_upstream' },
    };
    return finish(telling, '503 written by the proxy.', `Cluster ${choice.cluster} has no host to send to.`);
  }
  return finish(
    telling,
    `${input.head.method} ${input.head.path} goes to ${choice.cluster}, host ${host}.`,
    `Route ${telling.outcome.route} of virtual host ${telling.outcome.virtualHost} takes it.`,
  );
}

function describeChoice(choice: ClusterChoice, action: ClusterAction): string {
  if (choice.weightedIndex >= 0) return `won the draw among ${action.clusterNames.length} weighted clusters`;
  return action.clusterSpecifier.kind === 'header' ? 'named by a request header' : 'named by the route';
}

function tellTimeouts(action: ClusterAction, route: Route, narration: Narration): void {
  const retry = action.retryPolicy;
  const parts = [action.timeout === 0 ? 'No timeout' : `Timeout ${durationText(action.timeout)}`];
  if (retry !== null) {
    if (retry.perTryTimeout > 0) parts.push(`${durationText(retry.perTryTimeout)} per try`);
    const words = [...retry.on].join(', ');
    parts.push(`up to ${retry.numRetries === 1 ? '1 retry' : `${retry.numRetries} retries`} on ${words}`);
  }
  narration.note('neutral', parts.join(', '), retry?.source ?? route.source);
}

/** Runs the rewriting on a copy and tells what it changed. */
function tellRewrite(
  telling: Telling,
  route: Route,
  choice: ClusterChoice,
  input: RouteInput,
  info: StreamInfo,
): void {
  const head: RequestHead = { ...input.head, headers: [...input.head.headers] };
  finalizeRequest(route, choice, head, info);
  const narration = new Narration();
  if (head.path !== input.head.path) {
    narration.note('neutral', `path \`${input.head.path}\` becomes \`${head.path}\``, route.source);
  }
  if (head.authority !== input.head.authority) {
    narration.note('neutral', `host \`${input.head.authority}\` becomes \`${head.authority}\``, route.source);
  }
  if (narration.notes.length === 0) return;
  telling.steps.push(
    step(
      { kind: 'rewrite', subject: 'rewritten', text: 'before it goes upstream', source: route.source },
      narration,
    ),
  );
}

function tellHost(
  telling: Telling,
  cluster: UpstreamCluster,
  route: Route,
  input: RouteInput,
  info: StreamInfo,
): string | null {
  const narration = new Narration();
  const hash = hashRequest(route, input.head, info)?.hash ?? null;
  const host = cluster.explainChoice({ random: input.random, hash, attempt: 0 }, narration);
  telling.steps.push(
    step(
      {
        kind: 'load-balancing',
        subject: host?.address ?? 'none',
        text: host === null ? 'no host can be picked' : `by ${cluster.config.lbPolicy}`,
        tone: host === null ? 'bad' : 'good',
        source: cluster.config.source,
      },
      narration,
    ),
  );
  return host?.address ?? null;
}

function replyOf(info: StreamInfo): DecisionOutcome['localReply'] {
  return {
    status: info.responseCode,
    flags: info.responseFlags.join(','),
    details: info.responseCodeDetails,
  };
}

function recordedDetail(info: StreamInfo): string {
  const failed = info.attempts.slice(0, -1).filter((each) => each.status >= 500 || each.resetReason !== '');
  if (failed.length === 0) return '';
  return failed
    .map(
      (each) =>
        `${each.hostAddress} ${each.status > 0 ? `answered ${each.status}` : `failed: ${each.resetReason}`}.`,
    )
    .join(' ');
}

function finish(telling: Telling, headline: string, detail: string): Decision {
  return {
    headline,
    detail,
    outcome: telling.outcome,
    steps: telling.steps,
    snapshotVersion: telling.snapshot.version,
  };
}
