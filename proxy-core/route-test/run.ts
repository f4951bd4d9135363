import { createStreamInfo } from '../base/create-stream-info.ts';
import { headerValue, joinedHeaderValue, setHeader } from '../base/headers.ts';
import type { ConnectionInfo, RequestHead, ResponseHead } from '../base/stream-info.ts';
import type { RouteTestFailure } from '../facade/route-tests.ts';
import {
  decideRoute,
  finalizeRequest,
  finalizeResponse,
  headerMatcherText,
  matchesHeader,
  type Route,
  type RouteInput,
  type RouteNarration,
  type RouteTable,
  redirectLocation,
  redirectResponse,
  selectCluster,
  virtualClusterOf,
} from '../route/index.ts';
import { runtimeFor } from './runtime.ts';
import type { ExpectedHeader, ExpectedText, RouteTest, RouteTestInput } from './types.ts';

export interface RouteTestOutcome {
  readonly route: Route | null;
  readonly failures: readonly RouteTestFailure[];
}

/**
 * Routes the test's request by the functions that route real ones and compares what came out, in the order and with
 * the meaning of Envoy's tool (test/tools/router_check/router.cc): for a redirect or a direct response the cluster,
 * the virtual host and the rewrites are empty, and the location is told even when the answer is no redirect.
 */
export function runRouteTest(
  table: RouteTable,
  test: RouteTest,
  narration: RouteNarration | null = null,
): RouteTestOutcome {
  const { input } = test;
  const routeInput = testInput(table, input);
  const { head } = routeInput;
  const info = createStreamInfo(0, CONNECTION, 0, 'HTTP/1.1', 0, 0);
  info.requestHead = head;
  info.receivedHead = { ...head, headers: [...head.headers] };
  info.dynamicMetadata = new Map(input.metadata);
  const route = decideRoute(table, routeInput, narration);
  const facts = new Map<ExpectedText, string>();
  const response: ResponseHead = { status: 200, headers: [...input.responseHeaders] };
  if (route !== null && route.action.kind === 'cluster') {
    const choice = selectCluster(route, routeInput) ?? { cluster: '', weightedIndex: -1 };
    facts.set('cluster_name', choice.cluster);
    facts.set('virtual_cluster_name', virtualClusterOf(route.virtualHost, head) ?? '');
    facts.set('virtual_host_name', route.virtualHost.name);
    facts.set('timeout', `${route.action.timeout / 1000}s`);
    finalizeRequest(route, choice, head, info);
    finalizeResponse(route, choice, response, info);
    facts.set('path_rewrite', head.path);
    facts.set('host_rewrite', head.authority);
  } else if (route !== null) {
    const answer = redirectResponse(route, head);
    response.status = answer?.status ?? 0;
    facts.set('path_redirect', redirectLocation(route.action, head));
    if (answer !== null && answer.body.length > 0) {
      setHeader(response.headers, 'content-length', String(answer.body.length));
      setHeader(response.headers, 'content-type', 'text/plain');
    }
    finalizeResponse(route, null, response, info);
  }
  return { route, failures: compare(test, route, facts, head, response) };
}

/** What routing gets to see of a test's request. */
export function testInput(table: RouteTable, input: RouteTestInput): RouteInput {
  return {
    head: requestHead(input),
    random: input.random,
    tls: input.tls,
    internal: input.internal,
    metadata: input.metadata,
    runtime: runtimeFor(table, input.runtime),
  };
}

const CONNECTION: ConnectionInfo = {
  id: 0,
  listenerName: '',
  local: { ip: '127.0.0.1', port: 0 },
  directRemote: { ip: '127.0.0.1', port: 0 },
  filterChainName: '',
  requestedServerName: '',
  tls: null,
  terminationDetails: '',
};

function requestHead(input: RouteTestInput): RequestHead {
  const scheme = input.tls ? 'https' : 'http';
  const headers = ['x-forwarded-proto', scheme];
  if (input.internal) headers.push('x-envoy-internal', 'true');
  return {
    method: input.method,
    authority: input.authority,
    path: input.path,
    scheme,
    protocol: '',
    headers: [...headers, ...input.requestHeaders],
  };
}

function compare(
  test: RouteTest,
  route: Route | null,
  facts: ReadonlyMap<ExpectedText, string>,
  head: RequestHead,
  response: ResponseHead,
): RouteTestFailure[] {
  const failures: RouteTestFailure[] = [];
  const { expected } = test;
  for (const [what, wanted] of expected.texts) {
    const actual = facts.get(what) ?? '';
    if (actual !== wanted) failures.push({ what, expected: wanted, actual });
  }
  const status = route === null || route.action.kind === 'cluster' ? 0 : response.status;
  if (expected.redirectCode !== null && expected.redirectCode !== status) {
    failures.push({
      what: 'code_redirect',
      expected: String(expected.redirectCode),
      actual: String(status),
    });
  }
  for (const { namespace, key, value } of expected.metadata) {
    const actual = String(route?.metadata.get(namespace)?.[key] ?? '');
    if (actual !== value) {
      failures.push({ what: `route_metadata ${namespace}.${key}`, expected: value, actual });
    }
  }
  for (const one of expected.requestHeaders) {
    if (!matchesHeader(one.matcher, head)) failures.push(headerFailure(one, head));
  }
  // A response is looked at as a request is, by its headers alone.
  const answer = { ...head, headers: response.headers };
  for (const one of expected.responseHeaders) {
    if (!matchesHeader(one.matcher, answer)) failures.push(headerFailure(one, answer));
  }
  return failures;
}

function headerFailure({ kind, name, matcher }: ExpectedHeader, head: RequestHead): RouteTestFailure {
  const value = name.startsWith(':')
    ? headerValue([':path', head.path, ':authority', head.authority, ':method', head.method], name)
    : joinedHeaderValue(head.headers, name);
  return {
    what: kind,
    expected: headerMatcherText(matcher),
    actual: value === undefined ? `no header \`${name}\`` : `\`${name}: ${value}\``,
  };
}
