import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository, and the folder into which everything is built. */
export const root = fileURLToPath(new URL('../..', import.meta.url));
export const out = join(root, 'build/out');

export function packageVersion() {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version;
}
