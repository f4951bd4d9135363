/** `npm start`: installs and builds what is missing, then opens the app, or the same UI in the browser. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { buildAll } from './build.mjs';
import { ensureInstalled } from './lib/install.mjs';
import { out } from './lib/paths.mjs';

ensureInstalled();
try {
  await buildAll();
} catch (error) {
  console.error(`The build stopped: ${error instanceof Error ? error.message.split('\n')[0] : error}`);
  process.exit(1);
}
const args = ['app', '--or-browser', ...process.argv.slice(2)];
const child = spawn(process.execPath, [join(out, 'cli.cjs'), ...args], { stdio: 'inherit' });
// The terminal sends ^C to the child too; it drains and ends by itself.
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    if (signal === 'SIGTERM') child.kill(signal);
  });
}
child.on('exit', (code) => process.exit(code ?? 1));
