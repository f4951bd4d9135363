/** Where the window is, kept in the hash: `#/overview?sel=inventory_service`. */
import { useSyncExternalStore } from 'react';

export type Screen = 'overview' | 'traffic' | 'routes' | 'clusters' | 'config';

export interface Route {
  readonly screen: Screen;
  /** The rest of the path, decoded: `['inventory_service']`. */
  readonly rest: readonly string[];
  readonly query: Readonly<Record<string, string>>;
}

const SCREENS: readonly Screen[] = ['overview', 'traffic', 'routes', 'clusters', 'config'];

export function parseRoute(hash: string): Route {
  const [path = '', search = ''] = hash.replace(/^#/, '').split('?');
  const [first = '', ...rest] = path.split('/').filter((part) => part !== '');
  const screen = SCREENS.find((name) => name === first) ?? 'overview';
  return {
    screen,
    rest: rest.map(decode),
    query: Object.fromEntries(new URLSearchParams(search)),
  };
}

export function formatRoute(route: Route): string {
  const path = [route.screen, ...route.rest.map(encodeURIComponent)].join('/');
  const search = new URLSearchParams(route.query).toString();
  return `#/${path}${search === '' ? '' : `?${search}`}`;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

let cachedHash: string | null = null;
let cachedRoute: Route = parseRoute('');

export function currentRoute(): Route {
  const hash = window.location.hash;
  if (hash !== cachedHash) {
    cachedHash = hash;
    cachedRoute = parseRoute(hash);
  }
  return cachedRoute;
}

function subscribe(onChange: () => void): () => void {
  window.addEventListener('hashchange', onChange);
  return () => window.removeEventListener('hashchange', onChange);
}

export function useRoute(): Route {
  return useSyncExternalStore(subscribe, currentRoute);
}

export function navigate(href: string): void {
  window.location.hash = href.replace(/^#/, '');
}

/** Changes parameters of the current screen, null removes; does not add a step to the history. */
export function setQuery(changes: Readonly<Record<string, string | null>>): void {
  const route = currentRoute();
  const query: Record<string, string> = { ...route.query };
  for (const [key, value] of Object.entries(changes)) {
    if (value === null) delete query[key];
    else query[key] = value;
  }
  window.history.replaceState(null, '', formatRoute({ ...route, query }));
  window.dispatchEvent(new HashChangeEvent('hashchange'));
}

export function screenHref(screen: Screen): string {
  return `#/${screen}`;
}

export function clusterHref(name: string): string {
  return formatRoute({ screen: 'clusters', rest: [name], query: {} });
}

export function trafficHref(filter: string): string {
  return formatRoute({ screen: 'traffic', rest: [], query: filter === '' ? {} : { q: filter } });
}

/** The route tester, filled with a request: `method`, `url`, `headers` (one a line), `draws`. */
export function testerHref(query: Readonly<Record<string, string>>): string {
  return formatRoute({ screen: 'routes', rest: ['tester'], query });
}

/** One recorded request, its Decision tab open. */
export function requestHref(seq: number, filter = ''): string {
  const query = { ...(filter === '' ? {} : { q: filter }), sel: String(seq), tab: 'decision' };
  return formatRoute({ screen: 'traffic', rest: [], query });
}

/** The editor at a line of the running configuration. */
export function configHref(line: number): string {
  return formatRoute({ screen: 'config', rest: [], query: { line: String(line) } });
}

/** A value in the filter language: quoted when it holds more than a plain word. */
export function filterValue(value: string): string {
  return /^[\w.:/*-]+$/.test(value) ? value : `"${value.replace(/["\\]/g, '\\$&')}"`;
}
