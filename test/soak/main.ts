/**
 * `npm run soak -- [--seconds N] [--seed N]`: a proxy between unruly clients and unruly hosts, reloaded all the while
 * (300 s). Afterwards every active gauge is 0, no request waited for ever, no timer is late, and memory is where it
 * was. Exit code 1 when not.
 */
import { parseArgs } from 'node:util';
import { SeededRandom } from '../../proxy-core/base/random.ts';
import { createProxyCore, type ProxyCore } from '../../proxy-core/index.ts';
import { type Outcomes, pause, visit } from './client.ts';
import { UnrulyOrigin } from './origin.ts';

/** Connections at a time. */
const CLIENTS = 40;

/** MiB by which memory may exceed what it was after the first third. */
const GROWTH = 40;

function configuration(version: number, ports: readonly number[]): string {
  const hosts = ports
    .slice(0, 1 + (version % ports.length))
    .map(
      (port) => `{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${port} } } } }`,
    );
  const listener = (name: string): string => `  - name: ${name}
    address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: ${name}
          stream_idle_timeout: 2s
          request_timeout: 2s
          request_headers_timeout: 1s
          delayed_close_timeout: 0.2s
          common_http_protocol_options: { idle_timeout: 3s }
          route_config:
            name: r${version}
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
              - match: { prefix: /4 }
                route: { cluster: service, timeout: 0.3s }
              - match: { prefix: / }
                route: { cluster: service, timeout: 1s, retry_policy: { retry_on: "5xx,reset", num_retries: 2, per_try_timeout: 0.3s } }
          http_filters:
          - name: envoy.filters.http.router
            typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
`;
  const tunnel = `  - name: tunnel
    address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
    filter_chains:
    - filters:
      - name: envoy.filters.network.tcp_proxy
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
          stat_prefix: tunnel
          cluster: service
          idle_timeout: 2s
          max_connect_attempts: 2
`;
  return `admin: { address: { socket_address: { address: 127.0.0.1, port_value: 0 } } }
static_resources:
  listeners:
${listener('main')}${tunnel}${version % 3 === 0 ? listener('sometimes') : ''}  clusters:
  - name: service
    connect_timeout: ${version % 5 === 0 ? '0.5s' : '1s'}
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        common_http_protocol_options: { idle_timeout: 2s }
        explicit_http_config: { http_protocol_options: {} }
    outlier_detection: { consecutive_5xx: 20, interval: 1s, base_ejection_time: 1s }
    load_assignment: { cluster_name: service, endpoints: [{ lb_endpoints: [${hosts.join(', ')}] }] }
`;
}

async function apply(core: ProxyCore, version: number, ports: readonly number[]): Promise<void> {
  const result = await core.apply({ file: 'soak.yaml', text: configuration(version, ports) });
  if (!result.ok) throw new Error(result.diagnostics.map((each) => each.message).join('\n'));
}

function listenerPorts(core: ProxyCore): number[] {
  return core.state().listeners.map(({ address }) => Number(address.slice(address.lastIndexOf(':') + 1)));
}

/** MiB after garbage was given a chance to go. */
async function memory(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    globalThis.gc?.();
    await pause(50);
  }
  return process.memoryUsage().rss / 2 ** 20;
}

async function activeGauges(core: ProxyCore): Promise<string[]> {
  const admin = core.state().admin;
  const answered = await fetch(`http://127.0.0.1:${admin?.port}/stats?type=Gauges`);
  return (await answered.text())
    .split('\n')
    .filter((line) => /^(http\.(main|sometimes)|tcp|cluster|listener\.127)\..*(_active|_open): /.test(line))
    .filter((line) => !line.endsWith(': 0'));
}

async function main(): Promise<boolean> {
  const { values } = parseArgs({ options: { seconds: { type: 'string' }, seed: { type: 'string' } } });
  const seconds = Number(values.seconds ?? 300);
  const seed = Number(values.seed ?? Date.now() % 1_000_000_000);
  console.log(`seed ${seed}, ${seconds} s`);
  const random = new SeededRandom(seed);
  const origins = [await UnrulyOrigin.start(), await UnrulyOrigin.start(), await UnrulyOrigin.start()];
  const ports = origins.map((origin) => origin.port);
  const core = createProxyCore({ drainTime: 2000, recorder: { maxRecords: 2000, maxBytes: 8 * 2 ** 20 } });
  const outcomes: Outcomes = new Map();
  const problems: string[] = [];
  let version = 1;
  await apply(core, version, ports);

  const run = async (milliseconds: number): Promise<void> => {
    const until = performance.now() + milliseconds;
    const client = async (number: number): Promise<void> => {
      const own = new SeededRandom(random.next() + number);
      while (performance.now() < until) {
        const open = listenerPorts(core);
        await visit(open[own.next() % open.length] ?? 0, own, outcomes);
      }
    };
    const reloads = async (): Promise<void> => {
      while (performance.now() < until) {
        await pause(500);
        await apply(core, ++version, ports);
      }
    };
    await Promise.all([reloads(), ...Array.from({ length: CLIENTS }, (_, number) => client(number))]);
  };

  await run((seconds * 1000) / 3);
  const plateau = await memory();
  await run((seconds * 2000) / 3);

  // The longest timeout is 3 s; the drain of removed listeners 2 s.
  const settled = performance.now() + 8000;
  let active = await activeGauges(core);
  while (active.length > 0 && performance.now() < settled) {
    await pause(200);
    active = await activeGauges(core);
  }
  if (active.length > 0) problems.push(`gauges that are not 0: ${active.join(', ')}`);
  const after = await memory();
  if (after > plateau + GROWTH)
    problems.push(`memory grew from ${plateau.toFixed(0)} to ${after.toFixed(0)} MiB`);
  if (outcomes.has('late')) problems.push(`${outcomes.get('late')} requests were not answered`);
  for (const status of ['200', '503', '504', '400', 'closed']) {
    if (!outcomes.has(status))
      problems.push(`nothing ended as ${status}: the mixture is not what it should be`);
  }
  await core.close({ drain: 0 });
  await Promise.all(origins.map((origin) => origin.close()));
  const sorted = [...outcomes].sort(([, a], [, b]) => b - a).map(([what, times]) => `${what}: ${times}`);
  console.log(`${version} versions; ${sorted.join(', ')}`);
  console.log(`memory ${plateau.toFixed(0)} MiB after a third, ${after.toFixed(0)} MiB at the end`);
  for (const problem of problems) console.log(`PROBLEM: ${problem}`);
  if (problems.length === 0) console.log('soak: all well');
  return problems.length === 0;
}

main().then(
  (well) => process.exit(well ? 0 : 1),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
