/** Writes the support matrix: `matrix.ts`; with `--check` it only says whether the page is stale. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { supportMatrix } from './matrix/page.ts';

function main(): void {
  const root = path.resolve('test/parity');
  const file = path.join(root, 'support-matrix.md');
  const text = supportMatrix(root);
  if (!process.argv.includes('--check')) {
    writeFileSync(file, text);
    console.log(text.split('\n').find((line) => line.startsWith('**')));
    return;
  }
  if (existsSync(file) && readFileSync(file, 'utf8') === text) return;
  console.error('test/parity/support-matrix.md is stale; run npm run matrix');
  process.exitCode = 1;
}

main();
