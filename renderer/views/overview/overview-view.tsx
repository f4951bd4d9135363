import { useState } from 'react';
import type { CoreState, ListenerState } from '../../../proxy-core/index.ts';
import { LinkButton } from '../../components/button.tsx';
import { Segmented } from '../../components/controls.tsx';
import { cx } from '../../components/cx.ts';
import { HostGlyph } from '../../components/glyphs.tsx';
import { Icon } from '../../components/icon.tsx';
import { EmptyState, Separator, Toolbar } from '../../components/layers.tsx';
import { Legend, LegendItem, Skeleton } from '../../components/marks.tsx';
import { useMediaQuery } from '../../components/use-now.ts';
import { NARROW_SPACE } from '../../state/format.ts';
import { screenHref, setQuery, useRoute } from '../../state/router.ts';
import { useApp, useConfig, useCore, useMetrics, useRows } from '../../state/stores.ts';
import { ChartRow } from './chart-row.tsx';
import { ClusterPanel } from './cluster-panel.tsx';
import styles from './overview.module.css';
import { Topology } from './topology.tsx';

const RANGES = [
  { value: '1', label: `1${NARROW_SPACE}min` },
  { value: '5', label: `5${NARROW_SPACE}min` },
  { value: '10', label: `10${NARROW_SPACE}min` },
  { value: '60', label: `1${NARROW_SPACE}h` },
] as const;
type Range = (typeof RANGES)[number]['value'];

const MODES = [
  { value: 'live', label: 'Live' },
  { value: 'config', label: 'Config only' },
] as const;

/** What runs, where the traffic goes and how it goes, on one screen. */
export function OverviewView() {
  const core = useCore((s) => s.core);
  const starting = useConfig((s) => s.config?.status === 'starting');
  const connection = useApp((s) => s.connection);
  const { query } = useRoute();
  const [mode, setMode] = useState<'live' | 'config'>('live');
  const roomy = useMediaQuery('(min-width: 1200px)');
  const fitting = useFittingRange();
  const range = RANGES.find((r) => r.value === query['range'])?.value ?? fitting;
  const setRange = (value: Range) => setQuery({ range: value });
  if (core === null || (starting && core.listeners.length === 0)) {
    return <LoadingOverview connecting={connection === 'loading'} />;
  }
  if (core.version === 0 && core.listeners.length === 0) return <NothingRuns />;
  // Narrow windows open the panel only on demand.
  const wanted = query['sel'] ?? (roomy ? firstOfInterest(core.clusters) : 'none');
  const selected = core.clusters.find((cluster) => cluster.name === wanted);
  const rangeLabel = RANGES.find((r) => r.value === range)?.label ?? '';
  return (
    <>
      <Toolbar title="Overview">
        <Separator />
        <Segmented small label="Time window" choices={RANGES} value={range} onChange={setRange} />
        <span className="grow" />
        <TopologyLegend />
        <Separator className="wide" />
        <Segmented small label="Topology" choices={MODES} value={mode} onChange={setMode} />
      </Toolbar>
      <div className={styles.split}>
        <div className={cx('col grow', selected !== undefined && styles.withPanel)}>
          <Waiting core={core} />
          <Topology selected={selected?.name ?? null} live={mode === 'live'} />
          <ChartRow range={Number(range) * 60_000} />
        </div>
        {selected !== undefined && (
          <ClusterPanel
            key={selected.name}
            cluster={selected}
            range={Number(range) * 60_000}
            rangeLabel={rangeLabel}
          />
        )}
      </div>
    </>
  );
}

/** Until the first request: where to send it. */
function Waiting({ core }: { readonly core: CoreState }) {
  const none = useRows((s) => s.recorder !== null && s.recorder.total === 0 && s.recorder.recording);
  const up = core.listeners.filter((listener) => listener.status === 'listening');
  const first = up[0];
  if (!none || first === undefined) return null;
  const ports = up.map((listener) => listener.address.replace(/^.*:/, ''));
  return (
    <div className={styles.waiting} role="status">
      <Icon name="clock" size={14} className="c-accent" />
      <b className="strong">Waiting for the first request on {new Intl.ListFormat('en').format(ports)}.</b>
      <span className="sub trunc select">
        Try <code>{curlFor(core, first)}</code>
      </span>
    </div>
  );
}

