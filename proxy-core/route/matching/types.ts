import type { IpRange } from '../../base/ip-range.ts';
import type { SourceRange } from '../../config/diagnostic.ts';
import type { StringMatcher } from '../string-matcher.ts';

/**
 * `xds.type.matcher.v3.Matcher`, compiled: a tree of tests over what `C` (a request, a connection) is, with an action
 * at each leaf.
 */
export interface MatchTree<C, A> {
  readonly branches: MatchList<C, A> | MatchMap<C, A> | null;
  readonly onNoMatch: OnMatch<C, A> | null;
}

export type OnMatch<C, A> =
  | { readonly kind: 'action'; readonly action: A; readonly name: string; readonly source: SourceRange }
  | { readonly kind: 'tree'; readonly tree: MatchTree<C, A> };

/** `matcher_list`: the first predicate that holds decides. */
export interface MatchList<C, A> {
  readonly kind: 'list';
  readonly matchers: readonly {
    readonly predicate: Predicate<C>;
    readonly onMatch: OnMatch<C, A>;
    readonly source: SourceRange;
  }[];
}

/** `matcher_tree`: one input, looked up. */
export interface MatchMap<C, A> {
  readonly kind: 'map';
  readonly input: MatchInput<C>;
  readonly lookup: MapLookup<C, A>;
}

export type MapLookup<C, A> =
  | { readonly kind: 'exact'; readonly entries: ReadonlyMap<string, OnMatch<C, A>> }
  /** Longest first. */
  | { readonly kind: 'prefix'; readonly entries: readonly (readonly [prefix: string, OnMatch<C, A>])[] }
  /** The narrowest range that holds the address. */
  | {
      readonly kind: 'ip';
      readonly ranges: readonly { readonly range: IpRange; readonly onMatch: OnMatch<C, A> }[];
    };

export type Predicate<C> =
  | { readonly kind: 'single'; readonly input: MatchInput<C>; readonly test: ValueTest }
  | { readonly kind: 'and' | 'or'; readonly of: readonly Predicate<C>[] }
  | { readonly kind: 'not'; readonly of: Predicate<C> };

export type ValueTest =
  | { readonly kind: 'string'; readonly matcher: StringMatcher }
  | { readonly kind: 'ip'; readonly ranges: readonly IpRange[] }
  | { readonly kind: 'never' };

/** Where a value comes from; undefined = there is none, and no test holds. */
export interface MatchInput<C> {
  /** For people: ``header `x-user` ``. */
  readonly text: string;
  read(from: C): string | undefined;
}
