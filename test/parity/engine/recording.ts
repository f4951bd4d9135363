import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import { setAt } from './bootstrap.ts';
import type { NamedCase, Override, Tree } from './case.ts';
import type { Observation } from './run-case.ts';

export interface Recording {
  /** Version of the Envoy that was asked. */
  readonly envoy: string;
  readonly observed: Observation;
}

export interface Difference extends Override {
  readonly case: string;
  readonly reason: string;
}

export function recordingFile(root: string, id: string): string {
  return path.join(root, 'recordings', `${id}.yaml`);
}

export function recordingText(recording: Recording): string {
  return stringify(recording, { lineWidth: 0, aliasDuplicateObjects: false });
}

export function writeRecording(root: string, id: string, recording: Recording): void {
  const file = recordingFile(root, id);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, recordingText(recording));
}

export function readRecording(root: string, id: string): Recording | null {
  const file = recordingFile(root, id);
  return existsSync(file) ? (parse(readFileSync(file, 'utf8')) as Recording) : null;
}

/** What Attaché must show: the recording, with what 1.32 does instead, and with where we mean to differ. */
export function expectation(
  testCase: NamedCase,
  recording: Recording,
  differences: readonly Difference[],
): Observation {
  const expected = structuredClone(recording.observed);
  // From the back, so that removing an element of a list does not move the places that follow in the file.
  for (const { at, value } of [...(testCase.spec.expect_1_32?.overrides ?? [])].reverse())
    setAt(expected, at, value);
  for (const { case: id, at, value } of differences)
    if (id === testCase.id) setAt(expected, at, value as Tree);
  return expected;
}
