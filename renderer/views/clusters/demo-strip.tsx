import { useState } from 'react';
import { Field, Switch } from '../../components/controls.tsx';
import { Icon } from '../../components/icon.tsx';
import { Tag } from '../../components/marks.tsx';
import { setDemoRate } from '../../state/actions.ts';
import { useDemo } from '../../state/stores.ts';
import styles from './clusters.module.css';

const DEFAULT_RATE = 40;
const MOST = 5000;

/** The load of the demo shop. Shown only while it runs, and marked as something that is not the user's. */
export function DemoStrip() {
  const demo = useDemo((s) => s.demo);
  const [typed, setTyped] = useState<string | null>(null);
  if (demo?.running !== true) return null;
  const apply = () => {
    const rate = Number(typed);
    setTyped(null);
    if (typed !== null && Number.isFinite(rate) && rate >= 0)
      void setDemoRate(Math.min(MOST, Math.round(rate)));
  };
  return (
    <section className={styles.demo} aria-label="Demo shop">
      <Tag tone="local">
        <Icon name="shop" size={12} />
        Demo shop
      </Tag>
      <span className="sm sub">Set a host below to break it, then watch what the proxy does.</span>
      <span className="grow" />
      <span className="sm">Traffic</span>
      <Switch
        label="Traffic generator"
        checked={demo.rate > 0}
        onChange={(on) => void setDemoRate(on ? DEFAULT_RATE : 0)}
      />
      {/* biome-ignore lint/a11y/noStaticElementInteractions: applies what was typed when the field is left */}
      <span onBlur={apply}>
        <Field
          className={styles.rate}
          label="Requests per second of the traffic generator"
          type="number"
          value={typed ?? String(demo.rate)}
          onChange={setTyped}
          onKeyDown={(event) => {
            if (event.key === 'Enter') apply();
            else if (event.key === 'Escape') setTyped(null);
          }}
          after={<span className="sm">/s</span>}
        />
      </span>
      {demo.notice !== '' && <p className={`sm sub ${styles.notice}`}>{demo.notice}</p>}
    </section>
  );
}
