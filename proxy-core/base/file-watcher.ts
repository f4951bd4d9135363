/**
 * Tells when the text of a file changed, however that was done: written in place, replaced by a rename, or reached
 * through a symbolic link that now points elsewhere (Kubernetes swaps a `..data` folder that way).
 */
import { type FSWatcher, lstatSync, readlinkSync, watch } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, parse, resolve, sep } from 'node:path';
import { AttacheError } from './errors.ts';

export interface FileListener {
  changed(text: string): void;
  /** Called once when the file cannot be read any more; `changed` follows when it is back, even with the old text. */
  unreadable(error: AttacheError): void;
}

/** Milliseconds of quiet after which a change counts as complete. */
const DEBOUNCE = 60;
/** An empty file is most often one that is just being written: it gets this long to fill. */
const EMPTY_GRACE = 300;
/** Some file systems (network mounts, container bind mounts) send no events; this often the file is looked at anyway. */
const POLL = 2_000;
const MAX_LINKS = 40;

export class FileWatcher {
  readonly #file: string;
  readonly #listener: FileListener;
  #folders: ReadonlyMap<string, ReadonlySet<string>> = new Map();
  #watchers = new Map<string, FSWatcher>();
  /** Of the file that `#text` was read from. */
  #signature = '';
  #text: string | null = null;
  /** Counts the caller's own writes: a look that began before one ended may hold the text from before it. */
  #saves = 0;
  #saving = false;
  #readable = true;
  #emptySince = 0;
  #timer: NodeJS.Timeout | null = null;
  #poll: NodeJS.Timeout | null = null;
  #looking = false;
  #lookAgain = false;
  #closed = false;

  readonly #read: (file: string) => Promise<string>;

  /** `read` gives the file's text, or throws what `unreadable` is told. */
  constructor(file: string, listener: FileListener, read: (file: string) => Promise<string> = readWhole) {
    this.#file = resolve(file);
    this.#listener = listener;
    this.#read = read;
  }

  /** @param text what the caller already has of the file; without it, the first look only takes note */
  start(text: string | null = null): void {
    this.#text = text;
    this.#watchFolders();
    this.#poll = setInterval(() => this.#soon(0), POLL);
    this.#poll.unref();
    this.#soon(0);
  }

  /** Runs the caller's own `write` of `text`, which is no news; an edit by others right after it is. */
  async save(text: string, write: () => Promise<void>): Promise<void> {
    this.#saving = true;
    try {
      await write();
      this.#text = text;
    } finally {
      this.#saving = false;
      this.#saves++;
      this.#soon(0);
    }
  }

  close(): void {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#poll !== null) clearInterval(this.#poll);
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  /** Each event starts the wait anew, so that a burst of them is one look. */
  #soon(delay: number): void {
    if (this.#closed) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = null;
      void this.#look();
    }, delay);
    this.#timer.unref();
  }

  async #look(): Promise<void> {
    if (this.#saving) return;
    if (this.#looking) {
      this.#lookAgain = true;
      return;
    }
    this.#looking = true;
    const saves = this.#saves;
    const isOutdated = () => this.#closed || this.#saving || this.#saves !== saves;
    this.#watchFolders();
    try {
      const signature = await signatureOf(this.#file);
      if (signature !== '' && signature === this.#signature) return;
      const text = await this.#read(this.#file);
      if (!isOutdated()) this.#take(text, signature);
    } catch (error) {
      if (!isOutdated()) this.#miss(error);
    } finally {
      this.#looking = false;
      if (this.#lookAgain) {
        this.#lookAgain = false;
        this.#soon(DEBOUNCE);
      }
    }
  }

  #take(text: string, signature: string): void {
    if (text === '' && this.#text !== '' && this.#text !== null) {
      const now = Date.now();
      if (this.#emptySince === 0) this.#emptySince = now;
      if (now - this.#emptySince < EMPTY_GRACE) {
        this.#soon(DEBOUNCE);
        return;
      }
    }
    this.#emptySince = 0;
    this.#signature = signature;
    const isNews = this.#text !== null && (text !== this.#text || !this.#readable);
    this.#text = text;
    this.#readable = true;
    if (isNews) this.#listener.changed(text);
  }

  #miss(error: unknown): void {
    if (!this.#readable) return;
    this.#readable = false;
    this.#signature = '';
    this.#listener.unreadable(
      error instanceof AttacheError ? error : new AttacheError('config.file-unreadable', String(error)),
    );
  }

  /** Watches every folder in which a change can lead to another text. */
  #watchFolders(): void {
    if (this.#closed) return;
    this.#folders = foldersOf(this.#file);
    for (const [folder, watcher] of this.#watchers) {
      if (this.#folders.has(folder)) continue;
      watcher.close();
      this.#watchers.delete(folder);
    }
    for (const folder of this.#folders.keys()) {
      if (!this.#watchers.has(folder)) this.#watchFolder(folder);
    }
  }

  #watchFolder(folder: string): void {
    try {
      const watcher = watch(folder, { persistent: false }, (_event, name) => {
        if (name === null || this.#folders.get(folder)?.has(name)) this.#soon(DEBOUNCE);
      });
      // The folder itself went away; the poll finds it when it comes back.
      watcher.on('error', () => {
        watcher.close();
        this.#watchers.delete(folder);
      });
      this.#watchers.set(folder, watcher);
    } catch {
      // The folder is absent or the system is out of watches: the poll looks after it.
    }
  }
}

/** One character for each byte, so that certificates in any form are told apart. */
function readWhole(file: string): Promise<string> {
  return readFile(file, 'latin1');
}

/** Differs when the file was written or replaced; empty when it is not there. */
async function signatureOf(file: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true });
    return `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`;
  } catch {
    return '';
  }
}

/**
 * The folders that hold the file, each symbolic link on the way to it, and each link's target, with the names in them
 * that matter.
 */
export function foldersOf(file: string): Map<string, Set<string>> {
  const folders = new Map<string, Set<string>>();
  let links = 0;
  let rest = file.slice(parse(file).root.length).split(sep);
  let folder = parse(file).root;
  while (rest.length > 0) {
    const name = rest[0] ?? '';
    rest = rest.slice(1);
    const path = join(folder, name);
    const target = linkTarget(path);
    if (rest.length === 0 || target !== null) {
      folders.set(folder, (folders.get(folder) ?? new Set()).add(name));
    }
    if (target === null) folder = path;
    else {
      if (++links > MAX_LINKS) return folders;
      const absolute = isAbsolute(target) ? target : join(dirname(path), target);
      folder = parse(absolute).root;
      rest = [...absolute.slice(folder.length).split(sep), ...rest].filter((part) => part !== '');
    }
  }
  return folders;
}

function linkTarget(path: string): string | null {
  try {
    return lstatSync(path).isSymbolicLink() ? readlinkSync(path) : null;
  } catch {
    return null;
  }
}
