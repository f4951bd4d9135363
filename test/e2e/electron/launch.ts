import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { _electron, type ElectronApplication, type Page } from 'playwright-core';
// @ts-expect-error a build script without types
import { bundle, bundles, legacyDesktopBundles } from '../../../build/lib/bundles.mjs';
import { addArrayMethods } from './array-methods.ts';
// @ts-expect-error a build script without types
import { electronForTests } from './fetch-electron.mjs';

const root = fileURLToPath(new URL('../../..', import.meta.url));

export interface LaunchedApp {
  readonly electron: ElectronApplication;
  readonly page: Page;
  /** What the page complained about: errors, refused resources. */
  readonly complaints: readonly string[];
  close(): Promise<void>;
}

/** Starts the built desktop app with a home of its own. @param args as the user would give them */
export async function launchApp(args: readonly string[] = []): Promise<LaunchedApp> {
  const found = await electronForTests();
  if (found.reason !== undefined) throw new Error(found.reason);
  const main = await mainBundle(found.legacy);
  const home = mkdtempSync(join(tmpdir(), 'attache-e2e-'));
  const electron = await _electron.launch({
    executablePath: found.binary,
    // The first argument is the app for a current Electron; the one for tests loads ATTACHE_TEST_MAIN by itself.
    args: [...(found.legacy ? [] : [root]), '--no-sandbox', '--disable-gpu', ...args],
    env: { ...definedEnv(), ATTACHE_HOME: home, ATTACHE_TEST_MAIN: main },
    timeout: 60_000,
  });
  const page = await electron.firstWindow();
  if (found.legacy) {
    await page.addInitScript(addArrayMethods);
    await page.reload();
  }
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  return {
    electron,
    page,
    complaints,
    async close() {
      await electron.close();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

async function mainBundle(legacy: boolean): Promise<string> {
  if (!legacy) return bundles['desktop-main'].outfile;
  for (const options of Object.values(legacyDesktopBundles)) await bundle(options);
  return legacyDesktopBundles.main.outfile;
}

function definedEnv(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
