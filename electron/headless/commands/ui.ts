import { join } from 'node:path';
import { AttacheError } from '../../../proxy-core/index.ts';
import { AppService } from '../../app/app-service.ts';
import { builtFolder } from '../../app/built-files.ts';
import { captureLines } from '../../app/capture/capture.ts';
import { coreOptions, sourceSettings, stopDrain } from '../../app/launch.ts';
import { type LogWriter, openLog } from '../../app/log-writer.ts';
import { RecentFiles } from '../../app/recent-files.ts';
import { userFolder } from '../../app/user-folder.ts';
import type { Command } from '../arguments.ts';
import { diagnosticsText, errorsOf } from '../diagnostics-text.ts';
import { listenerLines } from '../listener-lines.ts';
import { openBrowser } from '../open-browser.ts';
import { listenForStop } from '../stop-signal.ts';
import type { Terminal } from '../terminal.ts';
import { UiServer } from '../ui-server.ts';

/** `attache ui` and `attache demo`: serves traffic and the web UI until it is told to stop. */
export async function serveUi(
  command: Omit<Extract<Command, { kind: 'ui' }>, 'kind'>,
  output: Terminal,
): Promise<number> {
  let log: LogWriter | null = null;
  let app: AppService | null = null;
  let server: UiServer | null = null;
  try {
    log = openLog(command.core.logLevel, command.core.logPath, output.error);
    const signal = listenForStop();
    const { createProxyCore } = await import('../../../proxy-core/index.ts');
    app = new AppService({
      core: createProxyCore(coreOptions(command.core, log, signal.stop)),
      shell: 'browser',
      settings: sourceSettings(command.source),
      recent: new RecentFiles(userFolder()),
      watch: command.core.watch,
    });
    server = new UiServer({
      app,
      folder: join(builtFolder(), 'renderer'),
      port: command.port,
      ...development(process.env),
    });
    await server.start();
    await openConfig(command, app, output);
    if (command.core.capture !== null) {
      await app.capture.start(command.core.capture);
      if (app.capture.running !== null) output.out(captureLines(app.capture.running));
    }
    output.out(`Attaché is at ${server.url}\n`);
    if (command.open) openBrowser(server.url);
    await signal.asked;
    await server.close();
    await app.close(stopDrain(command.core));
    return 0;
  } catch (error) {
    if (!(error instanceof AttacheError)) throw error;
    output.error(`attache: ${error.message}\n`);
    await server?.close();
    await app?.close(0);
    return 1;
  } finally {
    log?.close();
  }
}

/**
 * Opens the file, or starts the demo shop when none was named and capture was not asked for. A file that is refused is no reason to stop: its
 * problems are on the screen, where they can be mended.
 */
async function openConfig(
  { source, core, demo }: Omit<Extract<Command, { kind: 'ui' }>, 'kind'>,
  app: AppService,
  output: Terminal,
): Promise<void> {
  if (!demo && source.file === null && core.capture !== null) return;
  if (demo || source.file === null) await app.startDemo();
  else await app.open(source.file);
  const { status, diagnostics, file, fileText, demo: isDemo } = app.config.state();
  if (status === 'rejected') {
    output.error(`${diagnosticsText(errorsOf(diagnostics), fileText)}attache: ${file} was refused.\n`);
  }
  if (isDemo) output.out(demoLine(app));
  output.out(listenerLines(app.runningState()));
}

function demoLine(app: AppService): string {
  const { rate, notice } = app.demo.state();
  return `The demo shop runs, with ${rate} requests a second.${notice === '' ? '' : ` ${notice}`}\n`;
}

/** `npm run dev` names the token and the origin of its page. */
function development(env: NodeJS.ProcessEnv): { token?: string; developmentOrigin?: string } {
  const token = env['ATTACHE_TOKEN'];
  const origin = env['ATTACHE_DEV_ORIGIN'];
  return { ...(token ? { token } : {}), ...(origin ? { developmentOrigin: origin } : {}) };
}
