/** Outbound capture in Envoy's own terms: an explicit proxy, and behind it a listener that ends TLS. */
import { ADDRESS_REGEX, patternRegex } from './host-pattern.ts';

export interface CaptureSettings {
  /** Loopback port of the proxy. */
  readonly port: number;
  /** Patterns of hosts whose TLS is ended here. */
  readonly intercept: readonly string[];
}

/** What the listeners need of this machine. */
export interface CapturePlaces {
  /** The Unix socket (or named pipe) between the two listeners. */
  readonly socket: string;
  /** PEM file of the authorities that hosts are checked against. */
  readonly trustedRoots: string;
}

export const CAPTURE_LISTENER = 'attache.capture';
export const INTERCEPT_LISTENER = 'attache.intercept';

const EXTENSIONS = 'type.googleapis.com/envoy.extensions';
const HOUR = '3600s';

/** The overlay as a bootstrap in JSON. Throws AttacheError `capture.bad-pattern`. */
export function captureBootstrap(settings: CaptureSettings, places: CapturePlaces): string {
  const { port, intercept } = settings;
  const patterns = intercept.map(patternRegex);
  return JSON.stringify({
    static_resources: {
      listeners: [
        captureListener(port, patterns),
        ...(patterns.length === 0 ? [] : [interceptListener(places)]),
      ],
      clusters: [
        forwardCluster('attache.capture.http', {}),
        forwardCluster('attache.capture.tcp', {}),
        ...(patterns.length === 0 ? [] : interceptClusters(places)),
      ],
    },
  });
}

function captureListener(port: number, patterns: readonly string[]): unknown {
  const connect = (cluster: string, match: object, config: object) => ({
    match: { connect_matcher: {}, ...match },
    route: {
      cluster,
      timeout: '0s',
      upgrade_configs: [{ upgrade_type: 'CONNECT', connect_config: config }],
    },
  });
  const authority = (regex: string) => ({
    headers: [{ name: ':authority', string_match: { safe_regex: { regex } } }],
  });
  const address = connect('attache.capture.tcp', authority(ADDRESS_REGEX), {});
  return {
    name: CAPTURE_LISTENER,
    address: { socket_address: { address: '127.0.0.1', port_value: port } },
    filter_chains: [
      {
        filters: [
          connectionManager(
            CAPTURE_LISTENER,
            [{ upgrade_type: 'CONNECT' }, { upgrade_type: 'websocket' }],
            [
              ...(patterns.length === 0 ? [] : [address]),
              ...patterns.map((regex) =>
                connect(INTERCEPT_LISTENER, authority(regex), { proxy_protocol_config: { version: 'V1' } }),
              ),
              connect('attache.capture.tcp', {}, {}),
              { match: { prefix: '/' }, route: { cluster: 'attache.capture.http', timeout: '0s' } },
            ],
            [ownHost(port)],
          ),
        ],
      },
    ],
  };
}

/** Requests to the proxy itself: passed on they would come back for ever. */
function ownHost(port: number): object {
  return {
    name: 'itself',
    domains: ['127.0.0.1', 'localhost', '[::1]'].map((host) => `${host}:${port}`),
    routes: [
      {
        match: { prefix: '/' },
        direct_response: {
          status: 400,
          body: {
            inline_string:
              'This is the capture proxy of Attaché: send requests through it (HTTP_PROXY, HTTPS_PROXY), not to it.\n',
          },
        },
      },
    ],
  };
}

/** Behind a CONNECT that is looked into: TLS with a certificate made for the name, or HTTP in the clear. */
function interceptListener({ socket }: CapturePlaces): unknown {
  const upgrades = [{ upgrade_type: 'websocket' }];
  const webSocket = {
    match: {
      prefix: '/',
      headers: [{ name: 'upgrade', string_match: { exact: 'websocket', ignore_case: true } }],
    },
    route: { cluster: 'attache.capture.https-1', timeout: '0s' },
  };
  const encrypted = { match: { prefix: '/' }, route: { cluster: 'attache.capture.https', timeout: '0s' } };
  const plain = { match: { prefix: '/' }, route: { cluster: 'attache.capture.http', timeout: '0s' } };
  return {
    name: INTERCEPT_LISTENER,
    address: { pipe: { path: socket, mode: 0o600 } },
    listener_filters: [
      {
        name: 'proxy_protocol',
        typed_config: { '@type': `${EXTENSIONS}.filters.listener.proxy_protocol.v3.ProxyProtocol` },
      },
      {
        name: 'tls_inspector',
        typed_config: { '@type': `${EXTENSIONS}.filters.listener.tls_inspector.v3.TlsInspector` },
      },
    ],
    filter_chains: [
      {
        name: 'tls',
        filter_chain_match: { transport_protocol: 'tls' },
        transport_socket: {
          name: 'tls',
          typed_config: {
            '@type': `${EXTENSIONS}.transport_sockets.tls.v3.DownstreamTlsContext`,
            common_tls_context: { alpn_protocols: ['h2', 'http/1.1'] },
          },
        },
        filters: [connectionManager(INTERCEPT_LISTENER, upgrades, [webSocket, encrypted])],
      },
      { name: 'clear', filters: [connectionManager(INTERCEPT_LISTENER, upgrades, [plain])] },
    ],
  };
}

