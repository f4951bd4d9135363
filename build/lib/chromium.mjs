import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];

/** The Chromium for browser tests: CHROMIUM_BIN, or the first one on PATH, or null. */
export function findChromium(env = process.env) {
  if (env.CHROMIUM_BIN) return env.CHROMIUM_BIN;
  return findOnPath(names, env);
}

/** The first of these programs that is on PATH, or null. */
export function findOnPath(programs, env = process.env) {
  const folders = (env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  for (const program of programs) {
    for (const folder of folders) {
      const file = join(folder, process.platform === 'win32' ? `${program}.exe` : program);
      if (isExecutable(file)) return file;
    }
  }
  return null;
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
