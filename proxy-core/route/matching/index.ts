/** Generic matchers (`xds.type.matcher.v3.Matcher`): trees of tests with an action at each leaf. */
export { compileMatchTree, type MatchVocabulary } from './compile.ts';
export { type HttpFacts, headerInput, httpInput } from './http-inputs.ts';
export { matchTree } from './match.ts';
export { type ConnectionFacts, connectionFacts, networkInput } from './network-inputs.ts';
export type { MatchInput, MatchTree } from './types.ts';
