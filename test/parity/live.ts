/**
 * Runs cases on the real Envoy and on Attaché, and shows where they part. `live.ts [filter]`.
 * What 1.32 does differently and where we mean to differ is taken into account as in the replay.
 */
import path from 'node:path';
import { AttacheTarget } from './engine/attache-target.ts';
import { loadCases, type Tree } from './engine/case.ts';
import { compare } from './engine/compare.ts';
import { EnvoyTarget } from './engine/envoy-target.ts';
import { inParallel, loadLists, outcomeText } from './engine/plan.ts';
import { expectation } from './engine/recording.ts';
import { runCase } from './engine/run-case.ts';

async function main(): Promise<void> {
  const root = path.resolve('test/parity');
  const filter = process.argv[2] ?? '';
  const envoy = new EnvoyTarget();
  const version = await envoy.version();
  const attache = new AttacheTarget();
  const lists = loadLists(root);
  const certificates = path.join(root, 'certs');
  let equal = 0;
  let differ = 0;
  await inParallel(loadCases(root, filter), 2, async (testCase) => {
    const started = Date.now();
    try {
      const observed = await runCase(testCase, envoy, certificates);
      const expected = expectation(testCase, { envoy: version, observed }, lists.differences);
      const ours = await runCase(testCase, attache, certificates, expected);
      const mismatches = compare(expected as Tree, ours as Tree);
      if (mismatches.length === 0) equal++;
      else {
        differ++;
        const reason = lists.pending.get(testCase.id);
        console.log(
          outcomeText({ id: testCase.id, mismatches, failure: '', milliseconds: Date.now() - started }),
        );
        if (reason !== undefined) console.log(`  pending: ${reason}`);
      }
    } catch (error) {
      differ++;
      console.log(`failed  ${testCase.id}: ${error instanceof Error ? error.message : String(error)}`);
    }
  });
  console.log(`live against Envoy ${version}: ${equal} equal, ${differ} differ`);
  if (differ > 0) process.exitCode = 1;
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
