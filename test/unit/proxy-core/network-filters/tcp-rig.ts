import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** A TCP server that hands out its connections. */
export class Peer {
  readonly sockets: Socket[] = [];
  /** What each connection sent so far, latin1. */
  readonly received: string[] = [];
  private readonly server: Server;

  constructor(onConnection: (socket: Socket, index: number) => void = () => {}) {
    this.server = createServer({ allowHalfOpen: true }, (socket) => {
      const index = this.sockets.push(socket) - 1;
      this.received.push('');
      socket.on('error', () => {});
      onConnection(socket, index);
    });
  }

  /** Every byte is kept and, with `echo`, sent back; the end is answered with the end. */
  static keeping(echo = false): Peer {
    const peer: Peer = new Peer((socket, index) => {
      socket.on('data', (chunk) => {
        peer.received[index] += chunk.toString('latin1');
        if (echo) socket.write(chunk);
      });
      socket.on('end', () => socket.end());
    });
    return peer;
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }
}

/** A client that collects what it gets. */
export class TcpClient {
  text = '';
  ended = false;
  error = '';
  readonly socket: Socket;

  constructor(where: number | string, host = '127.0.0.1') {
    this.socket =
      typeof where === 'string'
        ? connect({ path: where, allowHalfOpen: true })
        : connect({ port: where, host, allowHalfOpen: true });
    this.socket.on('data', (chunk) => {
      this.text += chunk.toString('latin1');
    });
    this.socket.on('error', (error: NodeJS.ErrnoException) => {
      this.error = error.code ?? '';
    });
    for (const event of ['end', 'close']) {
      this.socket.on(event, () => {
        this.ended = true;
      });
    }
  }

  send(text: string): this {
    this.socket.write(text, 'latin1');
    return this;
  }

  destroy(): void {
    this.socket.destroy();
  }
}

const TYPE = 'type.googleapis.com/envoy.extensions.filters.network.';

export function tcpProxy(fields: string): string {
  return `{ name: t, typed_config: { "@type": ${TYPE}tcp_proxy.v3.TcpProxy, stat_prefix: t, ${fields} } }`;
}

export function directResponse(text: string): string {
  return `{ name: d, typed_config: { "@type": ${TYPE}direct_response.v3.Config, response: { inline_string: ${text} } } }`;
}

export const ECHO = `{ name: e, typed_config: { "@type": ${TYPE}echo.v3.Echo } }`;

export function networkFilter(type: string, fields: string): string {
  return `{ name: f, typed_config: { "@type": ${TYPE}${type}, ${fields} } }`;
}

/** A bootstrap with one listener `main`; `listener` are more of its fields, flow style. */
export function tcpBootstrap(options: {
  readonly filters?: string;
  readonly chains?: string;
  readonly listener?: string;
  readonly address?: string;
  readonly clusters?: string;
  readonly top?: string;
}): string {
  const address = options.address ?? '{ socket_address: { address: 127.0.0.1, port_value: 0 } }';
  const chains = options.chains ?? `[{ filters: [${options.filters ?? ''}] }]`;
  return `{
    admin: { address: { socket_address: { address: 127.0.0.1, port_value: 0 } } }, ${options.top ?? ''}
    static_resources: {
      listeners: [{ name: main, address: ${address}, ${options.listener ?? ''} filter_chains: ${chains} }],
      clusters: [${options.clusters ?? ''}] } }`;
}

export function tcpCluster(name: string, ports: readonly number[], more = ''): string {
  const endpoints = ports.map(
    (port) => `{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${port} } } } }`,
  );
  return `{ name: ${name}, connect_timeout: 1s, ${more} load_assignment: { cluster_name: ${name}, endpoints: [{ lb_endpoints: [${endpoints.join(', ')}] }] } }`;
}
