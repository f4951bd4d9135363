import { BUFFER } from './envoy.filters.http.buffer.ts';
import { CORS } from './envoy.filters.http.cors.ts';
import { CSRF } from './envoy.filters.http.csrf.ts';
import { FAULT } from './envoy.filters.http.fault.ts';
import { GRPC_WEB } from './envoy.filters.http.grpc_web.ts';
import { HEADER_MUTATION } from './envoy.filters.http.header_mutation.ts';
import { HEALTH_CHECK } from './envoy.filters.http.health_check.ts';
import { LOCAL_RATE_LIMIT } from './envoy.filters.http.local_ratelimit.ts';
import { RBAC } from './envoy.filters.http.rbac.ts';
import type { HttpFilterExtension } from './extension.ts';

/** Every emulated HTTP filter but the router, which ends the chain. */
export const EXTENSIONS: readonly HttpFilterExtension[] = [
  BUFFER,
  CORS,
  CSRF,
  FAULT,
  GRPC_WEB,
  HEADER_MUTATION,
  HEALTH_CHECK,
  LOCAL_RATE_LIMIT,
  RBAC,
];
