/** An imagined request as text fields, and what comes back as bars. Pure. */
import type { CoreState, Decision, ExplainRequest } from '../../../proxy-core/index.ts';

/** Kept in the address, so that a link is enough to ask again. */
export interface TesterFields {
  readonly method: string;
  readonly url: string;
  /** One `name: value` a line. */
  readonly headers: string;
  /** How many such requests to place; empty for none. */
  readonly draws: string;
}

export const MOST_DRAWS = 100_000;
const USUAL_DRAWS = '1000';

export type TesterInput = { readonly request: ExplainRequest } | { readonly problem: string };

/** The request, or what keeps it from being one. */
export function readFields({ method, url, headers, draws }: TesterFields): TesterInput {
  const verb = method.trim();
  if (verb === '' || /[^\w!#$%&'*+.^`|~-]/.test(verb)) return { problem: `“${verb}” is not a method.` };
  const absolute = url.trim();
  if (!/^https?:\/\/[^/?#]/i.test(absolute) || !URL.canParse(absolute)) {
    return {
      problem: 'A URL begins with http:// or https:// and names a host, such as http://shop.local/users.',
    };
  }
  const pairs: [string, string][] = [];
  for (const [index, line] of headers.split('\n').entries()) {
    if (line.trim() === '') continue;
    const colon = line.indexOf(':', 1);
    const name = colon < 0 ? '' : line.slice(0, colon).trim();
    if (name === '' || /\s/.test(name)) {
      return { problem: `Line ${index + 1} of the headers is not name: value.` };
    }
    pairs.push([name, line.slice(colon + 1).trim()]);
  }
  const count = draws.trim() === '' ? 0 : Number(draws);
  if (!Number.isInteger(count) || count < 0 || count > MOST_DRAWS) {
    return { problem: `Draws is a whole number from 0 to ${MOST_DRAWS}.` };
  }
  return {
    request: { method: verb, url: absolute, headers: pairs, ...(count === 0 ? {} : { draws: count }) },
  };
}

/** What the form shows first: the first route of the first listener that sends something on. */
export function firstFields(query: Readonly<Record<string, string>>, core: CoreState | null): TesterFields {
  return {
    method: query['method'] ?? 'GET',
    url: query['url'] ?? firstUrl(core),
    headers: query['headers'] ?? '',
    draws: query['draws'] ?? USUAL_DRAWS,
  };
}

function firstUrl(core: CoreState | null): string {
  for (const listener of core?.listeners ?? []) {
    const chain = listener.filterChains.find(({ kind }) => kind === 'http');
    if (listener.status !== 'listening' || chain === undefined) continue;
    const routes = core?.routeConfigs.find(({ name }) => name === chain.routeConfig);
    const virtualHost = routes?.virtualHosts.find((each) =>
      each.routes.some(({ clusters }) => clusters.length > 0),
    );
    const route = virtualHost?.routes.find(({ clusters }) => clusters.length > 0);
    const path = /^(?:prefix|path|separated prefix) (\/\S*)/.exec(route?.match ?? '')?.[1] ?? '/';
    const domain = virtualHost?.domains.find((name) => !name.includes('*'));
    const port = listener.address.replace(/^.*:/, '');
    const host =
      domain === undefined ? `127.0.0.1:${port}` : /:\d+$/.test(domain) ? domain : `${domain}:${port}`;
    return `${chain.tls ? 'https' : 'http'}://${host}${path}`;
  }
  return 'http://127.0.0.1/';
}

export interface Bar {
  /** Null: no host could be picked. */
  readonly name: string | null;
  readonly share: number;
  readonly picks: number | null;
}

/** Picks of hosts, as shares of all of them. */
export function hostBars({ distribution = [] }: Decision): Bar[] {
  const all = distribution.reduce((sum, { picks }) => sum + picks, 0);
  return distribution.map(({ host, picks }) => ({ name: host, picks, share: all === 0 ? 0 : picks / all }));
}

/** Shares that the route gives to its clusters by weight; empty when it names one. */
export function clusterBars({ steps }: Decision): Bar[] {
  return steps
    .flatMap(({ candidates }) => candidates)
    .flatMap(({ name, condition }) => {
      const [, weight, total] = /^weight (\d+) of (\d+)$/.exec(condition) ?? [];
      if (weight === undefined || Number(total) === 0) return [];
      return [{ name, picks: null, share: Number(weight) / Number(total) }];
    });
}
