/** Tests of route tables, in the format of Envoy's router_check tool. Pure: it routes with the functions that route requests. */
export { coverageOf } from './coverage.ts';
export { readRouteTests } from './read.ts';
export { runRouteTest, testInput } from './run.ts';
export { openFractions } from './runtime.ts';
export type * from './types.ts';
export { type RecordedRoute, writeRouteTests } from './write.ts';
