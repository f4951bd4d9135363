import { connect, createServer, type Server, type Socket } from 'node:net';
import { SystemRandom } from '../../../../proxy-core/base/random.ts';
import { RealClock } from '../../../../proxy-core/base/real-clock.ts';
import type { StreamInfo } from '../../../../proxy-core/base/stream-info.ts';
import { loadConfig } from '../../../../proxy-core/config/load.ts';
import { compileBootstrap } from '../../../../proxy-core/core/compile.ts';
import { createDataPath, type SnapshotRuntime } from '../../../../proxy-core/http/runtime.ts';
import { Listener } from '../../../../proxy-core/listener/index.ts';
import { StatsStore } from '../../../../proxy-core/observe/stats/store.ts';
import { createClusterManager } from '../../../../proxy-core/upstream/index.ts';

/** An origin that answers each request head (latin1, with what followed it) by `handle`. */
export class Origin {
  readonly heads: string[] = [];
  connections = 0;
  open = 0;
  private server: Server | null = null;
  private readonly sockets = new Set<Socket>();

  constructor(private readonly handle: (head: string, socket: Socket, body: string) => void) {}

  get port(): number {
    const address = this.server?.address();
    return address !== null && typeof address === 'object' ? address.port : 0;
  }

  listen(): Promise<void> {
    this.server = createServer((socket) => {
      this.connections++;
      this.open++;
      this.sockets.add(socket);
      let text = '';
      socket.on('error', () => {});
      socket.on('close', () => {
        this.open--;
        this.sockets.delete(socket);
      });
      socket.on('data', (chunk) => {
        text += chunk.toString('latin1');
        for (;;) {
          const end = text.indexOf('\r\n\r\n');
          if (end < 0) return;
          const head = text.slice(0, end);
          const length = Number(/content-length: (\d+)/.exec(head)?.[1] ?? 0);
          if (text.length < end + 4 + length) return;
          const body = text.slice(end + 4, end + 4 + length);
          text = text.slice(end + 4 + length);
          this.heads.push(head);
          this.handle(head, socket, body);
        }
      });
    });
    return new Promise((resolve) => this.server?.listen(0, '127.0.0.1', resolve));
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy();
    this.server?.close();
  }
}

export interface ProxyOptions {
  /** Lines of the HTTP connection manager, without indentation. */
  readonly hcm?: string;
  /** Items of `routes`, without indentation. */
  readonly routes: string;
  /** Lines of the cluster `origin`, without indentation. */
  readonly cluster?: string;
}

const indent = (text: string, depth: number): string =>
  text
    .trim()
    .split('\n')
    .map((line) => ' '.repeat(depth) + line)
    .join('\n');

export function proxyYaml(options: ProxyOptions, ports: readonly number[]): string {
  const endpoints = ports
    .map(
      (port) => `{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${port} } } } }`,
    )
    .join(', ');
  return `
static_resources:
  listeners:
  - name: main
    address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: test
${indent(options.hcm ?? 'codec_type: AUTO', 10)}
          route_config:
            name: r
            virtual_hosts:
            - name: v
              domains: ["*"]
              include_attempt_count_in_response: true
              routes:
${indent(options.routes, 14)}
          http_filters:
          - name: envoy.filters.http.router
            typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
  clusters:
  - name: origin
    load_assignment: { cluster_name: origin, endpoints: [{ lb_endpoints: [${endpoints}] }] }
${indent(options.cluster ?? 'type: STATIC', 4)}
  - name: empty
    type: STATIC
`;
}

/** A running listener with its clusters, and the StreamInfo of each stream that ended. */
export class ProxyRig {
  readonly stats = new StatsStore();
  readonly clock = new RealClock();
  readonly streams: StreamInfo[] = [];
  readonly listener: Listener;
  private version = 1;
  private readonly clusters;
  private readonly path;

