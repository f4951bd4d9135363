import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './paths.mjs';

/** Installs the dependencies when node_modules is absent or differs from the lockfile. Needs nothing but npm. */
export function ensureInstalled() {
  checkNode();
  if (isInstalled()) return;
  console.log('Installing dependencies…');
  const flags = ['--no-audit', '--no-fund', '--loglevel=error'];
  // Not `npm ci`: it refuses a lockfile that lacks the optional packages of platforms which a registry does not serve.
  if (npm(['install', ...flags])) return;
  console.error('npm could not install the dependencies; its message is above.');
  process.exit(1);
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  console.error(`Attaché needs Node 20.19 or newer; this is ${process.version}.`);
  process.exit(1);
}

/** npm keeps what it installed in node_modules/.package-lock.json: every locked version must be there. */
function isInstalled() {
  const wanted = packagesOf('package-lock.json');
  const present = packagesOf('node_modules/.package-lock.json');
  if (wanted === null || present === null) return false;
  return Object.entries(wanted).every(
    ([path, entry]) =>
      path === '' ||
      present[path]?.version === entry.version ||
      (present[path] === undefined && (entry.optional || entry.peer)),
  );
}

function packagesOf(file) {
  try {
    return JSON.parse(readFileSync(join(root, file), 'utf8')).packages;
  } catch {
    return null;
  }
}

function npm(args) {
  const script = process.env.npm_execpath;
  const [command, first] = script?.endsWith('.js') ? [process.execPath, [script]] : ['npm', []];
  const shell = process.platform === 'win32' && command === 'npm';
  return spawnSync(command, [...first, ...args], { cwd: root, stdio: 'inherit', shell }).status === 0;
}
