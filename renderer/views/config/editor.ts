/** The YAML editor: CodeMirror with our diagnostics, request counts per line, and the theme's colours. */
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import { yaml } from '@codemirror/lang-yaml';
import { bracketMatching, HighlightStyle, indentUnit, syntaxHighlighting } from '@codemirror/language';
import {
  type Diagnostic as LintDiagnostic,
  linter,
  lintGutter,
  nextDiagnostic,
  setDiagnostics,
} from '@codemirror/lint';
import { highlightSelectionMatches, search, searchKeymap } from '@codemirror/search';
import {
  type ChangeSpec,
  EditorState,
  type Extension,
  RangeSet,
  StateEffect,
  StateField,
  type Text,
} from '@codemirror/state';
import {
  drawSelection,
  EditorView,
  GutterMarker,
  gutter,
  highlightActiveLine,
  highlightActiveLineGutter,
  keymap,
  lineNumbers,
} from '@codemirror/view';
import { tags } from '@lezer/highlight';
import type { Diagnostic, Fix, SourceRange } from '../../../proxy-core/index.ts';
import { fixesTogether } from './fixes.ts';

export interface LineCount {
  readonly line: number;
  readonly text: string;
  readonly never: boolean;
}

export interface EditorOptions {
  readonly parent: HTMLElement;
  readonly text: string;
  readonly onChange: (text: string) => void;
  readonly onCursor: (line: number) => void;
  readonly onApply: () => void;
}

/** The page's style nonce (see the content security policy); empty in development. */
function styleNonce(): string {
  const meta = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]');
  return meta?.nonce ?? '';
}

const highlight = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], class: 'cm-key' },
  { tag: [tags.string, tags.content], class: 'cm-value' },
  { tag: [tags.number, tags.bool, tags.null], class: 'cm-number' },
  { tag: tags.comment, class: 'cm-note' },
  { tag: [tags.punctuation, tags.separator, tags.squareBracket, tags.brace], class: 'cm-punctuation' },
  { tag: [tags.labelName, tags.typeName, tags.meta], class: 'cm-anchor' },
]);

class CountMarker extends GutterMarker {
  constructor(private readonly count: LineCount) {
    super();
  }

  override eq(other: CountMarker): boolean {
    return other.count.text === this.count.text && other.count.never === this.count.never;
  }

  override toDOM(): HTMLElement {
    const element = document.createElement('span');
    element.textContent = this.count.text;
    element.className = this.count.never ? 'cm-count cm-count-never' : 'cm-count';
    element.title = this.count.never
      ? 'This route was never hit'
      : `${this.count.text} requests took this route`;
    return element;
  }
}

const setCounts = StateEffect.define<readonly LineCount[]>();
const counts = StateField.define<RangeSet<GutterMarker>>({
  create: () => RangeSet.empty,
  update(value, transaction) {
    let result = value.map(transaction.changes);
    for (const effect of transaction.effects) {
      if (!effect.is(setCounts)) continue;
      const { doc } = transaction.state;
      const marks = effect.value
        .filter((count) => count.line >= 1 && count.line <= doc.lines)
        .map((count) => new CountMarker(count).range(doc.line(count.line).from));
      result = RangeSet.of(marks, true);
    }
    return result;
  },
});

/** What an editor shows whatever it is for: used for the draft and for the comparison. */
export function lookOfEditor(): Extension[] {
  const nonce = styleNonce();
  return [
    ...(nonce === '' ? [] : [EditorView.cspNonce.of(nonce)]),
    lineNumbers(),
    drawSelection(),
    yaml(),
    syntaxHighlighting(highlight),
  ];
}

export function createEditor(options: EditorOptions): EditorView {
  return new EditorView({
    parent: options.parent,
    state: EditorState.create({
      doc: options.text,
      extensions: [
        ...lookOfEditor(),
        highlightActiveLineGutter(),
        counts,
        gutter({ class: 'cm-counts', markers: (view) => view.state.field(counts) }),
        lintGutter(),
        // Diagnostics are pushed; the empty source keeps the panel and the keys.
        linter(null),
        history(),
        indentUnit.of('  '),
        bracketMatching(),
        highlightActiveLine(),
        highlightSelectionMatches(),
        search({ top: true }),
        keymap.of([
          {
            key: 'Mod-Shift-Enter',
            run: () => {
              options.onApply();
              return true;
            },
          },
          { key: 'F8', run: nextDiagnostic },
          { key: 'Mod-.', run: applyFixAtCursor },
          { key: 'Mod-Shift-.', run: (view) => applyFixes(view, view.state.field(shown)) },
          indentWithTab,
          ...searchKeymap,
          ...historyKeymap,
          ...defaultKeymap,
        ]),
        EditorView.contentAttributes.of({ 'aria-label': 'Configuration, YAML', tabindex: '0' }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) options.onChange(update.state.doc.toString());
          if (update.selectionSet || update.docChanged) {
            options.onCursor(update.state.doc.lineAt(update.state.selection.main.head).number);
          }
        }),
        shown,
      ],
    }),
  });
}

