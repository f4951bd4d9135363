/** The desktop app: one process with the core and the app service, one window that shows them. */
import { dirname, join } from 'node:path';
import { app, type BrowserWindow, dialog } from 'electron';
import { createProxyCore } from '../../proxy-core/index.ts';
import { AppService } from '../app/app-service.ts';
import { builtFolder } from '../app/built-files.ts';
import { coreOptions, decodeLaunch, type Launch, sourceSettings, stopDrain } from '../app/launch.ts';
import { openLog } from '../app/log-writer.ts';
import { RecentFiles } from '../app/recent-files.ts';
import { userFolder } from '../app/user-folder.ts';
import { registerScheme, serveScheme } from './app-protocol.ts';
import { readMemory, writeMemory } from './desktop-memory.ts';
import { takeCalls } from './ipc-transport.ts';
import { lockDown } from './lockdown.ts';
import { openMainWindow, placeOf } from './main-window.ts';
import { setMenu } from './menu.ts';

const home = userFolder();
app.setPath('userData', join(home, 'window'));
if (app.requestSingleInstanceLock({ argv: process.argv })) {
  registerScheme();
  void app.whenReady().then(() => run(decodeLaunch(process.argv.slice(1))));
} else {
  // The one that runs opens what this one was asked for.
  app.quit();
}

async function run(launch: Launch): Promise<void> {
  const log = openLog(launch.core.logLevel, launch.core.logPath, (line) => void process.stderr.write(line));
  const recent = new RecentFiles(home, () => refreshMenu());
  let memory = readMemory(home);
  let window: BrowserWindow | null = null;
  let stopping = false;

  const service = new AppService({
    core: createProxyCore(coreOptions(launch.core, log, () => app.quit())),
    shell: 'desktop',
    settings: sourceSettings(launch.source),
    recent,
    watch: launch.core.watch,
    chooseFile,
  });
  lockDown();
  serveScheme(join(builtFolder(), 'renderer'));
  takeCalls();
  refreshMenu();
  showWindow();
  const { capture } = launch.core;
  const { file } = launch.source;
  if (file !== null) await attempt(() => service.open(file));
  else if (capture === null) await attempt(() => service.startDemo());
  if (capture !== null) await attempt(() => service.capture.start(capture));

  app.on('second-instance', (_event, argv, _folder, data) => {
    showWindow();
    const sent = (data as { argv?: unknown } | null)?.argv;
    const { source } = decodeLaunch(Array.isArray(sent) ? sent.map(String).slice(1) : argv.slice(1));
    if (source.file !== null) void openFile(source.file);
  });
  app.on('open-file', (event, file) => {
    event.preventDefault();
    showWindow();
    void openFile(file);
  });
  app.on('activate', showWindow);
  app.on('window-all-closed', () => {
    // On a Mac the app stays in the Dock, visibly running, until it is quit.
    if (process.platform !== 'darwin') app.quit();
  });
  app.on('before-quit', (event) => {
    if (stopping) return;
    event.preventDefault();
    stopping = true;
    keepPlace();
    const complain = (error: unknown) => log.log('error', 'desktop', String(error));
    void service
      .close(stopDrain(launch.core))
      .catch(complain)
      .finally(() => {
        log.close();
        app.quit();
      });
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => app.quit());

  function showWindow(): void {
    if (window !== null) {
      if (window.isMinimized()) window.restore();
      window.focus();
      return;
    }
    window = openMainWindow({
      app: service,
      folder: dirname(__filename),
      place: memory.place,
      log: (message) => log.log('warning', 'desktop', message),
    });
    window.on('close', keepPlace);
    window.on('closed', () => {
      window = null;
    });
  }

  function keepPlace(): void {
    if (window === null || window.isDestroyed()) return;
    memory = { ...memory, place: placeOf(window) };
    writeMemory(home, memory);
  }

  async function chooseFile(): Promise<string | null> {
    const options: Electron.OpenDialogOptions = {
      title: 'Open configuration',
      properties: ['openFile'],
      filters: [
        { name: 'Envoy configuration', extensions: ['yaml', 'yml', 'json'] },
        { name: 'All files', extensions: ['*'] },
      ],
      ...(memory.folder === null ? {} : { defaultPath: memory.folder }),
    };
    const { filePaths } = await (window === null
      ? dialog.showOpenDialog(options)
      : dialog.showOpenDialog(window, options));
    const file = filePaths[0] ?? null;
    if (file !== null) {
      memory = { ...memory, folder: dirname(file) };
      writeMemory(home, memory);
    }
    return file;
  }

  async function openFile(file: string): Promise<void> {
    await attempt(() => service.open(file));
    if (recent.files.includes(file)) app.addRecentDocument(file);
  }

  /** What the menu starts has no page to report to. */
  async function attempt(action: () => Promise<unknown>): Promise<void> {
    try {
      await action();
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      log.log('error', 'desktop', message);
      await dialog.showMessageBox({ type: 'error', message: 'Nothing was opened.', detail: message });
    }
  }

  function refreshMenu(): void {
    setMenu({
      open: () =>
        void chooseFile().then((file) => {
          if (file !== null) void openFile(file);
        }),
      openRecent: (file) => void openFile(file),
      startDemo: () => void attempt(() => service.startDemo()),
      recent: recent.files,
      platform: process.platform,
      development: !app.isPackaged,
    });
  }
}