/** A request that this listener sends upstream: with a host and a path that its first such route wants. */
function curlFor(core: CoreState, listener: ListenerState): string {
  const chain = listener.filterChains.find((c) => c.kind === 'http');
  const virtualHosts = core.routeConfigs.find((c) => c.name === chain?.routeConfig)?.virtualHosts ?? [];
  const virtualHost = virtualHosts.find((v) => v.routes.some((route) => route.clusters.length > 0));
  const match = virtualHost?.routes.find((route) => route.clusters.length > 0)?.match ?? '';
  const path = /^(?:prefix|path|separated prefix) (\/\S*)/.exec(match)?.[1] ?? '/';
  const domains = virtualHost?.domains ?? ['*'];
  const domain = domains.includes('*') ? undefined : domains.find((name) => !name.includes('*'));
  const host = domain === undefined ? '' : `-H 'host: ${domain}' `;
  const address = listener.address.replace(/^(0\.0\.0\.0|\[?::\]?):/, '127.0.0.1:');
  return `curl -i ${host}${chain?.tls === true ? '-k https' : 'http'}://${address}${path}`;
}

/** The configuration was refused at the start; the banner above says why. */
function NothingRuns() {
  return (
    <EmptyState
      icon="config"
      title="Nothing runs yet"
      actions={<LinkButton href={screenHref('config')}>Open the configuration</LinkButton>}
    >
      The configuration has errors. As soon as the file is right, it is applied by itself.
    </EmptyState>
  );
}

/** Until somebody chooses: the shortest window that holds what there is, ten minutes at most. */
function useFittingRange(): Range {
  const seconds = useMetrics((s) => ((s.ticks.at(-1)?.at ?? 0) - (s.ticks[0]?.at ?? 0)) / 1000);
  if (seconds <= 60) return '1';
  return seconds <= 300 ? '5' : '10';
}

type Clusters = NonNullable<ReturnType<typeof useCore.getState>['core']>['clusters'];

/** The cluster with an ejected host, else the first that balances over several hosts, else the first. */
function firstOfInterest(clusters: Clusters): string {
  const found =
    clusters.find((cluster) => cluster.hosts.some((host) => host.health === 'ejected')) ??
    clusters.find((cluster) => cluster.outlier !== null && cluster.hosts.length > 1) ??
    clusters[0];
  return found?.name ?? 'none';
}

function TopologyLegend() {
  return (
    <Legend className="wide">
      <span className={styles.legendEdges}>
        <svg width="34" height="10" aria-hidden="true">
          <path d="M0 5h9" stroke="var(--edge)" strokeWidth="1.5" />
          <path d="M11 5h9" stroke="var(--edge)" strokeWidth="4" />
          <path d="M22 5h11" stroke="var(--edge)" strokeWidth="9" />
        </svg>
        thicker is more requests
      </span>
      <LegendItem color="var(--edge-warn)" label={`over 1${NARROW_SPACE}% 5xx`} />
      <LegendItem color="var(--edge-err)" label={`over 5${NARROW_SPACE}%`} />
      <span className={styles.legendEdges}>
        <HostGlyph health="ejected" />
        ejected
      </span>
    </Legend>
  );
}

/** The same places as the real thing, without shimmer. */
function LoadingOverview({ connecting }: { readonly connecting: boolean }) {
  const box = (x: string, y: string, width: number, height: number) => (
    <span key={`${x}${y}`} className={styles.placeholder} style={{ left: x, top: y }}>
      <Skeleton width={width} height={height} />
    </span>
  );
  return (
    <>
      <Toolbar title="Overview">
        <span className="grow" />
        <span className="sm sub" role="status">
          {connecting ? 'Connecting to Attaché' : 'The configuration is being loaded'}
        </span>
      </Toolbar>
      <div className={styles.split} aria-hidden="true">
        {['18%', '42%', '66%'].map((y) => box('1%', y, 146, 58))}
        {['20%', '44%', '68%'].map((y) => box('20%', y, 88, 36))}
        {box('38%', '14%', 204, 230)}
        {box('38%', '62%', 204, 74)}
        {['14%', '30%', '46%', '62%'].map((y) => box('62%', y, 182, 46))}
        {['14%', '18%', '30%', '46%', '62%'].map((y) => box('84%', y, 190, 22))}
      </div>
      <div className={styles.charts} aria-hidden="true">
        {['Requests per second', 'Latency', 'Active connections', 'Ejections, retries, overflows'].map(
          (title) => (
            <section key={title} className={cx(styles.chartPane, 'strong')}>
              {title}
            </section>
          ),
        )}
      </div>
    </>
  );
}
