import { app, type Session, session, shell, type WebContents } from 'electron';
import { isOwnPage } from './ipc-transport.ts';

/** Copying to the clipboard is all that the page may ask for. */
const ALLOWED_PERMISSION = 'clipboard-sanitized-write';

/** Denies what the app never does: leaving its page, opening windows, permissions. Covers windows made later too. */
export function lockDown(): void {
  app.on('web-contents-created', (_event, contents) => restrict(contents));
  denyPermissions(session.defaultSession);
}

function restrict(contents: WebContents): void {
  contents.on('will-navigate', (event, url) => {
    if (!isOwnPage(url)) event.preventDefault();
  });
  contents.on('will-attach-webview', (event) => event.preventDefault());
  contents.setWindowOpenHandler(({ url }) => {
    if (isWebAddress(url)) void shell.openExternal(url);
    return { action: 'deny' };
  });
}

function denyPermissions(current: Session): void {
  current.setPermissionRequestHandler((contents, permission, answer) => {
    answer(String(permission) === ALLOWED_PERMISSION && isOwnPage(contents.getURL()));
  });
  current.setPermissionCheckHandler(
    (_contents, permission, origin) =>
      String(permission) === ALLOWED_PERMISSION && isOwnPage(origin.replace(/\/$/, '')),
  );
}

/** Only these go to the system's browser, and only as the parser wrote them. */
export function isWebAddress(url: string): boolean {
  try {
    return ['http:', 'https:'].includes(new URL(url).protocol);
  } catch {
    return false;
  }
}
