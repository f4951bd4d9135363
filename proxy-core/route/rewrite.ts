import { headerValue, setHeader } from '../base/headers.ts';
import type { RequestHead, StreamInfo } from '../base/stream-info.ts';
import type { CompileContext } from '../config/compile-context.ts';
import type { MessageReader } from '../config/reader.ts';
import type { Narrator } from '../facade/decision.ts';
import { requestHeader } from './formatter/operators-headers.ts';
import { mutateHeaders } from './header-mutation.ts';
import { compileSubstitution, type RegexSubstitution } from './regex.ts';
import { pathView, type RouteMatch } from './route-match.ts';
import type { ClusterAction, ClusterChoice, Route } from './types.ts';
import { templateSubstitution } from './uri-template.ts';

export type PathRewrite =
  | { readonly kind: 'prefix'; readonly value: string }
  | { readonly kind: 'regex'; readonly substitution: RegexSubstitution };

/** Reads `prefix_rewrite`, `regex_rewrite` and `path_rewrite_policy` of a route or redirect action. */
export function compilePathRewrite(
  reader: MessageReader,
  match: RouteMatch,
  ctx: CompileContext,
): PathRewrite | null {
  // An empty prefix_rewrite is none, as the proto's default is.
  const prefix = reader.string('prefix_rewrite') ?? '';
  const regex = reader.message('regex_rewrite');
  const policy = reader.message('path_rewrite_policy')?.message('typed_config');
  const kinds = (prefix === '' ? 0 : 1) + (regex === undefined ? 0 : 1) + (policy === undefined ? 0 : 1);
  if (kinds > 1) {
    ctx.report(
      'error',
      'route.rewrite-kinds',
      reader,
      prefix === '' ? 'regex_rewrite' : 'prefix_rewrite',
      'Specify only one of prefix_rewrite, regex_rewrite or path_rewrite_policy',
    );
  }
  if (prefix !== '' && match.template !== null && reader.type.endsWith('.RouteAction')) {
    ctx.report(
      'error',
      'route.rewrite-kinds',
      reader,
      'prefix_rewrite',
      'Cannot use prefix_rewrite with matcher extension',
    );
  }
  if (prefix !== '') return { kind: 'prefix', value: prefix };
  if (regex !== undefined) return { kind: 'regex', substitution: compileSubstitution(regex, ctx) };
  if (policy?.type !== 'envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig') return null;
  const template = policy.string('path_template_rewrite') ?? '';
  if (match.template === null) {
    ctx.report(
      'error',
      'route.rewrite-template',
      policy,
      'path_template_rewrite',
      `unable to use ${template} extension without ${'path_match_policy'} uri template matching`,
    );
    return null;
  }
  const substitution = templateSubstitution(template, match.template);
  if (substitution === null) {
    ctx.report(
      'error',
      'route.rewrite-template',
      policy,
      'path_template_rewrite',
      `mismatch between variables in path_match_policy ${match.template.text} and path_rewrite_policy ${template}`,
    );
    return null;
  }
  return { kind: 'regex', substitution: { regex: match.template.regex, substitution } };
}

/** The path after a rewrite; the query stays as it was. */
export function rewrittenPath(rewrite: PathRewrite, match: RouteMatch, path: string): string {
  const end = path.search(/[?#]/);
  const own = end < 0 ? path : path.slice(0, end);
  if (rewrite.kind === 'regex') {
    const { regex, substitution } = rewrite.substitution;
    return regex.replaceAll(own, substitution) + path.slice(own.length);
  }
  const matched = matchedLength(match, own);
  return rewrite.value + path.slice(matched);
}

/** How much of a path a `prefix_rewrite` replaces. For a template Envoy takes the length of its text. */
function matchedLength(match: RouteMatch, path: string): number {
  switch (match.pathKind) {
    case 'prefix':
    case 'path-separated-prefix':
      return match.path.length;
    case 'template':
      return match.template?.text.length ?? path.length;
    case 'path':
    case 'regex':
    case 'connect':
    case 'never':
      return path.length;
  }
}

/** Changes `:path` and keeps the old one in `x-envoy-original-path`. */
export function rewritePath(
  rewrite: PathRewrite,
  match: RouteMatch,
  head: RequestHead,
  keepOriginal: boolean,
  narrator: Narrator | null,
): void {
  const path = rewrittenPath(rewrite, match, head.path);
  narrator?.note('neutral', `path \`${head.path}\` becomes \`${path}\``, null);
  if (keepOriginal) setHeader(head.headers, 'x-envoy-original-path', head.path);
  head.path = path;
}

/** Sets the host that goes upstream; `x-forwarded-host` keeps the old one when asked for. */
export function rewriteHost(head: RequestHead, host: string, appendForwardedHost: boolean): void {
  if (appendForwardedHost && head.authority !== '') {
    const before = headerValue(head.headers, 'x-forwarded-host');
    setHeader(
      head.headers,
      'x-forwarded-host',
      before === undefined || before === '' ? head.authority : `${before},${head.authority}`,
    );
  }
  head.authority = host;
}

/**
 * Everything a route does to a request before it goes to the cluster, in Envoy's order: header changes of the
 * weighted cluster, then of the other levels; host; path. `info.requestHead` is `head`.
 */
export function finalizeRequest(
  route: Route,
  choice: ClusterChoice,
  head: RequestHead,
  info: StreamInfo,
  narrator: Narrator | null = null,
  keepOriginalPath = true,
): void {
  const action = route.action;
  if (action.kind !== 'cluster') return;
  const specifier = action.clusterSpecifier;
  const weighted = specifier.kind === 'weighted' ? specifier.entries[choice.weightedIndex] : undefined;
  if (weighted !== undefined) {
    if (weighted.requestHeaders !== null)
      mutateHeaders(weighted.requestHeaders, head.headers, info, narrator);
    if (weighted.hostRewriteLiteral !== '') {
      narrateHost(head.authority, weighted.hostRewriteLiteral, narrator);
      head.authority = weighted.hostRewriteLiteral;
    }
  }
  if (route.requestHeaders !== null) mutateHeaders(route.requestHeaders, head.headers, info, narrator);
  if (action.hostRewrite !== null) applyHostRewrite(action, head, narrator);
  if (action.pathRewrite !== null) {
    rewritePath(action.pathRewrite, route.match, head, keepOriginalPath, narrator);
  }
}

function applyHostRewrite(action: ClusterAction, head: RequestHead, narrator: Narrator | null): void {
  const rewrite = action.hostRewrite;
  if (rewrite === null) return;
  let host: string | undefined;
  switch (rewrite.kind) {
    case 'literal':
      host = rewrite.value;
      break;
    case 'header':
      host = requestHeader(head, rewrite.header);
      break;
    case 'path-regex':
      host = rewrite.substitution.regex.replaceAll(
        pathView(head.path, false).path,
        rewrite.substitution.substitution,
      );
      break;
  }
  if (host === undefined || host === '') return;
  narrateHost(head.authority, host, narrator);
  rewriteHost(head, host, action.appendXForwardedHost);
}

function narrateHost(before: string, after: string, narrator: Narrator | null): void {
  narrator?.note('neutral', `host \`${before}\` becomes \`${after}\``, null);
}
