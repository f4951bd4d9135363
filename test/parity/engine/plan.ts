import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import type { NamedCase, Tree } from './case.ts';
import { compare, type Mismatch } from './compare.ts';
import { type Difference, expectation, readRecording } from './recording.ts';
import { type Observation, runCase } from './run-case.ts';
import type { Target } from './target.ts';

/** The two lists beside the cases. */
export interface Lists {
  /** Case id → why it cannot pass yet. */
  readonly pending: ReadonlyMap<string, string>;
  readonly differences: readonly Difference[];
}

export interface Outcome {
  readonly id: string;
  readonly mismatches: readonly Mismatch[];
  /** What kept the case from running at all. */
  readonly failure: string;
  readonly milliseconds: number;
}

export function loadLists(root: string): Lists {
  const pending = new Map<string, string>();
  for (const group of readList(root, 'pending.yaml') as { reason: string; cases: string[] }[]) {
    for (const id of group.cases) {
      if (pending.has(id)) throw new Error(`pending.yaml names ${id} twice`);
      pending.set(id, group.reason);
    }
  }
  const listed = readList(root, 'differences.yaml') as (Difference | { topic: string; reason: string })[];
  return { pending, differences: listed.filter((entry) => 'case' in entry) };
}

function readList(root: string, name: string): unknown[] {
  const file = path.join(root, name);
  return existsSync(file) ? ((parse(readFileSync(file, 'utf8')) as unknown[] | null) ?? []) : [];
}

/** Runs one case on a target against its recording. */
export async function replayCase(
  root: string,
  testCase: NamedCase,
  target: Target,
  lists: Lists,
): Promise<Outcome> {
  const started = Date.now();
  const finish = (mismatches: readonly Mismatch[], failure: string): Outcome => ({
    id: testCase.id,
    mismatches,
    failure,
    milliseconds: Date.now() - started,
  });
  const recording = readRecording(root, testCase.id);
  if (recording === null) return finish([], 'no recording; run npm run parity:record');
  const expected = expectation(testCase, recording, lists.differences);
  let observed: Observation;
  try {
    observed = await withLimit(runCase(testCase, target, path.join(root, 'certs'), expected), 25_000);
  } catch (error) {
    return finish([], error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  return finish(compare(expected as Tree, observed as Tree), '');
}

function withLimit<T>(work: Promise<T>, milliseconds: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`still running after ${milliseconds} ms`)), milliseconds);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** Runs `work` over `items`, `atOnce` at a time, in order of start. */
export async function inParallel<T>(
  items: readonly T[],
  atOnce: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = [...items];
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
    }),
  );
}

export function outcomeText(outcome: Outcome): string {
  const lines = [`differs  ${outcome.id}`];
  if (outcome.failure !== '') lines.push(`  ${outcome.failure.split('\n').slice(0, 4).join('\n  ')}`);
  for (const { at, expected, observed } of outcome.mismatches.slice(0, 12)) {
    lines.push(`  ${at}`, `    expected ${expected}`, `    observed ${observed}`);
  }
  if (outcome.mismatches.length > 12) lines.push(`  … and ${outcome.mismatches.length - 12} more`);
  return lines.join('\n');
}
