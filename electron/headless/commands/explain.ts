import { AttacheError, hasErrors } from '../../../proxy-core/index.ts';
import type { Command } from '../arguments.ts';
import { decisionText } from '../decision-text.ts';
import { diagnosticsText, errorsOf } from '../diagnostics-text.ts';
import { readSource } from '../source.ts';
import type { Terminal } from '../terminal.ts';

/** `attache explain -c FILE METHOD URL`: compiles without serving, binds nothing, sends nothing. */
export async function explain(
  command: Extract<Command, { kind: 'explain' }>,
  output: Terminal,
): Promise<number> {
  const { method, url, headers, draws, format } = command;
  try {
    const source = readSource(command.source);
    const { explainOffline } = await import('../../../proxy-core/index.ts');
    const { decision, diagnostics } = await explainOffline(source, { method, url, headers, draws });
    if (decision === null) {
      if (format === 'json') output.out(`${JSON.stringify({ ok: false, diagnostics }, null, 2)}\n`);
      else output.error(diagnosticsText(errorsOf(diagnostics), source.text));
      return 1;
    }
    output.out(format === 'json' ? `${JSON.stringify(decision, null, 2)}\n` : decisionText(decision));
    return hasErrors(diagnostics) ? 1 : 0;
  } catch (error) {
    if (!(error instanceof AttacheError)) throw error;
    if (format === 'json') {
      output.out(
        `${JSON.stringify({ ok: false, error: { code: error.code, message: error.message } }, null, 2)}\n`,
      );
    } else output.error(`attache: ${error.message}\n`);
    return 1;
  }
}
