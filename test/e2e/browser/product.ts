import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
// @ts-expect-error a build script without types
import { findChromium } from '../../../build/lib/chromium.mjs';

export const root = fileURLToPath(new URL('../../..', import.meta.url));
const START_TIME = 30_000;

/** `attache ui` or `attache demo` as a process of its own. */
export interface Product {
  readonly process: ChildProcess;
  /** Of the web UI, with its token. */
  readonly url: string;
  /** Bound address of each listener by name, as the program printed it. */
  readonly listeners: ReadonlyMap<string, string>;
  /** All that it printed so far. */
  output(): string;
  /** @returns the exit code, null when it had to be killed */
  stop(): Promise<number | null>;
}

/** Starts the built CLI with a home of its own and a free port for the UI; it is up when this resolves. */
export async function startProduct(command: 'ui' | 'demo', args: readonly string[] = []): Promise<Product> {
  const home = mkdtempSync(join(tmpdir(), 'attache-e2e-'));
  const cli = join(root, 'build/out/cli.cjs');
  const child = spawn(process.execPath, [cli, command, '--no-open', '--port', '0', ...args], {
    env: { ...process.env, ATTACHE_HOME: home },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  const url = await new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`Attaché did not start: ${said}`)), START_TIME);
    const onText = (text: string) => {
      said += text;
      const found = /^Attaché is at (\S+)/m.exec(said)?.[1];
      if (found === undefined) return;
      clearTimeout(timer);
      resolve(found);
    };
    child.stdout.setEncoding('utf8').on('data', onText);
    child.stderr.setEncoding('utf8').on('data', onText);
    child.once('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`Attaché ended with ${code}: ${said}`));
    });
  });
  const lines = said.matchAll(/^(\S+) listening on (\S+)$/gm);
  return {
    process: child,
    url,
    listeners: new Map([...lines].map(([, name = '', address = '']) => [name, address])),
    output: () => said,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        const ended = once(child, 'exit');
        child.kill('SIGTERM');
        const late = setTimeout(() => child.kill('SIGKILL'), 10_000);
        await ended;
        clearTimeout(late);
      }
      rmSync(home, { recursive: true, force: true });
      return child.exitCode;
    },
  };
}

export function startChromium(): Promise<Browser> {
  const executablePath = findChromium();
  if (executablePath === null) throw new Error('There is no Chromium here: set CHROMIUM_BIN.');
  return chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
  });
}

export interface OpenPage {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What the page complained about: console errors, exceptions, refused resources. */
  readonly complaints: readonly string[];
}

export interface PageOptions {
  readonly width?: number;
  readonly height?: number;
  readonly theme?: 'dark' | 'light';
}

/** A page in a context of its own (storage, clipboard), which knows nothing of other tests. */
export async function openPage(browser: Browser, url: string, options: PageOptions = {}): Promise<OpenPage> {
  const { width = 1440, height = 900, theme = 'dark' } = options;
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: theme });
  const page = await context.newPage();
  const complaints: string[] = [];
  context.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  context.on('weberror', (error) => complaints.push(error.error().stack ?? String(error.error())));
  page.setDefaultTimeout(8_000);
  await page.goto(url);
  await page.getByRole('navigation', { name: 'Sections' }).waitFor();
  return { page, context, complaints };
}
