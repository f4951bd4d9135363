import { memo, type PointerEvent, useEffect, useId, useMemo, useState } from 'react';
import { createPortal } from 'react-dom';
import { Area, CartesianGrid, ComposedChart, Line, XAxis, YAxis } from 'recharts';
import { create } from 'zustand';
import { formatDuration, formatTime } from '../state/format.ts';
import type { Point } from '../state/series.ts';
import { cx } from './cx.ts';
import { logDecades, type Mark, markLabels, SteadyMaximum, timeTicks } from './time-axis.ts';
import styles from './time-chart.module.css';
import { useSize } from './use-now.ts';

export interface Series {
  readonly name: string;
  readonly color: string;
  readonly width?: number;
  readonly dash?: string;
  /** Fill under the line. `stacked` puts the areas of all such series on one another, in order. */
  readonly fill?: 'area' | 'stacked';
  readonly opacity?: number;
}

export interface TimeChartProps {
  /** Read out, with the latest values. */
  readonly label: string;
  readonly points: readonly Point[];
  readonly series: readonly Series[];
  readonly from: number;
  readonly to: number;
  readonly scale?: 'linear' | 'log';
  /** The axis ends at least here. */
  readonly least?: number;
  readonly left?: number;
  readonly formatTick?: (value: number) => string;
  readonly formatValue: (value: number) => string;
  readonly marks?: readonly Mark[];
  /** Charts with the same group share the cross-hair. */
  readonly group: string;
  readonly className?: string | undefined;
  readonly height?: number;
}

/** Where the pointer is, so that all charts of a group draw the same line. */
interface Hover {
  readonly group: string;
  readonly at: number;
  /** Id of the chart under the pointer, and where it stands on the page: there the values are shown. */
  readonly owner: string;
  readonly left: number;
  readonly top: number;
}
const NO_HOVER: Hover = { group: '', at: 0, owner: '', left: 0, top: 0 };
const useHover = create<Hover>(() => NO_HOVER);

const TOP = 16;
const BOTTOM = 18;
const RIGHT = 6;

/** Redrawn when its points change, once a second; nothing animates. */
export const TimeChart = memo(function TimeChart(props: TimeChartProps) {
  const {
    label,
    points,
    series,
    from,
    to,
    scale = 'linear',
    least = 1,
    left = 34,
    group,
    marks = [],
  } = props;
  const [ref, size] = useSize();
  const id = useId();
  const [steady] = useState(() => new SteadyMaximum());
  const values = useMemo(() => points.flatMap((p) => p.values.filter((v) => v !== null)), [points]);
  const stacked = series.some((s) => s.fill === 'stacked');
  const largest = useMemo(() => {
    const totals = points.map((p) => p.values.reduce<number>((sum, v) => sum + (v ?? 0), 0));
    return Math.max(0, ...(stacked ? totals : values));
  }, [points, values, stacked]);
  const decades = scale === 'log' ? logDecades(values) : [];
  const floor = decades[0] ?? 0;
  const maximum = scale === 'log' ? (decades.at(-1) ?? 1000) : steady.update(largest, to, least);
  const ticks = scale === 'log' ? decades : [0, maximum / 2, maximum];
  const data = useMemo(
    () =>
      points.map((point) => {
        const row: Record<string, number | null> = { at: point.at };
        point.values.forEach((value, i) => {
          row[`v${i}`] = value === null ? null : Math.max(value, floor);
        });
        return row;
      }),
    [points, floor],
  );
  const plotWidth = size.width - left - RIGHT;
  const xOf = (at: number) => left + ((at - from) / (to - from)) * plotWidth;
  const atOf = (x: number) => from + ((x - left) / plotWidth) * (to - from);
  const onMove = (event: PointerEvent<HTMLDivElement>) => {
    const { left: pageLeft, top } = event.currentTarget.getBoundingClientRect();
    const at = atOf(event.clientX - pageLeft);
    useHover.setState(at < from || at > to ? NO_HOVER : { group, at, owner: id, left: pageLeft, top });
  };
  const shown = size.width > 20 && size.height > 40;
  return (
    <div
      ref={ref}
      className={cx(styles.chart, props.className)}
      style={props.height === undefined ? undefined : { height: props.height }}
      role="img"
      aria-label={describe(label, points, series, props.formatValue)}
      onPointerMove={onMove}
      onPointerLeave={() => useHover.setState(NO_HOVER)}
    >
      {shown && (
        <div className={styles.plot}>
          <ComposedChart
            width={size.width}
            height={size.height}
            data={data}
            margin={{ top: TOP, right: RIGHT, bottom: 0, left: 0 }}
            accessibilityLayer={false}
          >
            <CartesianGrid vertical={false} stroke="var(--ch-grid)" syncWithTicks />
            <XAxis
              dataKey="at"
              type="number"
              domain={[from, to]}
              allowDataOverflow
              ticks={timeTicks(from, to, plotWidth)}
              tickFormatter={(at: number) => formatTime(at, to - from <= 60_000 ? 'seconds' : 'minutes')}
              height={BOTTOM}
              axisLine={false}
              tickLine={false}
              tickMargin={4}
              interval={0}
            />
            <YAxis
              type="number"
              scale={scale}
              domain={[scale === 'log' ? floor : 0, maximum]}
              allowDataOverflow
              ticks={ticks}
              tickFormatter={props.formatTick ?? shortNumber}
              width={left}
              axisLine={false}
              tickLine={false}
              tickMargin={5}
              interval={0}
            />
            {series.map((s, i) =>
              s.fill === undefined ? (
                <Line
                  key={s.name}
                  dataKey={`v${i}`}
                  stroke={s.color}
                  strokeWidth={s.width ?? 1.5}
                  {...(s.dash === undefined ? {} : { strokeDasharray: s.dash })}
                  type="linear"
                  dot={false}
                  activeDot={false}
                  isAnimationActive={false}
                />
              ) : (
                <Area
                  key={s.name}
                  dataKey={`v${i}`}
                  {...(s.fill === 'stacked' ? { stackId: 'stack' } : {})}
                  stroke={s.fill === 'stacked' ? 'none' : s.color}
                  strokeWidth={s.width ?? 1.5}
                  fill={s.color}
                  fillOpacity={s.opacity ?? 0.2}
                  type="linear"
                  dot={false}
                  activeDot={false}
                  isAnimationActive={false}
                />
              ),
            )}
          </ComposedChart>
        </div>
      )}
      {shown && (
        <Overlay {...props} id={id} width={size.width} height={size.height} xOf={xOf} marks={marks} />
      )}
      {shown && values.length === 0 && (
        <div className={styles.empty}>
          <span>No traffic in this window</span>
        </div>
      )}
    </div>
  );
});

