import { CORS } from './envoy.filters.http.cors.ts';
import type { HttpFilterExtension } from './extension.ts';

/** Every emulated HTTP filter but the router, which ends the chain. */
export const EXTENSIONS: readonly HttpFilterExtension[] = [CORS];
