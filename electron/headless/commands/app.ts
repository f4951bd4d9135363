import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { builtFolder } from '../../app/built-files.ts';
import { encodeLaunch } from '../../app/launch.ts';
import type { Command } from '../arguments.ts';
import { fetchElectron, findElectron } from '../electron-binary.ts';
import { hasScreen } from '../open-browser.ts';
import type { Terminal } from '../terminal.ts';
import { serveUi } from './ui.ts';

const FETCH_TIME = 20_000;
/** A desktop app that ends this early never opened: missing libraries, no usable sandbox, a display that refuses. */
const EARLY_END = 10_000;

/** `attache app`: the desktop app; with `--or-browser` the same UI in the browser where there is no desktop app. */
export async function openApp(command: Extract<Command, { kind: 'app' }>, output: Terminal): Promise<number> {
  const root = resolve(builtFolder(), '../..');
  const problem = await obstacle(root);
  if (problem === null) {
    const code = await runDesktop(root, command);
    if (typeof code === 'number') return code;
    return fallBack(command, `The desktop app did not start (${code.reason})`, output);
  }
  return fallBack(command, `There is no desktop app here: ${problem}`, output);
}

async function fallBack(
  command: Extract<Command, { kind: 'app' }>,
  sentence: string,
  output: Terminal,
): Promise<number> {
  if (!command.orBrowser) {
    output.error(`attache: ${sentence}. attache ui shows the same in the browser.\n`);
    return 1;
  }
  output.out(`${sentence}. The same UI is served to the browser.\n`);
  return serveUi({ ...command, demo: false }, output);
}

/** Why there can be no desktop app, or null. Fetches Electron when only that is missing. */
async function obstacle(root: string): Promise<string | null> {
  if (!hasScreen(process.platform, process.env)) return 'this machine has no display';
  if (!existsSync(join(root, 'build/out/desktop/main.cjs'))) return 'it was not built';
  if (findElectron(root) !== null) return null;
  const problem = await fetchElectron(root, FETCH_TIME);
  if (problem !== null) return `Electron is missing, ${problem}`;
  return findElectron(root) === null ? 'Electron is missing' : null;
}

/** Runs until the app ends; its exit code, or the reason why it never opened. */
function runDesktop(
  root: string,
  command: Extract<Command, { kind: 'app' }>,
): Promise<number | { reason: string }> {
  const binary = findElectron(root);
  if (binary === null) return Promise.resolve({ reason: 'Electron is missing' });
  const started = Date.now();
  return new Promise((done) => {
    const child = spawn(binary, [root, desktopArgument(command)], {
      stdio: ['ignore', 'inherit', 'pipe'],
    });
    let complaint = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (complaint.length < 10_000) complaint += text;
    });
    const forward = () => child.kill('SIGTERM');
    process.once('SIGTERM', forward);
    process.once('SIGINT', forward);
    child.on('error', (error) => done({ reason: error.message }));
    child.on('exit', (code, signal) => {
      process.off('SIGTERM', forward);
      process.off('SIGINT', forward);
      const early = Date.now() - started < EARLY_END;
      if (code !== 0 && early && signal !== 'SIGTERM')
        done({ reason: lastLine(complaint) || `code ${code}` });
      else done(code ?? 1);
    });
  });
}

/** The desktop app runs in another folder. */
function desktopArgument({ source, core }: Extract<Command, { kind: 'app' }>): string {
  const { capture } = core;
  const trust = capture?.trust?.map((file) => resolve(file)) ?? [];
  return encodeLaunch({
    source: { ...source, file: source.file && resolve(source.file) },
    core: { ...core, capture: capture === null ? null : { ...capture, trust } },
  });
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)?.slice(0, 200) ?? '';
}
