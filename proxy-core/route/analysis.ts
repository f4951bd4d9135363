import type { SourceRange } from '../config/diagnostic.ts';
import { domainKind } from './domain-index.ts';
import { rewrittenPath } from './rewrite.ts';
import type { Route, RouteTable, VirtualHost } from './types.ts';

/** Something worth knowing about a route table that is no mistake. */
export interface RouteFinding {
  readonly code: string;
  readonly message: string;
  readonly source: SourceRange;
}

/** What a reader of the whole table should know: which domains overlap and who wins, and what rewrites make of paths. */
export function analyseRouteTable(table: RouteTable): RouteFinding[] {
  return [...overlaps(table), ...table.virtualHosts.flatMap(({ routes }) => routes.flatMap(rewriteResult))];
}

function overlaps(table: RouteTable): RouteFinding[] {
  const findings: RouteFinding[] = [];
  const domains = table.virtualHosts.flatMap((virtualHost) =>
    virtualHost.domains.map((domain) => ({ domain: domain.toLowerCase(), virtualHost })),
  );
  for (const narrow of domains) {
    const wider = domains.filter(
      (wide) =>
        wide.virtualHost !== narrow.virtualHost && wide.domain !== '*' && covers(wide.domain, narrow.domain),
    );
    for (const wide of wider) findings.push(overlap(narrow, wide));
  }
  return findings;
}

interface Named {
  readonly domain: string;
  readonly virtualHost: VirtualHost;
}

function overlap(narrow: Named, wide: Named): RouteFinding {
  const rule = domainKind(narrow.domain) === 'exact' ? 'is exact' : 'is the longer wildcard';
  return {
    code: 'route.domains-overlap',
    message:
      `\`${narrow.domain}\` lies within \`${wide.domain}\` of virtual host ${wide.virtualHost.name}. ` +
      `${narrow.virtualHost.name} wins, because its domain ${rule}; without a route there the answer is 404, ` +
      `${wide.virtualHost.name} is not asked.`,
    source: narrow.virtualHost.source,
  };
}

/** Does every host of `narrow` fit `wide` too? A wildcard stands for at least one character. */
function covers(wide: string, narrow: string): boolean {
  const inner = narrow.replace(/^\*|\*$/, '');
  switch (domainKind(wide)) {
    case 'any':
      return true;
    case 'exact':
      return false;
    case 'suffix': {
      const end = wide.slice(1);
      return domainKind(narrow) !== 'prefix' && inner.length > end.length && inner.endsWith(end);
    }
    case 'prefix': {
      const start = wide.slice(0, -1);
      return domainKind(narrow) !== 'suffix' && inner.length > start.length && inner.startsWith(start);
    }
  }
}

function rewriteResult(route: Route): RouteFinding[] {
  const { action, match } = route;
  if (action.kind === 'direct-response' || action.pathRewrite === null) return [];
  const sample = samplePath(route);
  if (sample === null) return [];
  const result = rewrittenPath(action.pathRewrite, match, sample);
  return [
    {
      code: 'route.rewrite-result',
      message: `\`${sample}\` becomes \`${result}\`.`,
      source: route.source,
    },
  ];
}

function samplePath({ match }: Route): string | null {
  switch (match.pathKind) {
    case 'path':
      return match.path;
    case 'prefix':
      return `${match.path}${match.path.endsWith('/') ? '' : '/'}x`;
    case 'path-separated-prefix':
      return `${match.path}/x`;
    case 'regex':
    case 'template':
    case 'connect':
    case 'never':
      return null;
  }
}
