import { type KeyboardEvent, useMemo, useState } from 'react';
import { Icon } from '../../components/icon.tsx';
import { Kbd } from '../../components/marks.tsx';
import {
  chooseConfig,
  closeLayer,
  copyRouteTests,
  openLayer,
  openRecent,
  setDemoHost,
  setRecordingPaused,
  startDemo,
} from '../../state/actions.ts';
import { MOD } from '../../state/keyboard.ts';
import { currentRoute, navigate, trafficHref } from '../../state/router.ts';
import { useConfig, useCore, useDemo, useRows } from '../../state/stores.ts';
import { toggleTheme } from '../../state/theme.ts';
import styles from './dialogs.module.css';
import {
  type PaletteAction,
  type PaletteEntry,
  paletteEntries,
  searchPalette,
  trafficFilterFor,
} from './palette-entries.ts';

export function Palette() {
  const [text, setText] = useState('');
  const [index, setIndex] = useState(0);
  const core = useCore((s) => s.core);
  const config = useConfig((s) => s.config);
  const demo = useDemo((s) => s.demo);
  const recording = useRows((s) => s.recorder?.recording ?? true);
  const entries = useMemo(
    () => paletteEntries({ core, config, demo, recording, mod: MOD }),
    [core, config, demo, recording],
  );
  const shown = useMemo(() => searchPalette(entries, text), [entries, text]);
  const selected = Math.min(index, shown.length - 1);

  const choose = (entry: PaletteEntry | undefined) => {
    closeLayer();
    if (entry === undefined) return;
    if ('href' in entry.go) navigate(entry.go.href);
    else run(entry.go.action);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Escape') closeLayer();
    else if (event.key === 'ArrowDown') setIndex(Math.min(shown.length - 1, selected + 1));
    else if (event.key === 'ArrowUp') setIndex(Math.max(0, selected - 1));
    else if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
      closeLayer();
      navigate(trafficHref(trafficFilterFor(text.trim())));
    } else if (event.key === 'Enter') choose(shown[selected]);
    else if (event.key !== 'Tab') return;
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: a click beside the palette is a shortcut for Esc
    // biome-ignore lint/a11y/useKeyWithClickEvents: the key is Esc, on the input
    <div
      className={styles.paletteScrim}
      onClick={(event) => event.target === event.currentTarget && closeLayer()}
    >
      <div className={styles.palette} role="dialog" aria-modal="true" aria-label="Search everything">
        <div className={styles.input}>
          <Icon name="search" size={17} />
          <input
            role="combobox"
            aria-label="Search everything"
            aria-expanded="true"
            aria-controls="palette-list"
            aria-activedescendant={shown.length > 0 ? `palette-${selected}` : undefined}
            placeholder="Search requests, routes, hosts, config, commands"
            spellCheck={false}
            autoComplete="off"
            value={text}
            ref={focusOnMount}
            onChange={(event) => {
              setText(event.target.value);
              setIndex(0);
            }}
            onKeyDown={onKeyDown}
          />
          <Kbd keys="Esc" />
        </div>
        <div className={styles.list} id="palette-list" role="listbox" aria-label="Results">
          {shown.map((entry, i) => (
            <PaletteRow
              key={`${entry.group}-${entry.text}-${entry.detail}`}
              id={`palette-${i}`}
              entry={entry}
              heading={shown[i - 1]?.group === entry.group ? null : entry.group}
              selected={i === selected}
              text={text.trim()}
              onChoose={() => choose(entry)}
            />
          ))}
          {shown.length === 0 && <div className={styles.nothing}>No command is called “{text}”.</div>}
        </div>
        <div className={styles.hint}>
          <span>
            <Kbd keys="↑ ↓" /> move
          </span>
          <span>
            <Kbd keys="Enter" /> open
          </span>
          <span>
            <Kbd keys={`${MOD} Enter`} /> filter traffic
          </span>
          <span className="grow" />
          <span>
            <b>&gt;</b> commands
          </span>
          <span>
            <b>:</b> filter
          </span>
          <span>
            <b>#</b> request
          </span>
        </div>
      </div>
    </div>
  );
}

function PaletteRow(props: {
  readonly id: string;
  readonly entry: PaletteEntry;
  readonly heading: string | null;
  readonly selected: boolean;
  readonly text: string;
  readonly onChoose: () => void;
}) {
  const { id, entry, heading, selected, text, onChoose } = props;
  return (
    <>
      {heading !== null && (
        <div className={styles.group} role="presentation">
          {heading}
        </div>
      )}
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: keys are handled by the combobox */}
      <div
        id={id}
        className={styles.option}
        role="option"
        tabIndex={-1}
        aria-selected={selected}
        onClick={onChoose}
        ref={selected ? keepInView : undefined}
      >
        <Icon name={entry.icon} size={15} />
        <span className="trunc">
          <Marked text={entry.text} mark={text} />
        </span>
        <span className="dim sm trunc grow">
          <Marked text={entry.detail} mark={text} />
        </span>
        {entry.keys !== '' && <Kbd keys={entry.keys} />}
      </div>
    </>
  );
}

function Marked({ text, mark }: { readonly text: string; readonly mark: string }) {
  const at = mark === '' ? -1 : text.toLowerCase().indexOf(mark.toLowerCase());
  if (at < 0) return text;
  return (
    <>
      {text.slice(0, at)}
      <mark>{text.slice(at, at + mark.length)}</mark>
      {text.slice(at + mark.length)}
    </>
  );
}

function focusOnMount(element: HTMLInputElement | null): void {
  element?.focus();
}

function keepInView(element: HTMLElement | null): void {
  element?.scrollIntoView({ block: 'nearest' });
}

function run(action: PaletteAction): void {
  switch (action.kind) {
    case 'open-file':
      void chooseConfig();
      return;
    case 'open-recent':
      void openRecent(action.file);
      return;
    case 'start-demo':
      void startDemo();
      return;
    case 'pause':
      void setRecordingPaused(action.paused);
      return;
    case 'clear':
      openLayer('clear-records');
      return;
    case 'route-tests':
      void copyRouteTests(currentRoute().query['q'] ?? '');
      return;
    case 'theme':
      toggleTheme();
      return;
    case 'shortcuts':
      openLayer('shortcuts');
      return;
    case 'demo-host':
      void setDemoHost(action.address, action.mode);
      return;
  }
}
