import { useMemo } from 'react';
import type { ClusterState, CoreEvent, HostState, RecordRow } from '../../../proxy-core/index.ts';
import { Button, LinkButton } from '../../components/button.tsx';
import { cx } from '../../components/cx.ts';
import { HostGlyph, StatusGlyph } from '../../components/glyphs.tsx';
import { Icon } from '../../components/icon.tsx';
import { Heading } from '../../components/layers.tsx';
import { Figure } from '../../components/marks.tsx';
import { formatLatency, formatLatencyTick, TimeChart } from '../../components/time-chart.tsx';
import { useNow } from '../../components/use-now.ts';
import { setDemoHost, setHostEjected } from '../../state/actions.ts';
import {
  formatCountdown,
  formatDuration,
  formatRate,
  formatSetting,
  formatShare,
  formatTime,
  plural,
} from '../../state/format.ts';
import { eventMarks } from '../../state/marks.ts';
import {
  clusterHref,
  configHref,
  filterValue,
  requestHref,
  setQuery,
  trafficHref,
} from '../../state/router.ts';
import { chartPoints, clusterFigures } from '../../state/series.ts';
import { rowRing, useDemo, useEvents, useMetrics } from '../../state/stores.ts';
import styles from './overview.module.css';
import { RED_SHARE, severityOf } from './topology-figures.ts';

/** How far back the list of last errors looks, in rows. */
const REACH = 5000;

export function ClusterPanel(props: {
  readonly cluster: ClusterState;
  readonly range: number;
  readonly rangeLabel: string;
}) {
  const { cluster, range, rangeLabel } = props;
  const ticks = useMetrics((s) => s.ticks);
  const figures = useMemo(() => clusterFigures(ticks, cluster.name), [ticks, cluster.name]);
  const severity = severityOf(figures.errorShare);
  const ejected = cluster.hosts.filter((host) => host.health === 'ejected');
  return (
    <aside className={styles.panel} aria-label={`Selected: ${cluster.name}`} data-pane>
      <div className={styles.panelHead}>
        <Icon name="clusters" />
        <h2 className="trunc grow">{cluster.name}</h2>
        <LinkButton small href={clusterHref(cluster.name)}>
          Open
        </LinkButton>
        <Button variant="ghost" small iconOnly label="Close panel" onClick={() => setQuery({ sel: 'none' })}>
          <Icon name="close" size={14} />
        </Button>
      </div>
      <div className="scroll grow">
        <div className={styles.figures}>
          <Figure className="grow" size={15} value={formatRate(figures.rate)} label="requests" />
          <Figure
            className="grow"
            size={15}
            value={formatShare(figures.errorShare)}
            label="5xx"
            tone={severity === 'fine' ? undefined : severity}
            title="Of the last minute"
          />
          <Figure className="grow" size={15} value={formatDuration(figures.p50)} label="p50" />
          <Figure className="grow" size={15} value={formatDuration(figures.p99)} label="p99" />
        </div>
        <div className={styles.sections}>
          <section>
            <div className="row spread">
              <Heading>Hosts</Heading>
              <span className="xs dim">share of the last minute</span>
            </div>
            {cluster.hosts.length === 0 && <p className="sub sm">No host is known yet.</p>}
            {cluster.hosts.map((host) => (
              <HostRow key={host.address} host={host} share={figures.hostShares.get(host.address) ?? 0} />
            ))}
          </section>
          {ejected.map((host) => (
            <WhyOut key={host.address} cluster={cluster} host={host} />
          ))}
          {cluster.outlier !== null && cluster.outlier.neverEjects !== '' && (
            <NeverEjects cluster={cluster} sentence={cluster.outlier.neverEjects} />
          )}
          {(figures.errorShare ?? 0) >= RED_SHARE && (
            <WhyFails cluster={cluster.name} share={figures.errorShare ?? 0} />
          )}
          <LatencySection cluster={cluster.name} range={range} rangeLabel={rangeLabel} />
          <LastErrors cluster={cluster.name} />
        </div>
      </div>
    </aside>
  );
}

