import type { ReactNode } from 'react';
import type { RecordDetail } from '../../../proxy-core/index.ts';
import { Icon } from '../../components/icon.tsx';
import { Heading } from '../../components/layers.tsx';
import { YamlLink } from '../../components/marks.tsx';
import { formatBytes, formatDuration, formatTime } from '../../state/format.ts';
import { clusterHref } from '../../state/router.ts';
import styles from './drawer.module.css';
import { phases } from './phases.ts';

export function OverviewTab({ detail }: { readonly detail: RecordDetail }) {
  const { row, request, response } = detail;
  return (
    <>
      <div className={styles.summary}>
        <Icon name="info" size={15} />
        <p>
          <Summary detail={detail} />
        </p>
      </div>
      <section className={styles.section}>
        <div className="row">
          <Heading>Timing</Heading>
          <span className="grow" />
          <span className="sm sub num">
            total <b className="strong">{row.done ? formatDuration(row.duration) : 'running'}</b>
          </span>
        </div>
        <Waterfall detail={detail} />
      </section>
      <div className={styles.two}>
        <Facts
          title="Downstream"
          rows={[
            [
              'Client',
              <span key="v" className="mono">
                {detail.remote}
              </span>,
            ],
            ['Listener', row.listener],
            ['Protocol', row.protocol],
            ['Request', `${formatBytes(request.bodyLength)} body`],
            [
              'Response',
              response === null ? 'none' : `${row.status}, ${formatBytes(response.bodyLength)} body`,
            ],
          ]}
        />
        <Facts
          title="Upstream"
          rows={[
            [
              'Virtual host',
              detail.virtualHost || (
                <span key="v" className="c-warn">
                  none
                </span>
              ),
            ],
            [
              'Route',
              row.route === '' ? (
                <span key="v" className="c-warn">
                  none matched
                </span>
              ) : (
                <span key="v" className="row">
                  {row.route} {detail.routeSource !== null && <YamlLink source={detail.routeSource} />}
                </span>
              ),
            ],
            [
              'Cluster',
              row.cluster === '' ? (
                '–'
              ) : (
                <a key="v" href={clusterHref(row.cluster)}>
                  {row.cluster}
                </a>
              ),
            ],
            [
              'Host',
              row.host === '' ? (
                'none: the proxy answered'
              ) : (
                <span key="v" className="mono">
                  {row.host}
                </span>
              ),
            ],
            [
              'Flags',
              row.flags === '' ? (
                'none'
              ) : (
                <span key="v" className="mono">
                  {row.flags}
                </span>
              ),
            ],
            [
              'Details',
              <span key="v" className="mono">
                {row.details || '–'}
              </span>,
            ],
          ]}
        />
      </div>
      <div className={styles.two}>
        <Facts
          title="Recording"
          rows={[
            ['Request', `#${row.seq}, ${formatTime(row.at, 'milliseconds')}`],
            ['Config', `v${detail.snapshotVersion}`],
            ['Bodies', bodiesKept(detail)],
          ]}
        />
      </div>
    </>
  );
}

function bodiesKept({ request, response }: RecordDetail): string {
  const cut = [request, response].some((each) => each !== null && each.bodyKept < each.bodyLength);
  return cut ? 'the first part of each is kept' : 'complete';
}

function Summary({ detail: { row } }: { readonly detail: RecordDetail }) {
  if (!row.done) return <b>This request is still running.</b>;
  if (row.status === 0) return <b>No answer was sent.</b>;
  if (row.local) {
    return (
      <>
        <b>{row.status} written by the proxy</b>, details <code>{row.details}</code>.
      </>
    );
  }
  return (
    <>
      <b>
        {row.status} from {row.host}
      </b>
      {row.attempts > 1
        ? ` after ${row.attempts - 1} ${row.attempts === 2 ? 'retry' : 'retries'}`
        : ' on the first attempt'}
      , route <b>{row.route}</b>, cluster <b>{row.cluster}</b>.
    </>
  );
}

function Waterfall({ detail }: { readonly detail: RecordDetail }) {
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

export function Facts(props: {
  readonly title: string;
  readonly rows: readonly (readonly [string, ReactNode])[];
}) {
  return (
    <section className={styles.section}>
      <Heading>{props.title}</Heading>
      <dl className={styles.facts}>
        {props.rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd className="select">{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
