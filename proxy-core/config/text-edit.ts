import type { Fix } from './diagnostic.ts';
import type { SourceText } from './text/source-text.ts';

/** Applies fixes to a text, the last first. The same fix twice is one; of two that overlap the first one counts. */
export function applyFixes(source: SourceText, fixes: readonly Fix[]): string {
  const edits = new Map<string, { start: number; end: number; text: string }>();
  for (const { range, text } of fixes) {
    const start = source.offset(range.line, range.column);
    const end = source.offset(range.endLine, range.endColumn);
    edits.set(`${start} ${end} ${text}`, { start, end, text });
  }
  let result = source.text;
  let limit = Number.POSITIVE_INFINITY;
  for (const { start, end, text } of [...edits.values()].sort((a, b) => b.start - a.start)) {
    if (end > limit) continue;
    result = result.slice(0, start) + text + result.slice(end);
    limit = start;
  }
  return result;
}
