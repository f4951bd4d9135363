import { type HeaderList, headerValue, removeHeader } from '../base/headers.ts';
import type { RequestHead } from '../base/stream-info.ts';
import type { CompileContext } from '../config/compile-context.ts';
import type { SourceRange } from '../config/diagnostic.ts';
import type { MessageReader } from '../config/reader.ts';
import type { Narrator } from '../facade/decision.ts';
import type { Route } from './types.ts';

/** `internal_redirect_policy` of a route. */
export interface InternalRedirectPolicy {
  readonly maxRedirects: number;
  readonly statuses: ReadonlySet<number>;
  readonly allowCrossScheme: boolean;
  /** In lower case. */
  readonly responseHeadersToCopy: readonly string[];
  readonly predicates: readonly RedirectPredicate[];
  readonly source: SourceRange;
}

export type RedirectPredicate =
  | { readonly kind: 'allow-listed-routes'; readonly names: ReadonlySet<string> }
  | { readonly kind: 'previous-routes' }
  | { readonly kind: 'safe-cross-scheme' };

const PREFIX = 'envoy.extensions.internal_redirect.';

/** Also of the deprecated fields `internal_redirect_action` and `max_internal_redirects`. */
export function compileInternalRedirect(
  reader: MessageReader,
  ctx: CompileContext,
): InternalRedirectPolicy | null {
  const policy = reader.message('internal_redirect_policy');
  if (policy === undefined) {
    if (reader.enumeration('internal_redirect_action') !== 'HANDLE_INTERNAL_REDIRECT') return null;
    return {
      maxRedirects: reader.number('max_internal_redirects') ?? 1,
      statuses: new Set([302]),
      allowCrossScheme: false,
      responseHeadersToCopy: [],
      predicates: [],
      source: reader.range,
    };
  }
  const codes = policy.numbers('redirect_response_codes');
  const known = codes.filter((code) => [301, 302, 303, 307, 308].includes(code));
  return {
    maxRedirects: policy.number('max_internal_redirects') ?? 1,
    statuses: new Set(codes.length === 0 ? [302] : known),
    allowCrossScheme: policy.bool('allow_cross_scheme_redirect') ?? false,
    responseHeadersToCopy: policy.strings('response_headers_to_copy').map((name) => name.toLowerCase()),
    predicates: policy
      .messages('predicates')
      .map((predicate) => compilePredicate(predicate, ctx))
      .filter((predicate) => predicate !== null),
    source: policy.range,
  };
}

function compilePredicate(reader: MessageReader, ctx: CompileContext): RedirectPredicate | null {
  const name = reader.string('name') ?? '';
  const config = reader.message('typed_config');
  switch (config?.type) {
    case `${PREFIX}allow_listed_routes.v3.AllowListedRoutesConfig`:
      return { kind: 'allow-listed-routes', names: new Set(config.strings('allowed_route_names')) };
    case `${PREFIX}previous_routes.v3.PreviousRoutesConfig`:
      return { kind: 'previous-routes' };
    case `${PREFIX}safe_cross_scheme.v3.SafeCrossSchemeConfig`:
      return { kind: 'safe-cross-scheme' };
    default:
      ctx.report(
        'error',
        'route.redirect-predicate',
        reader,
        'name',
        `Didn't find a registered implementation for '${name}' with type URL: '${config?.type ?? ''}'`,
      );
      return null;
  }
}

/** What a request that was redirected inside carries from hop to hop. */
export interface RedirectTrail {
  hops: number;
  /** Per route name: the targets that it was redirected to (`previous_routes`). */
  readonly visited: Map<string, Set<string>>;
}

/** Why a redirect answer goes to the client after all; the words of the counters. */
export type RedirectRefusal =
  | 'bad_location'
  | 'unsafe_scheme'
  | 'too_many_redirects'
  | 'no_route'
  | 'predicate';

/** The head of the next hop, or why there is none. The policy belongs to the route of this hop. */
export type RedirectResult =
  | { readonly head: RequestHead; readonly route: Route; readonly refusal: null }
  | { readonly head: null; readonly route: Route | null; readonly refusal: RedirectRefusal };

