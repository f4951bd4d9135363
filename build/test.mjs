/**
 * `npm test [-- FILE…]`: installs, builds and runs the unit, integration and parity tests, then the end-to-end tests in
 * Chromium and in Electron. `npm run test:e2e` runs only the last two. The last line is `N passed, N failed`.
 *
 * What a machine lacks (Chromium, an Electron binary, an X server) is said in one line; ATTACHE_REQUIRE_BROWSER=1 turns
 * it into a failure, and fetches an Electron for the tests.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { buildAll } from './build.mjs';
import { findChromium, findOnPath } from './lib/chromium.mjs';
import { ensureInstalled } from './lib/install.mjs';
import { out, root } from './lib/paths.mjs';

const total = { passed: 0, failed: 0 };
const [mode, ...filters] = process.argv[2] === 'e2e' ? process.argv.slice(2) : ['', ...process.argv.slice(2)];

ensureInstalled();
try {
  await buildAll();
} catch (error) {
  console.error(`The build stopped: ${error instanceof Error ? error.message.split('\n')[0] : error}`);
  finish(1);
}
const only = filters.length > 0;
if (mode !== 'e2e') vitest('unit', 'test/vitest.config.ts', filters);
if (mode === 'e2e' || !only) {
  if (await browserIsThere()) vitest('browser', 'test/e2e/vitest.browser.config.ts', filters);
  if (await electronIsThere()) vitest('electron', 'test/e2e/vitest.electron.config.ts', filters);
}
finish(total.failed === 0 ? 0 : 1);

function vitest(name, config, files) {
  const report = join(out, 'test-results', `${name}.json`);
  mkdirSync(join(out, 'test-results'), { recursive: true });
  rmSync(report, { force: true });
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  // With names of tests on the command line, some of the runs have nothing to do.
  const args = [
    'run',
    '-c',
    config,
    ...reporters,
    ...(files.length > 0 ? ['--passWithNoTests'] : []),
    ...files,
  ];
  const command = [process.execPath, join(root, 'node_modules/vitest/vitest.mjs'), ...args];
  if (name === 'electron' && needsDisplay()) command.unshift('xvfb-run', '-a');
  const { status } = spawnSync(command[0], command.slice(1), { cwd: root, stdio: 'inherit' });
  const { passed, failed } = readReport(report);
  total.passed += passed;
  // A file that cannot be loaded fails the run without failing a test.
  total.failed += failed === 0 && status !== 0 ? 1 : failed;
}

function readReport(file) {
  try {
    const { numPassedTests, numFailedTests } = JSON.parse(readFileSync(file, 'utf8'));
    return { passed: numPassedTests, failed: numFailedTests };
  } catch {
    return { passed: 0, failed: 0 };
  }
}

async function browserIsThere() {
  if (findChromium() !== null) return true;
  return absent('Chromium is not here (CHROMIUM_BIN or PATH); the browser tests did not run.');
}

async function electronIsThere() {
  if (needsDisplay() && findOnPath(['xvfb-run']) === null) {
    return absent('There is no display and no xvfb-run; the Electron tests did not run.');
  }
  const { electronForTests } = await import('../test/e2e/electron/fetch-electron.mjs');
  const electron = await electronForTests(mode === 'e2e' || process.env.ATTACHE_REQUIRE_BROWSER === '1');
  if (electron.reason !== undefined) return absent(`${electron.reason}; the Electron tests did not run.`);
  process.env.ATTACHE_TEST_ELECTRON = electron.binary;
  return true;
}

function needsDisplay() {
  return process.platform === 'linux' && !process.env.DISPLAY;
}

function absent(sentence) {
  console.log(sentence);
  if (process.env.ATTACHE_REQUIRE_BROWSER === '1') total.failed += 1;
  return false;
}

function finish(code) {
  if (code !== 0 && total.failed === 0) total.failed = 1;
  console.log(`${total.passed} passed, ${total.failed} failed`);
  process.exit(code);
}
