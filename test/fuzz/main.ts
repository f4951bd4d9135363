/**
 * `npm run fuzz -- [--seconds N] [--seed N] [--target NAME]`: every target in turn, for N seconds in all (60).
 * A find is made small, printed with its seed, kept in test/fuzz/corpus/<target>/ and tried first from then on.
 * Exit code 1 when anything was found; an input that hangs is a find, too.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { inputOf, shrink } from './mutate.ts';
import { type FuzzTarget, TARGETS } from './targets.ts';

/** Milliseconds without a finished step after which an input counts as one that hangs. */
const HANGS = 20_000;

const CORPUS = 'test/fuzz/corpus';

interface Job {
  readonly target: string;
  readonly seed: number;
  readonly milliseconds: number;
  /** [0]: the step under way; [1]: counts up with each step. */
  readonly progress: Int32Array<SharedArrayBuffer>;
}

interface Result {
  readonly steps: number;
  readonly find: { readonly bytes: Uint8Array; readonly error: string; readonly step: number } | null;
}

function targetOf(name: string): FuzzTarget {
  const target = TARGETS.find((each) => each.name === name);
  if (target === undefined) {
    console.error(`There is no target “${name}”. Targets: ${TARGETS.map((each) => each.name).join(', ')}`);
    process.exit(2);
  }
  return target;
}

function finds(target: FuzzTarget): Uint8Array[] {
  const folder = join(CORPUS, target.name);
  try {
    return readdirSync(folder).map((file) => readFileSync(join(folder, file)));
  } catch {
    return [];
  }
}

function knownInputs(target: FuzzTarget): readonly Uint8Array[] {
  return [...finds(target), ...target.seeds.map((seed) => Buffer.from(seed as string))];
}

function errorOf(target: FuzzTarget, bytes: Uint8Array): string | null {
  try {
    target.run(bytes);
    return null;
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
}

/** In the worker: known inputs as they are (negative steps), then made ones until the time is up. */
function work({ target: name, seed, milliseconds, progress }: Job): Result {
  const target = targetOf(name);
  const known = knownInputs(target);
  const until = performance.now() + milliseconds;
  for (let step = -known.length; ; step++) {
    if (step >= 0 && performance.now() >= until) return { steps: step, find: null };
    Atomics.store(progress, 0, step);
    Atomics.add(progress, 1, 1);
    const bytes = step < 0 ? (known[step + known.length] as Uint8Array) : inputOf(target, known, seed, step);
    const error = errorOf(target, bytes);
    if (error === null) continue;
    const small = shrink(bytes, (candidate) => {
      Atomics.add(progress, 1, 1);
      return errorOf(target, candidate) !== null;
    });
    return { steps: step, find: { bytes: small, error: errorOf(target, small) ?? error, step } };
  }
}

function runTarget(target: FuzzTarget, seed: number, milliseconds: number): Promise<Result> {
  const progress = new Int32Array(new SharedArrayBuffer(8));
  const job: Job = { target: target.name, seed, milliseconds, progress };
  const worker = new Worker(__filename, { workerData: job });
  return new Promise((resolve, reject) => {
    let seen = -1;
    const watch = setInterval(() => {
      const count = Atomics.load(progress, 1);
      if (count !== seen) {
        seen = count;
        return;
      }
      const step = Atomics.load(progress, 0);
      const known = knownInputs(target);
      const bytes = step < 0 ? known[step + known.length] : inputOf(target, known, seed, step);
      const error = `no end after ${HANGS / 1000} s`;
      resolve({ steps: step, find: { bytes: bytes ?? new Uint8Array(0), error, step } });
      clearInterval(watch);
      void worker.terminate();
    }, HANGS);
    worker.on('message', (result: Result) => {
      clearInterval(watch);
      resolve(result);
    });
    worker.on('error', (error) => {
      clearInterval(watch);
      reject(error);
    });
  });
}

function keep(target: FuzzTarget, bytes: Uint8Array): string {
  const folder = join(CORPUS, target.name);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, createHash('sha256').update(bytes).digest('hex').slice(0, 16));
  writeFileSync(file, bytes);
  return file;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { seconds: { type: 'string' }, seed: { type: 'string' }, target: { type: 'string' } },
  });
  const seconds = Number(values.seconds ?? 60);
  const seed = Number(values.seed ?? Date.now() % 1_000_000_000);
  if (!(seconds > 0) || !Number.isInteger(seed)) {
    console.error('usage: fuzz [--seconds N] [--seed N] [--target NAME]');
    process.exit(2);
  }
  const targets = values.target === undefined ? TARGETS : [targetOf(values.target)];
  console.log(`seed ${seed}, ${seconds} s over ${targets.length} targets`);
  let found = 0;
  for (const target of targets) {
    const { steps, find } = await runTarget(target, seed, (seconds * 1000) / targets.length);
    if (find === null) {
      console.log(`${target.name}: ${steps} inputs, nothing found`);
      continue;
    }
    found++;
    const bytes = Buffer.from(find.bytes);
    console.log(`${target.name}: FOUND at step ${find.step} of seed ${seed}, kept as ${keep(target, bytes)}`);
    console.log(`  input (${bytes.length} bytes): ${JSON.stringify(bytes.toString('latin1').slice(0, 500))}`);
    console.log(`  ${find.error.split('\n').slice(0, 6).join('\n  ')}`);
  }
  process.exit(found > 0 ? 1 : 0);
}

if (isMainThread) settle(main());
else parentPort?.postMessage(work(workerData as Job));

function settle(running: Promise<void>): void {
  running.catch((error: unknown) => {
    console.error(error);
    process.exit(1);
  });
}
