/**
 * Budget of health checks: 1,000 checked hosts keep p99 of traffic within 1.2 times of the same hosts unchecked. Both
 * are asked at one fixed rate, in turns, each time with a new process; the best of the rounds counts, since whatever else
 * runs on a machine only makes a figure worse.
 *
 *   node build/run.mjs test/bench/health.ts [--rounds 5] [--interval 1s] [--rate 500]
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import {
  firstLine,
  freePorts,
  listening,
  PROXY_CORE,
  start,
  startScript,
  stopAll,
  text,
} from './processes.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    interval: { type: 'string', default: '1s' },
    rate: { type: 'string', default: '500' },
    seconds: { type: 'string', default: '8' },
  },
});
const HOSTS = 1000;
const BUDGET = 1.2;

function bootstrap(listener: number, admin: number, origin: number, checked: boolean): string {
  const hosts = Array.from(
    { length: HOSTS },
    (_, i) =>
      `{ endpoint: { address: { socket_address: { address: 127.1.${i >> 8}.${i & 255}, port_value: ${origin} } } } }`,
  );
  const checks = `
    health_checks:
    - { timeout: 1s, interval: ${values.interval}, no_traffic_interval: ${values.interval}, unhealthy_threshold: 2, healthy_threshold: 1, http_health_check: { path: /health } }`;
  return `admin: { address: { socket_address: { address: 127.0.0.1, port_value: ${admin} } } }
static_resources:
  listeners:
  - name: main
    address: { socket_address: { address: 127.0.0.1, port_value: ${listener} } }
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: main
          route_config: { virtual_hosts: [{ name: all, domains: ["*"], routes: [{ match: { prefix: / }, route: { cluster: many } }] }] }
          http_filters: [{ name: envoy.filters.http.router, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router } }]
  clusters:
  - name: many
    connect_timeout: 1s${checked ? checks : ''}
    load_assignment: { cluster_name: many, endpoints: [{ lb_endpoints: [${hosts.join(', ')}] }] }
`;
}

interface Round {
  readonly p50: number;
  readonly p99: number;
  readonly requests: number;
  readonly bad: number;
  /** Checks made while it was measured. */
  readonly checks: number;
}

async function attempts(admin: number): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${admin}/stats?filter=health_check.attempt`);
  return Number((await answer.text()).split(': ')[1] ?? 0);
}

async function load(port: number, seconds: string): Promise<Omit<Round, 'checks'>> {
  const args = ['--port', String(port), '--connections', '16', '--seconds', seconds, '--rate', values.rate];
  return JSON.parse(await text(startScript('load.ts', args))) as Omit<Round, 'checks'>;
}

async function round(folder: string, origin: number, checked: boolean): Promise<Round> {
  const [listener = 0, admin = 0] = await freePorts(2);
  const file = join(folder, `${checked}.yaml`);
  writeFileSync(file, bootstrap(listener, admin, origin, checked));
  const proxy = start(
    [process.execPath, 'build/out/cli.cjs', '-c', file, '--no-watch'],
    PROXY_CORE,
    'ignore',
  );
  if (!(await listening(listener, proxy))) throw new Error('the proxy does not listen');
  // Connections to all hosts stand, and the code is warm.
  await load(listener, '5');
  const before = await attempts(admin);
  const measured = await load(listener, values.seconds);
  const checks = (await attempts(admin)) - before;
  proxy.kill('SIGTERM');
  await sleep(300);
  return { ...measured, checks };
}

function best(rounds: readonly Round[]): number {
  return Math.min(...rounds.map(({ p99 }) => p99));
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'attache-health-'));
  const origin = Number(/port (\d+)/.exec(await firstLine(startScript('origin.ts', ['any'])))?.[1]);
  const rounds: Record<'none' | 'checked', Round[]> = { none: [], checked: [] };
  for (let i = 0; i < Number(values.rounds); i++) {
    for (const kind of ['none', 'checked'] as const) {
      const measured = await round(folder, origin, kind === 'checked');
      rounds[kind].push(measured);
      const { p50, p99, requests, bad, checks } = measured;
      console.log(
        `${kind.padEnd(8)} p50 ${p50} ms, p99 ${p99} ms, ${requests} requests, ${bad} bad, ${checks} checks`,
      );
    }
  }
  const ratio = best(rounds.checked) / best(rounds.none);
  const bad = [...rounds.none, ...rounds.checked].some((each) => each.bad > 0);
  const fine = ratio <= BUDGET && !bad;
  console.log(
    `p99 with ${HOSTS} checked hosts by none: ${ratio.toFixed(2)} (budget ${BUDGET})${bad ? ', bad answers' : ''} ${fine ? 'ok' : 'over'}`,
  );
  rmSync(folder, { recursive: true });
  stopAll();
  process.exit(fine ? 0 : 1);
}

void main();
