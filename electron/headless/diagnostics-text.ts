import { type Diagnostic, formatDiagnostics } from '../../proxy-core/index.ts';

/** Diagnostics for the terminal, each with its line of the text; ends with a line that counts them. */
export function diagnosticsText(diagnostics: readonly Diagnostic[], text: string): string {
  let lines: readonly string[] | null = null;
  const line = (_file: string, number: number) => {
    lines ??= text.split(/\r\n|\n|\r/);
    return lines[number - 1];
  };
  return formatDiagnostics(diagnostics, { line });
}

export function errorsOf(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  return diagnostics.filter(({ severity }) => severity === 'error');
}
