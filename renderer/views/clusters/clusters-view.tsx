import { useMemo } from 'react';
import type { ClusterState, CoreEvent } from '../../../proxy-core/index.ts';
import { LinkButton } from '../../components/button.tsx';
import { Segmented } from '../../components/controls.tsx';
import { cx } from '../../components/cx.ts';
import { Icon } from '../../components/icon.tsx';
import { EmptyState, Heading, Toolbar } from '../../components/layers.tsx';
import { Figure, Legend, LegendItem, Skeleton, Tag, YamlLink } from '../../components/marks.tsx';
import {
  formatCount,
  formatDuration,
  formatRate,
  formatSetting,
  formatShare,
  NARROW_SPACE,
} from '../../state/format.ts';
import { eventMarks } from '../../state/marks.ts';
import { configHref, filterValue, screenHref, setQuery, trafficHref, useRoute } from '../../state/router.ts';
import { clusterFigures } from '../../state/series.ts';
import { useConfig, useCore, useEvents, useMetrics } from '../../state/stores.ts';
import { severityOf } from '../overview/topology-figures.ts';
import { Latency, Limits, LoadBalancing } from './cluster-columns.tsx';
import { ClusterList } from './cluster-list.tsx';
import styles from './clusters.module.css';
import { DemoStrip } from './demo-strip.tsx';
import { EjectionTimeline } from './ejection-timeline.tsx';
import { HostPanel } from './host-panel.tsx';
import { HostTable } from './host-table.tsx';

const RANGES = [
  { value: '10', label: `10${NARROW_SPACE}min` },
  { value: '60', label: `1${NARROW_SPACE}h` },
] as const;

/** `#/clusters/<name>`: all clusters, and one in detail. */
export function ClustersView() {
  const clusters = useCore((s) => s.core?.clusters);
  const starting = useConfig((s) => s.config?.status === 'starting');
  const { rest, query } = useRoute();
  if (clusters === undefined || (starting && clusters.length === 0)) return <LoadingClusters />;
  if (clusters.length === 0) return <NoClusters />;
  const named = rest[0];
  const selected =
    clusters.find((cluster) => cluster.name === named) ??
    (named === undefined ? mostUrgent(clusters) : undefined);
  return (
    <div className={styles.split}>
      <ClusterList clusters={clusters} selected={selected?.name ?? null} />
      {selected === undefined ? (
        <EmptyState icon="clusters" title={`There is no cluster ${named}`}>
          It may have gone with the last configuration. Pick another on the left.
        </EmptyState>
      ) : (
        <ClusterDetail key={selected.name} cluster={selected} />
      )}
      {selected !== undefined && query['host'] !== undefined && (
        <HostPanel key={`${selected.name} ${query['host']}`} cluster={selected} address={query['host']} />
      )}
    </div>
  );
}

function mostUrgent(clusters: readonly ClusterState[]): ClusterState | undefined {
  return clusters.find((c) => c.hosts.some((h) => h.health === 'ejected')) ?? clusters[0];
}

function ClusterDetail({ cluster }: { readonly cluster: ClusterState }) {
  const ticks = useMetrics((s) => s.ticks);
  const events = useEvents((s) => s.events);
  const { query } = useRoute();
  const figures = useMemo(() => clusterFigures(ticks, cluster.name), [ticks, cluster.name]);
  const rangeValue = query['range'] === '60' ? '60' : '10';
  const range = Number(rangeValue) * 60_000;
  const rangeLabel = RANGES.find((r) => r.value === rangeValue)?.label ?? '';
  const to = ticks.at(-1)?.at ?? 0;
  const marks = useMemo(
    () => eventMarks(events, to - range, cluster.name),
    [events, to, range, cluster.name],
  );
  const section = { cluster, figures, range, rangeLabel, marks };
  return (
    <div className={cx(styles.detail, query['host'] !== undefined && styles.beside)} data-pane>
      <Toolbar title={cluster.name}>
        <Tag>{cluster.type}</Tag>
        <Tag>{cluster.lbPolicy}</Tag>
        {cluster.given && (
          <Tag tone="local" title="Given with --cluster; not part of the file and never exported.">
            given on the command line
          </Tag>
        )}
        {cluster.panic && (
          <Tag tone="err" title="Too few hosts are healthy, so all of them are used.">
            panic
          </Tag>
        )}
        <YamlLink source={cluster.source} />
        <span className="grow" />
        <LinkButton small href={trafficHref(`cluster:${filterValue(cluster.name)}`)}>
          <Icon name="traffic" size={13} />
          Traffic
        </LinkButton>
      </Toolbar>
      <DemoStrip />
      <Figures cluster={cluster} rangeValue={rangeValue} />
      {cluster.hosts.length === 0 ? (
        <p className={styles.nothing}>
          No host is known. Requests to this cluster are answered 503 with flag UH until there is one.
        </p>
      ) : (
        <HostTable cluster={cluster} figures={figures} open={query['host'] ?? null} />
      )}
      <Ejections cluster={cluster} range={range} />
      <div className={styles.columns}>
        <LoadBalancing {...section} />
        <Limits {...section} />
        <Latency {...section} />
      </div>
    </div>
  );
}

