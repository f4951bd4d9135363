import type { ExportReport } from '../../../proxy-core/index.ts';
import { AttacheError } from '../../../proxy-core/index.ts';
import type { Command } from '../arguments.ts';
import { diagnosticsText, errorsOf } from '../diagnostics-text.ts';
import { readSource } from '../source.ts';
import type { Terminal } from '../terminal.ts';

/** `attache export -c FILE --to DIR`: 0 when it was written, 1 when it was not. */
export async function exportTo(
  command: Extract<Command, { kind: 'export' }>,
  output: Terminal,
): Promise<number> {
  try {
    const source = readSource(command.source);
    const { createProxyCore } = await import('../../../proxy-core/index.ts');
    const core = createProxyCore({});
    const checked = core.validate(source);
    if (!checked.ok) {
      output.error(diagnosticsText(errorsOf(checked.diagnostics), source.text));
      output.error(`attache: ${source.file} was not exported: Envoy would refuse it.\n`);
      return 1;
    }
    const report = core.exportConfig(source, { directory: command.to });
    await core.close({ drain: 0 });
    output.out(
      command.format === 'json' ? `${JSON.stringify(report, null, 2)}\n` : reportText(report, source.text),
    );
    return 0;
  } catch (error) {
    if (!(error instanceof AttacheError) && (error as NodeJS.ErrnoException).code === undefined) throw error;
    output.error(`attache: ${(error as Error).message}\n`);
    return 1;
  }
}

function reportText(report: ExportReport, text: string): string {
  const lines = report.files.map((file) => `wrote ${file}`);
  for (const change of report.changes) lines.push(`changed: ${change}`);
  for (const { path, address, range } of report.loopback) {
    lines.push(`${range.file}:${range.line}: ${address} is this machine only (${path})`);
  }
  return `${lines.join('\n')}\n${diagnosticsText(report.notices, text)}`;
}
