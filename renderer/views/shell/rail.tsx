import { cx } from '../../components/cx.ts';
import { Icon, type IconName } from '../../components/icon.tsx';
import { Badge, type MarkTone } from '../../components/marks.tsx';
import { openLayer } from '../../state/actions.ts';
import { plural } from '../../state/format.ts';
import { type Screen, screenHref, useRoute } from '../../state/router.ts';
import { useConfig, useCore } from '../../state/stores.ts';
import styles from './shell.module.css';

interface Entry {
  readonly screen: Screen;
  readonly label: string;
  readonly icon: IconName;
  readonly keys: string;
}

export const RAIL: readonly Entry[] = [
  { screen: 'overview', label: 'Overview', icon: 'overview', keys: 'G O' },
  { screen: 'traffic', label: 'Traffic', icon: 'traffic', keys: 'G T' },
  { screen: 'routes', label: 'Routes', icon: 'routes', keys: 'G R' },
  { screen: 'clusters', label: 'Clusters', icon: 'clusters', keys: 'G C' },
  { screen: 'config', label: 'Config', icon: 'config', keys: 'G E' },
];

interface Attention {
  readonly tone: MarkTone;
  readonly count: number;
  readonly title: string;
}

/** What needs attention, by screen. */
function useAttention(): Partial<Record<Screen, Attention>> {
  const core = useCore((s) => s.core);
  const config = useConfig((s) => s.config);
  const hosts = core?.clusters.flatMap((cluster) => cluster.hosts) ?? [];
  const ejected = hosts.filter((host) => host.health === 'ejected').length;
  const down = core?.listeners.filter((listener) => listener.status === 'failed').length ?? 0;
  const problems = config?.diagnostics.filter((d) => d.severity === 'error').length ?? 0;
  return {
    ...(ejected > 0 && {
      clusters: { tone: 'eject', count: ejected, title: `${plural(ejected, 'host')} ejected` },
    }),
    ...(down > 0 && { overview: { tone: 'err', count: down, title: `${plural(down, 'listener')} down` } }),
    ...(problems > 0 && { config: { tone: 'err', count: problems, title: plural(problems, 'error') } }),
  };
}

export function Rail({ disabled }: { readonly disabled: boolean }) {
  const { screen: current } = useRoute();
  const attention = useAttention();
  return (
    <nav className={styles.rail} aria-label="Sections">
      {RAIL.map(({ screen, label, icon, keys }) => {
        const mark = attention[screen];
        return (
          <a
            key={screen}
            className={styles.railItem}
            href={screenHref(screen)}
            title={`${label} (${keys})`}
            aria-current={!disabled && current === screen ? 'page' : undefined}
            aria-disabled={disabled || undefined}
            tabIndex={disabled ? -1 : undefined}
          >
            <Icon name={icon} size={19} />
            <span className={styles.railLabel}>{label}</span>
            {!disabled && mark !== undefined && (
              <Badge tone={mark.tone} title={mark.title} className={styles.railBadge}>
                {mark.count}
              </Badge>
            )}
          </a>
        );
      })}
      <span className="grow" />
      <button
        type="button"
        className={cx(styles.railItem)}
        title="Keyboard shortcuts (?)"
        onClick={() => openLayer('shortcuts')}
      >
        <Icon name="keyboard" size={18} />
        <span className={styles.railLabel}>Keys</span>
      </button>
    </nav>
  );
}
