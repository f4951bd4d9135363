import type { RecordDetail } from '../../../proxy-core/index.ts';
import { Icon } from '../../components/icon.tsx';
import { YamlLink } from '../../components/marks.tsx';
import { formatBytes, formatDuration, formatTime } from '../../state/format.ts';
import { clusterHref } from '../../state/router.ts';
import { connectionEnd } from './connection-end.ts';
import { ConnectionFacts } from './connection-facts.tsx';
import styles from './drawer.module.css';
import { Facts, mono, Notes } from './facts.tsx';
import { flagWords } from './flag-words.ts';
import { Waterfall } from './waterfall.tsx';

/** The overview of a TCP connection: who, where to, how much each way, how long, and why it ended. */
export function ConnectionTab({ detail }: { readonly detail: RecordDetail }) {
  const { row, request, response } = detail;
  const end = connectionEnd(detail);
  return (
    <>
      <div className={styles.summary}>
        <Icon name="info" size={15} />
        <p>
          <b>{end.headline}</b> {end.text}
        </p>
      </div>
      <div className={styles.two}>
        <Facts
          title="Client"
          rows={[
            ['Address', mono(detail.remote)],
            ['Listener', row.listener],
            ['Came for', mono(row.authority)],
            ['Sent', `${formatBytes(row.requestBytes)}${kept(request)}`],
          ]}
        />
        <Facts
          title="Host"
          rows={[
            [
              'Cluster',
              row.cluster === '' ? (
                '–'
              ) : (
                <span key="v" className="row">
                  <a href={clusterHref(row.cluster)}>{row.cluster}</a>
                  {detail.routeSource !== null && <YamlLink source={detail.routeSource} />}
                </span>
              ),
            ],
            ['Address', row.host === '' ? 'none' : mono(row.host)],
            ['Sent', `${formatBytes(row.responseBytes)}${response === null ? '' : kept(response)}`],
            ['Attempts', String(row.attempts)],
          ]}
        />
      </div>
      <div className={styles.two}>
        <Facts
          title="End"
          rows={[
            ['Duration', row.done ? formatDuration(row.duration) : 'open'],
            ['Reason', row.done ? mono(end.reason) : '–'],
            [
              'Flags',
              row.flags === '' ? (
                'none'
              ) : (
                <span key="v">
                  {mono(row.flags)} <span className="sub">{flagWords(row.flags).join('; ')}</span>
                </span>
              ),
            ],
          ]}
        />
        <Facts
          title="Recording"
          rows={[
            ['Connection', `#${row.seq}, ${formatTime(row.at, 'milliseconds')}`],
            ['Config', `v${detail.snapshotVersion}`],
          ]}
        />
      </div>
      <Waterfall detail={detail} />
      <Notes notes={detail.notes} />
      <ConnectionFacts detail={detail} />
    </>
  );
}

function kept({ bodyKept, bodyLength }: RecordDetail['request']): string {
  return bodyKept < bodyLength ? `, the first ${formatBytes(bodyKept)} are kept` : '';
}
