import type { CoreEvent } from '../../../proxy-core/index.ts';
import { cx } from '../../components/cx.ts';
import { HostGlyph } from '../../components/glyphs.tsx';
import { Icon, type IconName } from '../../components/icon.tsx';
import { formatTime } from '../../state/format.ts';
import { clusterHref } from '../../state/router.ts';
import styles from './traffic.module.css';

const ICONS: Partial<Record<CoreEvent['kind'], IconName>> = {
  'config-applied': 'config',
  'config-rejected': 'error',
  'listener-failed': 'error',
  'log-failed': 'warn',
  'dns-failed': 'warn',
  demo: 'shop',
};

/** What happened between two requests: an ejection, a configuration, a host of the demo. */
export function EventRow({ event }: { readonly event: CoreEvent }) {
  const ejection =
    event.kind === 'host-ejected' || event.kind === 'host-not-ejected' || event.kind === 'host-returned';
  return (
    <>
      <span className="mono">{formatTime(event.at, 'milliseconds')}</span>
      <span className={styles.eventText}>
        {ejection ? (
          <HostGlyph health={event.kind === 'host-returned' ? 'healthy' : 'ejected'} />
        ) : (
          <Icon name={ICONS[event.kind] ?? 'info'} size={13} />
        )}
        <span className="trunc" title={event.text}>
          {event.text}
        </span>
      </span>
      {ejection && (
        <a className="sm" href={clusterHref(event.cluster)}>
          timeline
        </a>
      )}
    </>
  );
}

export function eventClass(event: CoreEvent): string {
  return cx(styles.event, styles[event.tone]);
}
