import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { AppClient, ConfigState } from '../../../../../electron/ipc/contract.ts';
import type { ApplyResult, Diagnostic } from '../../../../../proxy-core/index.ts';
import { setClient } from '../../../../../renderer/state/client.ts';
import {
  applyDraft,
  discardDraft,
  editDraft,
  followConfig,
  isEdited,
  useDraft,
} from '../../../../../renderer/views/config/draft.ts';

const PROBLEM = { code: 'config.test', severity: 'error', message: 'No.' } as Diagnostic;

function config(changes: Partial<ConfigState> = {}): ConfigState {
  return {
    file: '/shop.yaml',
    name: 'shop.yaml',
    demo: false,
    runningText: 'one',
    runningVersion: 1,
    fileText: changes.runningText ?? 'one',
    status: 'running',
    diagnostics: [],
    recent: [],
    ...changes,
  };
}

const NOTHING = { added: [], updated: [], removed: [] };
const accepted = (version: number) =>
  ({
    ok: true,
    version,
    diagnostics: [],
    listeners: NOTHING,
    routes: NOTHING,
    clusters: NOTHING,
  }) as unknown as ApplyResult;

/** Calls that were made, and the answer of each, given by the test. */
interface Call {
  readonly name: string;
  readonly args: unknown;
  answer(result: unknown): Promise<void>;
  fail(): Promise<void>;
}

let calls: Call[];
const initial = useDraft.getState();

beforeEach(() => {
  vi.useFakeTimers();
  calls = [];
  const call = (name: string, args: unknown) =>
    new Promise((resolve, reject) => {
      const settle = async (run: () => void) => {
        run();
        await vi.advanceTimersByTimeAsync(0);
      };
      calls.push({
        name,
        args,
        answer: (result) => settle(() => resolve(result)),
        fail: () => settle(() => reject(new Error('lost'))),
      });
    });
  setClient({ call, on: () => () => {}, onConnection: () => () => {} } as unknown as AppClient);
  useDraft.setState(initial, true);
  followConfig(config());
});

afterEach(() => {
  vi.useRealTimers();
});

const draft = () => useDraft.getState();
const last = () => calls.at(-1) as Call;

describe('what is typed', () => {
  it('is checked once, after a pause', async () => {
    editDraft('two');
    await vi.advanceTimersByTimeAsync(100);
    editDraft('three');
    expect(draft().check).toBe('stale');
    await vi.advanceTimersByTimeAsync(1000);
    expect(calls.map(({ name, args }) => [name, args])).toEqual([['config.validate', { text: 'three' }]]);
    expect(draft().check).toBe('checking');
    await last().answer({ diagnostics: [PROBLEM] });
    expect([draft().check, draft().diagnostics]).toEqual(['checked', [PROBLEM]]);
  });

  it('is not told of a problem that an older text had', async () => {
    editDraft('two');
    await vi.advanceTimersByTimeAsync(1000);
    const first = last();
    editDraft('three');
    await vi.advanceTimersByTimeAsync(1000);
    await last().answer({ diagnostics: [] });
    await first.answer({ diagnostics: [PROBLEM] });
    expect(draft().diagnostics).toEqual([]);
  });

  it('stays to be checked when the answer is lost', async () => {
    editDraft('two');
    await vi.advanceTimersByTimeAsync(1000);
    await last().fail();
    expect(draft().check).toBe('stale');
  });

  it('goes with a discard', async () => {
    editDraft('two');
    const { replaced } = draft();
    discardDraft();
    expect([draft().text, isEdited(draft())]).toEqual(['one', false]);
    expect(draft().replaced).toBe(replaced + 1);
  });

  it('is no edit when the editor only tells what was put into it', async () => {
    editDraft('one');
    await vi.advanceTimersByTimeAsync(1000);
    expect(calls).toEqual([]);
    expect(draft().check).toBe('checked');
  });
});

describe('followConfig', () => {
  const refused = config({ status: 'rejected', fileText: 'bad', diagnostics: [PROBLEM] });

  it.each<
    [string, string | null, ConfigState, { text: string; base: string; version: number; edited: boolean }]
  >([
    [
      'takes a new version',
      null,
      config({ runningText: 'two', runningVersion: 2 }),
      { text: 'two', base: 'two', version: 2, edited: false },
    ],
    [
      'keeps what was typed over a new version',
      'mine',
      config({ runningText: 'two', runningVersion: 2 }),
      { text: 'mine', base: 'two', version: 2, edited: true },
    ],
    [
      'knows when what was typed is what runs now',
      'two',
      config({ runningText: 'two', runningVersion: 2 }),
      { text: 'two', base: 'two', version: 2, edited: false },
    ],
    [
      'shows a refused edit of the file',
      null,
      refused,
      { text: 'bad', base: 'one', version: 1, edited: true },
    ],
    [
      'keeps what was typed over a refused edit of the file',
      'mine',
      refused,
      { text: 'mine', base: 'one', version: 1, edited: true },
    ],
    [
      'drops what was typed for another file',
      'mine',
      config({ file: '/other.yaml', runningText: 'other' }),
      { text: 'other', base: 'other', version: 1, edited: false },
    ],
    [
      'shows a file of which nothing runs',
      null,
      config({ file: '/new.yaml', status: 'rejected', runningText: '', runningVersion: 0, fileText: 'bad' }),
      { text: 'bad', base: 'bad', version: 0, edited: false },
    ],
  ])('%s', (_what, typed, state, expected) => {
    if (typed !== null) editDraft(typed);
    followConfig(state);
    const { text, base, baseVersion } = draft();
    expect({ text, base, version: baseVersion, edited: isEdited(draft()) }).toEqual(expected);
  });

  it('shows the diagnostics of a refused edit, and forgets them when the file is good again', () => {
    followConfig(refused);
    expect(draft().diagnostics).toEqual([PROBLEM]);
    followConfig(config());
    expect([draft().text, draft().diagnostics]).toEqual(['one', []]);
  });

  it('changes nothing when it is told the same again', () => {
    editDraft('mine');
    const before = draft();
    followConfig(config());
    expect(draft()).toBe(before);
  });
});

describe('applyDraft', () => {
  it('makes what was applied the base, and says what it did until another version runs', async () => {
    editDraft('two');
    const done = applyDraft(true);
    expect(draft().applying).toBe(true);
    expect(last().args).toEqual({ text: 'two', save: true });
    await last().answer(accepted(2));
    await done;
    expect([draft().applying, draft().base, draft().baseVersion, isEdited(draft())]).toEqual([
      false,
      'two',
      2,
      false,
    ]);
    followConfig(config({ runningText: 'two', runningVersion: 2 }));
    expect(draft().result?.version).toBe(2);
    followConfig(config({ runningText: 'three', runningVersion: 3 }));
    expect([draft().result, draft().text]).toEqual([null, 'three']);
  });

  it('keeps the draft and its problems when it is refused', async () => {
    editDraft('two');
    const done = applyDraft(true);
    await last().answer({ ...accepted(1), ok: false, diagnostics: [PROBLEM] });
    await done;
    expect([draft().text, draft().base, draft().diagnostics]).toEqual(['two', 'one', [PROBLEM]]);
  });

  it('asks once while the answer is on its way', async () => {
    editDraft('two');
    const done = applyDraft(true);
    await applyDraft(true);
    expect(calls.length).toBe(1);
    await last().answer(accepted(2));
    await done;
  });
});
