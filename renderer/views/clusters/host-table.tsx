import type { DemoHostMode } from '../../../electron/ipc/contract.ts';
import type { ClusterState, HostState, OutlierState } from '../../../proxy-core/index.ts';
import { cx } from '../../components/cx.ts';
import { HostGlyph } from '../../components/glyphs.tsx';
import { useNow } from '../../components/use-now.ts';
import { setDemoHost } from '../../state/actions.ts';
import { formatCount, formatCountdown, formatRate, formatSetting, formatShare } from '../../state/format.ts';
import type { ClusterFigures } from '../../state/series.ts';
import { hostHistory, useDemo } from '../../state/stores.ts';
import styles from './clusters.module.css';
import { EjectButton, HistoryButton } from './host-actions.tsx';
import { HealthCell } from './host-health.tsx';

export const DEMO_MODES: readonly { readonly mode: DemoHostMode; readonly label: string }[] = [
  { mode: 'healthy', label: 'healthy' },
  { mode: '503', label: 'answers 503' },
  { mode: 'slow', label: 'slow' },
  { mode: 'reset', label: 'resets' },
  { mode: 'down', label: 'down' },
];

export function HostTable(props: {
  readonly cluster: ClusterState;
  readonly figures: ClusterFigures;
  /** The host whose history is open. */
  readonly open: string | null;
}) {
  const { cluster, figures, open } = props;
  const demo = useDemo((s) => s.demo);
  const modes = new Map(
    (demo?.running === true ? demo.services : []).flatMap((s) => s.hosts.map((h) => [h.address, h.mode])),
  );
  const switchable = cluster.hosts.some((host) => modes.has(host.address));
  const hasLocalities = cluster.hosts.some(({ locality }) => locality !== '');
  return (
    <table className={styles.table}>
      <caption className="visually-hidden">Hosts of {cluster.name}</caption>
      <colgroup>
        <col style={{ width: 166 }} />
        <col style={{ width: 176 }} />
        <col className="wide" style={{ width: 54 }} />
        {hasLocalities && <col className="wide" style={{ width: 72 }} />}
        <col className="wide" style={{ width: 52 }} />
        <col className="wide" style={{ width: 52 }} />
        <col className="wide" style={{ width: 56 }} />
        <col style={{ width: 64 }} />
        <col className="wide" style={{ width: 62 }} />
        <col style={{ width: 104 }} />
        <col />
        <col style={{ width: 116 }} />
        {switchable && <col style={{ width: 120 }} />}
      </colgroup>
      <thead>
        <tr>
          <th scope="col">Host</th>
          <th scope="col" title="Envoy's words, and what they mean for this host">
            Health
          </th>
          <th scope="col" className={cx('wide', styles.right)}>
            Weight
          </th>
          {hasLocalities && (
            <th scope="col" className="wide">
              Locality
            </th>
          )}
          <th scope="col" className={cx('wide', styles.right)} title="Active connections">
            Act. cx
          </th>
          <th scope="col" className={cx('wide', styles.right)} title="Active requests">
            Act. rq
          </th>
          <th scope="col" className={cx('wide', styles.right)}>
            Rate
          </th>
          <th scope="col" className={styles.right} title="Of the last minute">
            Success
          </th>
          <th scope="col" className={cx('wide', styles.right)} title="Requests since the start">
            Total
          </th>
          <th scope="col" title="Consecutive 5xx and the limit of outlier detection">
            Cons. 5xx
          </th>
          <th scope="col">Ejection</th>
          <th scope="col">
            <span className="visually-hidden">Actions</span>
          </th>
          {switchable && <th scope="col">Demo host is</th>}
        </tr>
      </thead>
      <tbody>
        {cluster.hosts.map((host) => (
          <HostRow
            key={host.address}
            cluster={cluster}
            host={host}
            rate={figures.hostRates.get(host.address) ?? 0}
            mode={modes.get(host.address)}
            switchable={switchable}
            hasLocalities={hasLocalities}
            open={host.address === open}
          />
        ))}
      </tbody>
    </table>
  );
}

