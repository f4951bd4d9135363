import type { CompileContext } from '../config/compile-context.ts';
import type { MessageReader } from '../config/reader.ts';
import { compileHeaderKeyFormat } from '../http/codec/http1-header-keys.ts';
import { compileHttp2 } from '../http/codec/http2/compile.ts';
import type { AutoServerName, ClusterConfig } from './types.ts';

const OPTIONS_KEY = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

export type ProtocolSettings = Pick<
  ClusterConfig,
  | 'upstreamProtocol'
  | 'http2'
  | 'idleTimeout'
  | 'maxConnectionDuration'
  | 'maxRequestsPerConnection'
  | 'maxStreamDuration'
  | 'maxHeadersCount'
  | 'proxy100Continue'
  | 'headerKeyFormat'
  | 'enableTrailers'
  | 'sendFullyQualifiedUrl'
  | 'autoServerName'
>;

/** How upstream is spoken to: `typed_extension_protocol_options`, or the deprecated fields of the cluster itself. */
export function compileProtocol(cluster: MessageReader, ctx: CompileContext, name: string): ProtocolSettings {
  const typed = typedOptions(cluster, ctx);
  const common = (typed ?? cluster).message('common_http_protocol_options');
  const selected = typed === undefined ? fromCluster(cluster) : fromTyped(typed, cluster, ctx, name);
  const http1 = selected.http1;
  // These speak of requests that are received.
  http1?.acknowledge('allow_absolute_url', 'accept_http_10');
  return {
    upstreamProtocol: selected.protocol,
    http2: compileHttp2(selected.http2, {
      maxHeadBytes: 80 * 1024,
      maxHeaders: common?.number('max_headers_count') ?? 100,
      underscores: 'allow',
    }),
    idleTimeout: common?.duration('idle_timeout') ?? 3_600_000,
    maxConnectionDuration: common?.duration('max_connection_duration') ?? 0,
    maxRequestsPerConnection:
      common?.number('max_requests_per_connection') ?? cluster.number('max_requests_per_connection') ?? 0,
    maxStreamDuration: common?.duration('max_stream_duration') ?? 0,
    maxHeadersCount: common?.number('max_headers_count') ?? 100,
    proxy100Continue: false,
    headerKeyFormat: compileHeaderKeyFormat(http1, ctx),
    enableTrailers: http1?.bool('enable_trailers') ?? false,
    sendFullyQualifiedUrl: http1?.bool('send_fully_qualified_url') ?? false,
    autoServerName: compileAutoServerName(typed),
  };
}

/** Speaks of TLS only; without it there is nothing to name. */
function compileAutoServerName(typed: MessageReader | undefined): AutoServerName | null {
  const options = typed?.message('upstream_http_protocol_options');
  if (options === undefined) return null;
  const header = (options.string('override_auto_sni_header') ?? '').toLowerCase();
  const sni = options.bool('auto_sni') ?? false;
  const san = options.bool('auto_san_validation') ?? false;
  return sni || san ? { sni, san, header: header === ':authority' ? '' : header } : null;
}

interface Selected {
  readonly protocol: ClusterConfig['upstreamProtocol'];
  readonly http1: MessageReader | undefined;
  readonly http2: MessageReader | undefined;
}

function typedOptions(cluster: MessageReader, ctx: CompileContext): MessageReader | undefined {
  let found: MessageReader | undefined;
  for (const [key, reader] of cluster.messageMap('typed_extension_protocol_options')) {
    if (key === OPTIONS_KEY) {
      found = reader;
      continue;
    }
    ctx.report(
      'error',
      'cluster.unknown-protocol-options',
      cluster,
      'typed_extension_protocol_options',
      `${key} is not the name of any protocol options.`,
      { expected: OPTIONS_KEY, range: reader.range },
    );
  }
  return found;
}

function fromTyped(
  typed: MessageReader,
  cluster: MessageReader,
  ctx: CompileContext,
  name: string,
): Selected {
  const downstream = typed.message('use_downstream_protocol_config');
  if (downstream !== undefined) return { protocol: 'DOWNSTREAM', ...inner(downstream) };
  const auto = typed.message('auto_config');
  if (auto !== undefined) {
    if (!cluster.has('transport_socket') && !cluster.has('transport_socket_matches')) {
      ctx.report(
        'error',
        'cluster.auto-without-tls',
        typed,
        'auto_config',
        `auto_config lets TLS choose the protocol (ALPN), and cluster ${name} has no TLS transport_socket. Use explicit_http_config.`,
      );
    }
    return { protocol: 'AUTO', ...inner(auto) };
  }
  const explicit = typed.message('explicit_http_config');
  if (explicit?.message('http3_protocol_options') !== undefined) {
    ctx.report(
      'notice',
      'cluster.http3-not-emulated',
      explicit,
      'http3_protocol_options',
      `Cluster ${name} asks for HTTP/3, which is not emulated: HTTP/2 is spoken instead.`,
    );
    return { protocol: 'HTTP2', http1: undefined, http2: undefined };
  }
  const http2 = explicit?.message('http2_protocol_options');
  if (http2 !== undefined) return { protocol: 'HTTP2', http1: undefined, http2 };
  return { protocol: 'HTTP1', http1: explicit?.message('http_protocol_options'), http2: undefined };
}

function inner(reader: MessageReader): Omit<Selected, 'protocol'> {
  return {
    http1: reader.message('http_protocol_options'),
    http2: reader.message('http2_protocol_options'),
  };
}

function fromCluster(cluster: MessageReader): Selected {
  const http1 = cluster.message('http_protocol_options');
  const http2 = cluster.message('http2_protocol_options');
  if (cluster.enumeration('protocol_selection') === 'USE_DOWNSTREAM_PROTOCOL')
    return { protocol: 'DOWNSTREAM', http1, http2 };
  return { protocol: http2 === undefined ? 'HTTP1' : 'HTTP2', http1, http2 };
}
