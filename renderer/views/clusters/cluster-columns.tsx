/** The lower part of a cluster: how the load is spread, its limits and settings, its latency. */
import { useMemo } from 'react';
import type {
  CircuitBreakerState,
  ClusterState,
  GaugeState,
  HealthCheckState,
  OutlierState,
} from '../../../proxy-core/index.ts';
import { cx } from '../../components/cx.ts';
import { Heading } from '../../components/layers.tsx';
import { Legend, LegendItem, YamlLink } from '../../components/marks.tsx';
import type { Mark } from '../../components/time-axis.ts';
import { formatLatency, formatLatencyTick, TimeChart } from '../../components/time-chart.tsx';
import { formatCount, formatDuration, formatRate, formatSetting, formatShare } from '../../state/format.ts';
import { type ClusterFigures, chartPoints, type Point } from '../../state/series.ts';
import { useMetrics } from '../../state/stores.ts';
import styles from './clusters.module.css';

interface SectionProps {
  readonly cluster: ClusterState;
  readonly figures: ClusterFigures;
  readonly range: number;
  readonly rangeLabel: string;
  readonly marks: readonly Mark[];
}

/** Hosts that get a line of their own in the chart. */
const MAX_SERIES = 6;
const HOST_COLORS = [
  'var(--ch-p99)',
  'var(--ch-p90)',
  'var(--ch-p50)',
  'var(--ch-b)',
  'var(--ch-c)',
  'var(--ch-3xx)',
];
const HASHED = /RING_HASH|MAGLEV|CLUSTER_PROVIDED/;

function usePoints(
  readers: Parameters<typeof chartPoints>[3],
  range: number,
): { readonly points: readonly Point[]; readonly to: number } {
  const ticks = useMetrics((s) => s.ticks);
  const to = ticks.at(-1)?.at ?? Date.now();
  const points = useMemo(() => chartPoints(ticks, to, range, readers, 150), [ticks, to, range, readers]);
  return { points, to };
}

export function LoadBalancing({ cluster, figures, range, marks }: SectionProps) {
  const rotating = cluster.hosts.filter((h) => h.health === 'healthy' || h.health === 'degraded');
  const total = rotating.reduce((sum, host) => sum + host.weight, 0);
  const hashed = HASHED.test(cluster.lbPolicy);
  const charted = cluster.hosts.slice(0, MAX_SERIES);
  const addresses = charted.map((host) => host.address).join('\n');
  const readers = useMemo(
    () =>
      addresses
        .split('\n')
        .map(
          (address) => (tick: Parameters<Parameters<typeof chartPoints>[3][number]>[0]) =>
            tick.clusters[cluster.name]?.hosts[address] ?? 0,
        ),
    [addresses, cluster.name],
  );
  const { points, to } = usePoints(readers, range);
  return (
    <section>
      <div className="row spread">
        <Heading>Load balancing, last minute</Heading>
        <span className="xs dim">{hashed ? 'actual' : 'actual, expected'}</span>
      </div>
      {cluster.hosts.slice(0, 8).map((host) => {
        const actual = figures.hostShares.get(host.address) ?? 0;
        const expected = rotating.includes(host) && total > 0 ? host.weight / total : 0;
        return (
          <div key={host.address} className={styles.balance}>
            <span className="mono trunc" title={host.address}>
              {host.address}
            </span>
            <span className={styles.bar}>
              <i style={{ width: `${actual * 100}%` }} />
              {!hashed && <b style={{ left: `${expected * 100}%` }} />}
            </span>
            <span className={cx('num strong', styles.right)}>{formatShare(actual)}</span>
            <span className={cx('num sub', styles.right)}>{hashed ? '' : formatShare(expected)}</span>
          </div>
        );
      })}
      <p className={cx('xs sub', styles.hint)}>
        {hashed
          ? 'The hash of the request picks the host.'
          : cluster.panic
            ? 'Panic: too few hosts are healthy, so all of them are used.'
            : 'Expected: by weight over the hosts in rotation.'}
      </p>
      <Legend className={cx('xs', styles.legend)}>
        {charted.map((host, i) => (
          <LegendItem
            key={host.address}
            color={HOST_COLORS[i] ?? ''}
            label={host.address.replace(/^.*(:\d+)$/, '$1')}
          />
        ))}
        <span className="dim">requests per second</span>
      </Legend>
      <TimeChart
        className={styles.chart}
        label={`Requests per second by host of ${cluster.name}`}
        points={points}
        series={charted.map((host, i) => ({
          name: host.address,
          color: HOST_COLORS[i] ?? '',
          fill: 'stacked',
          opacity: 0.75,
        }))}
        from={to - range}
        to={to}
        least={4}
        left={30}
        formatValue={formatRate}
        marks={marks}
        group="cluster"
      />
    </section>
  );
}

export function Limits({ cluster }: SectionProps) {
  return (
    <section>
      {cluster.circuitBreakers.filter(isWorthShowing).map((breaker) => (
        <Breakers key={breaker.priority} cluster={cluster} breaker={breaker} />
      ))}
      {cluster.circuitBreakers.length === 0 && <p className="sub">No circuit breaker is known.</p>}
      {cluster.outlier !== null && (
        <div className={styles.second}>
          <div className="row spread">
            <Heading>Outlier detection</Heading>
            <YamlLink source={cluster.source} />
          </div>
          <OutlierSettings outlier={cluster.outlier} />
        </div>
      )}
      {cluster.healthCheck !== null && (
        <div className={styles.second}>
          <div className="row spread">
            <Heading>Health check</Heading>
            <YamlLink source={cluster.healthCheck.source} />
          </div>
          <HealthCheckSettings check={cluster.healthCheck} />
        </div>
      )}
    </section>
  );
}

