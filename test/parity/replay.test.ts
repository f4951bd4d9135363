/**
 * Replays every recording against the core in this process. `PARITY_FILTER=routing/` runs a part.
 * The engine is described in README.md.
 */
import path from 'node:path';
import { expect, test } from 'vitest';
import { AttacheTarget } from './engine/attache-target.ts';
import { loadCases } from './engine/case.ts';
import { inParallel, loadLists, type Outcome, outcomeText, replayCase } from './engine/plan.ts';

/** Cases at once: they wait far more than they work. */
const AT_ONCE = 10;

test('Attaché does what Envoy did', { timeout: 240_000 }, async () => {
  const root = path.resolve('test/parity');
  const lists = loadLists(root);
  const cases = loadCases(root, process.env['PARITY_FILTER'] ?? '');
  const known = new Set(loadCases(root).map((one) => one.id));
  const target = new AttacheTarget();
  const differing: Outcome[] = [];
  const resolved: string[] = [];
  let equal = 0;
  let pending = 0;
  const run = async (testCase: (typeof cases)[number]) => {
    const outcome = await replayCase(root, testCase, target, lists);
    const same = outcome.failure === '' && outcome.mismatches.length === 0;
    if (lists.pending.has(testCase.id)) {
      pending++;
      if (same) resolved.push(testCase.id);
    } else if (same) equal++;
    else differing.push(outcome);
  };
  // Verdicts are work without waiting; beside them no time of the others would be exact.
  for (const one of cases) if (one.spec.validate) await run(one);
  const live = cases.filter((one) => !one.spec.validate);
  const together = live.filter((one) => !one.spec.alone);
  await inParallel(together, AT_ONCE, run);
  for (const one of live) if (one.spec.alone) await run(one);
  // What differed in the crowd is asked again alone: a stalled machine is no difference.
  const suspects = differing.splice(0).map((outcome) => outcome.id);
  for (const one of cases) if (suspects.includes(one.id)) await run(one);

  const strangers = [
    ...[...lists.pending.keys()].filter((id) => !known.has(id)).map((id) => `pending.yaml: no case ${id}`),
    ...lists.differences
      .filter((one) => !known.has(one.case))
      .map((one) => `differences.yaml: no case ${one.case}`),
  ];
  for (const outcome of differing) console.log(outcomeText(outcome));
  for (const id of resolved) console.log(`passes now, take it off pending.yaml: ${id}`);
  console.log(`parity: ${equal} equal, ${pending} pending, ${differing.length} differ`);
  expect({ differing: differing.map((one) => one.id), resolved, strangers }).toEqual({
    differing: [],
    resolved: [],
    strangers: [],
  });
});
