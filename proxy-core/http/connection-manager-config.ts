import type { AccessLog } from '../observe/types.ts';
import type { HeaderMutations } from '../route/header-mutation.ts';
import type { RouteTable } from '../route/types.ts';
import type { InternalAddresses } from './client-address.ts';
import type { Http1ServerOptions } from './codec/http1-server.ts';
import type { Http2Config } from './codec/http2/compile.ts';
import type { ConnectionManagerStats } from './connection-manager-stats.ts';
import type { ChainedFilter } from './filter.ts';
import type { ForwardedClientCert } from './forwarded-client-cert.ts';
import type { IpDetection } from './ip-detection.ts';
import type { LocalReplyConfig } from './local-reply-config.ts';
import type { RouterConfig } from './router/router-config.ts';

/** Compiled HttpConnectionManager, immutable. Durations in milliseconds, 0 = off unless said otherwise. */
export interface HttpConnectionManagerConfig {
  readonly statPrefix: string;
  readonly codecType: 'AUTO' | 'HTTP1' | 'HTTP2' | 'HTTP3';
  readonly routes: RouteTable;
  /** The filters before the router, in order; empty when the router is alone. */
  readonly filters: readonly ChainedFilter[];
  /** False: `http_filters` has no router, so that requests hang as they do in Envoy. */
  readonly hasRouter: boolean;
  readonly router: RouterConfig;
  /** `suppress_envoy_headers` of the router: no `x-envoy-*` headers of its own. */
  readonly suppressEnvoyHeaders: boolean;
  readonly filterNames: readonly string[];
  readonly accessLogs: readonly AccessLog[];
  /** `flush_access_log_on_new_request`: written when the request has come and its route is known. */
  readonly startLogs: readonly AccessLog[];
  /** Written every `periodicLogInterval` milliseconds of a stream. */
  readonly periodicLogs: readonly AccessLog[];
  readonly periodicLogInterval: number;
  readonly stats: ConnectionManagerStats;
  readonly http1: Http1ServerOptions;
  readonly http2: Http2Config;
  readonly defaultHostForHttp10: string;
  readonly useRemoteAddress: boolean;
  readonly xffNumTrustedHops: number;
  readonly skipXffAppend: boolean;
  readonly ipDetection: readonly IpDetection[];
  readonly earlyMutations: HeaderMutations | null;
  readonly internalAddresses: InternalAddresses;
  readonly appendXForwardedPort: boolean;
  readonly addUserAgent: boolean;
  readonly schemeToOverwrite: string;
  /** `:scheme` is what the upstream connection speaks. */
  readonly schemeMatchesUpstream: boolean;
  readonly serverName: string;
  readonly serverHeader: 'OVERWRITE' | 'APPEND_IF_ABSENT' | 'PASS_THROUGH';
  readonly via: string;
  readonly forwardedClientCert: ForwardedClientCert;
  /** A malformed request ends its stream alone, not its connection. */
  readonly streamErrors: boolean;
  readonly localReply: LocalReplyConfig | null;
  readonly generateRequestId: boolean;
  readonly preserveExternalRequestId: boolean;
  readonly alwaysSetRequestIdInResponse: boolean;
  readonly normalizePath: boolean;
  readonly mergeSlashes: boolean;
  readonly escapedSlashes:
    | 'KEEP_UNCHANGED'
    | 'REJECT_REQUEST'
    | 'UNESCAPE_AND_REDIRECT'
    | 'UNESCAPE_AND_FORWARD';
  readonly stripPort: 'none' | 'any' | 'matching';
  readonly stripTrailingHostDot: boolean;
  /** Upgrade type in lower case → enabled. */
  readonly upgrades: ReadonlyMap<string, boolean>;
  readonly proxy100Continue: boolean;
  readonly streamIdleTimeout: number;
  readonly requestTimeout: number;
  readonly requestHeadersTimeout: number;
  readonly drainTimeout: number;
  readonly delayedCloseTimeout: number;
  readonly idleTimeout: number;
  readonly maxConnectionDuration: number;
  readonly maxStreamDuration: number;
  readonly maxRequestsPerConnection: number;
}
