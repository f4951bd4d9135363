/**
 * The contract over Electron IPC. The only file that touches `ipcMain`: every call passes the sender check here, so no
 * handler can forget it.
 */
import { type BrowserWindow, type IpcMainInvokeEvent, ipcMain, type WebContents } from 'electron';
import { type Answer, type AppServer, type AppSession, answerCall } from '../ipc/session.ts';
import { APP_ORIGIN, CALL_CHANNEL, EVENT_CHANNEL } from './channels.ts';

const sessions = new Map<WebContents, AppSession>();

/** Takes calls from windows that were connected with `connectWindow`, and from nobody else. */
export function takeCalls(): void {
  ipcMain.handle(CALL_CHANNEL, async (event, name: unknown, args: unknown): Promise<Answer> => {
    const session = sessions.get(event.sender);
    if (session === undefined || !isTrusted(event)) {
      return { error: { code: 'ipc.forbidden', message: 'This page may not call the app.' } };
    }
    return answerCall(session, name, args);
  });
}

/** Our own page, in the main frame. */
function isTrusted(event: IpcMainInvokeEvent): boolean {
  const frame = event.senderFrame;
  return frame !== null && frame === event.sender.mainFrame && isOwnPage(frame.url);
}

export function isOwnPage(url: string): boolean {
  return url === APP_ORIGIN || url.startsWith(`${APP_ORIGIN}/`);
}

/** Gives a window its session, until it is closed. */
export function connectWindow(window: BrowserWindow, app: AppServer): void {
  const { webContents } = window;
  let hanging = false;
  const session = app.connect({
    send: (message) => {
      if (!webContents.isDestroyed()) webContents.send(EVENT_CHANNEL, message);
    },
    congested: () => hanging || webContents.isDestroyed() || webContents.isCrashed(),
  });
  sessions.set(webContents, session);
  window.on('unresponsive', () => {
    hanging = true;
  });
  window.on('responsive', () => {
    hanging = false;
  });
  webContents.on('destroyed', () => {
    sessions.delete(webContents);
    session.close();
  });
}
