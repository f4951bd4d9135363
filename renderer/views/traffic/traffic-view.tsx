import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { Button } from '../../components/button.tsx';
import { Chip, Field } from '../../components/controls.tsx';
import { StatusGlyph } from '../../components/glyphs.tsx';
import { Icon } from '../../components/icon.tsx';
import { EmptyState, Separator } from '../../components/layers.tsx';
import { Kbd } from '../../components/marks.tsx';
import { openLayer, setRecordingPaused } from '../../state/actions.ts';
import { getClient } from '../../state/client.ts';
import { formatCount } from '../../state/format.ts';
import { setQuery, useRoute } from '../../state/router.ts';
import { rowRing, useCore, useEvents, useRows } from '../../state/stores.ts';
import { RequestDrawer } from './drawer.tsx';
import { type DrawerTab, nextTab, shownTab } from './drawer-tabs.ts';
import { allSeqs, type ListModel, listedSeqs, listModel } from './list-model.ts';
import { MinuteStrip } from './minute-strip.tsx';
import { RequestList } from './request-list.tsx';
import styles from './traffic.module.css';

const SAVED: readonly (readonly [name: string, filter: string])[] = [
  ['All', ''],
  ['Errors', 'status:5xx'],
  ['Retried', 'attempts>1'],
  ['Slow', 'dur>200ms'],
  ['Answered by proxy', 'by:proxy'],
  ['No route', 'flag:NR'],
];
/** Newest matches that the list shows; the total is counted over everything recorded. */
const MOST_MATCHES = 20_000;
/** The filter runs again over new rows at most this often, milliseconds. */
const REFILTER = 700;
/** A filter that is typed runs this long after the last key, milliseconds. */
const TYPING = 120;

interface Matches {
  readonly filter: string;
  readonly seqs: readonly number[];
  readonly total: number;
  readonly error: string;
}

/** Seqs that the core found for a filter; null while there is none. */
function useMatches(filter: string): Matches | null {
  const [matches, setMatches] = useState<Matches | null>(null);
  const version = useRows((s) => s.version);
  const asked = useRef({ filter: '', due: 0, busy: false });
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new version means new rows to look at
  useEffect(() => {
    if (filter === '') {
      asked.current.filter = '';
      setMatches(null);
      return undefined;
    }
    // New rows put nothing off: what is due stays due, however fast they come.
    if (asked.current.filter !== filter) {
      asked.current = { filter, due: performance.now() + TYPING, busy: false };
    }
    const mine = asked.current;
    const timer = setTimeout(
      async () => {
        if (mine.busy) return;
        mine.busy = true;
        try {
          const found = await getClient().call('records.filter', { filter, limit: MOST_MATCHES });
          if (asked.current === mine) setMatches({ filter, ...found });
        } catch {
          // The connection banner tells.
        } finally {
          mine.due = performance.now() + REFILTER;
          mine.busy = false;
        }
      },
      Math.max(0, mine.due - performance.now()),
    );
    return () => clearTimeout(timer);
  }, [filter, version]);
  return matches !== null && matches.filter === filter ? matches : null;
}

