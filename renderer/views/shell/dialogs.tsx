import { useState } from 'react';
import { Button } from '../../components/button.tsx';
import { Field } from '../../components/controls.tsx';
import { Dialog } from '../../components/layers.tsx';
import { clearRecords, closeLayer, openConfig } from '../../state/actions.ts';
import { failureText } from '../../state/call-failed.ts';
import { formatBytes, formatCount } from '../../state/format.ts';
import { useRows } from '../../state/stores.ts';
import styles from './dialogs.module.css';

/** A browser page cannot see the disk of the machine that Attaché runs on, so the path is typed. */
export function OpenFileDialog() {
  const [file, setFile] = useState('');
  const [problem, setProblem] = useState('');
  const [busy, setBusy] = useState(false);
  const open = async () => {
    if (file.trim() === '' || busy) return;
    setBusy(true);
    try {
      await openConfig(file.trim());
      closeLayer();
    } catch (error) {
      setProblem(failureText(error));
      setBusy(false);
    }
  };
  return (
    <Dialog
      title="Open a configuration"
      width={560}
      onClose={closeLayer}
      footer={
        <>
          <Button onClick={closeLayer}>Cancel</Button>
          <Button variant="primary" onClick={() => void open()} disabled={file.trim() === '' || busy}>
            Open configuration
          </Button>
        </>
      }
    >
      <p>
        An Envoy bootstrap, or a file with <code>listeners:</code> and <code>clusters:</code>, as YAML or
        JSON. The file is watched, and never changed behind your back.
      </p>
      <Field
        className={styles.fieldRow}
        label="Path of the file"
        placeholder="/path/to/envoy.yaml"
        mono
        icon="file"
        value={file}
        onChange={(value) => {
          setFile(value);
          setProblem('');
        }}
        onKeyDown={(event) => {
          if (event.key === 'Enter') void open();
        }}
        ref={focusOnMount}
      />
      {problem !== '' && (
        <p className={styles.error} role="alert">
          {problem}
        </p>
      )}
    </Dialog>
  );
}

function focusOnMount(element: HTMLInputElement | null): void {
  element?.focus();
}

export function ClearRecordsDialog() {
  const recorder = useRows((s) => s.recorder);
  const clear = () => {
    closeLayer();
    void clearRecords();
  };
  return (
    <Dialog
      title={`Clear ${formatCount(recorder?.records ?? 0)} recorded requests?`}
      onClose={closeLayer}
      footer={
        <>
          <Button onClick={closeLayer} ref={(button) => button?.focus()}>
            Cancel
          </Button>
          <Button variant="danger" onClick={clear}>
            Clear requests
          </Button>
        </>
      }
    >
      <p className="sub">
        {formatBytes(recorder?.bytes ?? 0)} of memory is freed. Stats and hit counters stay. This cannot be
        undone.
      </p>
    </Dialog>
  );
}
