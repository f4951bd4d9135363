import { protocol } from 'electron';
import { rendererAnswer } from '../app/renderer-files.ts';
import { APP_SCHEME } from './channels.ts';

/** Before the app is ready: the renderer's scheme is a real origin, so that modules, fetch and storage work. */
export function registerScheme(): void {
  protocol.registerSchemesAsPrivileged([
    { scheme: APP_SCHEME, privileges: { standard: true, secure: true, supportFetchAPI: true } },
  ]);
}

/** When the app is ready: `app://attache/…` are the files of the built renderer. */
export function serveScheme(folder: string): void {
  protocol.handle(APP_SCHEME, async (request) => {
    const { host, pathname } = new URL(request.url);
    const { status, headers, body } = await rendererAnswer(folder, host === 'attache' ? pathname : '/none');
    return new Response(body as BodyInit, { status, headers: { ...headers } });
  });
}