export function TrafficView() {
  const { query } = useRoute();
  const filter = query['q'] ?? '';
  const [typed, setTyped] = useState(filter);
  const [follow, setFollow] = useState(query['sel'] === undefined);
  const field = useRef<HTMLInputElement>(null);
  const rows = useRows();
  const events = useEvents((s) => s.events);
  const matches = useMatches(filter);
  const selected = query['sel'] === undefined ? null : Number(query['sel']);
  const tab = query['tab'];

  useEffect(() => setTyped(filter), [filter]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the ring is outside React; its version says that it changed
  const model = useMemo<ListModel>(() => {
    if (filter === '') return listModel(allSeqs(rowRing), events, rowRing);
    const health = events.filter((event) => event.kind.startsWith('host-') || event.kind === 'demo');
    return listModel(
      listedSeqs(matches?.seqs ?? []),
      matches === null || matches.seqs.length === 0 ? [] : health,
      rowRing,
    );
  }, [filter, matches, events, rows.version]);

  const select = useCallback((seq: number | null) => {
    setFollow(false);
    setQuery({ sel: seq === null ? null : String(seq) });
  }, []);
  const onFollow = useCallback((on: boolean) => {
    setFollow(on);
    if (on) setQuery({ sel: null, tab: null });
  }, []);
  const paused = rows.recorder?.recording === false;

  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const target = event.target as HTMLElement;
      const typing =
        target.closest('input, textarea, select, [contenteditable="true"], [role="dialog"]') !== null;
      if (event.ctrlKey || event.metaKey) {
        if (event.key === 'Backspace' && !typing) openLayer('clear-records');
        return;
      }
      if (typing || event.altKey) return;
      const move = (direction: 1 | -1): void => {
        const at = selected === null ? model.length : model.indexOf(selected);
        const from = selected === null ? model.length - 1 : at + direction;
        const seq = model.request(
          Math.max(0, Math.min(model.length - 1, from)),
          selected === null ? -1 : direction,
        );
        if (seq !== null) select(seq);
      };
      const step = (by: 1 | -1): void => {
        const row = selected === null ? undefined : rowRing.get(selected);
        setQuery({ tab: nextTab(shownTab(tab, row), by, row) });
      };
      const action = actionOf(event.key, selected !== null, {
        move,
        step,
        onFollow,
        paused,
        field: field.current,
      });
      if (action === null || (event.key === ' ' && target.closest('button, a') !== null)) return;
      event.preventDefault();
      action();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [model, selected, select, onFollow, paused, tab]);

  const recorded = rows.recorder?.records ?? 0;
  return (
    <>
      <div className={styles.toolbar}>
        <search className={styles.search}>
          <Field
            ref={field}
            mono
            icon="filter"
            label="Filter requests"
            className={styles.filter}
            placeholder={'Filter: status:5xx  cluster:inventory_service  path~"/inventory/.*"  dur>200ms'}
            value={typed}
            onChange={(text) => {
              setTyped(text);
              setQuery({ q: text.trim() === '' ? null : text });
            }}
            onKeyDown={(event) => {
              if (event.key === 'Enter' || event.key === 'Escape') event.currentTarget.blur();
            }}
            after={
              filter === '' ? (
                <Kbd keys="/" />
              ) : (
                <Button
                  small
                  iconOnly
                  variant="ghost"
                  label="Clear the filter"
                  onClick={() => setQuery({ q: null })}
                >
                  <Icon name="close" size={12} />
                </Button>
              )
            }
          />
        </search>
        <span className={styles.count} title="The filter runs in the core over everything recorded">
          <b className="strong num">{formatCount(filter === '' ? recorded : (matches?.total ?? 0))}</b>{' '}
          {filter === '' ? 'requests' : `of ${formatCount(recorded)}`}
        </span>
        <Separator />
        <Button small pressed={paused} onClick={() => void setRecordingPaused(!paused)}>
          <Icon name={paused ? 'play' : 'pause'} size={13} />
          {paused ? 'Record' : 'Pause'}
        </Button>
        <Button
          small
          iconOnly
          label="Clear the recorded requests and free their memory"
          onClick={() => openLayer('clear-records')}
        >
          <Icon name="ban" size={14} />
        </Button>
        <Button small pressed={follow} onClick={() => onFollow(!follow)}>
          <Icon name="down" size={13} />
          Follow
        </Button>
      </div>
      <div className={styles.chips}>
        {SAVED.map(([name, saved]) => (
          <Chip
            key={name}
            selected={saved === filter}
            onClick={() => setQuery({ q: saved === '' ? null : saved })}
          >
            {name}
          </Chip>
        ))}
        {matches !== null && matches.error !== '' && (
          <span className={styles.filterError} role="status">
            <Icon name="problem" size={13} />
            {matches.error}
          </span>
        )}
        <span className="grow" />
        <span className={styles.legend}>
          <StatusGlyph status={200} /> upstream answered <StatusGlyph status={504} local /> proxy answered
        </span>
      </div>
      <MinuteStrip />
      <div className={styles.split}>
        {model.length === 0 ? (
          <Nothing filter={filter} recorded={recorded} matches={matches} />
        ) : (
          <RequestList
            key={filter}
            model={model}
            selected={selected}
            follow={follow}
            onSelect={select}
            onFollow={onFollow}
          />
        )}
        {selected !== null && (
          <RequestDrawer
            key={selected}
            seq={selected}
            tab={tab}
            onTab={(next: DrawerTab) => setQuery({ tab: next })}
            onClose={() => setQuery({ sel: null, tab: null })}
            onMove={(direction) => {
              const seq = model.request(model.indexOf(selected) + direction, direction);
              if (seq !== null) select(seq);
            }}
          />
        )}
      </div>
    </>
  );
}

interface KeyActions {
  readonly move: (direction: 1 | -1) => void;
  readonly step: (by: 1 | -1) => void;
  readonly onFollow: (on: boolean) => void;
  readonly paused: boolean;
  readonly field: HTMLInputElement | null;
}

function actionOf(key: string, hasSelection: boolean, actions: KeyActions): (() => void) | null {
  switch (key) {
    case '/':
      return () => actions.field?.focus();
    case 'j':
    case 'ArrowDown':
      return () => actions.move(1);
    case 'k':
    case 'ArrowUp':
      return () => actions.move(-1);
    case 'End':
      return () => actions.onFollow(true);
    case ' ':
      return () => void setRecordingPaused(!actions.paused);
    case 'Escape':
      return hasSelection ? () => setQuery({ sel: null, tab: null }) : null;
    case ']':
      return hasSelection ? () => actions.step(1) : null;
    case '[':
      return hasSelection ? () => actions.step(-1) : null;
    default:
      return null;
  }
}

function Nothing(props: {
  readonly filter: string;
  readonly recorded: number;
  readonly matches: Matches | null;
}) {
  const { filter, recorded, matches } = props;
  const listeners = useCore((s) => s.core?.listeners) ?? [];
  if (filter !== '' && matches === null) {
    return <EmptyState icon="filter" title="Looking through the recorded requests…" />;
  }
  if (matches !== null && matches.error !== '') {
    return (
      <EmptyState
        icon="problem"
        title="The filter is not understood"
        actions={<Button onClick={() => setQuery({ q: null })}>Show all</Button>}
      >
        {matches.error}
      </EmptyState>
    );
  }
  if (filter !== '') {
    return (
      <EmptyState
        icon="filter"
        title="No request matches"
        actions={<Button onClick={() => setQuery({ q: null })}>Show all</Button>}
      >
        “{filter}” matches none of the {formatCount(recorded)} recorded requests.
      </EmptyState>
    );
  }
  const listening = listeners.filter((each) => each.status === 'listening').map((each) => each.address);
  return (
    <EmptyState icon="traffic" title="No requests yet">
      {listening.length === 0
        ? 'No listener is open. Open a configuration, or start the demo shop.'
        : `Listening on ${listening.join(', ')}. The first request shows here.`}
    </EmptyState>
  );
}
