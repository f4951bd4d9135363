import type { RecordDetail } from '../../../proxy-core/index.ts';
import { Icon } from '../../components/icon.tsx';
import { YamlLink } from '../../components/marks.tsx';
import { formatBytes, formatTime, plural } from '../../state/format.ts';
import { clusterHref } from '../../state/router.ts';
import { ConnectionFacts } from './connection-facts.tsx';
import styles from './drawer.module.css';
import { Facts, Notes } from './facts.tsx';
import { flagWords } from './flag-words.ts';
import { Waterfall } from './waterfall.tsx';

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
      <Waterfall detail={detail} />
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
                <span key="v">
                  <span className="mono">{row.flags}</span>{' '}
                  <span className="sub">{flagWords(row.flags).join('; ')}</span>
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
            ...(detail.redirectHops === 0
              ? []
              : [['Redirects', `${plural(detail.redirectHops, 'internal redirect')} led here`] as const]),
          ]}
        />
      </div>
      <Notes notes={detail.notes} />
      <ConnectionFacts detail={detail} />
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