function HostRow(props: {
  readonly cluster: ClusterState;
  readonly host: HostState;
  readonly rate: number;
  readonly mode: DemoHostMode | undefined;
  readonly switchable: boolean;
  readonly hasLocalities: boolean;
  readonly open: boolean;
}) {
  const { cluster, host, rate, mode, switchable, hasLocalities, open } = props;
  const ejected = host.health === 'ejected';
  const minute = hostHistory.window(cluster.name, host.address, {
    total: host.totalRequests,
    errors: host.errorRequests,
  });
  const success = minute.requests === 0 ? null : 1 - minute.errors / minute.requests;
  return (
    <tr className={cx(ejected && styles.ejected, host.health === 'unhealthy' && styles.unhealthy)}>
      <td>
        <span
          className="row"
          title={host.hostname === '' ? host.address : `${host.address} (${host.hostname})`}
        >
          <HostGlyph health={host.health} />
          <span className={cx('mono trunc', styles.address)}>{host.address}</span>
        </span>
      </td>
      <td>
        <HealthCell host={host} />
      </td>
      <td className={cx('wide', styles.right)}>{host.weight}</td>
      {hasLocalities && (
        <td className="sub wide" title={`priority ${host.priority}`}>
          {host.locality === '' ? '–' : host.locality}
        </td>
      )}
      <td className={cx('wide', styles.right)}>{formatCount(host.activeConnections)}</td>
      <td className={cx('wide', styles.right)}>{formatCount(host.activeRequests)}</td>
      <td className={cx('wide', styles.right)}>{formatRate(rate)}</td>
      <td
        className={cx(styles.right, success !== null && success < 0.95 && 'c-err')}
        title={`${formatCount(minute.errors)} of ${formatCount(minute.requests)} failed in the last minute`}
      >
        {success === null ? <span className="dim">–</span> : formatShare(success)}
      </td>
      <td
        className={cx('wide', styles.right)}
        title={`${formatCount(host.successRequests)} succeeded, ${formatCount(host.errorRequests)} failed`}
      >
        {formatCount(host.totalRequests)}
      </td>
      <td>
        <ConsecutiveCounter host={host} outlier={cluster.outlier} />
      </td>
      <td>
        <EjectionCell host={host} outlier={cluster.outlier} />
      </td>
      <td>
        <span className={cx('row', styles.actions)}>
          <EjectButton cluster={cluster.name} host={host} />
          <HistoryButton address={host.address} open={open} />
        </span>
      </td>
      {switchable && <td>{mode !== undefined && <DemoModeSelect address={host.address} mode={mode} />}</td>}
    </tr>
  );
}

/** Squares up to a limit of ten; the numbers always. */
function ConsecutiveCounter(props: { readonly host: HostState; readonly outlier: OutlierState | null }) {
  const { host, outlier } = props;
  if (outlier === null) return <span className="dim sm">off</span>;
  const { consecutive5xx: count } = host;
  const limit = outlier.consecutive5xx;
  return (
    <span
      className="row"
      title={`${count} of ${limit} consecutive 5xx, ${host.consecutiveGatewayFailure} of ${outlier.consecutiveGatewayFailure} consecutive gateway failures`}
    >
      {limit <= 10 && (
        <span className={styles.counter} aria-hidden="true">
          {Array.from({ length: limit }, (_, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: the squares have no other identity
            <i key={i} className={i < count ? styles.hit : undefined} />
          ))}
        </span>
      )}
      <span className="num sm sub">
        {count}/{limit}
      </span>
    </span>
  );
}

function EjectionCell(props: { readonly host: HostState; readonly outlier: OutlierState | null }) {
  const { host, outlier } = props;
  const now = useNow();
  if (host.health !== 'ejected') {
    if (outlier === null) return <span className="dim">–</span>;
    return <span className="dim">{host.ejections === 0 ? 'never' : `was out ${host.ejections}×`}</span>;
  }
  if (host.ejectedManually) return <span className="c-eject strong">by hand</span>;
  const planned = outlier === null ? 30_000 : plannedLength(outlier, host.ejections);
  const left = Math.max(0, host.ejectedUntil - now);
  const title = `Planned ${formatSetting(planned)}; it returns at the first sweep after that.`;
  return (
    <span className="row" title={title}>
      <Ring share={planned === 0 ? 0 : Math.min(1, left / planned)} />
      <span className="c-eject strong num">
        {left > 0 ? formatCountdown(host.ejectedUntil, now) : 'at the next sweep'}
      </span>
      <span className="sub sm num">#{host.ejections}</span>
    </span>
  );
}

/** base_ejection_time times the number in a row, at most max_ejection_time. */
function plannedLength(outlier: OutlierState, ejections: number): number {
  const most = Math.max(outlier.maxEjectionTime, outlier.baseEjectionTime);
  return Math.min(most, outlier.baseEjectionTime * Math.max(1, ejections));
}

function Ring({ share }: { readonly share: number }) {
  const radius = 8;
  const length = 2 * Math.PI * radius;
  return (
    <svg className={styles.ring} width="20" height="20" aria-hidden="true">
      <circle cx="10" cy="10" r={radius} fill="none" stroke="var(--eject-line)" strokeWidth="2.5" />
      <circle
        cx="10"
        cy="10"
        r={radius}
        fill="none"
        stroke="var(--eject-mark)"
        strokeWidth="2.5"
        strokeDasharray={`${length * share} ${length}`}
        transform="rotate(-90 10 10)"
      />
    </svg>
  );
}

function DemoModeSelect({ address, mode }: { readonly address: string; readonly mode: DemoHostMode }) {
  return (
    <select
      className={cx(styles.mode, mode !== 'healthy' && styles.broken)}
      aria-label={`Demo host ${address} is`}
      value={mode}
      onChange={(event) => {
        const chosen = DEMO_MODES.find((entry) => entry.mode === event.target.value);
        if (chosen !== undefined) void setDemoHost(address, chosen.mode);
      }}
    >
      {DEMO_MODES.map((entry) => (
        <option key={entry.mode} value={entry.mode}>
          {entry.label}
        </option>
      ))}
    </select>
  );
}
