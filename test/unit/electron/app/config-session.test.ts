import { mkdtempSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigSession, DEMO_FILE } from '../../../../electron/app/config-session.ts';
import { RecentFiles } from '../../../../electron/app/recent-files.ts';
import { listener, ScriptedCore } from '../scripted-core.ts';

let folder: string;
let file: string;
let core: ScriptedCore;
let session: ConfigSession;
let changes: number;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'attache-session-'));
  file = join(folder, 'shop.yaml');
  writeFileSync(file, 'one');
  core = new ScriptedCore();
  changes = 0;
  session = new ConfigSession({
    core,
    settings: { serviceNode: 'n' },
    recent: new RecentFiles(join(folder, 'home')),
    watch: true,
    changed: () => changes++,
  });
});
afterEach(() => {
  session.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('ConfigSession', () => {
  it('opens a file with what the command line adds, and remembers it', async () => {
    const running = {
      file,
      name: 'shop.yaml',
      status: 'running',
      runningText: 'one',
      runningVersion: 1,
      demo: false,
    };
    expect(await session.open(file)).toMatchObject({ ...running, recent: [file] });
    expect(core.applied).toEqual([{ file, text: 'one', serviceNode: 'n' }]);
    expect(new RecentFiles(join(folder, 'home')).files).toEqual([file]);
    expect(changes).toBeGreaterThan(0);
  });

  it('leaves everything as it is when a file cannot be read', async () => {
    await session.open(file);
    await expect(session.open(join(folder, 'none.yaml'))).rejects.toMatchObject({
      code: 'config.file-unreadable',
    });
    expect(session.state()).toMatchObject({ file, status: 'running' });
  });

  it('keeps the last good version when the file becomes bad, and takes it again when it is good', async () => {
    await session.open(file);
    writeFileSync(file, 'bad');
    await expect.poll(() => session.state().status).toBe('rejected');
    expect(session.state()).toMatchObject({
      runningText: 'one',
      runningVersion: 1,
      fileText: 'bad',
      diagnostics: [{ message: 'It is bad.' }],
    });
    writeFileSync(file, 'three');
    await expect.poll(() => session.state().status).toBe('running');
    expect(session.state()).toMatchObject({ runningText: 'three', runningVersion: 2, diagnostics: [] });
  });

  it('says that the file is gone while the version goes on', async () => {
    await session.open(file);
    unlinkSync(file);
    await expect.poll(() => session.state().status).toBe('rejected');
    expect(session.state().diagnostics).toMatchObject([
      {
        code: 'config.file-unreadable',
        message: `${file} was not read: there is no such file. Version 1 goes on serving.`,
      },
    ]);
  });

  it('saves an accepted text only, and is not surprised by its own file', async () => {
    await session.open(file);
    expect(await session.apply('bad', true)).toMatchObject({ ok: false, version: 1 });
    expect(readFileSync(file, 'utf8')).toBe('one');
    expect(await session.apply('two', true)).toMatchObject({ ok: true, version: 2 });
    expect(readFileSync(file, 'utf8')).toBe('two');
    await new Promise((resolve) => setTimeout(resolve, 250));
    expect(core.applied.map(({ text }) => text)).toEqual(['one', 'bad', 'two']);
  });

  it('runs what it could not save, with a warning', async () => {
    await session.open(file);
    rmSync(folder, { recursive: true });
    const result = await session.apply('two', true);
    expect(result).toMatchObject({
      ok: true,
      diagnostics: [{ code: 'config.not-saved', severity: 'warning' }],
    });
  });

  it('never writes the demo', async () => {
    await session.openDemo('demo text');
    expect(session.state()).toMatchObject({ file: DEMO_FILE, demo: true, status: 'running', recent: [] });
    expect(await session.apply('other', true)).toMatchObject({ ok: true, diagnostics: [] });
  });

  it('runs in part while a listener is down', async () => {
    core.listeners = [listener('a'), listener('b', { status: 'failed', error: 'Port 8080 is in use.' })];
    expect(await session.open(file)).toMatchObject({ status: 'running-in-part' });
    core.listeners = [listener('a'), listener('b')];
    session.listenersChanged();
    expect(session.state().status).toBe('running');
  });

  it('tells a fault of the core instead of dying of it', async () => {
    core.apply = () => Promise.reject(new TypeError('x is undefined'));
    await session.open(file);
    expect(session.state()).toMatchObject({ status: 'rejected', diagnostics: [{ code: 'internal' }] });
  });

  it('has nothing to export before something runs', () => {
    expect(() => session.export('out')).toThrow(expect.objectContaining({ code: 'config.none' }));
  });
});
