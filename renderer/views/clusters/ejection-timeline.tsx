import { useMemo } from 'react';
import type { ClusterState } from '../../../proxy-core/index.ts';
import { HostGlyph } from '../../components/glyphs.tsx';
import { timeTicks } from '../../components/time-axis.ts';
import { useNow, useSize } from '../../components/use-now.ts';
import { formatSetting, formatTime, NARROW_SPACE, plural, secondsLeft } from '../../state/format.ts';
import { eventMarks } from '../../state/marks.ts';
import { useEvents } from '../../state/stores.ts';
import styles from './clusters.module.css';
import { type Lane, MAX_REASONS, type Timeline, timelineOf } from './timeline-model.ts';

const LEFT = 130;
const RIGHT = 10;
const TOP = 20;
const BOTTOM = 20;

/** One lane per host: bars ejected, dashed bar time left, diamonds detected but not ejected; the reasons below. */
export function EjectionTimeline({
  cluster,
  range,
}: {
  readonly cluster: ClusterState;
  readonly range: number;
}) {
  const events = useEvents((s) => s.events);
  const now = useNow();
  const [ref, { width }] = useSize();
  const timeline = useMemo(() => timelineOf(cluster, events, now, range), [cluster, events, now, range]);
  const marks = eventMarks(events, timeline.from, cluster.name).filter((mark) => mark.kind !== 'eject');
  const laneHeight = timeline.lanes.length <= 4 ? 44 : 26;
  const height = TOP + BOTTOM + timeline.lanes.length * laneHeight;
  const bottom = height - BOTTOM;
  const x = (at: number) =>
    LEFT + ((at - timeline.from) / (timeline.to - timeline.from)) * (width - LEFT - RIGHT);
  return (
    <>
      <div ref={ref} className={styles.timeline} style={{ height }}>
        {width > 0 && (
          <svg width={width} height={height} role="img" aria-label={describe(timeline)}>
            <rect
              x={x(now)}
              y={TOP}
              width={Math.max(0, width - RIGHT - x(now))}
              height={bottom - TOP}
              fill="var(--bg-sunken)"
            />
            {timeTicks(timeline.from, timeline.to, width - LEFT - RIGHT).map((at) => (
              <g key={at}>
                <line className={styles.grid} x1={x(at)} x2={x(at)} y1={TOP} y2={bottom} />
                <text x={x(at)} y={height - 5} textAnchor="middle">
                  {formatTime(at, 'minutes')}
                </text>
              </g>
            ))}
            {marks.map((mark) => (
              <g key={`${mark.kind}-${mark.at}`}>
                <line
                  x1={x(mark.at)}
                  x2={x(mark.at)}
                  y1={TOP - 6}
                  y2={bottom}
                  stroke={mark.kind === 'config' ? 'var(--accent)' : 'var(--warn-mark)'}
                  strokeDasharray="3 2"
                />
                <text
                  className={mark.kind === 'config' ? styles.markConfig : styles.markFault}
                  x={x(mark.at) + 4}
                  y={TOP - 8}
                >
                  {mark.label}
                  <title>{mark.text}</title>
                </text>
              </g>
            ))}
            {timeline.lanes.map((lane, i) => (
              <LaneDrawing
                key={lane.address}
                lane={lane}
                top={TOP + i * laneHeight}
                height={laneHeight}
                right={width - RIGHT}
                now={now}
                from={timeline.from}
                x={x}
              />
            ))}
            <line x1={x(now)} x2={x(now)} y1={TOP - 6} y2={bottom} stroke="var(--fg-2)" />
            <text className={styles.nowLabel} x={x(now) + 4} y={TOP - 8}>
              now
            </text>
          </svg>
        )}
      </div>
      <Reasons timeline={timeline} />
    </>
  );
}

interface LaneProps {
  readonly lane: Lane;
  readonly top: number;
  readonly height: number;
  readonly right: number;
  readonly now: number;
  readonly from: number;
  readonly x: (at: number) => number;
}

