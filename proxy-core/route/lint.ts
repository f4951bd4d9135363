import type { CompileContext } from '../config/compile-context.ts';
import type { MessageReader } from '../config/reader.ts';
import { redirectLoops } from './redirect-loop.ts';
import type { RouteMatch } from './route-match.ts';
import type { Route, RouteTable, VirtualHost } from './types.ts';

/**
 * Warnings about a whole route table: what Envoy takes without a word and what then never happens, or not as
 * written. `readers` are those of the virtual hosts, in order.
 */
export function lintRouteTable(
  table: RouteTable,
  readers: readonly MessageReader[],
  ctx: CompileContext,
): void {
  lintRedirectLoops(table, readers, ctx);
  table.virtualHosts.forEach((virtualHost, i) => {
    const reader = readers[i];
    if (reader === undefined) return;
    lintDomains(virtualHost, reader, ctx);
    // The routes below a matcher are chosen by it, not by their order.
    if (virtualHost.matcher !== null) return;
    const routeReaders = reader.messages('routes');
    lintShadowed(virtualHost, routeReaders, ctx);
    virtualHost.routes.forEach((route, j) => {
      const routeReader = routeReaders[j];
      if (routeReader !== undefined) lintRoute(route, routeReader, ctx);
    });
  });
}

function lintRedirectLoops(table: RouteTable, readers: readonly MessageReader[], ctx: CompileContext): void {
  for (const { route, paths } of redirectLoops(table)) {
    const reader = readers[table.virtualHosts.indexOf(route.virtualHost)]?.messages('routes')[route.index];
    if (reader === undefined) continue;
    const shown = paths.slice(0, 4).map((path) => `\`${path}\``);
    ctx.report(
      'warning',
      'route.redirect-loop',
      reader,
      'redirect',
      `This redirect leads back to itself: ${shown.join(' → ')}${paths.length > 4 ? ' → …' : ''}. Clients give up after some 20 hops.`,
    );
  }
}

function lintDomains(virtualHost: VirtualHost, reader: MessageReader, ctx: CompileContext): void {
  const ranges = reader.itemRanges('domains');
  virtualHost.domains.forEach((domain, i) => {
    const inner = domain.replace(/^\*|\*$/g, '');
    let why = '';
    if (domain === '') why = 'An empty domain never matches.';
    else if (domain.includes('/'))
      why = `The domain \`${domain}\` holds a \`/\`, a Host header never does: it never matches. Write the host name only.`;
    else if (domain !== '**' && inner.includes('*'))
      why = `Only one star at the beginning or the end of \`${domain}\` is a wildcard: the other is a literal star.`;
    if (why === '') return;
    const range = ranges[i];
    ctx.report(
      'warning',
      'route.domain-never-matches',
      reader,
      'domains',
      why,
      range === undefined ? {} : { range },
    );
  });
}

