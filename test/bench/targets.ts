import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

/** A proxy to measure: how to start it so that `port` forwards to `origin`. */
export interface Target {
  readonly name: string;
  readonly command: readonly string[];
}

export const workDirectory = mkdtempSync(join(tmpdir(), 'attache-bench-'));

export function onPath(name: string): string | null {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, name);
    if (existsSync(path)) return path;
  }
  return null;
}

/** The bootstrap that both Attaché and Envoy run: two routes before the one that matches, access log to a file. */
export function bootstrap(name: string, port: number, origin: number): string {
  return `static_resources:
  listeners:
  - name: bench
    address: { socket_address: { address: 127.0.0.1, port_value: ${port} } }
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: bench
          access_log:
          - name: envoy.access_loggers.file
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog
              path: ${join(workDirectory, `${name}.log`)}
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
              - match: { prefix: / }
                route: { cluster: origin }
          http_filters:
          - name: envoy.filters.http.router
            typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
  clusters:
  - name: origin
    circuit_breakers: { thresholds: [{ max_connections: 4096, max_pending_requests: 4096, max_requests: 4096 }] }
    load_assignment:
      cluster_name: origin
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${origin} } } } }] }]
`;
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
): { targets: (Target & { port: number })[]; missing: string[] } {
  const targets: (Target & { port: number })[] = [];
  const missing: string[] = [];
  const [attachePort, envoyPort, nginxPort, haproxyPort, nodePort] = ports as [
    number,
    number,
    number,
    number,
    number,
  ];

  const attache = write('attache.yaml', bootstrap('attache', attachePort, origin));
  targets.push({
    name: 'attache',
    port: attachePort,
    command: [process.execPath, 'build/out/cli.cjs', '-c', attache, '-l', 'error'],
  });

  const envoy = process.env['ENVOY_BIN'] ?? onPath('envoy');
  if (envoy === null) missing.push('envoy (set ENVOY_BIN, or have it on PATH)');
  else {
    const file = write('envoy.yaml', bootstrap('envoy', envoyPort, origin));
    const command = [envoy, '-c', file, '--concurrency', '1', '--use-dynamic-base-id', '-l', 'error'];
    targets.push({ name: 'envoy', port: envoyPort, command });
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
    targets.push({ name: 'nginx', port: nginxPort, command: [nginx, '-c', file] });
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
    targets.push({ name: 'haproxy', port: haproxyPort, command: [haproxy, '-f', file, '-db'] });
  }

  targets.push({
    name: 'http-proxy',
    port: nodePort,
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
