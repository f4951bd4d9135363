import { join } from 'node:path';
import { BrowserWindow, screen } from 'electron';
import type { AppServer } from '../ipc/session.ts';
import { APP_ORIGIN } from './channels.ts';
import { connectWindow } from './ipc-transport.ts';
import { MIN_HEIGHT, MIN_WIDTH, placeWindow, type WindowPlace } from './window-place.ts';

/** A page that keeps crashing is not loaded again and again. */
const MAX_RELOADS = 3;
const RELOAD_SPAN = 60_000;

export interface MainWindowOptions {
  readonly app: AppServer;
  /** Folder of the bundle, where the preload script is too. */
  readonly folder: string;
  readonly place: WindowPlace | null;
  readonly log: (message: string) => void;
}

/** Makes the window and loads the renderer. The proxy does not notice whether there is a window. */
export function openMainWindow(options: MainWindowOptions): BrowserWindow {
  const primary = screen.getPrimaryDisplay();
  const others = screen.getAllDisplays().filter((display) => display.id !== primary.id);
  const { maximized, ...bounds } = placeWindow(
    options.place,
    [primary, ...others].map((display) => display.workArea),
  );
  const window = new BrowserWindow({
    ...bounds,
    minWidth: Math.min(MIN_WIDTH, bounds.width),
    minHeight: Math.min(MIN_HEIGHT, bounds.height),
    title: 'Attaché',
    show: false,
    webPreferences: {
      preload: join(options.folder, 'preload.cjs'),
      contextIsolation: true,
      sandbox: true,
      nodeIntegration: false,
      webviewTag: false,
      spellcheck: false,
    },
  });
  if (maximized) window.maximize();
  window.once('ready-to-show', () => window.show());
  connectWindow(window, options.app);
  reloadWhenGone(window, options.log);
  void window.loadURL(`${APP_ORIGIN}/index.html`).catch((error: unknown) => options.log(String(error)));
  return window;
}

/** The place to keep: the normal one, also while the window is maximised. */
export function placeOf(window: BrowserWindow): WindowPlace {
  return { ...window.getNormalBounds(), maximized: window.isMaximized() };
}

/** The renderer is a view: when its process ends, a new one takes everything from the app again. */
function reloadWhenGone(window: BrowserWindow, log: (message: string) => void): void {
  let reloads: number[] = [];
  window.webContents.on('render-process-gone', (_event, { reason, exitCode }) => {
    log(`The window's process ended (${reason}, ${exitCode}). The proxy is not affected.`);
    if (window.isDestroyed() || reason === 'clean-exit') return;
    const now = Date.now();
    reloads = [...reloads.filter((at) => now - at < RELOAD_SPAN), now];
    if (reloads.length <= MAX_RELOADS) window.webContents.reload();
  });
  window.on('unresponsive', () => log('The window does not respond. The proxy is not affected.'));
}