function HostRow({ host, share }: { readonly host: HostState; readonly share: number }) {
  const now = useNow();
  const ejected = host.health === 'ejected';
  const unhealthy = host.health === 'unhealthy' || host.health === 'degraded';
  return (
    <div className={cx(styles.host, ejected && styles.ejected)}>
      <HostGlyph health={host.health} />
      <span className={cx('mono trunc', unhealthy && styles.whole)}>{host.address}</span>
      <span className="grow" />
      {ejected ? (
        <span className="c-eject strong sm num nowrap">
          {host.ejectedManually
            ? 'by hand'
            : host.ejectedUntil > now
              ? formatCountdown(host.ejectedUntil, now)
              : 'at the next sweep'}
        </span>
      ) : unhealthy ? (
        <span
          className={cx('sm trunc', host.health === 'unhealthy' ? 'c-err' : 'c-warn')}
          title={host.healthReason}
        >
          {host.healthReason}
        </span>
      ) : (
        <>
          <span className={styles.share}>
            <i style={{ width: `${share * 100}%` }} />
          </span>
          <span className={cx('num sm', styles.shareValue)}>{formatShare(share)}</span>
        </>
      )}
    </div>
  );
}

/** The last ejection of this host, with what was detected and when it may return. */
function WhyOut({ cluster, host }: { readonly cluster: ClusterState; readonly host: HostState }) {
  const events = useEvents((s) => s.events);
  const demo = useDemo((s) => s.demo);
  const event = lastEjection(events, cluster.name, host.address);
  const mode = demo?.services.flatMap((s) => s.hosts).find((h) => h.address === host.address)?.mode;
  const length = event === undefined ? '' : repeatText(cluster, event);
  return (
    <section className={cx(styles.why, styles.eject)}>
      <div className="row">
        <HostGlyph health="ejected" size={12} />
        <b className="strong">Why {host.address.replace(/^.*:/, '')} is out</b>
      </div>
      <p className="sm">
        {event?.text ?? `Outlier detection took ${host.address} out of rotation.`} {length}
        {!host.ejectedManually && (
          <> It may return at the next sweep after {formatTime(host.ejectedUntil)}.</>
        )}
        {mode !== undefined && mode !== 'healthy' && (
          <>
            {' '}
            In the demo shop this host is set to <b>{mode}</b>.
          </>
        )}
      </p>
      <div className={styles.whyActions}>
        <LinkButton small href={trafficHref(`upstream:${host.address} status:5xx`)}>
          Show its errors
        </LinkButton>
        {host.ejectedManually && (
          <Button small onClick={() => void setHostEjected(cluster.name, host.address, false)}>
            Un-eject
          </Button>
        )}
        {mode !== undefined && mode !== 'healthy' && (
          <Button small onClick={() => void setDemoHost(host.address, 'healthy')}>
            Make it healthy
          </Button>
        )}
      </div>
    </section>
  );
}

function lastEjection(events: readonly CoreEvent[], cluster: string, host: string): CoreEvent | undefined {
  return events.findLast((e) => e.kind === 'host-ejected' && e.cluster === cluster && e.host === host);
}

function repeatText(cluster: ClusterState, event: CoreEvent): string {
  if (cluster.outlier === null || event.count < 2) return '';
  return `Ejection #${event.count} in a row, so ${formatSetting(cluster.outlier.baseEjectionTime)} × ${event.count}.`;
}

function NeverEjects({ cluster, sentence }: { readonly cluster: ClusterState; readonly sentence: string }) {
  return (
    <section className={cx(styles.why, styles.warn)}>
      <div className="row">
        <Icon name="warn" size={13} className="c-warn" />
        <b className="strong">No host can be ejected</b>
      </div>
      <p className="sm">{sentence}</p>
      <div className={styles.whyActions}>
        <LinkButton small href={configHref(cluster.source.line)}>
          Open the cluster
        </LinkButton>
      </div>
    </section>
  );
}

/** What the failures of the last minute have in common, from the recorded requests. */
function WhyFails({ cluster, share }: { readonly cluster: string; readonly share: number }) {
  const now = useNow();
  const failed = useMemo(
    () =>
      rowRing.newest(
        500,
        REACH,
        (row) => row.cluster === cluster && row.status >= 500 && row.at > now - 60_000,
      ),
    [cluster, now],
  );
  const groups = groupFailures(failed);
  const first = groups[0];
  return (
    <section className={cx(styles.why, styles.err)}>
      <div className="row">
        <StatusGlyph status={500} local={first?.local ?? false} />
        <b className="strong">Why {formatShare(share)} fail</b>
      </div>
      <p className="sm">
        {first === undefined
          ? 'None of the failures of the last minute is in the list any more.'
          : groups.map((group) => describeFailures(group, failed.length)).join(' ')}
      </p>
      {first !== undefined && (
        <div className={styles.whyActions}>
          <LinkButton
            small
            href={requestHref(first.example.seq, `cluster:${filterValue(cluster)} status:5xx`)}
          >
            Show one
          </LinkButton>
        </div>
      )}
    </section>
  );
}

