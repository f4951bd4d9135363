import {
  Agent,
  createServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ApplyResult, ConfigSource, ProxyCore } from '../../proxy-core/index.ts';

/** A real HTTP service on loopback whose answer a test can change at any time. */
export interface Origin {
  readonly port: number;
  readonly address: string;
  /** Requests seen so far. */
  hits: number;
  handler: (request: IncomingMessage, response: ServerResponse) => void;
  close(): Promise<void>;
}

export function answer(
  status: number,
  body = 'ok',
): (request: IncomingMessage, response: ServerResponse) => void {
  return (_request, response) => {
    response.writeHead(status, { 'content-type': 'text/plain', 'content-length': String(body.length) });
    response.end(body);
  };
}

export async function startOrigin(handler = answer(200), port = 0): Promise<Origin> {
  const server: Server = createServer((incoming, outgoing) => {
    origin.hits++;
    origin.handler(incoming, outgoing);
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const bound = (server.address() as AddressInfo).port;
  const origin: Origin = {
    port: bound,
    address: `127.0.0.1:${bound}`,
    hits: 0,
    handler,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return origin;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

export const agent = new Agent({ keepAlive: true, maxSockets: 64 });

/** One request through a kept connection. Rejects when the connection breaks. */
export function get(
  port: number,
  path: string,
  headers: Record<string, string> = {},
  keep: Agent | false = agent,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, path, headers, agent: keep }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('error', reject);
      incoming.on('end', () => {
        resolve({
          status: incoming.statusCode ?? 0,
          headers: incoming.headers,
          body: Buffer.concat(chunks).toString(),
        });
      });
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

export interface ShopOptions {
  readonly routes?: string;
  readonly clusters?: string;
  readonly port?: number;
  readonly accessLog?: string;
  readonly hcm?: string;
}

/** A small bootstrap with one listener; indentation of `routes` and `clusters` is theirs. */
export function bootstrap(options: ShopOptions): string {
  const log =
    options.accessLog === undefined
      ? ''
      : `
          access_log:
          - name: envoy.access_loggers.file
            typed_config: { "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog, path: ${options.accessLog} }`;
  return `static_resources:
  listeners:
  - name: main
    address: { socket_address: { address: 127.0.0.1, port_value: ${options.port ?? 0} } }
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: main${log}${options.hcm ?? ''}
          route_config:
            name: main
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
${options.routes ?? '              - { match: { prefix: / }, route: { cluster: service } }'}
          http_filters:
          - name: envoy.filters.http.router
            typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
  clusters:
${options.clusters ?? ''}`;
}

export function cluster(name: string, addresses: readonly string[], more = ''): string {
  const endpoints = addresses.map((address) => {
    const [ip, port] = address.split(':');
    return `{ endpoint: { address: { socket_address: { address: ${ip}, port_value: ${port} } } } }`;
  });
  return `  - name: ${name}
    connect_timeout: 1s
    load_assignment: { cluster_name: ${name}, endpoints: [{ lb_endpoints: [${endpoints.join(', ')}] }] }${more}
`;
}

export function source(text: string, file = 'test.yaml'): ConfigSource {
  return { file, text };
}

export async function applied(core: ProxyCore, text: string): Promise<ApplyResult & { ok: true }> {
  const result = await core.apply(source(text));
  if (!result.ok)
    throw new Error(
      result.diagnostics.map((d) => `${d.range.line}:${d.range.column} ${d.message}`).join('\n'),
    );
  return result;
}

export function boundPort(core: ProxyCore, listener = 'main'): number {
  const found = core.state().listeners.find((each) => each.name === listener);
  if (found === undefined) throw new Error(`no listener ${listener}`);
  return Number(found.address.slice(found.address.lastIndexOf(':') + 1));
}

/** Waits for a condition of the running system; says what was missing when it never came. */
export async function eventually(
  what: string,
  condition: () => boolean | Promise<boolean>,
  within = 5000,
): Promise<void> {
  const until = performance.now() + within;
  while (performance.now() < until) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`not within ${within} ms: ${what}`);
}
