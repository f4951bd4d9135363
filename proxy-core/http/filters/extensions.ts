import { ADAPTIVE_CONCURRENCY } from './envoy.filters.http.adaptive_concurrency.ts';
import { ADMISSION_CONTROL } from './envoy.filters.http.admission_control.ts';
import { BANDWIDTH_LIMIT } from './envoy.filters.http.bandwidth_limit.ts';
import { BASIC_AUTH } from './envoy.filters.http.basic_auth.ts';
import { BUFFER } from './envoy.filters.http.buffer.ts';
import { COMPRESSOR } from './envoy.filters.http.compressor.ts';
import { CORS } from './envoy.filters.http.cors.ts';
import { CSRF } from './envoy.filters.http.csrf.ts';
import { CUSTOM_RESPONSE } from './envoy.filters.http.custom_response.ts';
import { DECOMPRESSOR } from './envoy.filters.http.decompressor.ts';
import { DYNAMIC_FORWARD_PROXY } from './envoy.filters.http.dynamic_forward_proxy.ts';
import { EXT_AUTHZ } from './envoy.filters.http.ext_authz.ts';
import { EXT_PROC } from './envoy.filters.http.ext_proc.ts';
import { FAULT } from './envoy.filters.http.fault.ts';
import { GRPC_HTTP1_BRIDGE } from './envoy.filters.http.grpc_http1_bridge.ts';
import { GRPC_HTTP1_REVERSE_BRIDGE } from './envoy.filters.http.grpc_http1_reverse_bridge.ts';
import { GRPC_JSON_TRANSCODER } from './envoy.filters.http.grpc_json_transcoder.ts';
import { GRPC_STATS } from './envoy.filters.http.grpc_stats.ts';
import { GRPC_WEB } from './envoy.filters.http.grpc_web.ts';
import { HEADER_MUTATION } from './envoy.filters.http.header_mutation.ts';
import { HEADER_TO_METADATA } from './envoy.filters.http.header_to_metadata.ts';
import { HEALTH_CHECK } from './envoy.filters.http.health_check.ts';
import { JWT_AUTHN } from './envoy.filters.http.jwt_authn.ts';
import { LOCAL_RATE_LIMIT } from './envoy.filters.http.local_ratelimit.ts';
import { LUA } from './envoy.filters.http.lua.ts';
import { OAUTH2 } from './envoy.filters.http.oauth2.ts';
import { RATE_LIMIT } from './envoy.filters.http.ratelimit.ts';
import { RBAC } from './envoy.filters.http.rbac.ts';
import { SET_FILTER_STATE } from './envoy.filters.http.set_filter_state.ts';
import { SET_METADATA } from './envoy.filters.http.set_metadata.ts';
import { STATEFUL_SESSION } from './envoy.filters.http.stateful_session.ts';
import { TAP } from './envoy.filters.http.tap.ts';
import type { HttpFilterExtension } from './extension.ts';

/** Every emulated HTTP filter but the router, which ends the chain. */
export const EXTENSIONS: readonly HttpFilterExtension[] = [
  ADAPTIVE_CONCURRENCY,
  ADMISSION_CONTROL,
  BANDWIDTH_LIMIT,
  BASIC_AUTH,
  BUFFER,
  COMPRESSOR,
  CORS,
  CSRF,
  CUSTOM_RESPONSE,
  DECOMPRESSOR,
  DYNAMIC_FORWARD_PROXY,
  EXT_AUTHZ,
  EXT_PROC,
  FAULT,
  GRPC_HTTP1_BRIDGE,
  GRPC_HTTP1_REVERSE_BRIDGE,
  GRPC_JSON_TRANSCODER,
  GRPC_STATS,
  GRPC_WEB,
  HEADER_MUTATION,
  HEADER_TO_METADATA,
  HEALTH_CHECK,
  JWT_AUTHN,
  LOCAL_RATE_LIMIT,
  LUA,
  OAUTH2,
  RATE_LIMIT,
  RBAC,
  SET_FILTER_STATE,
  SET_METADATA,
  STATEFUL_SESSION,
  TAP,
];