/** The high priority is shown when somebody set or uses it: Envoy has it in every cluster. */
function isWorthShowing(breaker: CircuitBreakerState): boolean {
  if (breaker.priority === 'default') return true;
  const { connections, pendingRequests, requests, retries } = breaker;
  const gauges = [connections, pendingRequests, requests];
  const untouched = gauges.every((g) => g.limit === 1024) && retries.limit === 3;
  return !untouched || [...gauges, retries].some((g) => g.value > 0);
}

function Breakers(props: { readonly cluster: ClusterState; readonly breaker: CircuitBreakerState }) {
  const { cluster, breaker } = props;
  const stat = `cluster.${cluster.name}.circuit_breakers.${breaker.priority}`;
  return (
    <>
      <div className="row spread">
        <Heading>Circuit breakers, {breaker.priority} priority</Heading>
        <YamlLink source={cluster.source} />
      </div>
      <Gauge name="Connections" gauge={breaker.connections} stat={`${stat}.cx_open`} />
      <Gauge name="Pending" gauge={breaker.pendingRequests} stat={`${stat}.rq_pending_open`} />
      <Gauge name="Requests" gauge={breaker.requests} stat={`${stat}.rq_open`} />
      <Gauge name="Retries" gauge={breaker.retries} stat={`${stat}.rq_retry_open`} />
    </>
  );
}

/** Amber from 60 % of the limit, red from 80 %. */
function Gauge(props: { readonly name: string; readonly gauge: GaugeState; readonly stat: string }) {
  const { name, gauge, stat } = props;
  const share = gauge.limit > 0 ? Math.min(1, gauge.value / gauge.limit) : 0;
  const tone = share > 0.8 ? styles.hot : share > 0.6 ? styles.warm : styles.calm;
  return (
    <div className={styles.gauge} title={stat}>
      <span>{name}</span>
      {/* biome-ignore lint/a11y/useSemanticElements: <meter> cannot be drawn in our colours in every engine */}
      <span
        className={styles.bar}
        role="meter"
        aria-label={name}
        aria-valuemin={0}
        aria-valuemax={gauge.limit}
        aria-valuenow={Math.min(gauge.value, gauge.limit)}
      >
        <i className={tone} style={{ width: `${gauge.value > 0 ? Math.max(1, share * 100) : 0}%` }} />
      </span>
      <span className={cx('num nowrap', styles.right)}>
        <b className="strong">{formatCount(gauge.value)}</b>{' '}
        <span className="sub">/ {gauge.limit >= 4_294_967_295 ? 'no limit' : formatCount(gauge.limit)}</span>
      </span>
    </div>
  );
}

function HealthCheckSettings({ check }: { readonly check: HealthCheckState }) {
  return (
    <Settings
      settings={[
        ['check', check.check],
        ['interval', formatSetting(check.interval)],
        ['no_traffic_interval', formatSetting(check.noTrafficInterval)],
        ['timeout', formatSetting(check.timeout)],
        ['unhealthy_threshold', String(check.unhealthyThreshold)],
        ['healthy_threshold', String(check.healthyThreshold)],
      ]}
    />
  );
}

function OutlierSettings({ outlier }: { readonly outlier: OutlierState }) {
  const settings: SettingLines = [
    ['consecutive_5xx', String(outlier.consecutive5xx)],
    ['consecutive_gateway_failure', String(outlier.consecutiveGatewayFailure)],
    ['interval', formatSetting(outlier.interval)],
    ['base_ejection_time', formatSetting(outlier.baseEjectionTime)],
    ['max_ejection_time', formatSetting(outlier.maxEjectionTime)],
    ['max_ejection_percent', formatShare(outlier.maxEjectionPercent / 100)],
  ];
  return <Settings settings={settings} />;
}

type SettingLines = readonly (readonly [field: string, value: string])[];

function Settings({ settings }: { readonly settings: SettingLines }) {
  return (
    <dl className={styles.settings}>
      {settings.map(([field, value]) => (
        <div key={field} style={{ display: 'contents' }}>
          <dt className="mono">{field}</dt>
          <dd className="num">{value}</dd>
        </div>
      ))}
    </dl>
  );
}

export function Latency({ cluster, figures, range, rangeLabel, marks }: SectionProps) {
  const readers = useMemo(
    () =>
      (['p50', 'p99'] as const).map(
        (name) => (tick: Parameters<Parameters<typeof chartPoints>[3][number]>[0]) =>
          tick.clusters[cluster.name]?.[name] ?? null,
      ),
    [cluster.name],
  );
  const { points, to } = usePoints(readers, range);
  return (
    <section>
      <Heading>Latency, last {rangeLabel}</Heading>
      <Legend className="xs">
        <LegendItem color="var(--ch-p50)" label="p50" value={formatDuration(figures.p50)} line />
        <LegendItem color="var(--ch-p99)" label="p99" value={formatDuration(figures.p99)} line />
      </Legend>
      <TimeChart
        className={styles.chart}
        label={`Latency of ${cluster.name}`}
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
        group="cluster"
      />
    </section>
  );
}
