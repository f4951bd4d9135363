import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const folder = fileURLToPath(new URL('../../../../electron/desktop', import.meta.url));
const sources = readdirSync(folder)
  .filter((name) => name.endsWith('.ts'))
  .map((name) => ({ name, text: readFileSync(join(folder, name), 'utf8') }));

/** Names imported from electron, without types and comments. */
const importsElectron = (text: string, name: string) =>
  new RegExp(`import \\{[^}]*\\b${name}\\b[^}]*\\} from 'electron'`).test(text);

describe('the desktop shell', () => {
  it.each([
    ['ipcMain', 'ipc-transport.ts'],
    ['ipcRenderer', 'preload.ts'],
    ['protocol', 'app-protocol.ts'],
  ])('touches %s in %s only', (name, file) => {
    const users = sources.filter(({ text }) => importsElectron(text, name)).map((source) => source.name);
    expect(users).toEqual([file]);
  });

  it('opens windows with every lock closed', () => {
    const text = sources.find(({ name }) => name === 'main-window.ts')?.text ?? '';
    for (const setting of [
      'contextIsolation: true',
      'sandbox: true',
      'nodeIntegration: false',
      'webviewTag: false',
    ]) {
      expect(text).toContain(setting);
    }
    expect(sources.filter(({ text: other }) => other.includes('new BrowserWindow(')).length).toBe(1);
  });
});