interface OverlayProps extends TimeChartProps {
  readonly id: string;
  readonly width: number;
  readonly height: number;
  readonly xOf: (at: number) => number;
  readonly marks: readonly Mark[];
}

function Overlay(props: OverlayProps) {
  const { id, width, height, xOf, marks, from, to, group } = props;
  const hover = useHover((s) => (s.group === group ? s.at : 0));
  const owned = useHover((s) => s.owner === id);
  const visible = marks.filter((mark) => mark.at > from && mark.at < to);
  const bottom = height - BOTTOM;
  return (
    <>
      <svg className={styles.overlay} width={width} height={height} aria-hidden="true">
        {visible.map((mark) => {
          const x = Math.round(xOf(mark.at)) + 0.5;
          return (
            <line
              key={`${mark.kind}-${mark.at}`}
              className={cx(styles.mark, styles[mark.kind])}
              x1={x}
              x2={x}
              y1={TOP - 3}
              y2={bottom}
            />
          );
        })}
        {markLabels(visible, xOf, width - RIGHT).map((label) => (
          <text
            key={`${label.kind}-${label.x}`}
            className={cx(styles.label, styles[label.kind])}
            x={label.x}
            y={TOP - 6}
            textAnchor={label.anchor}
          >
            {label.text}
          </text>
        ))}
        {hover > 0 && (
          <line
            className={styles.crosshair}
            x1={Math.round(xOf(hover)) + 0.5}
            x2={Math.round(xOf(hover)) + 0.5}
            y1={TOP}
            y2={bottom}
          />
        )}
      </svg>
      {owned && <HoverTip {...props} />}
    </>
  );
}

/** The values at the cross-hair, beside the chart that the pointer is on. */
function HoverTip(props: OverlayProps) {
  const { points, series, marks, formatValue, xOf, height } = props;
  const { at, left, top } = useHover();
  const point = nearest(points, at);
  if (point === null) return null;
  const near = marks.filter((mark) => Math.abs(xOf(mark.at) - xOf(at)) < 5);
  const style = {
    left: Math.max(8, Math.min(left + xOf(at) + 14, window.innerWidth - 330)),
    bottom: Math.max(8, window.innerHeight - top - height / 3),
  };
  return createPortal(
    <div className={styles.tip} style={style}>
      <div className="num dim">{formatTime(at)}</div>
      {series.map((s, i) => {
        const value = point.values[i] ?? null;
        return (
          <div key={s.name} className={styles.tipRow}>
            <i className={styles.tipKey} style={{ background: s.color }} />
            <span className="grow">{s.name}</span>
            <b className="num">{value === null ? '–' : formatValue(value)}</b>
          </div>
        );
      })}
      {near.map((mark) => (
        <div key={`${mark.kind}-${mark.at}`} className={cx(styles.tipMark, MARK_COLORS[mark.kind])}>
          {mark.text}
        </div>
      ))}
    </div>,
    document.body,
  );
}

const MARK_COLORS = { config: 'c-accent', eject: 'c-eject', fault: 'c-warn' } as const;

function nearest(points: readonly Point[], at: number): Point | null {
  let best: Point | null = null;
  for (const point of points) {
    if (best === null || Math.abs(point.at - at) < Math.abs(best.at - at)) best = point;
  }
  return best;
}

function describe(
  label: string,
  points: readonly Point[],
  series: readonly Series[],
  formatValue: (value: number) => string,
): string {
  const last = points.at(-1);
  if (last === undefined) return `${label}: no traffic`;
  const parts = series.map((s, i) => {
    const value = last.values[i] ?? null;
    return `${s.name} ${value === null ? 'nothing' : formatValue(value)}`;
  });
  return `${label}: ${parts.join(', ')}`;
}

function shortNumber(value: number): string {
  if (value >= 1000) return `${Number((value / 1000).toFixed(1))}k`;
  return String(Number(value.toFixed(1)));
}

/** Ticks of a latency axis: 1 ms, 10 ms, 1 s. */
export function formatLatencyTick(value: number): string {
  if (value < 1) return `${Math.round(value * 1000)} µs`;
  return value < 1000 ? `${value} ms` : `${value / 1000} s`;
}

export function formatLatency(value: number): string {
  return formatDuration(value);
}

/**
 * The value, `frames` animation frames later: several charts that change together are drawn one a frame. Frames do
 * not come while the window is hidden, so nothing is drawn then.
 */
export function useStaggered<T>(value: T, frames: number): T {
  const [delayed, setDelayed] = useState(value);
  useEffect(() => {
    let left = frames;
    let handle = requestAnimationFrame(function step() {
      if (left-- <= 0) setDelayed(value);
      else handle = requestAnimationFrame(step);
    });
    return () => cancelAnimationFrame(handle);
  }, [value, frames]);
  return delayed;
}
