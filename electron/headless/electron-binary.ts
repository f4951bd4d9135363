/** Where an Electron binary is, and how to get one. The package `electron` is here; its binary is not always. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The binary for a project folder, or null when it was never fetched. ELECTRON_OVERRIDE_DIST_PATH names another. */
export function findElectron(root: string, env: NodeJS.ProcessEnv = process.env): string | null {
  const override = env['ELECTRON_OVERRIDE_DIST_PATH'];
  const name = executableName(root);
  const binary = override ? join(override, name) : join(root, 'node_modules/electron/dist', name);
  return existsSync(binary) ? binary : null;
}

/** Runs the package's own installer. Resolves with what went wrong, or null when the binary is there. */
export function fetchElectron(root: string, milliseconds: number): Promise<string | null> {
  const installer = join(root, 'node_modules/electron/install.js');
  if (!existsSync(installer)) return Promise.resolve('the package electron is not installed');
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [installer], { stdio: 'ignore' });
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      resolve(`its binary did not arrive within ${milliseconds / 1000} s`);
    }, milliseconds);
    child.on('error', (error) => resolve(error.message));
    child.on('exit', (code) => {
      clearTimeout(timer);
      resolve(code === 0 ? null : 'its binary could not be fetched');
    });
  });
}

function executableName(root: string): string {
  try {
    return readFileSync(join(root, 'node_modules/electron/path.txt'), 'utf8');
  } catch {
    if (process.platform === 'darwin') return 'Electron.app/Contents/MacOS/Electron';
    return process.platform === 'win32' ? 'electron.exe' : 'electron';
  }
}
