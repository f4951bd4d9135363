/**
 * Runs the cases against the real Envoy and writes what it did beside them.
 * `record.ts [filter] [--check]`: with `--check` nothing is written; a recording that would change is an error.
 */
import path from 'node:path';
import { loadCases, type NamedCase } from './engine/case.ts';
import { EnvoyTarget } from './engine/envoy-target.ts';
import { readRecording, recordingText, writeRecording } from './engine/recording.ts';
import { runCase } from './engine/run-case.ts';

/** Processes of Envoy at once. */
const AT_ONCE = 2;

async function main(): Promise<void> {
  const root = path.resolve('test/parity');
  const args = process.argv.slice(2);
  const check = args.includes('--check');
  const missing = args.includes('--missing');
  const filter = args.find((arg) => !arg.startsWith('--')) ?? '';
  const target = new EnvoyTarget();
  const envoy = await target.version();
  const cases = loadCases(root, filter).filter((one) => !missing || readRecording(root, one.id) === null);
  let changed = 0;
  let failed = 0;
  const record = async (testCase: NamedCase) => {
    try {
      const recording = { envoy, observed: await runCase(testCase, target, path.join(root, 'certs')) };
      const before = readRecording(root, testCase.id);
      if (before && recordingText(before) === recordingText(recording)) return;
      changed++;
      console.log(`${before ? 'changed' : 'new'}  ${testCase.id}`);
      if (!check) writeRecording(root, testCase.id, recording);
      else console.log(`${recordingText(before ?? recording)}---\n${recordingText(recording)}`);
    } catch (error) {
      failed++;
      console.log(`failed  ${testCase.id}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  const queue = cases.filter((one) => !one.spec.alone && !one.spec.validate);
  const workers = Array.from({ length: AT_ONCE }, async () => {
    for (let next = queue.shift(); next; next = queue.shift()) await record(next);
  });
  await Promise.all(workers);
  for (const one of cases) if (one.spec.alone || one.spec.validate) await record(one);
  console.log(
    `recorded ${cases.length - failed} of ${cases.length} cases against Envoy ${envoy}, ${changed} changed`,
  );
  if (failed > 0 || (check && changed > 0)) process.exitCode = 1;
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
