import { useVirtualizer } from '@tanstack/react-virtual';
import { memo, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import type { RecordRow } from '../../../proxy-core/index.ts';
import { Button } from '../../components/button.tsx';
import { cx } from '../../components/cx.ts';
import { Icon } from '../../components/icon.tsx';
import { getClient } from '../../state/client.ts';
import { formatCount } from '../../state/format.ts';
import { publishRows } from '../../state/session.ts';
import { rowRing, useRows } from '../../state/stores.ts';
import { type Column, columnsFor, NARROW, template } from './columns.tsx';
import { EventRow, eventClass } from './event-row.tsx';
import type { ListItem, ListModel } from './list-model.ts';
import styles from './traffic.module.css';

const ROW = 24;
/** Lines that are drawn above and below what is in sight. */
const OVERSCAN = 6;

export interface RequestListProps {
  readonly model: ListModel;
  readonly selected: number | null;
  readonly follow: boolean;
  readonly onSelect: (seq: number) => void;
  readonly onFollow: (follow: boolean) => void;
}

/** The virtual list: only the lines in sight exist, whatever the ring holds. */
export function RequestList({ model, selected, follow, onSelect, onFollow }: RequestListProps) {
  const viewport = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(1200);
  // The same list while the width is the same: lines that did not change are not drawn again.
  const columns = useMemo(() => columnsFor(width), [width]);
  const grid = template(columns);
  const virtual = useVirtualizer({
    count: model.length,
    getScrollElement: () => viewport.current,
    estimateSize: () => ROW,
    overscan: OVERSCAN,
  });

  useLayoutEffect(() => {
    const element = viewport.current;
    if (element === null) return undefined;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  useLayoutEffect(() => {
    if (follow && model.length > 0) virtual.scrollToIndex(model.length - 1, { align: 'end' });
  }, [follow, model.length, virtual]);

  // Only when the selection moves, not whenever rows come.
  const shownSelection = useRef<number | null>(null);
  useEffect(() => {
    if (selected === shownSelection.current) return;
    shownSelection.current = selected;
    const index = selected === null ? -1 : model.indexOf(selected);
    if (index >= 0) virtual.scrollToIndex(index, { align: 'auto' });
  }, [selected, model, virtual]);

  const items = virtual.getVirtualItems();
  const slots = useSlots(items.map(({ index }) => model.item(index)));
  useMissingRows(model, items[0]?.index ?? 0, items.at(-1)?.index ?? -1);

  return (
    <div className={styles.list}>
      <div className={styles.listHead} style={{ gridTemplateColumns: grid }} aria-hidden="true">
        {columns.map((column) => (
          <span key={column.key} className={column.right ? styles.right : undefined}>
            {column.label}
          </span>
        ))}
      </div>
      {/* biome-ignore lint/a11y/useSemanticElements: a table cannot be virtual */}
      <div
        ref={viewport}
        className={styles.viewport}
        role="grid"
        aria-label="Requests"
        aria-rowcount={model.length}
        aria-activedescendant={selected === null ? undefined : `request-${selected}`}
        tabIndex={0}
        onWheel={(event) => {
          if (follow && event.deltaY < 0) onFollow(false);
        }}
        onScroll={() => {
          const element = viewport.current;
          if (element === null || selected !== null) return;
          const atEnd = element.scrollHeight - element.scrollTop - element.clientHeight < ROW;
          if (!atEnd && follow && virtual.scrollDirection === 'backward') onFollow(false);
        }}
      >
        <div className={styles.inner} style={{ height: virtual.getTotalSize() }}>
          {items.map((line, position) => {
            const item = model.item(line.index);
            if (item.kind === 'event') {
              return (
                // biome-ignore lint/a11y/useSemanticElements: a table cannot be virtual
                // biome-ignore lint/a11y/useFocusableInteractive: the grid has the focus, events cannot be chosen
                <div
                  key={`event-${item.event.seq}`}
                  className={cx(styles.line, eventClass(item.event))}
                  role="row"
                  aria-rowindex={line.index + 1}
                  style={{ transform: `translateY(${line.start}px)` }}
                >
                  <EventRow event={item.event} narrow={width < NARROW} />
                </div>
              );
            }
            return (
              <RequestLine
                key={slots[position]}
                seq={item.seq}
                row={rowRing.get(item.seq)}
                index={line.index}
                top={line.start}
                grid={grid}
                columns={columns}
                selected={item.seq === selected}
                onSelect={onSelect}
              />
            );
          })}
        </div>
      </div>
      {!follow && <Newer model={model} onFollow={onFollow} />}
    </div>
  );
}

interface RequestLineProps {
  readonly seq: number;
  readonly row: RecordRow | undefined;
  readonly index: number;
  readonly top: number;
  readonly grid: string;
  readonly columns: readonly Column[];
  readonly selected: boolean;
  readonly onSelect: (seq: number) => void;
}

const RequestLine = memo(function RequestLine(props: RequestLineProps) {
  const { seq, row, index, top, grid, columns, selected, onSelect } = props;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the grid has the keys
    // biome-ignore lint/a11y/useSemanticElements: a table cannot be virtual
    <div
      id={`request-${seq}`}
      className={cx(styles.line, styles.request)}
      role="row"
      aria-rowindex={index + 1}
      aria-selected={selected}
      tabIndex={-1}
      style={{ transform: `translateY(${top}px)`, gridTemplateColumns: grid }}
      onClick={() => onSelect(seq)}
    >
      {row === undefined ? (
        <span className="dim">…</span>
      ) : (
        columns.map((column) => (
          // biome-ignore lint/a11y/useFocusableInteractive: the row is what has the focus
          // biome-ignore lint/a11y/useSemanticElements: a table cannot be virtual
          <span key={column.key} role="gridcell" className={cx(styles.cell, column.right && styles.right)}>
            {column.cell(row)}
          </span>
        ))
      )}
    </div>
  );
});

/** Back to the newest requests, and how many came since they were left. */
function Newer(props: { readonly model: ListModel; readonly onFollow: (follow: boolean) => void }) {
  const { model, onFollow } = props;
  const [left] = useState(() => model.request(model.length - 1, -1) ?? 0);
  const newer = model.newerThan(left);
  return (
    <div className={styles.newer}>
      <Button variant="primary" small onClick={() => onFollow(true)}>
        <Icon name="down" size={13} />
        {newer > 0 ? `${formatCount(newer)} newer` : 'Follow'}
      </Button>
    </div>
  );
}

/**
 * A place for each request in sight, which it keeps while it is in sight. Lines that scroll in take the places of
 * those that scroll out, so that the page changes texts instead of making and dropping hundreds of elements a frame.
 */
function useSlots(items: readonly ListItem[]): readonly string[] {
  const taken = useRef<ReadonlyMap<number, number>>(new Map());
  const kept = new Map<number, number>();
  for (const item of items) {
    const slot = item.kind === 'request' ? taken.current.get(item.seq) : undefined;
    if (item.kind === 'request' && slot !== undefined) kept.set(item.seq, slot);
  }
  const used = new Set(kept.values());
  let next = 0;
  const slots = items.map((item) => {
    if (item.kind === 'event') return `event-${item.event.seq}`;
    let slot = kept.get(item.seq);
    if (slot === undefined) {
      while (used.has(next)) next++;
      slot = next++;
      kept.set(item.seq, slot);
    }
    return `line-${slot}`;
  });
  taken.current = kept;
  return slots;
}

const asked = new Set<number>();

/** Lines in sight whose rows were never pushed (the window lagged, or the page is new) are fetched. */
function useMissingRows(model: ListModel, from: number, to: number): void {
  const version = useRows((s) => s.version);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new version may have brought them
  useEffect(() => {
    let first = 0;
    let last = 0;
    for (let index = from; index <= to && index < model.length; index++) {
      const item = model.item(index);
      if (item.kind === 'event' || rowRing.get(item.seq) !== undefined || asked.has(item.seq)) continue;
      if (first === 0) first = item.seq;
      last = item.seq;
    }
    if (first === 0 || last - first > 2000) return;
    for (let seq = first; seq <= last; seq++) asked.add(seq);
    getClient()
      .call('records.rows', { from: first, limit: last - first + 1 })
      .then(({ rows, recorder }) => {
        for (const row of rows) rowRing.put(row);
        publishRows(0, recorder);
      })
      .catch(() => undefined)
      .finally(() => {
        for (let seq = first; seq <= last; seq++) asked.delete(seq);
      });
  }, [model, from, to, version]);
}
