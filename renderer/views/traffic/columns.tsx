import type { ReactNode } from 'react';
import type { RecordRow } from '../../../proxy-core/index.ts';
import { cx } from '../../components/cx.ts';
import { ConnectionGlyph, StatusGlyph, statusClass } from '../../components/glyphs.tsx';
import { formatBytes, formatDuration, formatTime } from '../../state/format.ts';
import { isTcp } from './drawer-tabs.ts';
import styles from './traffic.module.css';

export interface Column {
  readonly key: string;
  readonly label: string;
  /** Pixels; 0 takes what is left. */
  readonly width: number;
  readonly right?: boolean;
  /** Gone when the list is narrower than this. */
  readonly from?: number;
  /** Gone when the list is as wide as this. */
  readonly below?: number;
  /** Filter term of a cell, for F and Shift F. */
  readonly term?: (row: RecordRow) => string;
  readonly cell: (row: RecordRow) => ReactNode;
}

/** Pixels: from here on there is room for milliseconds. */
export const NARROW = 480;

/** Amber from here on, milliseconds. */
const SLOW = 200;
const VERY_SLOW = 450;

const STATUS_COLOR = { 1: '', 2: '', 3: '', 4: 'c-warn', 5: 'c-err', none: 'c-err' } as const;

export const COLUMNS: readonly Column[] = [
  {
    key: 'second',
    label: 'Time',
    width: 64,
    below: NARROW,
    cell: (row) => <span className="mono dim">{formatTime(row.at)}</span>,
  },
  {
    key: 'time',
    label: 'Time',
    width: 96,
    from: NARROW,
    cell: (row) => <span className="mono dim">{formatTime(row.at, 'milliseconds')}</span>,
  },
  {
    key: 'status',
    label: 'Status',
    width: 64,
    cell: (row) =>
      isTcp(row) ? (
        <span className={cx(styles.status, row.flags !== '' && 'c-warn')}>
          <ConnectionGlyph row={row} />
          <span className="sub">{row.done ? 'closed' : 'open'}</span>
        </span>
      ) : row.done ? (
        <span className={cx(styles.status, STATUS_COLOR[statusClass(row.status)])}>
          <StatusGlyph status={row.status} local={row.local} />
          <span className="num">{row.status === 0 ? '–' : row.status}</span>
        </span>
      ) : (
        <span className="dim" title="Still running">
          …
        </span>
      ),
  },
  {
    key: 'method',
    label: 'Method',
    width: 58,
    from: NARROW,
    cell: (row) => <span className={row.method === 'GET' ? 'sub' : undefined}>{row.method}</span>,
  },
  {
    key: 'host',
    label: 'Host',
    width: 108,
    from: 1180,
    cell: (row) => <span className="sub">{row.authority}</span>,
  },
  {
    key: 'path',
    label: 'Path',
    width: 0,
    cell: (row) =>
      isTcp(row) ? <span className="mono sub">{row.authority}</span> : <PathCell path={row.path} />,
  },
  {
    key: 'route',
    label: 'Route',
    width: 118,
    from: 900,
    cell: (row) =>
      row.route !== '' ? (
        row.route
      ) : isTcp(row) ? (
        <span className="dim">–</span>
      ) : (
        <span className="c-warn">no route</span>
      ),
  },
  {
    key: 'cluster',
    label: 'Cluster',
    width: 126,
    from: 760,
    cell: (row) => (row.cluster === '' ? <span className="dim">–</span> : row.cluster),
  },
  {
    key: 'upstream',
    label: 'Upstream host',
    width: 116,
    from: 1000,
    cell: (row) =>
      row.host === '' ? (
        <span className="dim">{isTcp(row) ? 'none' : 'proxy'}</span>
      ) : (
        <span className="mono sub">{row.host}</span>
      ),
  },
  {
    key: 'flags',
    label: 'Flags',
    width: 54,
    from: 450,
    cell: (row) =>
      row.flags === '' ? <span className="dim">–</span> : <span className={styles.flag}>{row.flags}</span>,
  },
  {
    key: 'attempts',
    label: 'Att.',
    width: 36,
    right: true,
    cell: (row) =>
      row.attempts > 1 ? (
        <b className="c-warn num">{row.attempts}</b>
      ) : (
        <span className="dim num">{row.attempts}</span>
      ),
  },
  {
    key: 'duration',
    label: 'Duration',
    width: 72,
    right: true,
    cell: (row) => (
      <span className={cx('num', row.duration > SLOW && !isTcp(row) && 'c-warn')}>
        {row.done ? formatDuration(row.duration) : '–'}
      </span>
    ),
  },
  { key: 'bar', label: '', width: 68, from: 1000, cell: (row) => <DurationBar row={row} /> },
  {
    key: 'size',
    label: 'Size',
    width: 58,
    right: true,
    from: 900,
    cell: (row) => <span className="sub num">{formatBytes(row.responseBytes)}</span>,
  },
  {
    key: 'protocol',
    label: 'Proto',
    width: 36,
    from: 1100,
    cell: (row) => (
      <span className="dim">{row.protocol === 'TCP' ? 'tcp' : row.protocol === 'HTTP/2' ? 'h2' : 'h1'}</span>
    ),
  },
];

function PathCell({ path }: { readonly path: string }) {
  const query = path.indexOf('?');
  return (
    <span className="mono">
      {query < 0 ? path : path.slice(0, query)}
      {query >= 0 && <span className="dim">{path.slice(query)}</span>}
    </span>
  );
}

/** Length on a log scale from 1 ms to 1 s, as the label of the row says it. */
export function barLength(milliseconds: number): number {
  return Math.max(2, Math.min(64, (Math.log10(1 + Math.max(0, milliseconds) * 2) / 3.02) * 64));
}

function DurationBar({ row }: { readonly row: RecordRow }) {
  // How long a connection lived says nothing of how fast it was.
  if (!row.done || isTcp(row)) return null;
  return (
    <span className={styles.bar} aria-hidden="true">
      {row.attempts > 1 && <i className={styles.barFailed} />}
      <i
        className={row.duration > VERY_SLOW ? styles.barSlow : undefined}
        style={{ width: barLength(row.duration) - (row.attempts > 1 ? 12 : 0) }}
      />
    </span>
  );
}

export function columnsFor(width: number): readonly Column[] {
  return COLUMNS.filter(({ from = 0, below = Number.POSITIVE_INFINITY }) => width >= from && width < below);
}

export function template(columns: readonly Column[]): string {
  return columns.map((column) => (column.width === 0 ? 'minmax(72px, 1fr)' : `${column.width}px`)).join(' ');
}
