import type { Tree, TreeMap } from './case.ts';

export interface Mismatch {
  readonly at: string;
  readonly expected: string;
  readonly observed: string;
}

/** Every place where two observations differ. What a refusal says is for people and is not compared. */
export function compare(expected: Tree, observed: Tree, at = ''): Mismatch[] {
  if (isVerdict(expected) && isVerdict(observed)) {
    return compareValues(expected['verdict'] ?? null, observed['verdict'] ?? null, 'verdict').map(
      (mismatch) => ({
        ...mismatch,
        expected: `${mismatch.expected} ${String(expected['says'] ?? '')}`.trim(),
        observed: `${mismatch.observed} ${String(observed['says'] ?? '')}`.trim(),
      }),
    );
  }
  return compareValues(expected, observed, at);
}

function compareValues(expected: Tree | undefined, observed: Tree | undefined, at: string): Mismatch[] {
  if (Array.isArray(expected) && Array.isArray(observed)) {
    if (isLines(expected) && isLines(observed)) return compareLines(expected, observed, at);
    const length = Math.max(expected.length, observed.length);
    return Array.from({ length }, (_, i) => compareValues(expected[i], observed[i], `${at}[${i}]`)).flat();
  }
  if (isMap(expected) && isMap(observed)) {
    const keys = new Set([...Object.keys(expected), ...Object.keys(observed)]);
    return [...keys].flatMap((key) =>
      compareValues(expected[key], observed[key], at === '' ? key : `${at}.${key}`),
    );
  }
  return expected === observed ? [] : [mismatch(expected, observed, at)];
}

/** Lists of lines are told by what each side has alone, or by their order. */
function compareLines(expected: string[], observed: string[], at: string): Mismatch[] {
  if (expected.length === observed.length && expected.every((line, i) => line === observed[i])) return [];
  const missing = without(expected, observed);
  const extra = without(observed, expected);
  if (missing.length === 0 && extra.length === 0) return [mismatch(expected, observed, `${at} (order)`)];
  return [mismatch(missing, extra, `${at} (lines that the other has not)`)];
}

function without(lines: readonly string[], taken: readonly string[]): string[] {
  const left = [...taken];
  return lines.filter((line) => {
    const index = left.indexOf(line);
    if (index >= 0) left.splice(index, 1);
    return index < 0;
  });
}

function isLines(list: Tree[]): list is string[] {
  return list.length > 0 && list.every((element) => typeof element === 'string');
}

function mismatch(expected: Tree | undefined, observed: Tree | undefined, at: string): Mismatch {
  return { at, expected: text(expected), observed: text(observed) };
}

function text(value: Tree | undefined): string {
  if (value === undefined) return '(nothing)';
  return JSON.stringify(value);
}

function isMap(value: Tree | undefined): value is TreeMap {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function isVerdict(value: Tree): value is TreeMap {
  return isMap(value) && 'verdict' in value;
}
