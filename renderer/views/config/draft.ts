/** The text being edited: kept outside the view, so that it survives a look at another screen. */
import { create } from 'zustand';
import type { ConfigState } from '../../../electron/ipc/contract.ts';
import type { ApplyResult, Diagnostic } from '../../../proxy-core/index.ts';
import { CallFailed } from '../../state/call-failed.ts';
import { getClient } from '../../state/client.ts';
import { useConfig } from '../../state/stores.ts';
import { showFailure } from '../../state/toasts.ts';

export interface DraftSlice {
  /** File that the draft belongs to. */
  readonly file: string;
  /** What the draft started from: text of the running version, or of the file when nothing runs. */
  readonly base: string;
  readonly baseVersion: number;
  readonly text: string;
  /** The text as it last came from the app: what differs from it was typed here. */
  readonly loaded: string;
  readonly diagnostics: readonly Diagnostic[];
  /** Findings about whole route tables are asked for too. */
  readonly lint: boolean;
  /** `stale`: typed since the last answer. */
  readonly check: 'stale' | 'checking' | 'checked';
  readonly applying: boolean;
  readonly result: ApplyResult | null;
  /** Goes up when the text is replaced from outside the editor. */
  readonly replaced: number;
}

export const useDraft = create<DraftSlice>(() => ({
  file: '',
  base: '',
  baseVersion: 0,
  text: '',
  loaded: '',
  diagnostics: [],
  lint: false,
  check: 'checked',
  applying: false,
  result: null,
  replaced: 0,
}));

/** Validation waits for a pause in typing, milliseconds. */
const PAUSE = 250;
let timer: ReturnType<typeof setTimeout> | undefined;
let round = 0;

export function isEdited({ text, base }: DraftSlice): boolean {
  return text !== base;
}

/**
 * The open configuration changed: another file, a new version, or an edit on disk that was refused. What was typed here
 * is kept, unless it is another file's.
 */
export function followConfig(config: ConfigState): void {
  const draft = useDraft.getState();
  const rejected = config.status === 'rejected' && config.fileText !== config.runningText;
  const loaded = rejected || config.runningText === '' ? config.fileText : config.runningText;
  const base = config.runningText === '' ? config.fileText : config.runningText;
  const sameFile = draft.file === config.file;
  const known = draft.base === base && draft.baseVersion === config.runningVersion && draft.loaded === loaded;
  if (sameFile && known) return;
  const keep = sameFile && draft.text !== draft.loaded && draft.text !== base;
  useDraft.setState({
    file: config.file,
    base,
    baseVersion: config.runningVersion,
    loaded,
    // What an apply did is told until another version runs.
    result: sameFile && draft.result?.version === config.runningVersion ? draft.result : null,
    ...(keep
      ? {}
      : {
          text: loaded,
          diagnostics: config.diagnostics,
          check: 'checked',
          replaced: draft.text === loaded ? draft.replaced : draft.replaced + 1,
        }),
  });
  if (!keep && draft.lint) void validateDraft();
}

export function editDraft(text: string): void {
  // The editor also tells of texts that were put into it.
  if (text === useDraft.getState().text) return;
  useDraft.setState({ text, check: 'stale', result: null });
  clearTimeout(timer);
  timer = setTimeout(() => void validateDraft(), PAUSE);
}

/** Replaces the text from outside the editor (a quick fix, a discard). */
export function replaceDraft(text: string): void {
  editDraft(text);
  useDraft.setState(({ replaced }) => ({ replaced: replaced + 1 }));
}

export function discardDraft(): void {
  replaceDraft(useDraft.getState().base);
}

/** Turns the findings about routes on or off, and checks again at once. */
export function setLint(lint: boolean): void {
  clearTimeout(timer);
  useDraft.setState({ lint });
  void validateDraft();
}

async function validateDraft(): Promise<void> {
  const current = ++round;
  const { text, lint } = useDraft.getState();
  useDraft.setState({ check: 'checking' });
  try {
    const { diagnostics } = await getClient().call('config.validate', lint ? { text, lint } : { text });
    if (current === round) useDraft.setState({ diagnostics, check: 'checked' });
  } catch {
    // The connection banner tells; the text is checked again at the next key or apply.
    if (current === round) useDraft.setState({ check: 'stale' });
  }
}

/** Applies the draft; the old version goes on when it is refused. */
export async function applyDraft(save: boolean): Promise<void> {
  const { text, applying } = useDraft.getState();
  if (applying) return;
  clearTimeout(timer);
  round++;
  useDraft.setState({ applying: true, result: null });
  try {
    const result = await getClient().call('config.apply', { text, save });
    useDraft.setState({ result, diagnostics: result.diagnostics, check: 'checked' });
    if (result.ok) useDraft.setState({ base: text, loaded: text, baseVersion: result.version });
    if (result.ok && useDraft.getState().lint) void validateDraft();
  } catch (error) {
    const config = useConfig.getState().config;
    const running =
      config === null || config.runningVersion === 0 ? '' : `, v${config.runningVersion} keeps running`;
    showFailure(
      `The draft was not applied${running}`,
      error instanceof CallFailed ? error : new Error(String(error)),
    );
  } finally {
    useDraft.setState({ applying: false });
  }
}
