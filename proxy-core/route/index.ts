/**
 * Routing: a request head, a compiled route table and a random number give a route, a cluster and the changes to
 * the head; with a narrator the same functions tell why. Pure: it opens no socket, arms no timer and keeps no state.
 */
export { analyseRouteTable, type RouteFinding } from './analysis.ts';
export { selectCluster } from './cluster-choice.ts';
export { compileRouteConfiguration, type RouteCompileOptions } from './compile.ts';
export { readDataSource, readDataSourceBytes } from './data-source.ts';
export { decideRoute, decideVirtualHost, type RouteNarration } from './decide.ts';
export { actionText } from './describe.ts';
export * from './formatter/index.ts';
export { compileFraction, type Fraction, fractionHits } from './fraction.ts';
export { cookieValue, type HashResult, hashRequest } from './hash-policy.ts';
export {
  compileHeaderMatcher,
  type HeaderMatcher,
  headerMatcherText,
  matchesHeader,
} from './header-matcher.ts';
export {
  compileHeaderAdds,
  compileHeaderLevel,
  type HeaderAdd,
  type HeaderLevel,
  type HeaderMutations,
  mutateHeaders,
} from './header-mutation.ts';
export { followRedirect } from './internal-redirect.ts';
export { selectMirrors } from './mirror.ts';
export type { PerFilterCompiler } from './per-filter.ts';
export { compileQueryMatcher, matchesQuery, type QueryMatcher, queryParameter } from './query-matcher.ts';
export { compileRegex, compileSubstitution, type Regex, type RegexSubstitution } from './regex.ts';
export { finalizeResponse, type RouteAnswer, redirectLocation, redirectResponse } from './response.ts';
export { compileRetryPolicy, retryWords } from './retry-policy.ts';
export { finalizeRequest, rewriteHost } from './rewrite.ts';
export { matchText } from './route-match.ts';
export { compileStringMatcher, matchesString, type StringMatcher } from './string-matcher.ts';
export type * from './types.ts';
export { virtualClusterOf } from './virtual-cluster.ts';
