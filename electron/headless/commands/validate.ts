import { resolve } from 'node:path';
import type { Diagnostics } from '../../../proxy-core/index.ts';
import { AttacheError } from '../../../proxy-core/index.ts';
import { writeFileWhole } from '../../app/config-file.ts';
import type { SourceOptions } from '../../app/launch.ts';
import type { Command, OutputFormat } from '../arguments.ts';
import { diagnosticsText } from '../diagnostics-text.ts';
import { readSource } from '../source.ts';
import type { Terminal } from '../terminal.ts';

/** `attache validate FILE`: 0 when Envoy would take it, 1 when it would not or it cannot be read. */
export async function validate(
  command: Extract<Command, { kind: 'validate' }>,
  output: Terminal,
): Promise<number> {
  const { source, format, lint } = command;
  const name = source.file ?? '--config-yaml';
  if (command.fix && !(await mend(source, format, output))) return 1;
  const result = await check(source, format, output, lint);
  if (result === null) return 1;
  const ok = result.ok && !(lint && result.diagnostics.some(({ severity }) => severity === 'warning'));
  if (format === 'json') {
    output.out(`${JSON.stringify({ file: name, ok, diagnostics: result.diagnostics }, null, 2)}\n`);
  } else {
    output.out(diagnosticsText(result.diagnostics, result.text));
    output.out(`${name}: ${result.ok ? (ok ? 'valid' : 'valid, with warnings') : 'refused'}\n`);
  }
  return ok ? 0 : 1;
}

/** Writes the file with every proposed edit made. False: it could not be read or written. */
async function mend(source: SourceOptions, format: OutputFormat, output: Terminal): Promise<boolean> {
  const { file } = source;
  if (file === null || file === '-') {
    output.error('attache: --fix needs a file that it can write.\n');
    return false;
  }
  try {
    const before = readSource(source);
    const { fixConfig } = await import('../../../proxy-core/index.ts');
    const { text, applied } = fixConfig(before);
    if (text !== before.text) await writeFileWhole(resolve(file), text);
    const tell = format === 'json' ? output.error : output.out;
    for (const { range, fix } of applied) tell(`${file}:${range.line}: ${fix?.title ?? ''}\n`);
    return true;
  } catch (error) {
    if (!(error instanceof AttacheError)) throw error;
    output.error(`attache: ${error.message}\n`);
    return false;
  }
}

/** `attache --mode validate -c FILE`: the same in Envoy's words. */
export async function validateLikeEnvoy(source: SourceOptions, output: Terminal): Promise<number> {
  const name = source.file ?? '';
  const result = await check(source, 'text', output, false);
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
  lint: boolean,
): Promise<(Diagnostics & { readonly text: string }) | null> {
  try {
    const configuration = readSource(source);
    const { createProxyCore } = await import('../../../proxy-core/index.ts');
    const core = createProxyCore({});
    const result = core.validate(configuration, { lint });
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
