import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { out, root } from './paths.mjs';

/**
 * Makes a part of the build only when its inputs changed. A stamp keeps the list of input files of the last time
 * and a digest of their sizes and times.
 *
 * @param {string} name
 * @param {{ outputs: string[], inputs: string[], make: () => Promise<string[] | void> }} part `inputs` are files or
 *   folders; `make` may answer with more input files, which count from then on.
 * @returns {Promise<boolean>} true when it was made, false when it was still good
 */
export async function makeIfChanged(name, { outputs, inputs, make }) {
  const stampFile = join(out, 'stamps', `${name}.json`);
  const stamp = readStamp(stampFile);
  const complete = outputs.every((file) => existsSync(join(root, file)));
  if (complete && stamp !== null && stamp.digest === digest([...inputs, ...stamp.found])) return false;
  const found = ((await make()) ?? []).map((file) => relative(root, file));
  mkdirSync(dirname(stampFile), { recursive: true });
  writeFileSync(stampFile, JSON.stringify({ digest: digest([...inputs, ...found]), found }));
  return true;
}

function readStamp(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return null;
  }
}

function digest(paths) {
  const hash = createHash('sha256');
  const seen = new Set();
  for (const path of paths) addPath(hash, seen, join(root, path));
  return hash.digest('hex');
}

function addPath(hash, seen, path) {
  if (seen.has(path)) return;
  seen.add(path);
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) hash.update(`${path} absent\n`);
  else if (stat.isFile()) hash.update(`${path} ${stat.size} ${stat.mtimeMs}\n`);
  else for (const name of readdirSync(path).sort()) addPath(hash, seen, join(path, name));
}
