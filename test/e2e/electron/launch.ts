import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium, type Page } from 'playwright-core';
// @ts-expect-error a build script without types
import { bundle, bundles, legacyDesktopBundles } from '../../../build/lib/bundles.mjs';
// @ts-expect-error a build script without types
import { electronForTests } from './fetch-electron.mjs';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const START_TIME = 60_000;

export interface LaunchedApp {
  readonly process: ChildProcess;
  readonly page: Page;
  /** What the page complained about: errors, refused resources. */
  readonly complaints: readonly string[];
  /** Asks the app to quit, as a desktop does. @returns its exit code */
  quit(): Promise<number | null>;
}

/**
 * Starts the built desktop app with a home of its own and joins its window through the debugging port; the app runs as
 * it does for a user.
 */
export async function launchApp(args: readonly string[] = []): Promise<LaunchedApp> {
  const found = await electronForTests();
  if (found.reason !== undefined) throw new Error(found.reason);
  const main = await mainBundle(found.legacy);
  const home = mkdtempSync(join(tmpdir(), 'attache-e2e-'));
  // The first argument is the app for a current Electron; the one for tests loads ATTACHE_TEST_MAIN by itself.
  const first = found.legacy ? [] : [root];
  const flags = ['--no-sandbox', '--disable-gpu', '--remote-debugging-port=0'];
  const child = spawn(found.binary, [...first, ...flags, ...args], {
    env: { ...process.env, ATTACHE_HOME: home, ATTACHE_TEST_MAIN: main },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const browser = await chromium.connectOverCDP(await debuggingAddress(child), {
    timeout: START_TIME,
    // Electron has no downloads and no second context to set defaults for.
    noDefaults: true,
  });
  const context = browser.contexts()[0];
  if (context === undefined) throw new Error('Electron has no browser context');
  const page = context.pages()[0] ?? (await context.waitForEvent('page', { timeout: START_TIME }));
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.stack ?? String(error)));
  return {
    process: child,
    page,
    complaints,
    async quit() {
      const ended = child.exitCode === null ? once(child, 'exit') : null;
      child.kill('SIGTERM');
      await ended;
      await browser.close().catch(() => {});
      rmSync(home, { recursive: true, force: true });
      return child.exitCode;
    },
  };
}

/** Chromium says on stderr where its debugging port is. */
function debuggingAddress(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    const timer = setTimeout(() => reject(new Error(`Electron did not start: ${said}`)), START_TIME);
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-20_000);
      const address = /DevTools listening on (ws:\/\/\S+)/.exec(said)?.[1];
      if (address === undefined) return;
      clearTimeout(timer);
      resolve(address);
    });
    child.once('exit', (code) => reject(new Error(`Electron ended with ${code}: ${said}`)));
  });
}

async function mainBundle(legacy: boolean): Promise<string> {
  if (!legacy) return bundles['desktop-main'].outfile;
  for (const options of Object.values(legacyDesktopBundles)) await bundle(options);
  return legacyDesktopBundles.main.outfile;
}
