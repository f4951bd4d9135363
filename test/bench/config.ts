import { readFileSync } from 'node:fs';
import { loadConfig } from '../../proxy-core/config/load.ts';
import { parseCompletely, parseText } from '../../proxy-core/config/text/parse.ts';
import { SourceText } from '../../proxy-core/config/text/source-text.ts';

/**
 * How long reading a configuration takes: CPU time of the thread, the least of several runs. `complete` is the parser
 * for all of YAML, which reads only what the plain reader leaves to it.
 *
 *   node build/run.mjs test/bench/config.ts [FILE...]
 */
const ROUNDS = 5;

function clusters(count: number, hosts: number): string {
  const lines = Array.from({ length: count }, (_, i) => {
    const endpoints = Array.from({ length: hosts }, (_, k) => {
      const n = i * hosts + k;
      return `{endpoint: {address: {socket_address: {address: 127.${n >> 8}.${n & 255}.1, port_value: 80}}}}`;
    });
    return `  - {name: c${i}, load_assignment: {cluster_name: c${i}, endpoints: [{lb_endpoints: [${endpoints.join(', ')}]}]}}`;
  });
  return `static_resources:\n  clusters:\n${lines.join('\n')}\n`;
}

function routes(count: number): string {
  const lines = Array.from(
    { length: count },
    (_, i) =>
      `  - match:\n      prefix: /service-${i}/\n    route:\n      cluster: c${i % 500}\n      timeout: 5s\n`,
  );
  return `${clusters(500, 1)}  listeners:
  - name: main
    address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: main
          http_filters:
          - name: envoy.filters.http.router
            typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
${lines.join('').replace(/^/gm, '            ').trimEnd()}
`;
}

function milliseconds(run: () => void): string {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < ROUNDS; i++) {
    const before = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / 1000);
  }
  return `${least.toFixed(1)} ms`.padStart(12);
}

const texts: [string, string][] = [
  ['500 clusters x 20 hosts', clusters(500, 20)],
  ['1,000 routes and 500 clusters', routes(1000)],
  ...process.argv.slice(2).map((file): [string, string] => [file, readFileSync(file, 'utf8')]),
];

console.log(`${''.padEnd(32)}${['text', 'complete', 'load'].map((title) => title.padStart(12)).join('')}`);
for (const [name, text] of texts) {
  const errors = loadConfig({ file: 'bench.yaml', text }).diagnostics.filter(
    (one) => one.severity === 'error',
  );
  if (errors.length > 0) throw new Error(`${name}: ${errors[0]?.message}`);
  const parsing = milliseconds(() => parseText('bench.yaml', text));
  const complete = milliseconds(() => parseCompletely(new SourceText('bench.yaml', text), false));
  console.log(
    `${name.padEnd(32)}${parsing}${complete}${milliseconds(() => loadConfig({ file: 'bench.yaml', text }))}`,
  );
}