  private constructor(yaml: string) {
    const services = { clock: this.clock, random: new SystemRandom(), stats: this.stats, log: () => {} };
    this.clusters = createClusterManager(services, {
      resolver: { resolve: () => Promise.reject(new Error('no names here')) } as never,
      onEvent: () => {},
      onChange: () => {},
    });
    this.path = createDataPath(services, {
      begin: (info) => {
        (info as { record: number }).record = 0;
      },
      requestBody: () => {},
      responseBody: () => {},
      end: (info) => {
        this.streams.push(info);
      },
    });
    const { config, snapshot } = this.compile(yaml);
    this.listener = new Listener(config, this.path, snapshot);
  }

  /** A whole configuration; its first listener runs. */
  static async fromYaml(yaml: string): Promise<ProxyRig> {
    const rig = new ProxyRig(yaml);
    await rig.listener.listen();
    return rig;
  }

  static async start(options: ProxyOptions, ports: readonly number[]): Promise<ProxyRig> {
    const rig = new ProxyRig(proxyYaml(options, ports));
    await rig.listener.listen();
    return rig;
  }

  private compile(yaml: string) {
    const loaded = loadConfig({ file: 'test.yaml', text: yaml });
    const compiled = compileBootstrap(loaded, { stats: this.stats, logFiles: null, serving: true } as never);
    const errors = compiled?.diagnostics.filter((each) => each.severity === 'error') ?? [];
    const bootstrap = compiled?.bootstrap ?? null;
    if (bootstrap === null || errors.length > 0) throw new Error(JSON.stringify(errors));
    const update = this.clusters.update(bootstrap.clusters, null);
    update.commit();
    const snapshot: SnapshotRuntime = {
      version: this.version++,
      clusters: this.clusters.view,
      runtime: new Map(),
      serviceCluster: '',
      serviceNode: '',
    };
    const config = bootstrap.listeners[0];
    if (config === undefined) throw new Error('no listener');
    return { config, snapshot };
  }

  /** Compiles another configuration and updates the listener in place. */
  update(options: ProxyOptions, ports: readonly number[]): void {
    const { config, snapshot } = this.compile(proxyYaml(options, ports));
    this.listener.update(config, snapshot);
  }

  /** What the data path tells people, as text. */
  onEvent(listener: (text: string) => void): void {
    this.path.onEvent = (event) => listener(`${event.kind}: ${event.text}`);
  }

  get port(): number {
    return this.listener.address?.port ?? 0;
  }

  counter(name: string): number {
    return this.stats.counter(name).value;
  }

  gauge(name: string): number {
    return this.stats.gauge(name).value;
  }

  close(): void {
    this.listener.close();
    this.clusters.close();
  }
}

/** A client socket that collects what it gets. */
export class Client {
  text = '';
  ended = false;
  private readonly socket: Socket;
  private waiter: (() => void) | null = null;

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    this.socket.on('data', (chunk) => {
      this.text += chunk.toString('latin1');
      this.waiter?.();
    });
    this.socket.on('error', () => {});
    for (const event of ['end', 'close']) {
      this.socket.on(event, () => {
        this.ended = true;
        this.waiter?.();
      });
    }
  }

  send(text: string): this {
    this.socket.write(text, 'latin1');
    return this;
  }

  get raw(): Socket {
    return this.socket;
  }

  /** Until the condition holds for what came so far. */
  async until(condition: (text: string, ended: boolean) => boolean): Promise<string> {
    while (!condition(this.text, this.ended)) {
      if (this.ended) throw new Error(`ended with ${JSON.stringify(this.text.slice(0, 400))}`);
      await new Promise<void>((resolve) => {
        this.waiter = resolve;
      });
    }
    return this.text;
  }

  destroy(): void {
    this.socket.destroy();
  }
}

/** One exchange on a connection of its own: the whole answer until the proxy closes. */
export async function exchange(port: number, request: string): Promise<string> {
  const client = new Client(port).send(request);
  try {
    return await client.until((_text, ended) => ended);
  } finally {
    client.destroy();
  }
}

export function request(path: string, headers = '', method = 'GET', body = ''): string {
  return `${method} ${path} HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\n${headers}\r\n${body}`;
}

export function status(answer: string): number {
  return Number(answer.slice(9, 12));
}

export async function eventually(check: () => boolean): Promise<void> {
  for (let i = 0; i < 200; i++) {
    if (check()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('did not come true within 2 s');
}
