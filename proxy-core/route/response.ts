import { headerValue } from '../base/headers.ts';
import type { RequestHead, ResponseHead, StreamInfo } from '../base/stream-info.ts';
import type { Narrator } from '../facade/decision.ts';
import { mutateHeaders } from './header-mutation.ts';
import { rewritePath, rewrittenPath } from './rewrite.ts';
import type { ClusterChoice, RedirectAction, Route } from './types.ts';

/** Response header changes of the weighted cluster and the other levels. */
export function finalizeResponse(
  route: Route,
  choice: ClusterChoice | null,
  head: ResponseHead,
  info: StreamInfo,
  narrator: Narrator | null = null,
): void {
  const action = route.action;
  if (choice !== null && action.kind === 'cluster' && action.clusterSpecifier.kind === 'weighted') {
    const weighted = action.clusterSpecifier.entries[choice.weightedIndex];
    if (weighted !== undefined && weighted.responseHeaders !== null) {
      mutateHeaders(weighted.responseHeaders, head.headers, info, narrator);
    }
  }
  if (route.responseHeaders !== null) mutateHeaders(route.responseHeaders, head.headers, info, narrator);
}

/** What a redirect or direct response answers; the headers of `finalizeResponse` come on top. */
export interface RouteAnswer {
  readonly status: number;
  /** Value of `location`, null = none. */
  readonly location: string | null;
  readonly body: Uint8Array;
}

const NO_BODY = new Uint8Array(0);

/**
 * The answer of a route that does not go to a cluster; null for one that does. A rewrite in a redirect changes the
 * request's path as well, as Envoy's does, so that the log shows it.
 */
export function redirectResponse(
  route: Route,
  head: RequestHead,
  narrator: Narrator | null = null,
): RouteAnswer | null {
  const action = route.action;
  switch (action.kind) {
    case 'cluster':
      return null;
    case 'redirect': {
      // A redirect, unlike a route, leaves the path alone when the rewrite would leave none.
      if (
        action.pathRewrite !== null &&
        !/^(\?|$)/.test(rewrittenPath(action.pathRewrite, route.match, head.path))
      ) {
        rewritePath(action.pathRewrite, route.match, head, true, narrator);
      }
      return { status: action.status, location: newLocation(action, head), body: NO_BODY };
    }
    case 'direct-response': {
      const withLocation = action.status === 201 || (action.status >= 300 && action.status < 400);
      return {
        status: action.status,
        location: withLocation ? newLocation(SAME_URL, head) : null,
        body: action.bodyBytes,
      };
    }
  }
}

const SAME_URL: RedirectAction = {
  kind: 'redirect',
  status: 301,
  scheme: '',
  host: '',
  port: 0,
  path: '',
  pathRewrite: null,
  stripQuery: false,
};

/** Where a route that does not go to a cluster points, redirect or not; empty for one that does. */
export function redirectLocation(action: Route['action'], head: RequestHead): string {
  if (action.kind === 'cluster') return '';
  return newLocation(action.kind === 'redirect' ? action : SAME_URL, head);
}

/** `scheme://host[:port]/path` (Http::Utility::newUri). */
function newLocation(action: RedirectAction, head: RequestHead): string {
  const forwarded = headerValue(head.headers, 'x-forwarded-proto') ?? head.scheme;
  const scheme = action.scheme === '' ? forwarded : action.scheme;
  const port = action.port === 0 ? '' : `:${action.port}`;
  const host = action.host === '' ? requestHost(head.authority, forwarded, scheme, port !== '') : action.host;
  let path = head.path;
  let fixedQuery = false;
  if (action.path !== '') {
    fixedQuery = action.path.includes('?');
    const question = head.path.indexOf('?');
    path = fixedQuery || question < 0 ? action.path : action.path + head.path.slice(question);
  }
  if (action.stripQuery && !fixedQuery) {
    const question = path.indexOf('?');
    if (question >= 0) path = path.slice(0, question);
  }
  return `${scheme}://${host}${port}${path.startsWith('/') ? '' : '/'}${path}`;
}

/** The request's host; its port goes when another is given, or when it is the default of a scheme that changes. */
function requestHost(authority: string, before: string, after: string, newPort: boolean): string {
  const bracket = authority.startsWith('[') ? authority.lastIndexOf(']:') : -1;
  const colon = authority.startsWith('[') ? (bracket < 0 ? -1 : bracket + 1) : authority.lastIndexOf(':');
  if (colon < 0) return authority;
  const port = authority.slice(colon);
  const isDefault = (before === 'https' && port === ':443') || (before === 'http' && port === ':80');
  return newPort || (after !== before && isDefault) ? authority.slice(0, colon) : authority;
}
