import { CORS } from './envoy.filters.http.cors.ts';
import { FAULT } from './envoy.filters.http.fault.ts';
import { HEADER_MUTATION } from './envoy.filters.http.header_mutation.ts';
import { LOCAL_RATE_LIMIT } from './envoy.filters.http.local_ratelimit.ts';
import type { HttpFilterExtension } from './extension.ts';

/** Every emulated HTTP filter but the router, which ends the chain. */
export const EXTENSIONS: readonly HttpFilterExtension[] = [CORS, FAULT, HEADER_MUTATION, LOCAL_RATE_LIMIT];
