/**
 * `npm run bench [-- --rounds 3 --seconds 4]`: origin, Attaché and what is on the machine of Envoy, nginx, haproxy and
 * http-proxy, loaded in turn for several rounds; medians and ratios as a table and as JSON. Proxy on one core, origin
 * and load on another (Linux, taskset). Exit 1 when a budget of README's table is missed by a measured ratio.
 */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import {
  cpuSeconds,
  freePorts,
  listening,
  PROXY_CORE,
  rss,
  start,
  startOrigin,
  startScript,
  stopAll,
  text,
} from './processes.ts';
import { findTargets } from './targets.ts';

interface Sample {
  readonly rps: number;
  readonly cpuMicros: number | null;
  readonly p50: number;
  readonly p99: number;
  readonly bad: number;
  readonly megabytesPerSecond: number;
  readonly rssMegabytes: number | null;
}

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

function median(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null).sort((a, b) => a - b);
  return known[Math.floor(known.length / 2)] ?? null;
}

const show = (value: number | null, digits: number): string => (value === null ? '–' : value.toFixed(digits));

async function main(): Promise<number> {
  const originPort = await startOrigin();
  const { targets, missing } = findTargets(await freePorts(5), originPort);
  for (const name of missing) console.log(`not measured: ${name}`);
  const running: { name: string; port: number; pid: number }[] = [];
  for (const target of targets) {
    const child = start(target.command, PROXY_CORE, 'ignore');
    if (await listening(target.port, child))
      running.push({ name: target.name, port: target.port, pid: child.pid as number });
    else console.log(`did not start: ${target.name}`);
  }
  const samples = new Map<string, Sample[]>();
  const add = (key: string, sample: Sample): void => {
    samples.set(key, [...(samples.get(key) ?? []), sample]);
  };
  for (const target of running) await load(target.pid, target.port, [], 1.5);
  for (let round = 0; round < rounds; round++) {
    for (const target of running)
      add(`h1 ${target.name}`, await load(target.pid, target.port, ['--connections', '32']));
  }
  const value = (key: string, field: keyof Sample): number | null =>
    median((samples.get(key) ?? []).map((sample) => sample[field]));
  const slowest = Math.min(
    ...running.filter((t) => t.name !== 'http-proxy').map((t) => value(`h1 ${t.name}`, 'rps') ?? 0),
  );
  for (let round = 0; round < rounds; round++) {
    for (const target of running) {
      const rate = target.name === 'http-proxy' ? (value('h1 http-proxy', 'rps') ?? 0) / 2 : slowest / 2;
      add(
        `half ${target.name}`,
        await load(target.pid, target.port, ['--connections', '16', '--rate', String(Math.floor(rate))]),
      );
      add(
        `big ${target.name}`,
        await load(target.pid, target.port, ['--connections', '4', '--path', '/big']),
      );
    }
  }

  console.log(
    '\nHTTP/1.1, 837-byte answers, 32 connections; p50/p99 also at half load; 10 MB bodies on 4 connections',
  );
  console.log(
    'proxy        requests/s  CPU µs/rq   p50 ms   p99 ms  half p50  half p99  10 MB MB/s   RSS MB  bad',
  );
  for (const { name } of running) {
    const bad = ['h1', 'half', 'big'].reduce(
      (sum, kind) => sum + (samples.get(`${kind} ${name}`) ?? []).reduce((n, s) => n + s.bad, 0),
      0,
    );
    console.log(
      [
        name.padEnd(12),
        show(value(`h1 ${name}`, 'rps'), 0).padStart(10),
        show(value(`h1 ${name}`, 'cpuMicros'), 1).padStart(10),
        show(value(`h1 ${name}`, 'p50'), 2).padStart(8),
        show(value(`h1 ${name}`, 'p99'), 2).padStart(8),
        show(value(`half ${name}`, 'p50'), 2).padStart(9),
        show(value(`half ${name}`, 'p99'), 2).padStart(9),
        show(value(`big ${name}`, 'megabytesPerSecond'), 0).padStart(11),
        show(value(`big ${name}`, 'rssMegabytes'), 0).padStart(8),
        String(bad).padStart(4),
      ].join(' '),
    );
  }
  const ratio = (key: string, field: keyof Sample, against: string): number | null => {
    const a = value(`${key} attache`, field);
    const b = value(`${key} ${against}`, field);
    return a === null || b === null || b === 0 ? null : Number((a / b).toFixed(2));
  };
  const budgets = [
    { what: 'CPU per request / envoy', ratio: ratio('h1', 'cpuMicros', 'envoy'), atMost: 0.6 },
    { what: 'CPU per request / http-proxy', ratio: ratio('h1', 'cpuMicros', 'http-proxy'), atMost: 0.25 },
    { what: 'p99 at half load / envoy', ratio: ratio('half', 'p99', 'envoy'), atMost: 2 },
    { what: '10 MB throughput / nginx', ratio: ratio('big', 'megabytesPerSecond', 'nginx'), atLeast: 1 },
    { what: '10 MB throughput / envoy', ratio: ratio('big', 'megabytesPerSecond', 'envoy'), atLeast: 0.6 },
  ];
  let missed = 0;
  console.log('\nratio                             measured   budget');
  for (const budget of budgets) {
    const limit = budget.atMost ?? budget.atLeast ?? 0;
    const met =
      budget.ratio === null
        ? null
        : budget.atMost === undefined
          ? budget.ratio >= limit
          : budget.ratio <= limit;
    if (met === false) missed++;
    const sign = budget.atMost === undefined ? '≥' : '≤';
    console.log(
      `${budget.what.padEnd(33)} ${show(budget.ratio, 2).padStart(8)}   ${sign} ${limit}${met === false ? '  missed' : ''}`,
    );
  }
  const report = {
    date: new Date().toISOString(),
    machine: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`,
    node: process.version,
    rounds,
    seconds,
    results: Object.fromEntries([...samples].map(([key, list]) => [key, list])),
    budgets,
  };
  writeFileSync('build/out/bench.json', JSON.stringify(report, null, 2));
  console.log('\nas JSON: build/out/bench.json');
  return missed === 0 ? 0 : 1;
}

main()
  .then((code) => {
    process.exitCode = code;
  })
  .finally(() => {
    stopAll();
    setTimeout(() => process.exit(), 500).unref();
  });
