import { DIRECT_RESPONSE } from './envoy.filters.network.direct_response.ts';
import { ECHO } from './envoy.filters.network.echo.ts';
import { TCP_PROXY } from './envoy.filters.network.tcp_proxy.ts';
import type { NetworkFilterExtension } from './extension.ts';

/** Every emulated network filter but the HTTP connection manager. */
export const EXTENSIONS: readonly NetworkFilterExtension[] = [DIRECT_RESPONSE, ECHO, TCP_PROXY];
