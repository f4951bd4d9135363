import type { Diagnostics } from '../../../proxy-core/index.ts';
import { AttacheError } from '../../../proxy-core/index.ts';
import type { SourceOptions } from '../../app/launch.ts';
import type { Command, OutputFormat } from '../arguments.ts';
import { diagnosticsText } from '../diagnostics-text.ts';
import { readSource } from '../source.ts';
import type { Terminal } from '../terminal.ts';

/** `attache validate FILE`: 0 when Envoy would take it, 1 when it would not or it cannot be read. */
export async function validate(
  { source, format }: Extract<Command, { kind: 'validate' }>,
  output: Terminal,
): Promise<number> {
  const name = source.file ?? '--config-yaml';
  const result = await check(source, format, output);
  if (result === null) return 1;
  if (format === 'json') {
    output.out(
      `${JSON.stringify({ file: name, ok: result.ok, diagnostics: result.diagnostics }, null, 2)}\n`,
    );
  } else {
    output.out(diagnosticsText(result.diagnostics, result.text));
    output.out(`${name}: ${result.ok ? 'valid' : 'refused'}\n`);
  }
  return result.ok ? 0 : 1;
}

/** `attache --mode validate -c FILE`: the same in Envoy's words. */
export async function validateLikeEnvoy(source: SourceOptions, output: Terminal): Promise<number> {
  const name = source.file ?? '';
  const result = await check(source, 'text', output);
  if (result === null) return 1;
  output.error(diagnosticsText(result.diagnostics, result.text));
  if (result.ok) output.out(`configuration '${name}' OK\n`);
  else {
    const first = result.diagnostics.find((diagnostic) => diagnostic.severity === 'error');
    output.error(`error initializing configuration '${name}': ${first?.message ?? ''}\n`);
  }
  return result.ok ? 0 : 1;
}

async function check(
  source: SourceOptions,
  format: OutputFormat,
  output: Terminal,
): Promise<(Diagnostics & { readonly text: string }) | null> {
  try {
    const configuration = readSource(source);
    const { createProxyCore } = await import('../../../proxy-core/index.ts');
    const core = createProxyCore({});
    const result = core.validate(configuration);
    await core.close({ drain: 0 });
    return { ...result, text: configuration.text };
  } catch (error) {
    if (!(error instanceof AttacheError)) throw error;
    if (format === 'json') {
      const failure = { file: source.file, ok: false, error: { code: error.code, message: error.message } };
      output.out(`${JSON.stringify(failure, null, 2)}\n`);
    } else output.error(`attache: ${error.message}\n`);
    return null;
  }
}
