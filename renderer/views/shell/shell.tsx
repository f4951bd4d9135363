import { useEffect } from 'react';
import { EmptyState } from '../../components/layers.tsx';
import { chooseConfig, closeLayer, openLayer } from '../../state/actions.ts';
import { createShellKeys, type ShellCommand, toKeyPress } from '../../state/keyboard.ts';
import { navigate, type Screen, screenHref, useRoute } from '../../state/router.ts';
import { useApp, useConfig, useUi } from '../../state/stores.ts';
import { toggleTheme } from '../../state/theme.ts';
import { ClustersView } from '../clusters/clusters-view.tsx';
import { ConfigView } from '../config/config-view.tsx';
import { OverviewView } from '../overview/overview-view.tsx';
import { RoutesView } from '../routes/routes-view.tsx';
import { TrafficView } from '../traffic/traffic-view.tsx';
import { WelcomeView } from '../welcome/welcome-view.tsx';
import { Banners } from './banners.tsx';
import { ClearRecordsDialog, OpenFileDialog } from './dialogs.tsx';
import { Palette } from './palette.tsx';
import { RAIL, Rail } from './rail.tsx';
import styles from './shell.module.css';
import { Shortcuts } from './shortcuts.tsx';
import { StatusBar } from './status-bar.tsx';
import { Toasts } from './toasts.tsx';
import { TopBar } from './top-bar.tsx';

const VIEWS: Record<Screen, () => React.ReactNode> = {
  overview: OverviewView,
  traffic: TrafficView,
  routes: RoutesView,
  clusters: ClustersView,
  config: ConfigView,
};

export function Shell() {
  const { screen } = useRoute();
  const status = useConfig((s) => s.config?.status ?? null);
  const refused = useApp((s) => s.connection === 'refused');
  useShellKeys();
  useEffect(() => {
    document.title = `Attaché – ${RAIL.find((entry) => entry.screen === screen)?.label ?? ''}`;
  }, [screen]);
  const closed = refused || status === 'none';
  const View = VIEWS[screen];
  return (
    <div className={styles.app}>
      <TopBar />
      <Rail disabled={closed || status === null} />
      <main className={styles.main}>
        <Banners />
        <div className={styles.view} data-screen={closed ? 'welcome' : screen}>
          {refused ? <Refused /> : closed ? <WelcomeView /> : <View />}
        </div>
      </main>
      <StatusBar />
      <Toasts />
      <Layer />
    </div>
  );
}

function Refused() {
  return (
    <EmptyState icon="shield" title="This address is no longer valid">
      Attaché gives out a new token each time it starts, and this page has another one. Open the address that
      Attaché printed in the terminal. The proxy is not affected.
    </EmptyState>
  );
}

function Layer() {
  const layer = useUi((s) => s.layer);
  switch (layer) {
    case 'none':
      return null;
    case 'palette':
      return <Palette />;
    case 'shortcuts':
      return <Shortcuts />;
    case 'open-file':
      return <OpenFileDialog />;
    case 'clear-records':
      return <ClearRecordsDialog />;
  }
}

function useShellKeys(): void {
  useEffect(() => {
    const match = createShellKeys();
    const listen = (event: KeyboardEvent) => {
      if (event.defaultPrevented) return;
      const command = match(toKeyPress(event));
      if (command !== null && run(command)) event.preventDefault();
    };
    document.addEventListener('keydown', listen);
    return () => document.removeEventListener('keydown', listen);
  }, []);
}

/** True when the key was used; Esc without an open layer is left to the screen. */
function run(command: ShellCommand): boolean {
  const open = useUi.getState().layer !== 'none';
  switch (command.kind) {
    case 'palette':
      openLayer('palette');
      return true;
    case 'theme':
      toggleTheme();
      return true;
    case 'close':
      if (open) closeLayer();
      return open;
    case 'shortcuts':
      if (!open) openLayer('shortcuts');
      return !open;
    case 'open-file':
      if (!open) void chooseConfig();
      return !open;
    case 'go':
      if (!open) navigate(screenHref(command.screen));
      return !open;
    case 'next-pane':
      focusNextPane(command.back);
      return true;
  }
}

/** Panes are the rail, the status bar and whatever a screen marks with data-pane. */
function focusNextPane(back: boolean): void {
  const panes = [...document.querySelectorAll<HTMLElement>('nav, [data-pane], footer')];
  const at = panes.findIndex((pane) => pane.contains(document.activeElement));
  const next = panes[(at + (back ? -1 : 1) + panes.length) % panes.length];
  const target = next?.querySelector<HTMLElement>(
    '[aria-current="page"], a[href], button, [tabindex="0"], input',
  );
  target?.focus();
}
