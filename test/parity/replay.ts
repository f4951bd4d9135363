/** Replays recordings on Attaché and prints each outcome: `replay.ts [filter]`, for work on one area. */
import path from 'node:path';
import { AttacheTarget } from './engine/attache-target.ts';
import { loadCases } from './engine/case.ts';
import { inParallel, loadLists, type Outcome, outcomeText, replayCase } from './engine/plan.ts';

async function main(): Promise<void> {
  const root = path.resolve('test/parity');
  const filter = process.argv[2] ?? '';
  const lists = loadLists(root);
  const outcomes: Outcome[] = [];
  const started = Date.now();
  const cases = loadCases(root, filter);
  // Verdicts first: they are work without waiting, which would spoil the times of the others.
  cases.sort((a, b) => Number(b.spec.validate ?? false) - Number(a.spec.validate ?? false));
  await inParallel(cases, 10, async (testCase) => {
    outcomes.push(await replayCase(root, testCase, new AttacheTarget(), lists));
  });
  outcomes.sort((a, b) => (a.id < b.id ? -1 : 1));
  const differing = outcomes.filter((one) => one.failure !== '' || one.mismatches.length > 0);
  for (const outcome of differing) {
    console.log(outcomeText(outcome));
    const reason = lists.pending.get(outcome.id);
    if (reason !== undefined) console.log(`  pending: ${reason}`);
  }
  console.log(
    `${outcomes.length - differing.length} equal, ${differing.length} differ, ${Date.now() - started} ms`,
  );
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
