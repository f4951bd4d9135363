/** `node build/run.mjs FILE [args]`: bundles a TypeScript script into build/out/scripts and runs it. */
import { spawn } from 'node:child_process';
import { ensureInstalled } from './lib/install.mjs';

const [file, ...args] = process.argv.slice(2);
if (file === undefined) {
  console.error('usage: node build/run.mjs FILE [args]');
  process.exit(2);
}
ensureInstalled();
const { bundle, scriptBundle } = await import('./lib/bundles.mjs');
const options = scriptBundle(file);
try {
  await bundle(options);
} catch {
  // esbuild has printed its diagnostics.
  process.exit(1);
}
const child = spawn(
  process.execPath,
  ['--enable-source-maps', ...process.execArgv, options.outfile, ...args],
  {
    stdio: 'inherit',
  },
);
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(signal === null ? code : 1));
