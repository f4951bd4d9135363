import { useState } from 'react';
import type { ExportReport } from '../../../proxy-core/index.ts';
import { Button } from '../../components/button.tsx';
import { Field } from '../../components/controls.tsx';
import { Dialog } from '../../components/layers.tsx';
import { YamlLink } from '../../components/marks.tsx';
import { getClient } from '../../state/client.ts';
import { plural } from '../../state/format.ts';
import styles from './config.module.css';

/** Writes the running configuration for real Envoy and tells what a reader of it should know. */
export function ExportDialog({ onClose }: { readonly onClose: () => void }) {
  const [directory, setDirectory] = useState('');
  const [busy, setBusy] = useState(false);
  const [report, setReport] = useState<ExportReport | null>(null);
  const [failure, setFailure] = useState('');
  const write = async () => {
    setBusy(true);
    setFailure('');
    try {
      setReport(await getClient().call('config.export', { directory: directory.trim() }));
    } catch (error) {
      setFailure(error instanceof Error ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog
      title="Export the running configuration"
      width={620}
      onClose={onClose}
      footer={
        report === null ? (
          <>
            <Button onClick={onClose}>Cancel</Button>
            <Button variant="primary" disabled={directory.trim() === '' || busy} onClick={() => void write()}>
              {busy ? 'Writing…' : 'Write files'}
            </Button>
          </>
        ) : (
          <Button variant="primary" onClick={onClose}>
            Done
          </Button>
        )
      }
    >
      {report === null ? (
        <div className={styles.exportForm}>
          <p className="sub">
            Comments and order are kept; local-only values and clusters given with --cluster are left out.
          </p>
          <Field
            label="Folder to write into"
            placeholder="/path/to/folder"
            mono
            value={directory}
            onChange={setDirectory}
            onKeyDown={(event) => {
              if (event.key === 'Enter' && directory.trim() !== '') void write();
            }}
          />
          {failure !== '' && (
            <p className="c-err" role="alert">
              {failure}
            </p>
          )}
        </div>
      ) : (
        <div className={styles.exportForm}>
          <p>
            Written: <span className="mono select">{report.files.join(', ')}</span>
          </p>
          <Lines title="Changed so that Envoy accepts it" lines={report.changes} />
          {report.loopback.length > 0 && (
            <section>
              <h3>
                {plural(report.loopback.length, 'loopback address', 'loopback addresses')}, which mean
                something else in production
              </h3>
              <ul>
                {report.loopback.map((each) => (
                  <li key={`${each.path} ${each.range.line}`}>
                    <span className="mono">{each.address}</span> <YamlLink source={each.range} />
                  </li>
                ))}
              </ul>
            </section>
          )}
          <Lines
            title="Accepted here without effect"
            lines={report.notices.map((each) => `${each.path}: ${each.message}`)}
          />
        </div>
      )}
    </Dialog>
  );
}

function Lines({ title, lines }: { readonly title: string; readonly lines: readonly string[] }) {
  if (lines.length === 0) return null;
  return (
    <section>
      <h3>{title}</h3>
      <ul>
        {lines.map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
    </section>
  );
}
