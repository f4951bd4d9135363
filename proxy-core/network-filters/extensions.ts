import { CONNECTION_LIMIT } from './envoy.filters.network.connection_limit.ts';
import { DIRECT_RESPONSE } from './envoy.filters.network.direct_response.ts';
import { ECHO } from './envoy.filters.network.echo.ts';
import { LOCAL_RATE_LIMIT } from './envoy.filters.network.local_ratelimit.ts';
import { RBAC } from './envoy.filters.network.rbac.ts';
import { SNI_CLUSTER } from './envoy.filters.network.sni_cluster.ts';
import { TCP_PROXY } from './envoy.filters.network.tcp_proxy.ts';
import type { NetworkFilterExtension } from './extension.ts';

/** Every emulated network filter but the HTTP connection manager. */
export const EXTENSIONS: readonly NetworkFilterExtension[] = [
  CONNECTION_LIMIT,
  DIRECT_RESPONSE,
  ECHO,
  LOCAL_RATE_LIMIT,
  RBAC,
  SNI_CLUSTER,
  TCP_PROXY,
];
