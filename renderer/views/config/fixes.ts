import type { Diagnostic, Fix, SourceRange } from '../../../proxy-core/index.ts';

/**
 * Fixes that can be made in one step, in the order of the text. Of two that overlap the one that begins first is taken,
 * of two alike only one.
 */
export function fixesTogether(diagnostics: readonly Diagnostic[]): readonly Fix[] {
  const fixes = diagnostics
    .flatMap(({ fix }) => fix ?? [])
    .sort((a, b) => order(start(a.range), start(b.range)));
  const taken: Fix[] = [];
  for (const fix of fixes) {
    const before = taken.at(-1);
    const free =
      before === undefined ||
      order(end(before.range), start(fix.range)) < 0 ||
      (order(end(before.range), start(fix.range)) === 0 && order(start(before.range), start(fix.range)) < 0);
    if (free) taken.push(fix);
  }
  return taken;
}

type Place = readonly [line: number, column: number];

function start({ line, column }: SourceRange): Place {
  return [line, column];
}

function end({ endLine, endColumn }: SourceRange): Place {
  return [endLine, endColumn];
}

function order([line, column]: Place, [otherLine, otherColumn]: Place): number {
  return line - otherLine || column - otherColumn;
}
