import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** build/out, as seen from a bundle (which knows its place) or from the sources. */
export function builtFolder(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  return join(here, process.env['ATTACHE_OUT'] ?? '../../build/out');
}
