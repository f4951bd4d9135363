/**
 * `npm run dev [-- -c FILE]`: the UI from vite with hot replacement, and the app behind it, rebuilt and restarted when a
 * source of the core or the app changes. Prints the address to open.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createServer as createNetServer } from 'node:net';
import { join } from 'node:path';
import { buildSchema } from './build.mjs';
import { ensureInstalled } from './lib/install.mjs';
import { out, root } from './lib/paths.mjs';

ensureInstalled();
await buildSchema();
const esbuild = await import('esbuild');
const vite = await import('vite');
const { bundles } = await import('./lib/bundles.mjs');

const token = randomBytes(24).toString('base64url');
const appPort = await freePort();
process.env.ATTACHE_DEV_APP = `http://127.0.0.1:${appPort}`;
const page = await vite.createServer({ configFile: join(root, 'renderer/vite.config.ts') });
await page.listen();
const pageUrl = page.resolvedUrls.local[0];

let app = null;
const watcher = await esbuild.context({
  ...bundles.cli,
  plugins: [{ name: 'restart', setup: (build) => build.onEnd(restart) }],
});
await watcher.watch();
console.log(`Attaché in development: ${pageUrl}#token=${token}`);

async function restart({ errors }) {
  if (errors.length > 0) return;
  await stop();
  const env = { ...process.env, ATTACHE_TOKEN: token, ATTACHE_DEV_ORIGIN: new URL(pageUrl).origin };
  const args = ['ui', '--no-open', '--port', String(appPort), ...process.argv.slice(2)];
  app = spawn(process.execPath, ['--enable-source-maps', join(out, 'cli.cjs'), ...args], {
    stdio: 'inherit',
    env,
  });
}

function stop() {
  if (app === null || app.exitCode !== null) return;
  const ended = new Promise((resolve) => app.once('exit', resolve));
  app.kill('SIGTERM');
  return ended;
}

function freePort() {
  return new Promise((resolve) => {
    const server = createNetServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, async () => {
    await stop();
    process.exit(0);
  });
}
