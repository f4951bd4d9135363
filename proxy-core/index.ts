/**
 * Attaché's core: a proxy that runs an Envoy v3 configuration and can explain every decision.
 * This file is its only public face; it knows nothing of windows, terminals or transports.
 */
export type * from './config/diagnostic.ts';
export type * from './facade/core-api.ts';
export type * from './facade/decision.ts';
export type * from './facade/records.ts';
export type * from './facade/state.ts';
