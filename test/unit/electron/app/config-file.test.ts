import {
  chmodSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readConfigFile, writeFileWhole } from '../../../../electron/app/config-file.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'attache-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('writeFileWhole', () => {
  it('replaces the content and keeps the mode', async () => {
    const file = join(folder, 'a.yaml');
    writeFileSync(file, 'old');
    chmodSync(file, 0o640);
    await writeFileWhole(file, 'new');
    expect(readFileSync(file, 'utf8')).toBe('new');
    expect(statSync(file).mode & 0o777).toBe(0o640);
    expect(readdirSync(folder)).toEqual(['a.yaml']);
  });

  it('makes a file that is not there', async () => {
    await writeFileWhole(join(folder, 'a.yaml'), 'new');
    expect(readFileSync(join(folder, 'a.yaml'), 'utf8')).toBe('new');
  });

  it('follows a symbolic link, which stays one', async () => {
    writeFileSync(join(folder, 'real.yaml'), 'old');
    symlinkSync('real.yaml', join(folder, 'link.yaml'));
    await writeFileWhole(join(folder, 'link.yaml'), 'new');
    expect(lstatSync(join(folder, 'link.yaml')).isSymbolicLink()).toBe(true);
    expect(readFileSync(join(folder, 'real.yaml'), 'utf8')).toBe('new');
  });

  it('leaves nothing behind when the folder is gone', async () => {
    await expect(writeFileWhole(join(folder, 'no/a.yaml'), 'new')).rejects.toMatchObject({ code: 'ENOENT' });
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('readConfigFile', () => {
  it.each([
    ['missing.yaml', /missing\.yaml was not read: there is no such file/],
    ['.', /was not read: it is a folder/],
    ['loop', /symbolic links lead in a circle/],
  ])('says why %s was not read', async (name, message) => {
    symlinkSync('loop', join(folder, 'loop'));
    await expect(readConfigFile(join(folder, name))).rejects.toMatchObject({
      code: 'config.file-unreadable',
      message: expect.stringMatching(message),
    });
  });

  it('refuses what is too large to be a configuration', async () => {
    const file = join(folder, 'big');
    writeFileSync(file, Buffer.alloc(33 * 1024 * 1024));
    await expect(readConfigFile(file)).rejects.toMatchObject({ code: 'config.file-too-large' });
  });
});
