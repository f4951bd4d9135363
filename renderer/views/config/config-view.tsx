import type { EditorView } from '@codemirror/view';
import { type RefObject, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import type { Diagnostic } from '../../../proxy-core/index.ts';
import { Button } from '../../components/button.tsx';
import { Segmented } from '../../components/controls.tsx';
import { cx } from '../../components/cx.ts';
import { Icon } from '../../components/icon.tsx';
import { EmptyState, Separator, Toolbar } from '../../components/layers.tsx';
import { Badge, Kbd } from '../../components/marks.tsx';
import { chooseConfig, startDemo } from '../../state/actions.ts';
import { formatCount, formatCountShort, plural } from '../../state/format.ts';
import { MOD } from '../../state/keyboard.ts';
import { setQuery, useRoute } from '../../state/router.ts';
import { useConfig, useCore } from '../../state/stores.ts';
import styles from './config.module.css';
import { DiffPanel } from './diff-panel.tsx';
import { applyDraft, discardDraft, editDraft, followConfig, isEdited, setLint, useDraft } from './draft.ts';
import {
  applyFix,
  applyFixes,
  createEditor,
  goToLine,
  nextDiagnostic,
  pushCounts,
  pushDiagnostics,
  replaceText,
} from './editor.ts';
import { ExportDialog } from './export-dialog.tsx';
import { fixesTogether } from './fixes.ts';
import { lineCounts, outline } from './outline-model.ts';

/** Errors of the machine, not of the text. */
const BINDING: readonly string[] = ['listener.address-in-use', 'listener.cannot-bind'];

/** The editor of the open configuration: diagnostics while typing, what changed, apply. */
export function ConfigView() {
  const config = useConfig((s) => s.config);
  const draft = useDraft();
  const [side, setSide] = useState<'none' | 'diff'>('none');
  const [exporting, setExporting] = useState(false);
  const editor = useRef<EditorView | null>(null);
  // Before the editor is made and asked for a line.
  useLayoutEffect(() => {
    if (config !== null && config.status !== 'none') followConfig(config);
  }, [config]);
  if (config === null || config.status === 'none') {
    return (
      <>
        <Toolbar title="Config" />
        <EmptyState
          icon="config"
          title="No configuration is open"
          actions={
            <>
              <Button variant="primary" onClick={() => void chooseConfig()}>
                Open configuration…
              </Button>
              <Button onClick={() => void startDemo()}>Start the demo shop</Button>
            </>
          }
        >
          Attaché reads the Envoy v3 bootstrap that production runs, as YAML or JSON.
        </EmptyState>
      </>
    );
  }
  const errors = draft.diagnostics.filter((each) => each.severity === 'error').length;
  const edited = isEdited(draft);
  // A port may be free by now: that is tried again, not judged by the text.
  const inText = draft.diagnostics.some((each) => each.severity === 'error' && !BINDING.includes(each.code));
  const canApply = (edited || config.status === 'rejected') && !inText && !draft.applying;
  return (
    <>
      <Toolbar title="Config">
        {errors > 0 && (
          <span className={styles.errors} role="status">
            <Icon name="problem" size={13} />
            {plural(errors, 'error')}
          </span>
        )}
        <DraftState edited={edited} />
        <span className="grow" />
        {edited && (
          <Button variant="ghost" onClick={discardDraft}>
            Discard edits
          </Button>
        )}
        <Segmented
          small
          label="Beside the editor"
          choices={[
            { value: 'none', label: 'Editor' },
            { value: 'diff', label: 'Changes' },
          ]}
          value={side}
          onChange={setSide}
        />
        <Separator />
        <Button onClick={() => setExporting(true)}>
          <Icon name="upload" size={14} />
          Export…
        </Button>
        <Button variant="primary" disabled={!canApply} onClick={() => void applyDraft(!config.demo)}>
          {draft.applying ? 'Applying…' : config.demo ? 'Apply' : 'Apply and save'}
          <Kbd keys="Ctrl Shift Enter" />
        </Button>
      </Toolbar>
      <ResultStrip />
      <div className={styles.split}>
        <Outline editor={editor} />
        <section className={styles.middle} aria-label="Editor">
          <div className={styles.crumbs}>
            <Icon name="file" size={13} />
            <span className="trunc select" title={config.file}>
              {config.name}
            </span>
            <span className="grow" />
            <span className="sub sm nowrap">requests per route</span>
          </div>
          <EditorPane editor={editor} onApply={() => canApply && void applyDraft(!config.demo)} />
          <Problems editor={editor} />
        </section>
        {side === 'diff' && (
          <aside className={styles.side} aria-label="Changes">
            <header className={styles.sideHead}>
              <h2>Draft against running v{draft.baseVersion}</h2>
            </header>
            {edited ? (
              <DiffPanel base={draft.base} text={draft.text} />
            ) : (
              <p className={styles.same}>The draft is what runs. Edit it, and the changes show here.</p>
            )}
          </aside>
        )}
      </div>
      {exporting && <ExportDialog onClose={() => setExporting(false)} />}
    </>
  );
}

function DraftState({ edited }: { readonly edited: boolean }) {
  const { check, baseVersion } = useDraft();
  if (!edited) return <span className="sub">No edits since v{baseVersion}</span>;
  return <span className="sub">{check === 'checked' ? `Edits on top of v${baseVersion}` : 'Checking…'}</span>;
}

/** What the last apply did, until the next edit. */
function ResultStrip() {
  const { result } = useDraft();
  if (result === null) return null;
  if (!result.ok) {
    const errors = result.diagnostics.filter((each) => each.severity === 'error');
    const kept = result.version === 0 ? 'Nothing runs.' : `v${result.version} keeps running.`;
    return (
      <div className={cx(styles.result, styles.bad)} role="alert">
        <Icon name="error" size={14} />
        <span>
          <b>Not applied, {kept}</b> {errors[0]?.message}
          {errors.length > 1 && ` ${errors.length - 1} more below.`}
        </span>
      </div>
    );
  }
  const parts = (['listeners', 'routes', 'clusters'] as const).flatMap((kind) => {
    const { added, updated, removed } = result[kind];
    const words = [
      ...added.map((name) => `${name} added`),
      ...updated.map((name) => `${name} updated`),
      ...removed.map((name) => `${name} removed`),
    ];
    return words.length === 0 ? [] : [`${kind}: ${words.join(', ')}`];
  });
  return (
    <div className={cx(styles.result, styles.good)} role="status">
      <Icon name="check" size={14} />
      <span>
        <b>v{result.version} is running.</b>{' '}
        {parts.length === 0 ? 'Nothing that runs had to change.' : `${parts.join('; ')}.`} Requests in flight
        finished under the version that they began with.
      </span>
    </div>
  );
}

interface EditorRef {
  readonly editor: RefObject<EditorView | null>;
}

function EditorPane({ editor, onApply }: EditorRef & { readonly onApply: () => void }) {
  const parent = useRef<HTMLDivElement>(null);
  const apply = useRef(onApply);
  apply.current = onApply;
  const { diagnostics, replaced } = useDraft();
  const core = useCore((s) => s.core);
  const { query } = useRoute();
  const edited = useDraft(isEdited);

  useEffect(() => {
    if (parent.current === null) return undefined;
    const view = createEditor({
      parent: parent.current,
      text: useDraft.getState().text,
      onChange: editDraft,
      onCursor: () => {},
      onApply: () => apply.current(),
    });
    editor.current = view;
    return () => {
      editor.current = null;
      view.destroy();
    };
  }, [editor]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: `replaced` says that the text came from outside
  useEffect(() => {
    if (editor.current !== null) replaceText(editor.current, useDraft.getState().text);
  }, [editor, replaced]);

  useEffect(() => {
    if (editor.current !== null) pushDiagnostics(editor.current, diagnostics);
  }, [editor, diagnostics]);

  const counts = useMemo(
    () => (core === null || edited ? [] : lineCounts(core, formatCountShort)),
    [core, edited],
  );
  useEffect(() => {
    // While the draft differs, lines of the running text mean nothing in it.
    if (editor.current !== null && !edited) pushCounts(editor.current, counts);
  }, [editor, counts, edited]);

  const wanted = query['line'];
  useEffect(() => {
    if (wanted === undefined || editor.current === null) return;
    goToLine(editor.current, Number(wanted));
    editor.current.focus();
    setQuery({ line: null });
  }, [editor, wanted]);

  return <div ref={parent} className={styles.editor} />;
}

const ICONS = { error: 'problem', warning: 'warn', notice: 'info' } as const;
const COLORS = { error: 'c-err', warning: 'c-warn', notice: 'c-note' } as const;
/** More rows than anybody reads; the rest is counted. */
const MOST_PROBLEMS = 200;

function Problems({ editor }: EditorRef) {
  const { diagnostics, check } = useDraft();
  const together = fixesTogether(diagnostics).length;
  const count = (severity: Diagnostic['severity']) =>
    diagnostics.filter((each) => each.severity === severity).length;
  const rank = { error: 0, warning: 1, notice: 2 };
  const sorted = [...diagnostics].sort((a, b) => rank[a.severity] - rank[b.severity]);
  if (diagnostics.length === 0) {
    return (
      <section className={styles.problems} aria-label="Problems">
        <header className={styles.problemsHead}>
          <h2>Problems</h2>
          <span className="sub">None. Every field here has its effect.</span>
          <span className="grow" />
          <LintSwitch />
        </header>
      </section>
    );
  }
  return (
    <section className={styles.problems} aria-label="Problems">
      <header className={styles.problemsHead}>
        <h2>Problems</h2>
        {count('error') > 0 && (
          <Badge tone="err" title={plural(count('error'), 'error')}>
            {count('error')}
          </Badge>
        )}
        {count('warning') > 0 && (
          <Badge tone="warn" title={plural(count('warning'), 'warning')}>
            {count('warning')}
          </Badge>
        )}
        {count('notice') > 0 && <Badge title={plural(count('notice'), 'notice')}>{count('notice')}</Badge>}
        <span className="grow" />
        {together > 1 && (
          <Button
            small
            disabled={check !== 'checked'}
            title="Makes every edit that is proposed below, as one step that can be undone"
            onClick={() => {
              if (editor.current !== null) applyFixes(editor.current, diagnostics);
            }}
          >
            Fix all {together}
            <Kbd keys={`${MOD} Shift .`} />
          </Button>
        )}
        <LintSwitch />
        <Button
          variant="ghost"
          small
          onClick={() => editor.current !== null && nextDiagnostic(editor.current)}
        >
          <Kbd keys="F8" /> next
        </Button>
      </header>
      <ul className={styles.problemList}>
        {sorted.slice(0, MOST_PROBLEMS).map((each) => (
          <li key={`${each.code} ${each.path} ${each.range.line}:${each.range.column} ${each.message}`}>
            <button
              type="button"
              className={styles.problem}
              onClick={() => {
                if (editor.current === null) return;
                goToLine(editor.current, each.range.line);
                editor.current.focus();
              }}
            >
              <Icon name={ICONS[each.severity]} size={14} className={COLORS[each.severity]} />
              <span className="trunc" title={each.message}>
                {each.message}
                {each.suggestion !== undefined && ` Did you mean ${each.suggestion}?`}
              </span>
              <span className={cx('trunc sub', styles.path)} title={each.path}>
                {each.path}
              </span>
              <span className="num sub">{each.range.line}</span>
            </button>
            {each.fix !== undefined && (
              <Button
                small
                variant="ghost"
                className={styles.fix}
                onClick={() => {
                  if (editor.current !== null && each.fix !== undefined) applyFix(editor.current, each.fix);
                }}
              >
                {each.fix.title}
              </Button>
            )}
          </li>
        ))}
      </ul>
      {sorted.length > MOST_PROBLEMS && (
        <p className={styles.same}>{formatCount(sorted.length - MOST_PROBLEMS)} more are not listed.</p>
      )}
    </section>
  );
}

/** Quiet: what is right and may still surprise is asked for, not pushed. */
function LintSwitch() {
  const lint = useDraft((s) => s.lint);
  return (
    <label
      className={styles.lint}
      title="Also tells where domains lie within others, and what rewrites make of a path"
    >
      <input type="checkbox" checked={lint} onChange={(event) => setLint(event.target.checked)} />
      Look at routes too
    </label>
  );
}

function Outline({ editor }: EditorRef) {
  const core = useCore((s) => s.core);
  const edited = useDraft(isEdited);
  const entries = core === null ? [] : outline(core);
  const jump = (line: number) => {
    if (editor.current === null) return;
    goToLine(editor.current, line);
    editor.current.focus();
  };
  return (
    <nav className={styles.outline} aria-label="Outline">
      <header className={styles.outlineHead}>
        <h2>Outline</h2>
        <span className="sub sm">{edited ? 'of what runs' : 'requests'}</span>
      </header>
      <ul>
        {entries.map((entry, index) => (
          <li key={entry.key}>
            {entry.group === 'clusters' && entries[index - 1]?.group !== 'clusters' && (
              <div className={styles.group}>Clusters</div>
            )}
            <button
              type="button"
              className={styles.entry}
              style={{ paddingLeft: 12 + entry.depth * 12 }}
              onClick={() => jump(entry.line)}
            >
              <span className={cx('trunc', entry.count === 0 && styles.never)}>{entry.name}</span>
              {entry.count !== null && (
                <span className={cx('num', entry.count === 0 ? 'c-warn' : 'sub')}>
                  {formatCountShort(entry.count)}
                </span>
              )}
            </button>
          </li>
        ))}
      </ul>
    </nav>
  );
}
