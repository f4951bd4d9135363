/** Configuration files on disk: read whole, written whole. */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, readFile, realpath, rename, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AttacheError } from '../../proxy-core/index.ts';

/** Larger files are refused: nothing that Envoy reads comes near. */
const MAX_FILE_BYTES = 32 * 1024 * 1024;

/** Throws AttacheError `config.file-unreadable` or `config.file-too-large`. */
export async function readConfigFile(file: string): Promise<string> {
  try {
    const { size } = await stat(file);
    if (size > MAX_FILE_BYTES) {
      throw new AttacheError(
        'config.file-too-large',
        `${file} is ${Math.round(size / 1e6)} MB, the most is 33 MB.`,
      );
    }
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof AttacheError) throw error;
    throw unreadable(file, error);
  }
}

export function unreadable(file: string, error: unknown): AttacheError {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such file',
    EACCES: 'this user may not read it',
    EISDIR: 'it is a folder',
    ENOTDIR: 'a part of its path is not a folder',
    ELOOP: 'its symbolic links lead in a circle',
  };
  const reason = reasons[code] ?? (error instanceof Error ? error.message : String(error));
  return new AttacheError('config.file-unreadable', `${file} was not read: ${reason}.`, { cause: error });
}

/**
 * Replaces a file's content so that a reader sees the old text or the new one, never a part: a new file beside it,
 * flushed to disk, renamed over it. A symbolic link is followed and stays one; the file's mode is kept.
 */
export async function writeFileWhole(file: string, text: string): Promise<void> {
  const target = await realpath(file).catch(() => file);
  const mode = await stat(target).then(
    (found) => found.mode & 0o777,
    () => 0o666,
  );
  const temporary = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}`);
  try {
    await writeFlushed(temporary, text, mode);
    await rename(temporary, target);
  } catch (error) {
    await unlink(temporary).catch(() => {});
    throw error;
  }
  await flushFolder(dirname(target));
}

async function writeFlushed(file: string, text: string, mode: number): Promise<void> {
  const handle = await open(file, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, mode);
  try {
    await handle.writeFile(text);
    // The umask took bits away when it was created.
    await handle.chmod(mode === 0o666 ? mode & ~process.umask() : mode);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes the rename itself durable; folders cannot be flushed everywhere, and then it is as durable as it gets. */
async function flushFolder(folder: string): Promise<void> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(folder, constants.O_RDONLY);
    await handle.sync();
  } catch {
    // Windows refuses to open folders.
  } finally {
    await handle?.close();
  }
}
