import { useMemo } from 'react';
import type { MetricsTick } from '../../../proxy-core/index.ts';
import { Heading } from '../../components/layers.tsx';
import { Legend, LegendItem } from '../../components/marks.tsx';
import type { Mark } from '../../components/time-axis.ts';
import {
  formatLatency,
  formatLatencyTick,
  type Series,
  TimeChart,
  useStaggered,
} from '../../components/time-chart.tsx';
import { formatCount, formatDuration, formatRate, formatRateValue } from '../../state/format.ts';
import { eventMarks } from '../../state/marks.ts';
import { chartPoints, rate, typical } from '../../state/series.ts';
import { useEvents, useMetrics } from '../../state/stores.ts';
import styles from './overview.module.css';

interface ChartPlan {
  readonly title: string;
  readonly series: readonly (Series & {
    readonly read: (tick: MetricsTick) => number | null;
    /** What the legend says now. */
    readonly current: (ticks: readonly MetricsTick[]) => string;
  })[];
  /** Order of the legend, when it is not that of the drawing. */
  readonly reversed?: boolean;
  readonly scale?: 'log';
  readonly least: number;
  readonly left: number;
  readonly formatTick?: (value: number) => string;
  readonly formatValue: (value: number) => string;
}

/** About one point per two pixels of a quarter of the window. */
const POINTS = 150;

const stacked = (name: string, color: string, opacity: number, index: 0 | 1 | 2 | 3) => ({
  name,
  color,
  opacity,
  fill: 'stacked' as const,
  read: (tick: MetricsTick) => tick.byClass[index],
  current: (ticks: readonly MetricsTick[]) => formatRateValue(rate(ticks, (tick) => tick.byClass[index])),
});
const percentile = (name: 'p50' | 'p90' | 'p99', width: number) => ({
  name,
  color: `var(--ch-${name})`,
  width,
  read: (tick: MetricsTick) => tick[name],
  current: (ticks: readonly MetricsTick[]) => formatDuration(typical(ticks, (tick) => tick[name])),
});
const latest = (read: (tick: MetricsTick) => number) => (ticks: readonly MetricsTick[]) => {
  const last = ticks.at(-1);
  return last === undefined ? '0' : formatCount(read(last));
};
const perSecond = (read: (tick: MetricsTick) => number) => (ticks: readonly MetricsTick[]) =>
  formatRateValue(rate(ticks, read));

const CHARTS: readonly ChartPlan[] = [
  {
    title: 'Requests per second',
    reversed: true,
    least: 10,
    left: 30,
    formatValue: formatRate,
    series: [
      stacked('5xx', 'var(--ch-5xx)', 1, 3),
      stacked('4xx', 'var(--ch-4xx)', 1, 2),
      stacked('3xx', 'var(--ch-3xx)', 0.9, 1),
      stacked('2xx', 'var(--ch-2xx)', 0.55, 0),
    ],
  },
  {
    title: 'Latency',
    scale: 'log',
    least: 1,
    left: 46,
    formatTick: formatLatencyTick,
    formatValue: formatLatency,
    series: [percentile('p50', 1.5), percentile('p90', 1.5), percentile('p99', 1.75)],
  },
  {
    title: 'Active connections',
    least: 10,
    left: 30,
    formatValue: formatCount,
    series: [
      {
        name: 'downstream',
        color: 'var(--ch-a)',
        read: (tick) => tick.downstreamConnections,
        current: latest((tick) => tick.downstreamConnections),
      },
      {
        name: 'upstream',
        color: 'var(--ch-b)',
        dash: '5 2',
        read: (tick) => tick.upstreamConnections,
        current: latest((tick) => tick.upstreamConnections),
      },
    ],
  },
  {
    title: 'Ejections, retries, overflows',
    least: 4,
    left: 26,
    formatValue: formatRateValue,
    series: [
      {
        name: 'ejected',
        color: 'var(--ch-d)',
        width: 1.75,
        fill: 'area',
        read: (tick) => tick.ejected,
        current: latest((tick) => tick.ejected),
      },
      {
        name: 'retries/s',
        color: 'var(--ch-c)',
        read: (tick) => tick.retries,
        current: perSecond((tick) => tick.retries),
      },
      {
        name: 'overflows/s',
        color: 'var(--ch-5xx)',
        dash: '2 2',
        read: (tick) => tick.overflows,
        current: perSecond((tick) => tick.overflows),
      },
    ],
  },
];

/** Four charts on one time axis, drawn one a frame. */
export function ChartRow({ range }: { readonly range: number }) {
  const ticks = useMetrics((s) => s.ticks);
  const events = useEvents((s) => s.events);
  const to = ticks.at(-1)?.at ?? 0;
  const marks = useMemo(() => eventMarks(events, to - range), [events, to, range]);
  const input = useMemo(() => ({ ticks, marks, range }), [ticks, marks, range]);
  return (
    <div className={styles.charts} data-pane>
      {CHARTS.map((plan, i) => (
        <ChartPane key={plan.title} plan={plan} input={input} frame={i} />
      ))}
    </div>
  );
}

interface ChartInput {
  readonly ticks: readonly MetricsTick[];
  readonly marks: readonly Mark[];
  readonly range: number;
}

function ChartPane(props: { readonly plan: ChartPlan; readonly input: ChartInput; readonly frame: number }) {
  const { plan } = props;
  const { ticks, marks, range } = useStaggered(props.input, props.frame);
  const to = ticks.at(-1)?.at ?? Date.now();
  const points = useMemo(
    () =>
      chartPoints(
        ticks,
        to,
        range,
        plan.series.map((s) => s.read),
        POINTS,
      ),
    [ticks, to, range, plan],
  );
  const legend = plan.reversed === true ? plan.series.toReversed() : plan.series;
  return (
    <section className={styles.chartPane} aria-label={plan.title}>
      <Heading>{plan.title}</Heading>
      <Legend className={styles.chartLegend}>
        {legend.map((s) => (
          <LegendItem
            key={s.name}
            color={s.color}
            label={s.name}
            value={s.current(ticks)}
            line={s.fill !== 'stacked'}
          />
        ))}
      </Legend>
      <TimeChart
        className={styles.chart}
        label={plan.title}
        points={points}
        series={plan.series}
        from={to - range}
        to={to}
        scale={plan.scale ?? 'linear'}
        least={plan.least}
        left={plan.left}
        {...(plan.formatTick === undefined ? {} : { formatTick: plan.formatTick })}
        formatValue={plan.formatValue}
        marks={marks}
        group="overview"
      />
    </section>
  );
}
