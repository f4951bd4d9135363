import { useState } from 'react';
import type { ClusterState, MetricsTick } from '../../../proxy-core/index.ts';
import { Field } from '../../components/controls.tsx';
import { cx } from '../../components/cx.ts';
import { HostGlyph } from '../../components/glyphs.tsx';
import { Sparkline } from '../../components/sparkline.tsx';
import { formatDuration, formatRate, formatShare } from '../../state/format.ts';
import { clusterHref } from '../../state/router.ts';
import { clusterFigures, lastTicks } from '../../state/series.ts';
import { useMetrics } from '../../state/stores.ts';
import { severityOf } from '../overview/topology-figures.ts';
import styles from './clusters.module.css';

/** Glyphs for this many hosts; more are counted. */
const MAX_GLYPHS = 8;

export function ClusterList(props: {
  readonly clusters: readonly ClusterState[];
  readonly selected: string | null;
}) {
  const { clusters, selected } = props;
  const ticks = useMetrics((s) => s.ticks);
  const [text, setText] = useState('');
  const shown = clusters.filter((cluster) => matches(cluster, text.trim().toLowerCase()));
  return (
    <nav className={styles.list} aria-label="Clusters">
      <div className={styles.listHead}>
        <Field
          className={styles.find}
          label="Find a cluster or host"
          placeholder="Find a cluster or host"
          icon="search"
          value={text}
          onChange={setText}
        />
      </div>
      <div className="scroll grow">
        {shown.map((cluster) => (
          <Entry key={cluster.name} cluster={cluster} ticks={ticks} current={cluster.name === selected} />
        ))}
        {shown.length === 0 && (
          <p className={styles.nothing}>
            None of the {clusters.length} clusters, nor a host of them, is called that.
          </p>
        )}
      </div>
    </nav>
  );
}

function matches(cluster: ClusterState, text: string): boolean {
  if (text === '') return true;
  return [cluster.name, ...cluster.hosts.flatMap((h) => [h.address, h.hostname])].some((name) =>
    name.toLowerCase().includes(text),
  );
}

function Entry(props: {
  readonly cluster: ClusterState;
  readonly ticks: readonly MetricsTick[];
  readonly current: boolean;
}) {
  const { cluster, ticks, current } = props;
  const figures = clusterFigures(ticks, cluster.name);
  const severity = severityOf(figures.errorShare);
  const ejected = cluster.hosts.filter((h) => h.health === 'ejected').length;
  const up = cluster.hosts.filter((h) => h.health === 'healthy' || h.health === 'degraded').length;
  const trend = lastTicks(ticks, 60).map((tick) => tick.clusters[cluster.name]?.p99 ?? null);
  return (
    <a
      className={styles.entry}
      href={clusterHref(cluster.name)}
      aria-current={current ? 'page' : undefined}
      title={cluster.name}
    >
      <span className="row spread">
        <b className="trunc">{cluster.name}</b>
        <span className={cx('row', styles.entryGlyphs)}>
          {cluster.hosts.slice(0, MAX_GLYPHS).map((h) => (
            <HostGlyph key={h.address} health={h.health} size={10} />
          ))}
          {cluster.hosts.length > MAX_GLYPHS && (
            <span className="xs dim">+{cluster.hosts.length - MAX_GLYPHS}</span>
          )}
        </span>
      </span>
      <span className="row spread sm sub wide">
        <span className="trunc">
          {cluster.type} · {cluster.lbPolicy.toLowerCase().replaceAll('_', ' ')}
        </span>
        {ejected > 0 ? (
          <span className="c-eject num nowrap">{ejected} ejected</span>
        ) : (
          <span className={cx('num', up < cluster.hosts.length && 'c-warn')}>
            {up}/{cluster.hosts.length}
          </span>
        )}
      </span>
      <span className="row spread sm num nowrap">
        <span>{formatRate(figures.rate)}</span>
        {figures.p99 === null ? (
          <span className="sub">no requests</span>
        ) : (
          <>
            <span className="sub">p99 {formatDuration(figures.p99)}</span>
            <span className={severity === 'err' ? 'c-err' : severity === 'warn' ? 'c-warn' : 'sub'}>
              {formatShare(figures.errorShare)}
            </span>
            <Sparkline
              values={trend}
              width={60}
              color={severity === 'err' ? 'var(--err-mark)' : 'var(--fg-3)'}
            />
          </>
        )}
      </span>
    </a>
  );
}