interface FailureGroup {
  readonly status: number;
  readonly flags: string;
  readonly details: string;
  readonly local: boolean;
  readonly example: RecordRow;
  readonly count: number;
}

/** Failures with the same status, flag and author, most frequent first, at most three. */
export function groupFailures(rows: readonly RecordRow[]): FailureGroup[] {
  const groups = new Map<string, FailureGroup>();
  for (const row of rows) {
    const key = `${row.status} ${row.flags} ${row.local}`;
    const { status, flags, details, local } = row;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { status, flags, details, local, example: row, count: 1 });
    else groups.set(key, { ...group, count: group.count + 1 });
  }
  return [...groups.values()].sort((a, b) => b.count - a.count).slice(0, 3);
}

function describeFailures(group: FailureGroup, total: number): string {
  const who = group.local ? 'written by the proxy' : 'answered by the upstream';
  const flag = group.flags === '' ? '' : ` with flag ${group.flags}`;
  const details = group.local && group.details !== '' ? ` (${group.details})` : '';
  const amount = group.count === total ? `All ${total}` : `${group.count} of ${total}`;
  return `${amount} are ${group.status}${flag}, ${who}${details}.`;
}

function LatencySection(props: {
  readonly cluster: string;
  readonly range: number;
  readonly rangeLabel: string;
}) {
  const { cluster, range, rangeLabel } = props;
  const ticks = useMetrics((s) => s.ticks);
  const events = useEvents((s) => s.events);
  const to = ticks.at(-1)?.at ?? Date.now();
  const points = useMemo(
    () =>
      chartPoints(
        ticks,
        to,
        range,
        [(tick) => tick.clusters[cluster]?.p50 ?? null, (tick) => tick.clusters[cluster]?.p99 ?? null],
        150,
      ),
    [ticks, to, range, cluster],
  );
  const marks = useMemo(() => eventMarks(events, to - range, cluster), [events, to, range, cluster]);
  return (
    <section>
      <div className="row spread">
        <Heading>Latency, last {rangeLabel}</Heading>
        <span className="xs dim">p50 p99, log scale</span>
      </div>
      <TimeChart
        height={128}
        label={`Latency of ${cluster}`}
        points={points}
        series={[
          { name: 'p50', color: 'var(--ch-p50)' },
          { name: 'p99', color: 'var(--ch-p99)', width: 1.75 },
        ]}
        from={to - range}
        to={to}
        scale="log"
        left={46}
        formatTick={formatLatencyTick}
        formatValue={formatLatency}
        marks={marks}
        group="overview"
      />
    </section>
  );
}

function LastErrors({ cluster }: { readonly cluster: string }) {
  const now = useNow();
  const filter = `cluster:${filterValue(cluster)} (status:5xx or attempts>1)`;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the ring is mutable and is looked at once a second
  const rows = useMemo(
    () =>
      rowRing.newest(
        5,
        REACH,
        (row) => row.cluster === cluster && row.done && (row.status >= 500 || row.attempts > 1),
      ),
    [cluster, now],
  );
  return (
    <section>
      <div className="row spread">
        <Heading>Last errors and retries</Heading>
        <a className="sm" href={trafficHref(filter)}>
          All
        </a>
      </div>
      {rows.length === 0 && <p className="sub sm">None among the newest recorded requests.</p>}
      {rows.map((row) => (
        <a key={row.seq} className={styles.errorRow} href={requestHref(row.seq, filter)}>
          <span className="mono dim">{formatTime(row.at)}</span>
          <StatusGlyph status={row.status} local={row.local} size={9} />
          <span className="num">{row.status === 0 ? '–' : row.status}</span>
          <span className="mono trunc grow">{row.path.replace(/\?.*/, '')}</span>
          <span className="num sm sub nowrap">
            {row.attempts > 1 ? plural(row.attempts, 'attempt') : formatDuration(row.duration)}
          </span>
        </a>
      ))}
    </section>
  );
}
