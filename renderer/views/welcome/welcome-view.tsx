import { useState } from 'react';
import { Icon, type IconName } from '../../components/icon.tsx';
import { Heading } from '../../components/layers.tsx';
import { Kbd } from '../../components/marks.tsx';
import { chooseConfig, openRecent, startDemo } from '../../state/actions.ts';
import { formatCount, formatMegabytes } from '../../state/format.ts';
import { MOD, useKeys } from '../../state/keyboard.ts';
import { useConfig, useRows } from '../../state/stores.ts';
import { fileName, folderName } from '../shell/top-bar.tsx';
import styles from './welcome.module.css';

/** First run: no configuration is open. */
export function WelcomeView() {
  const recent = useConfig((s) => s.config?.recent) ?? [];
  const recorder = useRows((s) => s.recorder);
  const [starting, setStarting] = useState(false);
  const start = () => {
    if (starting) return;
    setStarting(true);
    void startDemo().finally(() => setStarting(false));
  };
  useKeys((press) => {
    if (!press.ctrl || press.shift || press.key.toLowerCase() !== 'd') return false;
    start();
    return true;
  });
  return (
    <div className={styles.scroll} data-pane>
      <div className={styles.column}>
        <h1>Run your production Envoy config on your laptop.</h1>
        <p className="sub">
          See every request and why it went where it went. Break things. Export what you tested.
        </p>
        <div className={styles.options}>
          <Option
            icon="folder"
            title="Open configuration"
            text="Envoy bootstrap or listener file, YAML or JSON. The file is watched and never changed behind your back."
            keys={`${MOD} O`}
            onClick={() => void chooseConfig()}
          />
          <Option
            icon="shop"
            title={starting ? 'Starting the demo shop' : 'Start the demo shop'}
            text="Small services and a load of requests on this machine, with hosts you can break."
            keys={`${MOD} D`}
            onClick={start}
          />
        </div>
        {recent.length > 0 && (
          <section className={styles.recentHead}>
            <Heading level={2}>Recent</Heading>
            {recent.map((file) => (
              <button
                key={file}
                type="button"
                className={styles.recent}
                title={file}
                onClick={() => void openRecent(file)}
              >
                <Icon name="file" size={14} className="dim" />
                <b className="trunc">{fileName(file)}</b>
                <span className="mono sub trunc">{folderName(file)}</span>
              </button>
            ))}
          </section>
        )}
        <div className={`row sub sm ${styles.facts}`}>
          <span className="row">
            <Icon name="shield" size={15} className="c-ok" />
            No account. Nothing leaves this machine.
          </span>
          {recorder !== null && (
            <span className="row">
              <Icon name="layers" size={15} />
              Keeps at most {formatCount(recorder.maxRecords)} requests and{' '}
              {formatMegabytes(recorder.maxBytes)}.
            </span>
          )}
        </div>
      </div>
    </div>
  );
}

function Option(props: {
  readonly icon: IconName;
  readonly title: string;
  readonly text: string;
  readonly keys: string;
  readonly onClick: () => void;
}) {
  return (
    <button type="button" className={styles.option} onClick={props.onClick}>
      <Icon name={props.icon} size={22} />
      <span className="grow">
        <b>{props.title}</b>
        <span className="sub sm">{props.text}</span>
      </span>
      <Kbd keys={props.keys} />
    </button>
  );
}
