import { messageCodec } from '../../../../../proxy-core/config/schema/message-codec.ts';
import type { ByteServer } from '../async-client/grpc-server.ts';
import { exchange, Origin, ProxyRig } from '../data-path-rig.ts';

const TYPE = 'type.googleapis.com/envoy.extensions';

/** A proxy with one filter before the router, whose gRPC service is `server`; `up` answers with `ok`. */
export class ServiceRig {
  readonly events: string[] = [];

  private constructor(
    readonly rig: ProxyRig,
    readonly server: ByteServer,
    readonly origin: Origin,
  ) {}

  static async start(
    filter: string,
    server: ByteServer,
    options: { readonly route?: string; readonly virtualHost?: string; readonly dead?: boolean } = {},
  ): Promise<ServiceRig> {
    await server.listen();
    const origin = new Origin((_head, socket) =>
      socket.write('HTTP/1.1 200 OK\r\nx-upstream: old\r\ncontent-length: 2\r\n\r\nok'),
    );
    await origin.listen();
    if (options.dead === true) server.close();
    const host = (port: number): string =>
      `endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${port} } } } }] }]`;
    const rig = await ProxyRig.fromYaml(`
static_resources:
  listeners:
  - name: main
    address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
    filter_chains:
    - filters:
      - name: http
        typed_config:
          "@type": ${TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: test
          route_config:
            virtual_hosts:
            - name: v
              domains: ["*"]
              ${options.virtualHost ?? ''}
              routes: [{ match: { prefix: / }, ${options.route ?? 'route: { cluster: up }'} }]
          http_filters:
          - name: service
            typed_config: { "@type": ${TYPE}.filters.http.${filter} }
          - name: router
            typed_config: { "@type": ${TYPE}.filters.http.router.v3.Router }
  clusters:
  - { name: up, type: STATIC, load_assignment: { cluster_name: up, ${host(origin.port)} } }
  - name: service
    type: STATIC
    load_assignment: { cluster_name: service, ${host(server.port)} }
    typed_extension_protocol_options: { envoy.extensions.upstreams.http.v3.HttpProtocolOptions: { "@type": ${TYPE}.upstreams.http.v3.HttpProtocolOptions, explicit_http_config: { http2_protocol_options: {} } } }
`);
    const made = new ServiceRig(rig, server, origin);
    rig.onEvent((text) => made.events.push(text));
    return made;
  }

  /** Status, headers in order, body, with what changes from time to time taken out. */
  async ask(path: string, headers = '', method = 'GET', body = '') {
    const length = body === '' ? '' : `content-length: ${body.length}\r\n`;
    const text = await exchange(
      this.rig.port,
      `${method} ${path} HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\n${length}${headers}\r\n${body}`,
    );
    const end = text.indexOf('\r\n\r\n');
    const lines = text.slice(0, end).split('\r\n');
    const dull = /^(date|server|connection|x-envoy-upstream-service-time):/;
    return {
      status: Number(lines[0]?.slice(9, 12)),
      headers: lines.slice(1).filter((line) => !dull.test(line)),
      body: text.slice(end + 4),
      stream: this.rig.streams.at(-1),
    };
  }

  close(): void {
    this.rig.close();
    this.server.close();
    this.origin.close();
  }
}

/** Messages of a service, decoded and encoded. */
export const message = (type: string) => {
  const codec = messageCodec(`envoy.service.${type}`);
  return {
    decode: (bytes: Uint8Array) => codec.decode(bytes) as never,
    encode: (value: object) => Buffer.from(codec.encode(value)),
  };
};
