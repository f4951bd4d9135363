/**
 * `npm run profile [-- --seconds 5 --path /inventory/1 --connections 32]`: Attaché under load with V8's profiler on.
 * Writes build/out/profile.cpuprofile (Chrome's and VS Code's profilers open it) and prints the 20 functions with the
 * most self time, native code and the kernel's included in the function that called them.
 */
import { copyFileSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import {
  freePorts,
  listening,
  PROXY_CORE,
  start,
  startOrigin,
  startScript,
  stopAll,
  text,
} from './processes.ts';
import { bootstrap, workDirectory, write } from './targets.ts';

const TOP = 20;
const BUNDLE = 'build/out/cli.cjs';
const RESULT = 'build/out/profile.cpuprofile';

/** What V8 writes: a tree of functions, and which of them was on top at each sample. */
interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: {
      readonly functionName: string;
      readonly url: string;
      readonly lineNumber: number;
      readonly columnNumber: number;
    };
  }[];
  readonly samples: readonly number[];
  /** Microseconds since the sample before. */
  readonly timeDeltas: readonly number[];
}

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    path: { type: 'string', default: '/inventory/1' },
    connections: { type: 'string', default: '32' },
  },
});

function ownFrame(url: string, line: number, column: number, sources: SourceMap): string {
  if (!url.endsWith(BUNDLE)) return url.replace(/^file:\/\//, '');
  const entry = sources.findEntry(line, column);
  if (!('originalSource' in entry)) return BUNDLE;
  const file = relative(process.cwd(), resolve('build/out', entry.originalSource));
  return `${file}:${entry.originalLine + 1}`;
}

/** Microseconds on top of the stack by function, most first. */
function selfTimes(profile: CpuProfile, sources: SourceMap): { name: string; micros: number }[] {
  const names = new Map<number, string>();
  for (const { id, callFrame } of profile.nodes) {
    const place =
      callFrame.url === ''
        ? ''
        : `  ${ownFrame(callFrame.url, callFrame.lineNumber, callFrame.columnNumber, sources)}`;
    names.set(id, `${callFrame.functionName || '(anonymous)'}${place}`);
  }
  const totals = new Map<string, number>();
  profile.samples.forEach((id, i) => {
    const name = names.get(id) ?? '';
    totals.set(name, (totals.get(name) ?? 0) + (profile.timeDeltas[i] ?? 0));
  });
  return [...totals]
    .map(([name, micros]) => ({ name, micros }))
    .filter(({ name }) => name !== '(idle)')
    .sort((a, b) => b.micros - a.micros);
}

async function main(): Promise<number> {
  const origin = await startOrigin();
  const [port, tls] = (await freePorts(2)) as [number, number];
  const folder = join(workDirectory, 'profile');
  mkdirSync(folder);
  const config = write(
    'profile.yaml',
    bootstrap('profile', { plain: port, tls, origin, http2Origin: origin }),
  );
  const proxy = start(
    [
      process.execPath,
      '--cpu-prof',
      '--cpu-prof-interval=200',
      `--cpu-prof-dir=${folder}`,
      BUNDLE,
      '-c',
      config,
      '-l',
      'error',
    ],
    PROXY_CORE,
    'ignore',
  );
  if (!(await listening(port, proxy))) {
    console.error(`Attaché did not start. Is ${BUNDLE} built (npm run build)?`);
    return 1;
  }
  const result = JSON.parse(
    await text(
      startScript('load.ts', [
        ...['--port', String(port), '--seconds', values.seconds],
        ...['--path', values.path, '--connections', values.connections],
      ]),
    ),
  ) as { requests: number; seconds: number };
  const ended = new Promise((done) => proxy.once('exit', done));
  proxy.kill('SIGTERM');
  await ended;
  const file = readdirSync(folder).find((name) => name.endsWith('.cpuprofile'));
  if (file === undefined) {
    console.error('Node wrote no profile.');
    return 1;
  }
  copyFileSync(join(folder, file), RESULT);
  const sources = new SourceMap(JSON.parse(readFileSync(`${BUNDLE}.map`, 'utf8')));
  const times = selfTimes(JSON.parse(readFileSync(RESULT, 'utf8')) as CpuProfile, sources);
  const busy = times.reduce((sum, { micros }) => sum + micros, 0);
  console.log(
    `${result.requests} requests in ${result.seconds.toFixed(1)} s, ` +
      `${(busy / result.requests).toFixed(1)} µs of the main thread each (start and end included)\n`,
  );
  console.log('  self  function');
  for (const { name, micros } of times.slice(0, TOP)) {
    console.log(`${((micros / busy) * 100).toFixed(1).padStart(5)}%  ${name}`);
  }
  console.log(`\nthe whole profile: ${RESULT}`);
  return 0;
}

main()
  .then((code) => {
    process.exitCode = code;
  })
  .finally(() => {
    stopAll();
    setTimeout(() => process.exit(), 500).unref();
  });