function lintRoute(route: Route, reader: MessageReader, ctx: CompileContext): void {
  const { match } = route;
  const matchReader = reader.message('match');
  if (matchReader === undefined) return;
  if (match.pathKind === 'prefix' && match.path !== '' && !match.path.startsWith('/')) {
    ctx.report(
      'warning',
      'route.path-never-matches',
      matchReader,
      'prefix',
      `The prefix \`${match.path}\` does not begin with \`/\`: no path ever matches it.`,
      { suggestion: `/${match.path}` },
    );
  }
  if (match.pathKind === 'path') {
    if (!match.path.startsWith('/')) {
      ctx.report(
        'warning',
        'route.path-never-matches',
        matchReader,
        'path',
        `The path \`${match.path}\` does not begin with \`/\`: no path ever matches it.`,
        { suggestion: `/${match.path}` },
      );
    } else if (/[?#]/.test(match.path)) {
      ctx.report(
        'warning',
        'route.path-never-matches',
        matchReader,
        'path',
        `Paths are matched without their query: \`${match.path}\` never matches. Use query_parameters for the rest.`,
      );
    }
  }
  lintPrefixRewrite(route, reader, ctx);
}

function lintPrefixRewrite(route: Route, reader: MessageReader, ctx: CompileContext): void {
  const { match, action } = route;
  if (action.kind === 'direct-response' || action.pathRewrite?.kind !== 'prefix') return;
  const actionReader = reader.message(action.kind === 'cluster' ? 'route' : 'redirect');
  if (actionReader === undefined) return;
  const { value } = action.pathRewrite;
  const isPrefix = match.pathKind === 'prefix' || match.pathKind === 'path-separated-prefix';
  if (isPrefix && value.endsWith('/') && match.path !== '' && !match.path.endsWith('/')) {
    ctx.report(
      'warning',
      'route.rewrite-double-slash',
      actionReader,
      'prefix_rewrite',
      `\`${match.path}/x\` becomes \`${value}/x\`, with two slashes. Give prefix and rewrite the same ending: \`${match.path}/\` and \`${value}\`.`,
    );
  }
  if (value.includes('?')) {
    ctx.report(
      'warning',
      'route.rewrite-query',
      actionReader,
      'prefix_rewrite',
      `The \`?\` in \`${value}\` is copied into the path as it stands; a request with a query then has two.`,
    );
  }
}

/** An earlier route that takes every request a later one could take makes the later one dead. */
function lintShadowed(
  virtualHost: VirtualHost,
  readers: readonly MessageReader[],
  ctx: CompileContext,
): void {
  const seen: TakenPaths = { prefixes: new Map(), lengths: new Set(), same: new Map() };
  for (const route of virtualHost.routes) {
    const shadow = shadowOf(route.match, seen);
    const reader = readers[route.index];
    if (shadow !== null && reader !== undefined) {
      ctx.report(
        'warning',
        'route.shadowed',
        reader,
        'match',
        `This route never gets a request: route ${shadow.index + 1} (${shadow.matchText}), line ${shadow.source.line}, takes all of them before.`,
      );
    } else {
      remember(route, seen);
    }
  }
}

/** Routes so far that take every request with their path. */
interface TakenPaths {
  readonly prefixes: Map<string, Route>;
  readonly lengths: Set<number>;
  /** By specifier: the same one again can match nothing new. */
  readonly same: Map<string, Route>;
}

function specifierKey(match: RouteMatch): string {
  return `${match.pathKind} ${match.caseSensitive} ${match.path}`;
}

function remember(route: Route, seen: TakenPaths): void {
  const { match } = route;
  if (!match.pathOnly || match.pathKind === 'never') return;
  const key = specifierKey(match);
  if (!seen.same.has(key)) seen.same.set(key, route);
  if (match.pathKind !== 'prefix' || !match.caseSensitive || seen.prefixes.has(match.path)) return;
  seen.prefixes.set(match.path, route);
  seen.lengths.add(match.path.length);
}

function shadowOf(match: RouteMatch, seen: TakenPaths): Route | null {
  if (match.pathKind === 'never' || match.pathKind === 'connect') {
    return match.pathKind === 'connect' ? (seen.same.get(specifierKey(match)) ?? null) : null;
  }
  const same = seen.same.get(specifierKey(match));
  if (same !== undefined) return same;
  // Every path begins with a slash, so these two take them all.
  const all = seen.prefixes.get('/') ?? seen.prefixes.get('');
  if (all !== undefined) return all;
  if (match.pathKind === 'regex' || match.pathKind === 'template') return null;
  for (const length of seen.lengths) {
    if (length > match.path.length) continue;
    const prefix = match.path.slice(0, length);
    const found = seen.prefixes.get(prefix);
    if (found === undefined) continue;
    // In any case, only a prefix without letters takes all spellings.
    if (match.caseSensitive || prefix.toLowerCase() === prefix.toUpperCase()) return found;
  }
  return null;
}
