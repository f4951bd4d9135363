import { useNow } from '../../components/use-now.ts';
import { formatTime } from '../../state/format.ts';
import { useEvents, useMetrics } from '../../state/stores.ts';
import styles from './traffic.module.css';

const SPAN = 60_000;
const HEIGHT = 34;
const FILLS = ['var(--ch-2xx)', 'var(--ch-3xx)', 'var(--ch-4xx)', 'var(--ch-5xx)', 'var(--ch-5xx)'] as const;

/** Requests of the last minute by class, a bar a second, with the events on top. */
export function MinuteStrip() {
  const now = useNow();
  const ticks = useMetrics((s) => s.ticks);
  const events = useEvents((s) => s.events);
  const from = now - SPAN;
  const shown = ticks.filter((tick) => tick.at > from);
  const most = Math.max(4, ...shown.map((tick) => tick.requests));
  const x = (at: number): number => ((at - from) / SPAN) * 100;
  const marks = events.filter((event) => event.at > from && event.kind !== 'cluster-resolved');
  const labels: number[] = [];
  for (let at = Math.ceil(from / 10_000) * 10_000; at < now; at += 10_000) labels.push(at);
  return (
    <div
      className={styles.strip}
      role="img"
      aria-label={`Requests of the last minute, at most ${most} a second`}
    >
      <svg
        width="100%"
        height={HEIGHT}
        preserveAspectRatio="none"
        viewBox={`0 0 100 ${HEIGHT}`}
        aria-hidden="true"
      >
        {shown.map((tick) => {
          let y = HEIGHT;
          return [3, 4, 2, 1, 0].map((kind) => {
            const height = ((tick.byClass[kind] ?? 0) / most) * (HEIGHT - 3);
            if (height === 0) return null;
            y -= height;
            return (
              <rect
                key={`${tick.at}-${kind}`}
                x={x(tick.at) - 1.55}
                y={y}
                width={1.45}
                height={height}
                fill={FILLS[kind]}
                fillOpacity={kind === 0 ? 0.6 : 1}
              />
            );
          });
        })}
        {marks.map((event) => (
          <rect
            key={event.seq}
            x={x(event.at)}
            y={0}
            width={0.12}
            height={HEIGHT}
            fill={
              event.tone === 'eject'
                ? 'var(--eject-mark)'
                : event.tone === 'err'
                  ? 'var(--err-mark)'
                  : 'var(--accent)'
            }
          />
        ))}
      </svg>
      <div className={styles.stripAxis} aria-hidden="true">
        {labels.map((at) => (
          <span key={at} style={{ left: `${x(at)}%` }}>
            {formatTime(at)}
          </span>
        ))}
      </div>
    </div>
  );
}
