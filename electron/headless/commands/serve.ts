import type { ApplyResult, ConfigSource, FileListener, ProxyCore } from '../../../proxy-core/index.ts';
import { AttacheError, FileWatcher } from '../../../proxy-core/index.ts';
import { type Capture, captureLines, openCapture } from '../../app/capture/capture.ts';
import { readConfigFile } from '../../app/config-file.ts';
import { coreOptions, sourceSettings, stopDrain } from '../../app/launch.ts';
import { type LogWriter, openLog } from '../../app/log-writer.ts';
import { userFolder } from '../../app/user-folder.ts';
import type { Command } from '../arguments.ts';
import { diagnosticsText, errorsOf } from '../diagnostics-text.ts';
import { listenerLines } from '../listener-lines.ts';
import { readSource } from '../source.ts';
import { listenForStop } from '../stop-signal.ts';
import type { Terminal } from '../terminal.ts';

/** `attache -c FILE`: serves in the foreground, without UI, until it is told to stop. */
export async function serve(command: Extract<Command, { kind: 'serve' }>, output: Terminal): Promise<number> {
  let log: LogWriter | null = null;
  let core: ProxyCore | null = null;
  let capture: Capture | null = null;
  try {
    const read = readSource(command.source);
    log = openLog(command.core.logLevel, command.core.logPath, output.error);
    const { capture: asked } = command.core;
    capture = asked === null || command.mode === 'validate' ? null : await openCapture(asked, userFolder());
    const source = capture === null ? read : { ...read, overlay: capture.overlay };
    const signal = listenForStop();
    const { createProxyCore } = await import('../../../proxy-core/index.ts');
    core = createProxyCore(coreOptions(command.core, log, signal.stop));
    if (!(await start(core, source, output))) return 1;
    if (command.mode === 'init_only') return 0;
    if (capture !== null) output.out(captureLines(capture));
    const watcher = watch(command, capture, core, output);
    await signal.asked;
    watcher?.close();
    await core.close({ drain: stopDrain(command.core) });
    core = null;
    return 0;
  } catch (error) {
    if (!(error instanceof AttacheError)) throw error;
    output.error(`attache: ${error.message}\n`);
    return 1;
  } finally {
    await core?.close({ drain: 0 });
    await capture?.close();
    log?.close();
  }
}

/** True when everything that the configuration asks for is up. */
async function start(core: ProxyCore, source: ConfigSource, output: Terminal): Promise<boolean> {
  const result = await core.apply(source);
  output.error(diagnosticsText(result.diagnostics, source.text));
  if (!result.ok) {
    output.error(`attache: ${source.file} was refused.\n`);
    return false;
  }
  const state = core.state();
  const down = state.listeners.filter((listener) => listener.status === 'failed');
  for (const listener of down) output.error(`attache: ${listener.name} is down: ${listener.error}\n`);
  if (down.length > 0) return false;
  output.out(listenerLines(state));
  return true;
}

/** Applies the file again when it changes. The last good version goes on when the new one is refused. */
function watch(
  { source, core: flags }: Extract<Command, { kind: 'serve' }>,
  capture: Capture | null,
  core: ProxyCore,
  output: Terminal,
): FileWatcher | null {
  const { file } = source;
  if (!flags.watch || file === null || file === '-') return null;
  const settings = {
    ...sourceSettings(source),
    ...(capture === null ? {} : { overlay: capture.overlay }),
    file,
  };
  let lastText: string | null = null;
  const listener: FileListener = {
    changed(text) {
      lastText = text;
      void core.apply({ ...settings, text }).then(
        (result) => {
          if (text === lastText) output.error(reloadText(file, text, result));
        },
        (error: unknown) => output.error(`attache: ${String(error)}\n`),
      );
    },
    unreadable(error) {
      output.error(`attache: ${error.message} Version ${core.state().version} goes on serving.\n`);
    },
  };
  const watcher = new FileWatcher(file, listener, readConfigFile);
  watcher.start();
  return watcher;
}

function reloadText(file: string, text: string, result: ApplyResult): string {
  if (result.ok) return `attache: ${file} changed, version ${result.version} runs now.\n`;
  const problems = diagnosticsText(errorsOf(result.diagnostics), text);
  const serving = `version ${result.version} goes on serving`;
  return `${problems}attache: ${file} changed and was refused, ${serving}.\n`;
}
