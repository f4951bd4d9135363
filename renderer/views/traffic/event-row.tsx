import type { ReactNode } from 'react';
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
  'certificate-rejected': 'warn',
  'dns-failed': 'warn',
  'endpoints-refused': 'warn',
  'service-failed': 'warn',
  'host-not-ejected': 'warn',
  demo: 'shop',
};

/** What happened between two requests: an ejection, a configuration, a host of the demo. */
export function EventRow({ event, narrow }: { readonly event: CoreEvent; readonly narrow: boolean }) {
  const ejection = event.kind === 'host-ejected' || event.kind === 'host-returned';
  const onTimeline = ejection || event.kind === 'host-not-ejected';
  return (
    <>
      <Cell className="mono">{narrow ? formatTime(event.at) : formatTime(event.at, 'milliseconds')}</Cell>
      <Cell className={styles.eventText}>
        {ejection ? (
          <HostGlyph health={event.kind === 'host-returned' ? 'healthy' : 'ejected'} />
        ) : (
          <Icon name={ICONS[event.kind] ?? 'info'} size={13} />
        )}
        <span className="trunc" title={event.text}>
          {event.text}
        </span>
      </Cell>
      {onTimeline && (
        <Cell>
          <a className="sm" href={clusterHref(event.cluster)}>
            timeline
          </a>
        </Cell>
      )}
    </>
  );
}

function Cell(props: { readonly className?: string | undefined; readonly children: ReactNode }) {
  return (
    // biome-ignore lint/a11y/useFocusableInteractive: the grid has the focus, events cannot be chosen
    // biome-ignore lint/a11y/useSemanticElements: a table cannot be virtual
    <span role="gridcell" className={props.className}>
      {props.children}
    </span>
  );
}

export function eventClass(event: CoreEvent): string {
  return cx(styles.event, styles[event.tone]);
}
