import type { HostHealth } from '../../proxy-core/index.ts';
import { cx } from './cx.ts';
import styles from './glyphs.module.css';

type StatusClass = 1 | 2 | 3 | 4 | 5 | 'none';

export function statusClass(status: number): StatusClass {
  if (status < 100) return 'none';
  if (status < 200) return 1;
  if (status < 300) return 2;
  if (status < 400) return 3;
  return status < 500 ? 4 : 5;
}

const STATUS_SHAPES = {
  1: <circle cx="6" cy="6" r="3.6" />,
  2: <circle cx="6" cy="6" r="3.8" />,
  3: <path d="M6 1.5 10.5 6 6 10.5 1.5 6z" />,
  4: <path d="M6 1.6 11 10.4H1z" />,
  5: <rect x="1.8" y="1.8" width="8.4" height="8.4" rx=".8" />,
  none: <path d="M2.5 2.5l7 7M9.5 2.5l-7 7" />,
};
const STATUS_STYLES = {
  1: styles.c1,
  2: styles.c2,
  3: styles.c3,
  4: styles.c4,
  5: styles.c5,
  none: styles.none,
};

/** The shape tells the class; filled: the upstream answered, hollow: the proxy answered by itself. */
export function StatusGlyph(props: {
  readonly status: number;
  readonly local?: boolean;
  readonly size?: number;
}) {
  const { status, local = false, size = 10 } = props;
  const kind = statusClass(status);
  const label = kind === 'none' ? 'no response' : `${kind}xx`;
  return (
    <svg
      className={cx(styles.status, STATUS_STYLES[kind], local && styles.hollow)}
      width={size}
      height={size}
      viewBox="0 0 12 12"
      role="img"
      aria-label={`${label}, answered by the ${local ? 'proxy' : 'upstream'}`}
    >
      {STATUS_SHAPES[kind]}
    </svg>
  );
}

/** A TCP connection has no status: a ring while it is open, a bar when it ended, a cross when it ended with a flag. */
export function ConnectionGlyph(props: {
  readonly row: { readonly done: boolean; readonly flags: string };
  readonly size?: number;
}) {
  const { row, size = 10 } = props;
  const failed = row.done && row.flags !== '';
  return (
    <svg
      className={cx(styles.status, failed ? styles.none : styles.connection)}
      width={size}
      height={size}
      viewBox="0 0 12 12"
      role="img"
      aria-label={
        failed ? `connection ended, ${row.flags}` : row.done ? 'connection ended' : 'connection open'
      }
    >
      {failed ? (
        STATUS_SHAPES.none
      ) : row.done ? (
        <path d="M2 4.5h8M2 7.5h8" />
      ) : (
        <circle cx="6" cy="6" r="3.8" />
      )}
    </svg>
  );
}

const HOST_SHAPES: Record<HostHealth | 'unknown', React.ReactNode> = {
  healthy: <circle cx="6" cy="6" r="3.8" />,
  degraded: <path d="M6 1.6 11 10.4H1z" />,
  ejected: (
    <>
      <path d="M6 1.2 10.6 7H1.4z" />
      <rect x="1.4" y="8.6" width="9.2" height="2" rx=".6" />
    </>
  ),
  unhealthy: <rect x="1.8" y="1.8" width="8.4" height="8.4" rx=".8" />,
  draining: (
    <>
      <circle cx="6" cy="6" r="3.9" fill="none" stroke="currentColor" strokeWidth="1.4" />
      <path d="M6 2.1a3.9 3.9 0 0 1 0 7.8z" />
    </>
  ),
  unknown: (
    <circle
      cx="6"
      cy="6"
      r="3.6"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.4"
      strokeDasharray="2 1.6"
    />
  ),
};

/** ● healthy, ▲ degraded, ⏏ ejected, ■ failed health check, ◐ draining. */
export function HostGlyph(props: { readonly health: HostHealth | 'unknown'; readonly size?: number }) {
  const { health, size = 11 } = props;
  return (
    <svg
      className={cx(styles.host, styles[health])}
      width={size}
      height={size}
      viewBox="0 0 12 12"
      role="img"
      aria-label={health}
    >
      {HOST_SHAPES[health]}
    </svg>
  );
}

export function Dot({ small = false }: { readonly small?: boolean }) {
  return <i className={cx(styles.dot, small && styles.small)} />;
}