function Figures({
  cluster,
  rangeValue,
}: {
  readonly cluster: ClusterState;
  readonly rangeValue: '10' | '60';
}) {
  const ticks = useMetrics((s) => s.ticks);
  const figures = clusterFigures(ticks, cluster.name);
  const severity = severityOf(figures.errorShare);
  const rotating = cluster.hosts.filter((h) => h.health === 'healthy' || h.health === 'degraded').length;
  const ejections = cluster.hosts.reduce((sum, host) => sum + host.ejections, 0);
  const total = cluster.hosts.reduce((sum, host) => sum + host.totalRequests, 0);
  return (
    <div className={styles.figures}>
      <Figure className={styles.figure} value={formatRate(figures.rate)} label="requests" />
      <Figure
        className={styles.figure}
        value={figures.errorShare === null ? '–' : formatShare(1 - figures.errorShare)}
        label="success to clients"
        title="Of the last minute"
        tone={severity === 'fine' ? undefined : severity}
      />
      <Figure className={styles.figure} value={formatDuration(figures.p50)} label="p50" />
      <Figure className={styles.figure} value={formatDuration(figures.p99)} label="p99" />
      <Figure
        className={styles.figure}
        value={`${rotating} / ${cluster.hosts.length}`}
        label="hosts in rotation"
      />
      <Figure
        className={styles.figure}
        value={formatCount(ejections)}
        label="ejections"
        tone={ejections > 0 ? 'eject' : undefined}
      />
      <Figure
        className={`${styles.figure} wide`}
        value={formatCount(total)}
        label="requests since the start"
      />
      <span className="grow" />
      <div className={`row ${styles.range}`}>
        <Segmented
          small
          label="Time window"
          choices={RANGES}
          value={rangeValue}
          onChange={(value) => setQuery({ range: value === '10' ? null : value })}
        />
      </div>
    </div>
  );
}

function Ejections({ cluster, range }: { readonly cluster: ClusterState; readonly range: number }) {
  const { outlier } = cluster;
  const eventful = useEvents((s) => s.events.some((each) => isHostEvent(each, cluster.name)));
  if (outlier === null && cluster.healthCheck === null && !eventful) {
    return (
      <section className={styles.ejections}>
        <div className={styles.sectionHead}>
          <Heading level={2}>Ejections</Heading>
        </div>
        <p className={styles.sectionText}>
          No <code>outlier_detection</code> on this cluster, so only you can eject a host.{' '}
          {cluster.source.file !== '' && (
            <a href={configHref(cluster.source.line)}>Add it in the configuration</a>
          )}
        </p>
      </section>
    );
  }
  return (
    <section className={styles.ejections}>
      <div className={styles.sectionHead}>
        <Heading level={2}>Ejections and health</Heading>
        <Legend>
          <LegendItem color="var(--eject-mark)" label="ejected" />
          <span className={styles.legendMark}>
            <i className={styles.dashKey} />
            time left
          </span>
          <span className={styles.legendMark}>
            <svg width="12" height="12" aria-hidden="true">
              <path d="M6 1l5 5-5 5-5-5z" fill="none" stroke="var(--eject-mark)" strokeWidth="1.5" />
            </svg>
            detected, not ejected
          </span>
          <LegendItem color="var(--err-mark)" label="fails its health check" />
        </Legend>
        <span className="grow" />
        {outlier !== null && (
          <span className="sm sub wide">
            sweep every {formatSetting(outlier.interval)} <YamlLink source={cluster.source} />
          </span>
        )}
      </div>
      {outlier !== null && outlier.neverEjects !== '' && (
        <div className={styles.never} role="note">
          <Icon name="warn" className="c-warn" />
          <div className="grow">
            <b className="strong">No host of {cluster.name} can be ejected.</b>{' '}
            <span className="sub select">{outlier.neverEjects}</span>
          </div>
          {cluster.source.file !== '' && (
            <LinkButton small href={configHref(cluster.source.line)}>
              Open line {cluster.source.line}
            </LinkButton>
          )}
        </div>
      )}
      <EjectionTimeline cluster={cluster} range={range} />
    </section>
  );
}

function isHostEvent(event: CoreEvent, cluster: string): boolean {
  return event.cluster === cluster && event.kind.startsWith('host-');
}

function NoClusters() {
  return (
    <EmptyState
      icon="clusters"
      title="This configuration has no clusters"
      actions={<LinkButton href={screenHref('config')}>Open the configuration</LinkButton>}
    >
      Routes then can only redirect or answer directly. Clusters stand under <code>static_resources</code>.
    </EmptyState>
  );
}

function LoadingClusters() {
  return (
    <>
      <Toolbar title="Clusters">
        <span className="sm sub" role="status">
          The configuration is being loaded
        </span>
      </Toolbar>
      <div className={styles.nothing} aria-hidden="true">
        {[160, 210, 120, 190].map((width) => (
          <div key={width} className="row" style={{ height: 34 }}>
            <Skeleton width={width} />
            <Skeleton width={84} />
            <Skeleton width={46} />
          </div>
        ))}
      </div>
    </>
  );
}
