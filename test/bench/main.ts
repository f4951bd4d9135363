/**
 * `npm run bench [-- --rounds 3 --seconds 4]`: origin, Attaché and what is on the machine of Envoy, nginx, haproxy and
 * http-proxy, loaded in turn for several rounds; the best of each and ratios as tables and as JSON. Proxy on one core, origin
 * and load on another (Linux, taskset). Exit 1 when a budget of README's table is missed by a measured ratio.
 */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { budgets, isMissed, printTables } from './budgets.ts';
import {
  cpuSeconds,
  firstLine,
  freePorts,
  listening,
  OTHER_CORE,
  onPath,
  PROXY_CORE,
  rss,
  start,
  startOrigin,
  startScript,
  stopAll,
  text,
} from './processes.ts';
import { type Sample, Samples } from './samples.ts';
import { findTargets, startHttp2Origin, type Target } from './targets.ts';

type Running = Target & { readonly pid: number };

const args = new Map<string, string>();
for (let i = 2; i < process.argv.length; i += 2)
  args.set(String(process.argv[i]), String(process.argv[i + 1]));
const rounds = Number(args.get('--rounds') ?? 3);
const seconds = Number(args.get('--seconds') ?? 4);

async function load(pid: number, port: number, more: readonly string[], duration = seconds): Promise<Sample> {
  const before = cpuSeconds(pid);
  const child = startScript('load.ts', ['--port', String(port), '--seconds', String(duration), ...more]);
  const result = JSON.parse(await text(child)) as {
    requests: number;
    seconds: number;
    bytes: number;
    bad: number;
    p50: number;
    p99: number;
  };
  const after = cpuSeconds(pid);
  return {
    rps: result.requests / result.seconds,
    cpuMicros:
      before === null || after === null ? null : ((after - before) / Math.max(1, result.requests)) * 1e6,
    p50: result.p50,
    p99: result.p99,
    bad: result.bad,
    megabytesPerSecond: result.bytes / result.seconds / 1e6,
    rssMegabytes: rss(pid),
  };
}

/** HTTP/2 and TLS, by h2load. */
async function loadWithH2load(target: Running, kind: 'h2h2' | 'h2h1' | 'tls'): Promise<Sample> {
  const before = cpuSeconds(target.pid);
  const started = performance.now();
  const how =
    kind === 'tls'
      ? ['--h1', '-c', '32', `https://127.0.0.1:${target.tlsPort}/inventory/1`]
      : ['-c', '8', '-m', '32', `http://127.0.0.1:${target.port}/${kind === 'h2h2' ? 'h2' : 'inventory'}/1`];
  const out = await text(start(['h2load', '-D', String(seconds), ...how], OTHER_CORE, 'pipe'));
  const after = cpuSeconds(target.pid);
  const found = /(\d+) total, \d+ started, \d+ done, (\d+) succeeded, (\d+) failed/.exec(out);
  const succeeded = Number(found?.[2] ?? 0);
  return {
    rps: (succeeded / (performance.now() - started)) * 1000,
    cpuMicros: before === null || after === null ? null : ((after - before) / Math.max(1, succeeded)) * 1e6,
    p50: null,
    p99: null,
    // What is under way when the time is over counts as failed.
    bad: succeeded === 0 ? 1 : 0,
    megabytesPerSecond: 0,
    rssMegabytes: rss(target.pid),
  };
}

/** MB of Attaché with 10,000 idle keep-alive connections; null when the system allows too few files. */
async function idleMemory(target: Running): Promise<number | null> {
  const child = startScript('idle.ts', ['--port', String(target.port)]);
  const line = await firstLine(child);
  const megabytes = line.startsWith('open') ? rss(target.pid) : null;
  if (megabytes === null) console.log(`not measured: 10,000 idle connections (${line.trim()})`);
  child.kill('SIGTERM');
  return megabytes;
}

async function main(): Promise<number> {
  const originPort = await startOrigin();
  const ports = await freePorts(8);
  const { targets, missing } = findTargets(ports, originPort);
  const http2Origin = startHttp2Origin(ports[7] as number);
  if (!http2Origin) missing.push('HTTP/2 to HTTP/2 (needs nginx as origin)');
  const h2load = onPath('h2load') !== null;
  if (!h2load) missing.push('HTTP/2 and TLS (need h2load, of nghttp2-client)');
  for (const name of missing) console.log(`not measured: ${name}`);
  const running: Running[] = [];
  for (const target of targets) {
    const child = start(target.command, PROXY_CORE, 'ignore');
    if (await listening(target.port, child)) running.push({ ...target, pid: child.pid as number });
    else console.log(`did not start: ${target.name}`);
  }
  const samples = new Samples();
  for (const target of running) await load(target.pid, target.port, [], 1.5);
  for (let round = 0; round < rounds; round++) {
    for (const target of running)
      samples.add('h1', target.name, await load(target.pid, target.port, ['--connections', '32']));
  }
  const slowest = Math.min(
    ...running.filter((t) => t.name !== 'http-proxy').map((t) => samples.best('h1', t.name, 'rps') ?? 0),
  );
  for (let round = 0; round < rounds; round++) {
    for (const target of running) {
      const most = target.name === 'http-proxy' ? (samples.best('h1', target.name, 'rps') ?? 0) : slowest;
      const rate = String(Math.floor(most / 2));
      samples.add(
        'half',
        target.name,
        await load(target.pid, target.port, ['--connections', '16', '--rate', rate]),
      );
      samples.add(
        'big',
        target.name,
        await load(target.pid, target.port, ['--connections', '4', '--path', '/big']),
      );
    }
  }
  for (const kind of ['h2h2', 'h2h1', 'tls'] as const) {
    if (!h2load || (kind === 'h2h2' && !http2Origin)) continue;
    // One more round than is kept: the first one warms up.
    for (let round = -1; round < rounds; round++) {
      for (const target of running) {
        if (target.tlsPort === 0) continue;
        const sample = await loadWithH2load(target, kind);
        if (round >= 0) samples.add(kind, target.name, sample);
      }
    }
  }
  const attache = running.find((target) => target.name === 'attache');
  const lines = budgets(samples, attache === undefined ? null : await idleMemory(attache));
  printTables(
    running.map(({ name }) => name),
    samples,
    lines,
  );
  const report = {
    date: new Date().toISOString(),
    machine: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`,
    node: process.version,
    rounds,
    seconds,
    results: samples,
    budgets: lines,
  };
  writeFileSync('build/out/bench.json', JSON.stringify(report, null, 2));
  console.log('\nas JSON: build/out/bench.json');
  return lines.some(isMissed) ? 1 : 0;
}

main()
  .then((code) => {
    process.exitCode = code;
  })
  .finally(() => {
    stopAll();
    setTimeout(() => process.exit(), 500).unref();
  });
