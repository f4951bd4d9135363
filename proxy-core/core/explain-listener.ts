import { AttacheError } from '../base/errors.ts';
import type { ConnectionInfo, RequestHead, StreamInfo } from '../base/stream-info.ts';
import type { ExplainRequest } from '../facade/core-api.ts';
import type { HttpConnectionManagerConfig } from '../http/connection-manager-config.ts';
import type { FilterAnswer } from '../http/filter.ts';
import { explainFilters } from '../http/filters/explain.ts';
import { normalizeAuthority, normalizePath, normalizesPath } from '../http/path.ts';
import {
  type ChainInput,
  chooseFilterChain,
  type FilterChainConfig,
  type ListenerConfig,
  NOT_INSPECTED,
} from '../listener/index.ts';
import { decideRoute, type RouteInput } from '../route/index.ts';
import { Narration, step } from './narration.ts';
import { addressText } from './state.ts';
import type { Telling } from './telling.ts';

export function findListener(
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
export function receivedHead(request: ExplainRequest, _port: number): RequestHead {
  const url = parseUrl(request.url);
  const headers: string[] = [];
  let authority = url.host;
  for (const [name, value] of request.headers) {
    const lower = name.toLowerCase();
    if (lower === 'host') authority = value;
    else headers.push(lower, value);
  }
  const method = request.method.toUpperCase();
  return {
    method,
    authority,
    // CONNECT asks for an authority and nothing else.
    path: method === 'CONNECT' ? '' : `${url.pathname}${url.search}`,
    scheme: url.protocol === 'https:' ? 'https' : 'http',
    protocol: '',
    headers,
  };
}

/** What the inspectors would see, or saw, of the connection. */
function chainInput(listener: ListenerConfig, info: StreamInfo): ChainInput {
  const { local, directRemote: direct, requestedServerName, tls } = info.connection;
  const remote = info.connection.remote ?? direct;
  const secure = tls !== null || info.receivedHead?.scheme === 'https';
  if (!secure || !listener.filters.tlsInspector) return { ...NOT_INSPECTED, local, remote, direct };
  const applicationProtocols = tls === null ? ['h2', 'http/1.1'] : tls.alpn === '' ? [] : [tls.alpn];
  return {
    transportProtocol: 'tls',
    serverName: requestedServerName,
    applicationProtocols,
    local,
    remote,
    direct,
  };
}

export function tellFilterChain(
  telling: Telling,
  listener: ListenerConfig,
  info: StreamInfo,
): FilterChainConfig | null {
  const narration = new Narration();
  const chosen = chooseFilterChain(listener, chainInput(listener, info), narration);
  // The chain that a recorded connection really had, should its record not hold all that matching looked at.
  const { filterChainName } = info.connection;
  const chain =
    telling.recorded === null || chosen?.name === filterChainName
      ? chosen
      : (listener.filterChains.find((each) => each.name === filterChainName && each.http !== null) ?? chosen);
  const chains = listener.filterChains;
  telling.steps.push(
    step(
      {
        kind: 'filter-chain',
        subject:
          chain === null
            ? 'none'
            : chain.name === ''
              ? `filter chain ${chains.indexOf(chain) + 1}`
              : chain.name,
        text:
          chain === null
            ? chains.length === 0
              ? 'the listener has none'
              : 'none of them matches the connection'
            : chains.length === 1 && chain.matchText === 'any'
              ? 'the only chain'
              : `matched: ${chain.matchText}`,
        tone: chain === null ? 'bad' : 'neutral',
        source: chain?.source ?? null,
      },
      chains.length > 1 || chain === null ? narration : undefined,
    ),
  );
  telling.outcome = { ...telling.outcome, filterChain: chain?.name ?? null };
  return chain;
}

/** What the connection manager makes of host and path before routing, as the data path does; changes `head`. */
export function tellNormalization(
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

/** What each filter before the router does with the request, up to the first that answers by itself. */
export function tellFilters(
  telling: Telling,
  http: HttpConnectionManagerConfig,
  input: RouteInput,
  info: StreamInfo,
  narration: Narration,
): FilterAnswer | null {
  const answer = explainFilters(http, decideRoute(http.routes, input, null), input, info, narration);
  const { recorded } = telling;
  // A request that got to an upstream tells them there.
  if (recorded?.localReply === true && recorded.attempts.length === 0) {
    for (const note of recorded.serviceNotes ?? []) narration.note('neutral', note, null);
  }
  const answered = answer === null ? '' : `answered with ${answer.status} before the router`;
  telling.steps.push(
    step(
      {
        kind: 'http-filters',
        subject: http.filterNames.join(', ') || 'none',
        text: http.hasRouter ? answered : 'without a router every request hangs until its idle timeout',
        tone: http.hasRouter && (answer === null || answer.status < 400) ? 'neutral' : 'bad',
      },
      narration,
    ),
  );
  return answer;
}

/** The step of a listener that took a connection which is recorded. */
export function tellRecordedListener(
  telling: Telling,
  listener: ListenerConfig,
  { directRemote, id }: ConnectionInfo,
): void {
  telling.steps.push(
    step({
      kind: 'listener',
      subject: listener.name,
      text: `${addressText(listener.address)}, from ${addressText(directRemote)}, connection C${id}`,
      source: listener.source,
      at: 0,
    }),
  );
}