/** What passes is changed as little as can be: no headers of Envoy's, names spelled as they came, no time limits. */
function connectionManager(
  name: string,
  upgrades: readonly object[],
  routes: readonly object[],
  hosts: readonly object[] = [],
): unknown {
  return {
    name: 'http',
    typed_config: {
      '@type': `${EXTENSIONS}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
      stat_prefix: name,
      use_remote_address: true,
      skip_xff_append: true,
      generate_request_id: false,
      server_header_transformation: 'PASS_THROUGH',
      stream_idle_timeout: HOUR,
      http_protocol_options: { header_key_format: PRESERVE_CASE },
      http2_protocol_options: { allow_connect: true },
      upgrade_configs: upgrades,
      route_config: {
        name,
        request_headers_to_remove: ['x-forwarded-proto', 'x-envoy-internal'],
        virtual_hosts: [...hosts, { name: 'any', domains: ['*'], routes }],
      },
      http_filters: [
        {
          name: 'envoy.filters.http.dynamic_forward_proxy',
          typed_config: {
            '@type': `${EXTENSIONS}.filters.http.dynamic_forward_proxy.v3.FilterConfig`,
            dns_cache_config: DNS_CACHE,
          },
        },
        {
          name: 'envoy.filters.http.router',
          typed_config: {
            '@type': `${EXTENSIONS}.filters.http.router.v3.Router`,
            suppress_envoy_headers: true,
          },
        },
      ],
    },
  };
}

const DNS_CACHE = { name: 'attache.capture', dns_lookup_family: 'ALL' };

const PRESERVE_CASE = {
  stateful_formatter: {
    name: 'preserve_case',
    typed_config: {
      '@type': `${EXTENSIONS}.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig`,
    },
  },
};

function forwardCluster(name: string, more: object): object {
  return {
    name,
    connect_timeout: '10s',
    lb_policy: 'CLUSTER_PROVIDED',
    cluster_type: {
      name: 'envoy.clusters.dynamic_forward_proxy',
      typed_config: {
        '@type': `${EXTENSIONS}.clusters.dynamic_forward_proxy.v3.ClusterConfig`,
        dns_cache_config: DNS_CACHE,
      },
    },
    typed_extension_protocol_options: httpOptions({
      explicit_http_config: { http_protocol_options: { header_key_format: PRESERVE_CASE } },
    }),
    ...more,
  };
}

function httpOptions(options: object): object {
  return {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
      '@type': `${EXTENSIONS}.upstreams.http.v3.HttpProtocolOptions`,
      ...options,
    },
  };
}

function interceptClusters({ socket, trustedRoots }: CapturePlaces): object[] {
  const tls = {
    transport_socket: {
      name: 'tls',
      typed_config: {
        '@type': `${EXTENSIONS}.transport_sockets.tls.v3.UpstreamTlsContext`,
        common_tls_context: {
          tls_params: { tls_maximum_protocol_version: 'TLSv1_3' },
          validation_context: { trusted_ca: { filename: trustedRoots } },
        },
      },
    },
  };
  const byAuthority = { upstream_http_protocol_options: { auto_sni: true, auto_san_validation: true } };
  const http1 = { http_protocol_options: { header_key_format: PRESERVE_CASE } };
  return [
    forwardCluster('attache.capture.https', {
      ...tls,
      typed_extension_protocol_options: httpOptions({
        ...byAuthority,
        auto_config: { ...http1, http2_protocol_options: {} },
      }),
    }),
    // Few servers know WebSockets over HTTP/2.
    forwardCluster('attache.capture.https-1', {
      ...tls,
      typed_extension_protocol_options: httpOptions({ ...byAuthority, explicit_http_config: http1 }),
    }),
    {
      name: INTERCEPT_LISTENER,
      connect_timeout: '5s',
      load_assignment: {
        cluster_name: INTERCEPT_LISTENER,
        endpoints: [{ lb_endpoints: [{ endpoint: { address: { pipe: { path: socket } } } }] }],
      },
    },
  ];
}