/** The diagnostics as last shown, for quick fixes. */
const showDiagnostics = StateEffect.define<readonly Diagnostic[]>();
const shown = StateField.define<readonly Diagnostic[]>({
  create: () => [],
  update(value, transaction) {
    for (const effect of transaction.effects) if (effect.is(showDiagnostics)) return effect.value;
    return value;
  },
});

function applyFixAtCursor(view: EditorView): boolean {
  const head = view.state.selection.main.head;
  const line = view.state.doc.lineAt(head).number;
  const found = view.state.field(shown).find((each) => each.fix !== undefined && each.range.line === line);
  if (found?.fix === undefined) return false;
  applyFix(view, found.fix);
  return true;
}

/** Every proposed edit in one step of the history; those that overlap wait for the next check. */
export function applyFixes(view: EditorView, diagnostics: readonly Diagnostic[]): boolean {
  const fixes = fixesTogether(diagnostics);
  if (fixes.length === 0) return false;
  const changes = fixes.map(
    (fix): ChangeSpec => ({ ...offsets(view.state.doc, fix.range), insert: fix.text }),
  );
  view.dispatch({ changes, scrollIntoView: true });
  view.focus();
  return true;
}

export function applyFix(view: EditorView, fix: Fix): void {
  const { from, to } = offsets(view.state.doc, fix.range);
  const changes: ChangeSpec = { from, to, insert: fix.text };
  view.dispatch({ changes, selection: { anchor: from }, scrollIntoView: true });
  view.focus();
}

/** Lines and columns from 1 to offsets; a range of an older text is clipped to this one. */
export function offsets(doc: Text, range: SourceRange): { from: number; to: number } {
  const at = (lineNumber: number, column: number): number => {
    const line = doc.line(Math.min(Math.max(1, lineNumber), doc.lines));
    return Math.min(line.from + Math.max(0, column - 1), line.to);
  };
  const from = at(range.line, range.column);
  return { from, to: Math.max(from, at(range.endLine, range.endColumn)) };
}

const SEVERITIES = { error: 'error', warning: 'warning', notice: 'info' } as const;

export function pushDiagnostics(view: EditorView, diagnostics: readonly Diagnostic[]): void {
  const { doc } = view.state;
  const list = diagnostics.map((each): LintDiagnostic => {
    const { from, to } = offsets(doc, each.range);
    const fix = each.fix;
    const expected = each.expected === undefined ? '' : ` Expected: ${each.expected}.`;
    const nearest = each.suggestion === undefined ? '' : ` Did you mean ${each.suggestion}?`;
    return {
      from,
      // A problem of a whole block is marked at its first line only.
      to: Math.min(to, doc.lineAt(from).to),
      severity: SEVERITIES[each.severity],
      message: `${each.message}${expected}${nearest}`,
      actions:
        fix === undefined ? [] : [{ name: fix.title, apply: (target: EditorView) => applyFix(target, fix) }],
    };
  });
  view.dispatch(setDiagnostics(view.state, list), { effects: showDiagnostics.of(diagnostics) });
}

export function pushCounts(view: EditorView, list: readonly LineCount[]): void {
  view.dispatch({ effects: setCounts.of(list) });
}

export function replaceText(view: EditorView, text: string): void {
  if (view.state.doc.toString() === text) return;
  view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
}

export function goToLine(view: EditorView, lineNumber: number): void {
  const line = view.state.doc.line(Math.min(Math.max(1, lineNumber), view.state.doc.lines));
  view.dispatch({
    selection: { anchor: line.from },
    effects: EditorView.scrollIntoView(line.from, { y: 'center' }),
  });
}

export { nextDiagnostic };
