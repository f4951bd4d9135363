import { type FocusEvent, useState } from 'react';
import type { ConfigState } from '../../../electron/ipc/contract.ts';
import { Button } from '../../components/button.tsx';
import { cx } from '../../components/cx.ts';
import { Dot } from '../../components/glyphs.tsx';
import { Icon, Logo } from '../../components/icon.tsx';
import { Separator } from '../../components/layers.tsx';
import { Kbd, Tag } from '../../components/marks.tsx';
import { chooseConfig, openLayer, openRecent, setRecordingPaused, startDemo } from '../../state/actions.ts';
import { MOD } from '../../state/keyboard.ts';
import { useConfig, useRows } from '../../state/stores.ts';
import { toggleTheme, useTheme } from '../../state/theme.ts';
import styles from './shell.module.css';

export function TopBar() {
  const config = useConfig((s) => s.config);
  const open = config !== null && config.status !== 'none';
  return (
    <header className={styles.topbar}>
      <div className={styles.mark} title="Attaché">
        <Logo />
      </div>
      {open ? <ConfigBadge config={config} /> : <span className="strong">Attaché</span>}
      <button
        type="button"
        className={styles.search}
        title={`Search everything (${MOD} K)`}
        onClick={() => openLayer('palette')}
      >
        <Icon name="search" size={14} />
        <span className={cx('grow trunc', styles.searchText)}>
          Search requests, routes, hosts, config, commands
        </span>
        <Kbd keys={`${MOD} K`} />
      </button>
      {open && <RecordingButton />}
      <ThemeButton />
    </header>
  );
}

function ConfigBadge({ config }: { readonly config: ConfigState }) {
  const [menu, setMenu] = useState(false);
  const closeOnLeave = (event: FocusEvent<HTMLDivElement>) => {
    if (!event.currentTarget.contains(event.relatedTarget)) setMenu(false);
  };
  const choose = (run: () => unknown) => () => {
    setMenu(false);
    run();
  };
  return (
    <>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: Esc closes the menu from anywhere inside */}
      <div
        className={styles.configMenu}
        onBlur={closeOnLeave}
        onKeyDown={(event) => {
          if (event.key !== 'Escape' || !menu) return;
          event.stopPropagation();
          setMenu(false);
        }}
      >
        <button
          type="button"
          className={styles.config}
          title={config.demo ? 'Switch configuration' : config.file}
          aria-haspopup="true"
          aria-expanded={menu}
          onClick={() => setMenu(!menu)}
        >
          <Icon name="file" size={15} />
          <span className={styles.configName}>{config.name}</span>
          {config.runningVersion > 0 && <span className="sub num">v{config.runningVersion}</span>}
          <ConfigStatus config={config} />
        </button>
        {menu && (
          <div className={styles.menu}>
            <button type="button" className={styles.menuItem} onClick={choose(chooseConfig)}>
              <Icon name="folder" size={14} />
              <span className="grow">Open a configuration…</span>
              <Kbd keys={`${MOD} O`} />
            </button>
            {!config.demo && (
              <button type="button" className={styles.menuItem} onClick={choose(startDemo)}>
                <Icon name="shop" size={14} />
                Start the demo shop
              </button>
            )}
            {config.recent.length > 0 && <div className={styles.menuHead}>Recent</div>}
            {config.recent.map((file) => (
              <button
                key={file}
                type="button"
                className={styles.menuItem}
                title={file}
                onClick={choose(() => openRecent(file))}
              >
                <Icon name="file" size={14} />
                <span className="trunc">{fileName(file)}</span>
                <span className="mono dim trunc grow">{folderName(file)}</span>
              </button>
            ))}
          </div>
        )}
      </div>
      {config.demo && (
        <>
          <Separator className="wide" />
          <Tag tone="local" title="Services, traffic and configuration come with Attaché and stop with it.">
            <Icon name="shop" size={12} />
            Demo shop
          </Tag>
        </>
      )}
    </>
  );
}

export function fileName(file: string): string {
  return file.replace(/^.*[\\/]/, '');
}

export function folderName(file: string): string {
  return file.replace(/[\\/][^\\/]*$/, '');
}

function ConfigStatus({ config }: { readonly config: ConfigState }) {
  switch (config.status) {
    case 'none':
      return null;
    case 'starting':
      return (
        <Tag tone="note">
          <Icon name="clock" size={12} />
          Starting
        </Tag>
      );
    case 'running':
      return (
        <Tag tone="ok">
          <Dot small />
          Running
        </Tag>
      );
    case 'running-in-part':
      return (
        <Tag tone="warn">
          <Icon name="warn" size={12} />
          Running in part
        </Tag>
      );
    case 'rejected':
      return (
        <Tag tone="err">
          <Icon name="error" size={12} />
          {config.runningVersion > 0
            ? `Edit rejected, v${config.runningVersion} still running`
            : 'Rejected, nothing runs'}
        </Tag>
      );
  }
}

function RecordingButton() {
  const recording = useRows((s) => s.recorder?.recording ?? true);
  return (
    <Button
      variant="ghost"
      small
      title={recording ? 'Pause recording. Traffic goes on.' : 'Record again'}
      onClick={() => void setRecordingPaused(recording)}
    >
      <i className={cx(styles.recording, !recording && styles.paused)} />
      {recording ? 'Rec' : 'Not recording'}
    </Button>
  );
}

function ThemeButton() {
  const theme = useTheme();
  const next = theme === 'dark' ? 'Light' : 'Dark';
  return (
    <Button variant="ghost" iconOnly label={`${next} theme (${MOD} Shift L)`} onClick={toggleTheme}>
      <Icon name={theme === 'dark' ? 'sun' : 'moon'} size={15} />
    </Button>
  );
}