/** `scheme://host[:port]/path?query`; null for anything that is no absolute http URL. A fragment is dropped. */
export function absoluteUrl(text: string): { scheme: string; authority: string; path: string } | null {
  const found = /^(https?):\/\/([^/?#\s]+)([^#\s]*)/i.exec(text);
  if (found === null) return null;
  const [, scheme = '', authority = '', rest = ''] = found;
  return { scheme: scheme.toLowerCase(), authority, path: rest.startsWith('/') ? rest : `/${rest}` };
}

/**
 * Follows a redirect inside the proxy (Envoy: Router::Filter::convertRequestHeadersForInternalRedirect). `head` is the
 * request as it went upstream, `scheme` the one that the client used; `findRoute` routes the new head.
 */
export function followRedirect(
  policy: InternalRedirectPolicy,
  route: Route,
  head: RequestHead,
  response: { readonly status: number; readonly headers: HeaderList },
  trail: RedirectTrail,
  findRoute: (head: RequestHead) => Route | null,
  narrator: Narrator | null = null,
): RedirectResult {
  const refuse = (refusal: RedirectRefusal, text: string, target: Route | null = null): RedirectResult => {
    narrator?.note('bad', `the redirect goes to the client: ${text}`, policy.source);
    return { head: null, route: target, refusal };
  };
  const location = headerValue(response.headers, 'location') ?? '';
  const url = absoluteUrl(location);
  if (url === null) return refuse('bad_location', `\`${location}\` is no absolute URL`);
  const sourceScheme = headerValue(head.headers, 'x-forwarded-proto') ?? head.scheme;
  if (!policy.allowCrossScheme && sourceScheme !== url.scheme) {
    return refuse('unsafe_scheme', `it changes the scheme from ${sourceScheme} to ${url.scheme}`);
  }
  if (trail.hops >= policy.maxRedirects) {
    return refuse('too_many_redirects', `max_internal_redirects is ${policy.maxRedirects}`);
  }
  const next: RequestHead = {
    ...head,
    scheme: url.scheme,
    authority: url.authority,
    path: url.path,
    headers: [...head.headers],
  };
  copyResponseHeaders(policy, response.headers, next.headers);
  const target = findRoute(next);
  if (target === null) return refuse('no_route', `no route takes ${location}`);
  for (const predicate of policy.predicates) {
    const reason = predicateRefuses(predicate, route, target, sourceScheme, url.scheme, trail);
    if (reason !== null) return refuse('predicate', reason, target);
  }
  if (response.status === 303 && next.method !== 'GET' && next.method !== 'HEAD') {
    next.method = 'GET';
    removeHeader(next.headers, 'content-length');
  }
  next.headers.push('x-envoy-original-url', `${sourceScheme}://${head.authority}${head.path}`);
  trail.hops++;
  narrator?.note('neutral', `redirected inside the proxy to \`${location}\``, policy.source);
  return { head: next, route: target, refusal: null };
}

function copyResponseHeaders(policy: InternalRedirectPolicy, from: HeaderList, to: HeaderList): void {
  for (const name of policy.responseHeadersToCopy) {
    removeHeader(to, name);
    for (let i = 0; i < from.length; i += 2) if (from[i] === name) to.push(name, from[i + 1] as string);
  }
}

function predicateRefuses(
  predicate: RedirectPredicate,
  route: Route,
  target: Route,
  scheme: string,
  targetScheme: string,
  trail: RedirectTrail,
): string | null {
  switch (predicate.kind) {
    case 'allow-listed-routes':
      return predicate.names.has(target.name)
        ? null
        : `route \`${target.name}\` is not among the allowed ones`;
    case 'previous-routes': {
      const seen = trail.visited.get(route.name) ?? new Set<string>();
      trail.visited.set(route.name, seen);
      if (seen.has(target.name)) return `route \`${target.name}\` was a target before`;
      seen.add(target.name);
      return null;
    }
    case 'safe-cross-scheme':
      return scheme === 'https' || targetScheme !== 'https' ? null : 'it goes from http to https';
  }
}
