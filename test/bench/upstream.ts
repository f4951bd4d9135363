import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { SeededRandom } from '../../proxy-core/base/random.ts';
import { RealClock } from '../../proxy-core/base/real-clock.ts';
import type { CoreServices } from '../../proxy-core/config/compile-context.ts';
import { createCompileSession } from '../../proxy-core/config/compile-session.ts';
import { loadConfig } from '../../proxy-core/config/load.ts';
import { MessageReader } from '../../proxy-core/config/reader.ts';
import { createProxyCore } from '../../proxy-core/index.ts';
import { StatsStore } from '../../proxy-core/observe/index.ts';
import { compileCluster } from '../../proxy-core/upstream/compile-cluster.ts';
import { createClusterManager, type UpstreamCluster } from '../../proxy-core/upstream/index.ts';

/**
 * Budgets of the upstream room: 500 clusters of 20 hosts start in under 1 s and 150 MB; one pick among 1,000 hosts takes
 * at most 1 µs (ring hash and maglev 2 µs); new endpoints of one cluster touch that cluster only.
 *
 *   node build/run.mjs test/bench/upstream.ts
 */
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const PICKS = 1_000_000;
const BUDGETS: Readonly<Record<string, number>> = {
  ROUND_ROBIN: 1,
  RANDOM: 1,
  LEAST_REQUEST: 1,
  RING_HASH: 2,
  MAGLEV: 2,
};

function clusterText(name: string, hosts: number, policy: string, first = 0): string {
  const endpoints = Array.from(
    { length: hosts },
    (_, i) =>
      `{endpoint: {address: {socket_address: {address: 127.${(first + i) >> 8}.${(first + i) & 255}.1, port_value: 80}}}}`,
  );
  return `  - {name: ${name}, lb_policy: ${policy}, load_assignment: {cluster_name: ${name}, endpoints: [{lb_endpoints: [${endpoints.join(', ')}]}]}}`;
}

function bootstrap(clusters: readonly string[]): string {
  return `static_resources:\n  clusters:\n${clusters.join('\n')}\n`;
}

function readersOf(text: string) {
  const loaded = loadConfig({ file: 'bench.yaml', text });
  if (loaded.root === null) throw new Error('unreadable');
  const files = { read: () => new Uint8Array(), exists: () => false };
  const { context } = createCompileSession({ ...loaded, root: loaded.root }, { files, serving: false });
  const readers = new MessageReader(loaded.root).message('static_resources')?.messages('clusters') ?? [];
  return { context, readers };
}

function compileAll({ context, readers }: ReturnType<typeof readersOf>) {
  return readers.flatMap((reader) => compileCluster(reader, context, false) ?? []);
}

function manager() {
  const services: CoreServices = {
    clock: new RealClock(),
    random: new SeededRandom(1),
    stats: new StatsStore(),
    log: () => {},
  };
  const resolver = { resolve: () => Promise.resolve([]) };
  return createClusterManager(services, { resolver, onEvent: () => {}, onChange: () => {} } as never);
}

/** A whole start as users see it (most of it reads YAML), and the clusters' own part of it. */
async function start(): Promise<void> {
  const text = bootstrap(
    Array.from({ length: 500 }, (_, i) => clusterText(`c${i}`, 20, 'ROUND_ROBIN', i * 20)),
  );
  const core = createProxyCore({});
  const began = performance.now();
  const cpu = process.cpuUsage();
  const result = await core.apply({ file: 'bench.yaml', text });
  const took = performance.now() - began;
  const { user } = process.cpuUsage(cpu);
  if (!result.ok) throw new Error(JSON.stringify(result.diagnostics.slice(0, 3)));
  line(
    'start of 500 clusters x 20 hosts',
    `${took.toFixed(0)} ms (CPU ${(user / 1000).toFixed(0)})`,
    'budget 1000 ms',
    took < 1000,
  );
  collectGarbage();
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage();
  const live = (heapUsed + arrayBuffers) / 1e6;
  line(
    'live memory after it',
    `${live.toFixed(0)} MB (RSS ${(rss / 1e6).toFixed(0)})`,
    'budget 150 MB',
    live < 150,
  );
  await core.close({ drain: 0 });

  const readers = readersOf(text);
  const clusters = manager();
  const compiling = performance.now();
  const update = clusters.update(compileAll(readers), null);
  update.commit();
  line('of it compiling and making clusters', `${(performance.now() - compiling).toFixed(0)} ms`, '', true);
  clusters.close();
}

function pick(policy: string): void {
  const clusters = manager();
  const update = clusters.update(compileAll(readersOf(bootstrap([clusterText('c', 1000, policy)]))), null);
  update.commit();
  const cluster = update.view.clusters[0] as UpstreamCluster;
  const random = new SeededRandom(7);
  const draws = Array.from({ length: 4096 }, () => random.next());
  const context = { random: 0, hash: null as bigint | null, attempt: 0 };
  const hashes = draws.map((draw) => BigInt(draw) * 2048n);
  const hashed = policy === 'RING_HASH' || policy === 'MAGLEV';
  const run = (n: number): number => {
    const began = performance.now();
    for (let i = 0; i < n; i++) {
      context.random = draws[i & 4095] as number;
      if (hashed) context.hash = hashes[i & 4095] as bigint;
      cluster.choose(context);
    }
    return ((performance.now() - began) * 1000) / n;
  };
  run(100_000);
  const micros = Math.min(run(PICKS), run(PICKS), run(PICKS));
  const budget = BUDGETS[policy] as number;
  line(
    `pick among 1000 hosts, ${policy}`,
    `${micros.toFixed(3)} us`,
    `budget ${budget} us`,
    micros <= budget,
  );
  clusters.close();
}

function updateOfOne(): void {
  const clusters = manager();
  const text = (n: number): string =>
    bootstrap(
      Array.from({ length: 500 }, (_, i) => clusterText(`c${i}`, i === 250 ? n : 20, 'RING_HASH', i * 20)),
    );
  const before = clusters.update(compileAll(readersOf(text(20))), null);
  before.commit();
  const sets = before.view.clusters.map((cluster) => cluster.hostSetId);
  const next = compileAll(readersOf(text(21)));
  const began = performance.now();
  const update = clusters.update(next, null);
  update.commit();
  const took = performance.now() - began;
  const touched = update.view.clusters.filter((cluster, i) => cluster.hostSetId !== sets[i]).length;
  line(
    'endpoints of one of 500 clusters',
    `${took.toFixed(1)} ms, ${touched} touched`,
    'budget 1 touched',
    touched === 1,
  );
  clusters.close();
}

let failed = false;

function line(what: string, figure: string, budget: string, good: boolean): void {
  if (!good) failed = true;
  console.log(`${what.padEnd(42)} ${figure.padEnd(24)} ${budget.padEnd(18)} ${good ? 'ok' : 'over'}`);
}

async function main(): Promise<void> {
  await start();
  for (const policy of Object.keys(BUDGETS)) pick(policy);
  updateOfOne();
  process.exit(failed ? 1 : 0);
}

void main();
