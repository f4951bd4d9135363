import { unifiedMergeView } from '@codemirror/merge';
import { EditorState } from '@codemirror/state';
import { EditorView } from '@codemirror/view';
import { useEffect, useRef } from 'react';
import styles from './config.module.css';
import { lookOfEditor } from './editor.ts';

/** The draft against the running text: what was added and removed, unchanged stretches folded. */
export function DiffPanel({ base, text }: { readonly base: string; readonly text: string }) {
  const parent = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (parent.current === null) return undefined;
    const view = new EditorView({
      parent: parent.current,
      state: EditorState.create({
        doc: text,
        extensions: [
          ...lookOfEditor(),
          EditorState.readOnly.of(true),
          EditorView.editable.of(false),
          EditorView.contentAttributes.of({
            'aria-label': 'Changes against the running version',
            tabindex: '0',
          }),
          unifiedMergeView({
            original: base,
            mergeControls: false,
            collapseUnchanged: { margin: 2, minSize: 6 },
          }),
        ],
      }),
    });
    return () => view.destroy();
  }, [base, text]);
  return <div ref={parent} className={styles.diff} />;
}
