import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileWhole } from './config-file.ts';

const MAX_FILES = 10;

/** The configurations that were opened last, newest first, kept in the user's folder. */
export class RecentFiles {
  readonly #folder: string;
  readonly #changed: () => void;
  #files: readonly string[];

  constructor(folder: string, changed: () => void = () => {}) {
    this.#folder = folder;
    this.#changed = changed;
    this.#files = read(join(folder, 'recent.json'));
  }

  get files(): readonly string[] {
    return this.#files;
  }

  /** Never fails: a list that cannot be kept is not worth a message. */
  async add(file: string): Promise<void> {
    this.#files = [file, ...this.#files.filter((other) => other !== file)].slice(0, MAX_FILES);
    this.#changed();
    try {
      await mkdir(this.#folder, { recursive: true });
      await writeFileWhole(join(this.#folder, 'recent.json'), `${JSON.stringify(this.#files, null, 2)}\n`);
    } catch {
      // The list lives on in memory.
    }
  }
}

function read(file: string): readonly string[] {
  try {
    const found: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (!Array.isArray(found)) return [];
    return found.filter((entry): entry is string => typeof entry === 'string').slice(0, MAX_FILES);
  } catch {
    return [];
  }
}
