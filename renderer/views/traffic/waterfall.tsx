import type { RecordDetail } from '../../../proxy-core/index.ts';
import { Heading } from '../../components/layers.tsx';
import { formatDuration } from '../../state/format.ts';
import styles from './drawer.module.css';
import { phases } from './phases.ts';

/** Where the time went. */
export function Waterfall({ detail }: { readonly detail: RecordDetail }) {
  const { row } = detail;
  return (
    <section className={styles.section}>
      <div className="row">
        <Heading>Timing</Heading>
        <span className="grow" />
        <span className="sm sub num">
          total <b className="strong">{row.done ? formatDuration(row.duration) : 'running'}</b>
        </span>
      </div>
      <Bars detail={detail} />
    </section>
  );
}

function Bars({ detail }: { readonly detail: RecordDetail }) {
  const list = phases(detail);
  const total = Math.max(1, detail.timing.end ?? 0, ...list.map((phase) => phase.to));
  const share = (micros: number): string => `${(micros / total) * 100}%`;
  return (
    <div className={styles.waterfall}>
      <div className={styles.axis}>
        {[0, 0.25, 0.5, 0.75, 1].map((part) => (
          <span key={part} style={{ left: `${part * 100}%` }}>
            {part === 0 ? '0' : formatDuration((part * total) / 1000)}
          </span>
        ))}
      </div>
      {list.map((phase, index) => (
        <div className={styles.phase} key={`${phase.group} ${phase.label} ${phase.from}`}>
          <span>{list[index - 1]?.group === phase.group ? '' : phase.group}</span>
          <span className="sub trunc">{phase.label}</span>
          <span className={styles.track}>
            <i
              className={styles[phase.tone]}
              style={{ left: share(phase.from), width: share(phase.to - phase.from) }}
            />
          </span>
          <span className="num sub">{formatDuration((phase.to - phase.from) / 1000)}</span>
        </div>
      ))}
    </div>
  );
}
