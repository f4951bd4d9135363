import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { OTHER_CORE, onPath, start } from './processes.ts';

/** A proxy to measure: how to start it so that `port` forwards to `origin`. */
export interface Target {
  readonly name: string;
  readonly command: readonly string[];
  readonly port: number;
  /** 0: it does not terminate TLS or speak HTTP/2 here. */
  readonly tlsPort: number;
}

/** What the configuration of Attaché and Envoy names. */
export interface Ports {
  readonly plain: number;
  readonly tls: number;
  readonly origin: number;
  readonly http2Origin: number;
}

export const workDirectory = mkdtempSync(join(tmpdir(), 'attache-bench-'));

const CERTIFICATE = resolve('test/parity/certs/server.crt');
const KEY = resolve('test/parity/certs/server.key');

function listener(name: string, port: number, log: string, transportSocket: string): string {
  return `  - name: ${name}
    address: { socket_address: { address: 127.0.0.1, port_value: ${port} } }
    filter_chains:
    - ${transportSocket}filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: bench
          access_log:
          - name: envoy.access_loggers.file
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog
              path: ${join(workDirectory, `${log}.log`)}
          route_config:
            name: bench
            virtual_hosts:
            - name: bench
              domains: ["*"]
              routes:
              - match: { prefix: /inventory, headers: [{ name: x-canary, string_match: { exact: "1" } }] }
                route: { cluster: origin }
              - match: { path: /healthz }
                direct_response: { status: 200 }
              - match: { prefix: /h2 }
                route: { cluster: http2_origin }
              - match: { prefix: / }
                route: { cluster: origin }
          http_filters:
          - name: envoy.filters.http.router
            typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
`;
}

function cluster(name: string, port: number, options: string): string {
  return `  - name: ${name}
    circuit_breakers: { thresholds: [{ max_connections: 4096, max_pending_requests: 4096, max_requests: 4096 }] }
${options}    load_assignment:
      cluster_name: ${name}
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${port} } } } }] }]
`;
}

const TLS = `transport_socket:
        name: envoy.transport_sockets.tls
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
          common_tls_context:
            tls_certificates: [{ certificate_chain: { filename: ${CERTIFICATE} }, private_key: { filename: ${KEY} } }]
      `;

const HTTP2 = `    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: { http2_protocol_options: {} }
`;

/** The bootstrap that both Attaché and Envoy run: some routes before the one that matches, access log to a file. */
export function bootstrap(name: string, ports: Ports): string {
  return `static_resources:
  listeners:
${listener('bench', ports.plain, name, '')}${listener('bench-tls', ports.tls, name, TLS)}  clusters:
${cluster('origin', ports.origin, '')}${cluster('http2_origin', ports.http2Origin, HTTP2)}`;
}

/** nginx as an HTTP/2 origin; false without nginx. */
export function startHttp2Origin(port: number): boolean {
  const nginx = onPath('nginx');
  if (nginx === null) return false;
  const file = write(
    'origin.conf',
    `worker_processes 1; daemon off; pid ${workDirectory}/origin.pid; error_log ${workDirectory}/origin.err;
events { worker_connections 8192; }
http { access_log off; keepalive_requests 1000000000;
server { listen 127.0.0.1:${port} http2; default_type application/json; location / { return 200 '${'x'.repeat(837)}'; } } }`,
  );
  start([nginx, '-c', file], OTHER_CORE, 'ignore');
  return true;
}

export function write(name: string, text: string): string {
  const path = join(workDirectory, name);
  writeFileSync(path, text);
  return path;
}

/** What is on this machine; a program that is not there is named in `missing`. */
export function findTargets(
  ports: readonly number[],
  origin: number,
): { targets: Target[]; missing: string[] } {
  const targets: Target[] = [];
  const missing: string[] = [];
  const port = (at: number): number => ports[at] as number;
  const [attachePort, envoyPort, nginxPort, haproxyPort, nodePort] = [
    port(0),
    port(1),
    port(2),
    port(3),
    port(4),
  ];
  const both = (plain: number, tls: number): Ports => ({ plain, tls, origin, http2Origin: port(7) });

  const attache = write('attache.yaml', bootstrap('attache', both(attachePort, port(5))));
  targets.push({
    name: 'attache',
    port: attachePort,
    tlsPort: port(5),
    command: [process.execPath, 'build/out/cli.cjs', '-c', attache, '-l', 'error'],
  });

  const envoy = process.env['ENVOY_BIN'] ?? onPath('envoy');
  if (envoy === null) missing.push('envoy (set ENVOY_BIN, or have it on PATH)');
  else {
    const file = write('envoy.yaml', bootstrap('envoy', both(envoyPort, port(6))));
    const command = [envoy, '-c', file, '--concurrency', '1', '--use-dynamic-base-id', '-l', 'error'];
    targets.push({ name: 'envoy', port: envoyPort, tlsPort: port(6), command });
  }

  const nginx = onPath('nginx');
  if (nginx === null) missing.push('nginx');
  else {
    const file = write(
      'nginx.conf',
      `worker_processes 1; daemon off; pid ${workDirectory}/nginx.pid; error_log ${workDirectory}/nginx.err;
events { worker_connections 8192; }
http { access_log ${workDirectory}/nginx.log; keepalive_requests 1000000000;
upstream origin { server 127.0.0.1:${origin}; keepalive 256; keepalive_requests 1000000000; }
server { listen 127.0.0.1:${nginxPort}; location / { proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection ""; } } }`,
    );
    targets.push({ name: 'nginx', port: nginxPort, tlsPort: 0, command: [nginx, '-c', file] });
  }

  const haproxy = onPath('haproxy');
  if (haproxy === null) missing.push('haproxy');
  else {
    const file = write(
      'haproxy.cfg',
      `global
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend bench
  bind 127.0.0.1:${haproxyPort}
  default_backend origin
backend origin
  http-reuse always
  server origin 127.0.0.1:${origin}
`,
    );
    targets.push({ name: 'haproxy', port: haproxyPort, tlsPort: 0, command: [haproxy, '-f', file, '-db'] });
  }

  targets.push({
    name: 'http-proxy',
    port: nodePort,
    tlsPort: 0,
    command: [
      process.execPath,
      'build/run.mjs',
      'test/bench/http-proxy.ts',
      `http://127.0.0.1:${origin}`,
      String(nodePort),
    ],
  });
  return { targets, missing };
}