function LaneDrawing({ lane, top, height, right, now, from, x }: LaneProps) {
  const middle = top + height / 2;
  const bar = Math.min(18, height - 6);
  return (
    <g>
      <line className={styles.grid} x1={0} x2={right} y1={top + height} y2={top + height} />
      <g transform={`translate(0 ${middle - 6})`}>
        <HostGlyph health={lane.health} size={12} />
      </g>
      <text className={styles.laneName} x={17} y={middle + 4}>
        {lane.address.length > 17 ? `…${lane.address.slice(-16)}` : lane.address}
      </text>
      <line
        x1={x(from)}
        x2={x(now)}
        y1={middle}
        y2={middle}
        stroke="var(--ok-mark)"
        strokeWidth="2"
        opacity=".45"
      />
      {lane.unhealthy.map((span) => (
        <rect
          key={`unhealthy ${span.from}`}
          x={x(span.from)}
          y={middle - bar / 4}
          width={Math.max(2, x(span.to) - x(span.from))}
          height={bar / 2}
          fill="var(--err-mark)"
        >
          <title>{span.text}</title>
        </rect>
      ))}
      {lane.spans.map((span) => {
        const width = Math.max(2, x(span.to) - x(span.from) - (span.to < now ? 1 : 0));
        const label = span.duration === 0 ? 'by hand' : formatSetting(span.duration);
        return (
          <g key={span.from}>
            <rect
              x={x(span.from)}
              y={middle - bar / 2}
              width={width}
              height={bar}
              rx="2"
              fill="var(--eject-mark)"
            >
              <title>
                {span.duration === 0
                  ? `Ejected by hand at ${formatTime(span.from)}`
                  : `Ejected at ${formatTime(span.from)} for ${label}, number ${span.count} in a row`}
              </title>
            </rect>
            {width > label.length * 5.5 + 5 && (
              <text className={styles.spanLabel} x={x(span.from) + 5} y={middle + 4}>
                {label}
              </text>
            )}
          </g>
        );
      })}
      {lane.left !== null && (
        <>
          <rect
            x={x(lane.left.from)}
            y={middle - bar / 2}
            width={Math.max(2, x(lane.left.to) - x(lane.left.from))}
            height={bar}
            rx="2"
            fill="var(--eject-mark)"
            fillOpacity=".18"
            stroke="var(--eject-mark)"
            strokeDasharray="3 2"
          />
          <text className={styles.plannedLabel} x={x(lane.left.from) + 5} y={middle + 4}>
            {secondsLeft(lane.left.to, now)}
            {NARROW_SPACE}s
          </text>
        </>
      )}
      {lane.detections.map((detection) => {
        const at = x(detection.at);
        const size = Math.min(9, height / 2 - 3);
        return (
          <g key={detection.at}>
            <path
              d={`M${at} ${middle - size}l${size} ${size}-${size} ${size}-${size}-${size}z`}
              fill="var(--bg-surface)"
              stroke="var(--eject-mark)"
              strokeWidth="1.5"
            >
              <title>{detection.text}</title>
            </path>
            <text className={styles.letter} x={at} y={middle + 4} textAnchor="middle">
              {detection.letter}
            </text>
          </g>
        );
      })}
    </g>
  );
}

function Reasons({ timeline }: { readonly timeline: Timeline }) {
  if (timeline.reasons.length === 0) {
    return <p className={styles.sectionText}>Nothing was detected in this window.</p>;
  }
  return (
    <>
      <ol className={styles.reasons}>
        {timeline.reasons.map((reason) => (
          <li key={reason.seq}>
            <span className={styles.reasonLetter}>
              {reason.kind === 'ejected' ? <HostGlyph health="ejected" size={10} /> : reason.letter}
            </span>
            <span className="mono dim">{formatTime(reason.at)}</span>
            <span className="mono" title={reason.host}>
              {reason.host.replace(/^.*(:\d+)$/, '$1')}
            </span>
            <span className="trunc select" title={reason.text}>
              {reason.text}
            </span>
          </li>
        ))}
      </ol>
      {timeline.earlier > 0 && (
        <p className={`${styles.sectionText} sm`}>
          The newest {MAX_REASONS} are listed;{' '}
          {plural(timeline.earlier, 'earlier one is', 'earlier ones are')} on the axis.
        </p>
      )}
      {timeline.quiet > 0 && (
        <p className={`${styles.sectionText} sm`}>
          {plural(timeline.quiet, 'host has', 'hosts have')} no lane: nothing happened to them.
        </p>
      )}
    </>
  );
}

function describe(timeline: Timeline): string {
  const parts = timeline.lanes.map((lane) => {
    const ejections = lane.spans.length;
    const detections = lane.detections.length;
    return `${lane.address}: ${lane.health}, ${plural(ejections, 'ejection')}, ${detections} detected but not ejected`;
  });
  return `Ejection timeline. ${parts.join('. ')}`;
}
