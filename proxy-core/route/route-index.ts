import type { PathView } from './route-match.ts';
import type { Route } from './types.ts';

/**
 * Finds the routes of a virtual host that can match a path, in their order, without looking at all of them: exact
 * paths and prefixes by hash, everything else in one list. The full match is tested afterwards, always.
 */
export interface RouteIndex {
  /** Null: so few routes that a scan is quicker. */
  readonly hashed: HashedRoutes | null;
}

interface HashedRoutes {
  readonly exact: ReadonlyMap<string, readonly number[]>;
  readonly exactAnyCase: ReadonlyMap<string, readonly number[]> | null;
  readonly prefixes: ReadonlyMap<string, readonly number[]>;
  readonly prefixLengths: readonly number[];
  readonly prefixesAnyCase: ReadonlyMap<string, readonly number[]>;
  readonly prefixLengthsAnyCase: readonly number[];
  readonly others: readonly number[];
}

const SCAN_LIMIT = 12;

export function buildRouteIndex(routes: readonly Route[]): RouteIndex {
  if (routes.length <= SCAN_LIMIT) return { hashed: null };
  const exact = new Map<string, number[]>();
  const exactAnyCase = new Map<string, number[]>();
  const prefixes = new Map<string, number[]>();
  const prefixesAnyCase = new Map<string, number[]>();
  const others: number[] = [];
  for (const { match, index } of routes) {
    switch (match.pathKind) {
      case 'path':
        push(match.caseSensitive ? exact : exactAnyCase, match.path, index);
        break;
      case 'prefix':
      case 'path-separated-prefix':
        push(match.caseSensitive ? prefixes : prefixesAnyCase, match.path, index);
        break;
      default:
        others.push(index);
    }
  }
  return {
    hashed: {
      exact,
      exactAnyCase: exactAnyCase.size === 0 ? null : exactAnyCase,
      prefixes,
      prefixLengths: lengths(prefixes),
      prefixesAnyCase,
      prefixLengthsAnyCase: lengths(prefixesAnyCase),
      others,
    },
  };
}

function push(map: Map<string, number[]>, key: string, index: number): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [index]);
  else list.push(index);
}

function lengths(map: ReadonlyMap<string, unknown>): number[] {
  return [...new Set([...map.keys()].map((key) => key.length))].sort((a, b) => a - b);
}

/**
 * The first route in order that `test` takes, or -1. Each list is ascending, so the lists are merged by always
 * testing the smallest index that is left.
 */
export function firstIndexed(hashed: HashedRoutes, view: PathView, test: (index: number) => boolean): number {
  const lists: (readonly number[])[] = [];
  collect(lists, hashed.exact.get(view.path));
  if (hashed.exactAnyCase !== null) {
    view.lower ??= view.path.toLowerCase();
    collect(lists, hashed.exactAnyCase.get(view.lower));
  }
  collectPrefixes(lists, hashed.prefixes, hashed.prefixLengths, view.path);
  if (hashed.prefixLengthsAnyCase.length > 0) {
    view.lower ??= view.path.toLowerCase();
    collectPrefixes(lists, hashed.prefixesAnyCase, hashed.prefixLengthsAnyCase, view.lower);
  }
  if (hashed.others.length > 0) lists.push(hashed.others);
  const positions = new Array<number>(lists.length).fill(0);
  for (;;) {
    let smallest = -1;
    let from = -1;
    for (let i = 0; i < lists.length; i++) {
      const candidate = (lists[i] as readonly number[])[positions[i] as number];
      if (candidate !== undefined && (smallest < 0 || candidate < smallest)) {
        smallest = candidate;
        from = i;
      }
    }
    if (from < 0) return -1;
    if (test(smallest)) return smallest;
    positions[from] = (positions[from] as number) + 1;
  }
}

function collect(lists: (readonly number[])[], list: readonly number[] | undefined): void {
  if (list !== undefined) lists.push(list);
}

function collectPrefixes(
  lists: (readonly number[])[],
  map: ReadonlyMap<string, readonly number[]>,
  lengths: readonly number[],
  path: string,
): void {
  for (const length of lengths) {
    if (length > path.length) return;
    collect(lists, map.get(path.slice(0, length)));
  }
}
