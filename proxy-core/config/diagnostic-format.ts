import type { Diagnostic, Severity } from './diagnostic.ts';

export interface FormatOptions {
  /** A line of a file, without its line break; undefined when the file's text is not at hand. */
  readonly line?: (file: string, line: number) => string | undefined;
  /** ANSI colours. */
  readonly color?: boolean;
}

const WIDTH = 100;

/** By file and place; errors first where two stand at the same place. */
export function sortDiagnostics(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const files = new Map<string, number>();
  for (const { range } of diagnostics) if (!files.has(range.file)) files.set(range.file, files.size);
  return [...diagnostics].sort(
    (a, b) =>
      (files.get(a.range.file) ?? 0) - (files.get(b.range.file) ?? 0) ||
      a.range.line - b.range.line ||
      a.range.column - b.range.column ||
      rank(a.severity) - rank(b.severity),
  );
}

function rank(severity: Severity): number {
  return severity === 'error' ? 0 : severity === 'warning' ? 1 : 2;
}

/** All diagnostics as text for a terminal, and one line that counts them. */
export function formatDiagnostics(diagnostics: readonly Diagnostic[], options: FormatOptions = {}): string {
  if (diagnostics.length === 0) return '';
  const parts = sortDiagnostics(diagnostics).map((diagnostic) => formatDiagnostic(diagnostic, options));
  return `${parts.join('\n\n')}\n\n${countDiagnostics(diagnostics)}\n`;
}

/** `2 errors, 1 warning, 4 notices`. */
export function countDiagnostics(diagnostics: readonly Diagnostic[]): string {
  const counts = (['error', 'warning', 'notice'] as const)
    .map((severity) => [severity, diagnostics.filter((one) => one.severity === severity).length] as const)
    .filter(([, count]) => count > 0)
    .map(([severity, count]) => `${count} ${severity}${count === 1 ? '' : 's'}`);
  return counts.length === 0 ? 'no errors' : counts.join(', ');
}

/**
 * ```
 * shop.yaml:61:22 error: timeout: “2sec” is not a duration. A duration is a number followed by s.
 *    61 |   timeout: 2sec
 *       |            ^^^^
 *   at static_resources.listeners[0]…
 *   fix: Change to 2s
 * ```
 */
export function formatDiagnostic(diagnostic: Diagnostic, options: FormatOptions = {}): string {
  const paint = painter(options.color ?? false);
  const { range, severity } = diagnostic;
  const place = range.file === '' ? '' : `${range.file}:${range.line}:${range.column} `;
  const lines = [`${paint('bold', place)}${paint(severity, `${severity}:`)} ${diagnostic.message}`];
  const text = range.file === '' ? undefined : options.line?.(range.file, range.line);
  if (text !== undefined && text.trim() !== '') lines.push(...excerpt(diagnostic, text, paint));
  if (diagnostic.path !== '') lines.push(`  at ${printable(diagnostic.path)}`);
  if (diagnostic.expected !== undefined) lines.push(`  expected ${printable(diagnostic.expected)}`);
  if (diagnostic.fix !== undefined) lines.push(`  fix: ${printable(diagnostic.fix.title)}`);
  else if (diagnostic.suggestion !== undefined)
    lines.push(`  did you mean ${printable(diagnostic.suggestion)}?`);
  return lines.join('\n');
}

/** The source line, cut to the terminal's width around the place, with carets below it. */
function excerpt(diagnostic: Diagnostic, text: string, paint: Paint): string[] {
  const { line, column, endLine, endColumn } = diagnostic.range;
  const from = Math.max(0, Math.min(column - 1, text.length) - Math.floor(WIDTH * 0.6));
  const shown = printable(text.slice(from, from + WIDTH));
  const start = Math.max(0, column - 1 - from);
  const end = endLine === line ? endColumn - 1 - from : shown.length;
  const carets = '^'.repeat(Math.max(1, Math.min(end, shown.length) - start));
  const gutter = String(line).padStart(5);
  return [
    `${gutter} | ${from > 0 ? '…' : ''}${shown}`,
    `${' '.repeat(gutter.length)} | ${from > 0 ? ' ' : ''}${' '.repeat(start)}${paint(diagnostic.severity, carets)}`,
  ];
}

/** Control characters of a file must not reach the terminal. */
function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ');
}

type Paint = (style: Severity | 'bold', text: string) => string;

function painter(color: boolean): Paint {
  if (!color) return (_, text) => text;
  const codes = { error: '31;1', warning: '33;1', notice: '36;1', bold: '1' } as const;
  return (style, text) => (text === '' ? '' : `\u001b[${codes[style]}m${text}\u001b[0m`);
}
