/**
 * Attaché's core: a proxy that runs an Envoy v3 configuration and can explain every decision.
 * This file is its only public face; it knows nothing of windows, terminals or transports.
 */

export { type Clock, Timer } from './base/clock.ts';
export { AttacheError, assertNever } from './base/errors.ts';
export { type FileListener, FileWatcher } from './base/file-watcher.ts';
export { type Random, SeededRandom } from './base/random.ts';
export { VirtualClock } from './base/virtual-clock.ts';
export * from './config/diagnostic.ts';
export { formatDiagnostics } from './config/diagnostic-format.ts';
export { createProxyCore, explainOffline, fixConfig, runRouteTests } from './core/index.ts';
export type * from './facade/core-api.ts';
export type * from './facade/decision.ts';
export type * from './facade/overlay.ts';
export type * from './facade/records.ts';
export type * from './facade/route-tests.ts';
export type * from './facade/state.ts';
