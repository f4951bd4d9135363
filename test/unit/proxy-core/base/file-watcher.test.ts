import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileWatcher, foldersOf } from '../../../../proxy-core/base/file-watcher.ts';

let folder: string;
let watcher: FileWatcher | null = null;
let seen: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'attache-watch-'));
  seen = [];
});
afterEach(() => {
  watcher?.close();
  rmSync(folder, { recursive: true, force: true });
});

const at = (name: string) => join(folder, name);
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function watchFile(name: string, text: string): Promise<void> {
  watcher = new FileWatcher(at(name), {
    changed: (changed) => seen.push(changed),
    unreadable: ({ code }) => seen.push(code),
  });
  watcher.start(text);
  await pause(50);
}

const becomes = (expected: readonly string[]) =>
  expect.poll(() => seen, { timeout: 5_000 }).toEqual(expected);

describe('FileWatcher', () => {
  it('sees a file written in place', async () => {
    writeFileSync(at('a.yaml'), 'one');
    await watchFile('a.yaml', 'one');
    writeFileSync(at('a.yaml'), 'two');
    await becomes(['two']);
  });

  it('sees a file that is replaced by a rename, again and again', async () => {
    writeFileSync(at('a.yaml'), 'one');
    await watchFile('a.yaml', 'one');
    for (const text of ['two', 'three']) {
      writeFileSync(at('next'), text);
      renameSync(at('next'), at('a.yaml'));
      await expect.poll(() => seen.at(-1), { timeout: 5_000 }).toBe(text);
    }
    expect(seen).toEqual(['two', 'three']);
  });

  it('sees a swapped ..data link, as Kubernetes mounts a ConfigMap', async () => {
    for (const [version, text] of [
      ['..2024_1', 'one'],
      ['..2024_2', 'two'],
      ['..2024_3', 'three'],
    ] as const) {
      mkdirSync(at(version));
      writeFileSync(join(at(version), 'a.yaml'), text);
    }
    symlinkSync('..2024_1', at('..data'));
    symlinkSync('..data/a.yaml', at('a.yaml'));
    await watchFile('a.yaml', 'one');
    for (const [version, text] of [
      ['..2024_2', 'two'],
      ['..2024_3', 'three'],
    ] as const) {
      symlinkSync(version, at('..data_tmp'));
      renameSync(at('..data_tmp'), at('..data'));
      await expect.poll(() => seen.at(-1), { timeout: 5_000 }).toBe(text);
    }
    expect(seen).toEqual(['two', 'three']);
  });

  it('makes one piece of news of a burst of writes', async () => {
    writeFileSync(at('a.yaml'), 'one');
    await watchFile('a.yaml', 'one');
    writeFileSync(at('a.yaml'), '');
    for (let part = 0; part < 5; part++) {
      appendFileSync(at('a.yaml'), `part ${part}\n`);
      await pause(15);
    }
    await becomes(['part 0\npart 1\npart 2\npart 3\npart 4\n']);
  });

  it('says once that the file is gone, and again what it holds when it is back', async () => {
    writeFileSync(at('a.yaml'), 'one');
    await watchFile('a.yaml', 'one');
    unlinkSync(at('a.yaml'));
    await becomes(['config.file-unreadable']);
    writeFileSync(at('a.yaml'), 'one');
    await becomes(['config.file-unreadable', 'one']);
  });

  it('takes no news of what its owner wrote, nor of the same text written again', async () => {
    writeFileSync(at('a.yaml'), 'one');
    await watchFile('a.yaml', 'one');
    await watcher?.save('two', async () => writeFileSync(at('a.yaml'), 'two'));
    await pause(250);
    writeFileSync(at('a.yaml'), 'two');
    await pause(250);
    expect(seen).toEqual([]);
  });

  it('sees an edit right after its owner wrote, even one that brings the old text back', async () => {
    writeFileSync(at('a.yaml'), 'one');
    await watchFile('a.yaml', 'one');
    await watcher?.save('two', async () => writeFileSync(at('a.yaml'), 'two'));
    writeFileSync(at('a.yaml'), 'one');
    await becomes(['one']);
  });

  it('takes no news of a look that began before its owner wrote', async () => {
    writeFileSync(at('a.yaml'), 'one');
    await watchFile('a.yaml', 'one');
    writeFileSync(at('a.yaml'), 'one and a half');
    await pause(70);
    await watcher?.save('two', async () => {
      await pause(70);
      writeFileSync(at('a.yaml'), 'two');
    });
    await pause(250);
    expect(seen.filter((text) => text !== 'one and a half')).toEqual([]);
  });

  it('is silent after it was closed', async () => {
    writeFileSync(at('a.yaml'), 'one');
    await watchFile('a.yaml', 'one');
    watcher?.close();
    writeFileSync(at('a.yaml'), 'two');
    await pause(250);
    expect(seen).toEqual([]);
  });
});

describe('foldersOf', () => {
  it('names every link on the way to the file, and the file', () => {
    mkdirSync(at('v1'));
    writeFileSync(join(at('v1'), 'a.yaml'), '');
    symlinkSync('v1', at('..data'));
    symlinkSync('..data/a.yaml', at('a.yaml'));
    const folders = foldersOf(at('a.yaml'));
    expect(folders.get(folder)).toEqual(new Set(['a.yaml', '..data']));
    expect(folders.get(at('v1'))).toEqual(new Set(['a.yaml']));
  });

  it('ends in a circle of links', () => {
    symlinkSync('b', at('a'));
    symlinkSync('a', at('b'));
    expect(foldersOf(at('a')).get(folder)).toEqual(new Set(['a', 'b']));
  });
});
