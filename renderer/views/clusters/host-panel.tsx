import { Fragment, type KeyboardEvent, useEffect, useRef, useState } from 'react';
import type {
  ClusterState,
  HostCheckState,
  HostEvent,
  HostHistoryState,
  HostState,
} from '../../../proxy-core/index.ts';
import { Button, LinkButton } from '../../components/button.tsx';
import { cx } from '../../components/cx.ts';
import { HostGlyph } from '../../components/glyphs.tsx';
import { Icon } from '../../components/icon.tsx';
import { Heading } from '../../components/layers.tsx';
import { YamlLink } from '../../components/marks.tsx';
import { useNow } from '../../components/use-now.ts';
import { failureText } from '../../state/call-failed.ts';
import { getClient } from '../../state/client.ts';
import { formatSetting, formatTime, plural, secondsLeft } from '../../state/format.ts';
import { setQuery, trafficHref } from '../../state/router.ts';
import { useEvents } from '../../state/stores.ts';
import { Words } from '../traffic/words.tsx';
import { EjectButton } from './host-actions.tsx';
import { healthTone } from './host-health.tsx';
import styles from './host-panel.module.css';

/** One host beside the table: how it is now, what its health check says, and what happened to it, newest first. */
export function HostPanel(props: { readonly cluster: ClusterState; readonly address: string }) {
  const { cluster, address } = props;
  const host = cluster.hosts.find((each) => each.address === address);
  const fetched = useHistory(cluster.name, address);
  const close = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    close.current?.focus();
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape') return;
    event.stopPropagation();
    event.preventDefault();
    setQuery({ host: null });
  };
  return (
    <aside className={styles.panel} aria-label={`History of ${address}`} data-pane onKeyDown={onKeyDown}>
      <div className={styles.head}>
        <HostGlyph health={host?.health ?? 'unknown'} size={13} />
        <h2 className="mono trunc grow">{address}</h2>
        {host !== undefined && <EjectButton cluster={cluster.name} host={host} named />}
        <Button
          ref={close}
          variant="ghost"
          small
          iconOnly
          label="Close history"
          onClick={() => setQuery({ host: null })}
        >
          <Icon name="close" size={14} />
        </Button>
      </div>
      <div className="scroll grow">
        {host === undefined ? (
          <p className={styles.text}>This host is not in {cluster.name} now. What is known of it is below.</p>
        ) : (
          <Now
            cluster={cluster}
            host={host}
            check={fetched.kind === 'known' ? fetched.history.check : host.check}
          />
        )}
        <ConnectionEnds fetched={fetched} />
        <Entries fetched={fetched} />
      </div>
    </aside>
  );
}

function Now(props: {
  readonly cluster: ClusterState;
  readonly host: HostState;
  readonly check: HostCheckState | null;
}) {
  const { cluster, host, check } = props;
  return (
    <section className={styles.section}>
      <p>
        <span className={cx('mono', healthTone(host))}>{host.healthFlags}</span>
      </p>
      {host.healthReason !== '' && <p className="sm select">{sentence(host.healthReason)}</p>}
      {host.ejectedManually && (
        <p className="sm sub">
          It gets no traffic until you take it back. Outlier detection goes on as before.
        </p>
      )}
      <CheckLines cluster={cluster} check={check} />
      <div className="row">
        <LinkButton small href={trafficHref(`upstream:${host.address}`)}>
          <Icon name="traffic" size={13} />
          Its traffic
        </LinkButton>
      </div>
    </section>
  );
}

function CheckLines(props: { readonly cluster: ClusterState; readonly check: HostCheckState | null }) {
  const { check } = props;
  const now = useNow();
  const { healthCheck } = props.cluster;
  if (healthCheck === null || check === null) {
    return (
      <p className="sm sub">
        {healthCheck === null
          ? 'No active health check: only outlier detection and its endpoint speak about its health.'
          : 'Its endpoint switches the active health check off.'}
      </p>
    );
  }
  const { answer, at, nextAt } = check;
  return (
    <dl className={styles.facts}>
      <dt>Health check</dt>
      <dd>
        <span className="mono">{healthCheck.check}</span> <YamlLink source={healthCheck.source} />
      </dd>
      <dt>Last answer</dt>
      <dd className="select">{answer === '' ? 'none yet' : `${answer}, ${formatTime(at)}`}</dd>
      <dt>Next check</dt>
      <dd className="num">
        {nextAt === 0 ? 'under way' : nextAt > now ? `in ${secondsLeft(nextAt, now)} s` : 'due'}
      </dd>
      <dt>Thresholds</dt>
      <dd>
        {plural(healthCheck.unhealthyThreshold, 'failure')} out,{' '}
        {plural(healthCheck.healthyThreshold, 'success', 'successes')} back, timeout{' '}
        {formatSetting(healthCheck.timeout)}
      </dd>
    </dl>
  );
}

type Fetched =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'known'; readonly history: HostHistoryState }
  | { readonly kind: 'failed'; readonly reason: string };

/** Asked anew every second, and at once when something happened to the host. */
function useHistory(cluster: string, address: string): Fetched {
  const [fetched, setFetched] = useState<Fetched>({ kind: 'waiting' });
  const lastEvent = useEvents((s) => s.events.findLast((each) => each.host === address)?.seq ?? 0);
  const now = useNow();
  // biome-ignore lint/correctness/useExhaustiveDependencies: the time and the last event are the reasons to ask again
  useEffect(() => {
    let stale = false;
    getClient()
      .call('hosts.history', { cluster, address })
      .then(
        (history) => {
          if (!stale) setFetched({ kind: 'known', history });
        },
        (error: unknown) => {
          if (!stale) setFetched({ kind: 'failed', reason: failureText(error) });
        },
      );
    return () => {
      stale = true;
    };
  }, [cluster, address, lastEvent, now]);
  return fetched;
}

/** Why connections to the host ended, the most frequent reason first. */
function ConnectionEnds({ fetched }: { readonly fetched: Fetched }) {
  const ends = fetched.kind === 'known' ? fetched.history.connectionEnds : [];
  if (ends.length === 0) return null;
  return (
    <section className={styles.section}>
      <Heading>Connections that ended</Heading>
      <dl className={styles.facts}>
        {ends.map(({ end, text, count }) => (
          <Fragment key={end}>
            <dt className="num">{plural(count, 'time')}</dt>
            <dd>
              <Words text={text} />
            </dd>
          </Fragment>
        ))}
      </dl>
    </section>
  );
}

function Entries({ fetched }: { readonly fetched: Fetched }) {
  const entries = fetched.kind === 'known' ? fetched.history.entries : [];
  return (
    <section className={styles.section}>
      <Heading>History</Heading>
      {fetched.kind === 'failed' && <p className="sm c-err">{fetched.reason}</p>}
      {fetched.kind === 'known' && entries.length === 0 && (
        <p className="sm sub">Nothing happened to this host since it is known.</p>
      )}
      {entries.length > 0 && (
        <ol className={styles.entries} aria-label="What happened, newest first">
          {[...entries].reverse().map((entry) => (
            <Entry key={entry.seq} entry={entry} />
          ))}
        </ol>
      )}
    </section>
  );
}

function Entry({ entry }: { readonly entry: HostEvent }) {
  return (
    <li className={styles.entry}>
      <span className={cx(styles.mark, styles[entry.tone])} aria-hidden="true" />
      <div>
        <div className="row sm">
          <span className="mono sub">{formatTime(entry.at, 'milliseconds')}</span>
          <b className="strong">{title(entry)}</b>
          {entry.manual && <span className={styles.manual}>by hand</span>}
        </div>
        <p className="sm select">{entry.text}</p>
        <p className="xs mono dim">{entry.healthFlags}</p>
      </div>
    </li>
  );
}

function title({ kind, tone, count }: HostEvent): string {
  switch (kind) {
    case 'host-ejected':
      return count > 1 ? `Ejected, number ${count} in a row` : 'Ejected';
    case 'host-returned':
      return 'Back';
    case 'host-not-ejected':
      return 'Detected, not ejected';
    case 'host-health':
      return { ok: 'Healthy', warn: 'Degraded', err: 'Unhealthy', note: 'Health', eject: 'Health' }[tone];
    case 'host-check':
      return 'Health check failed';
    case 'host-added':
      return 'Joined';
    case 'host-removed':
      return 'Left';
    case 'host-endpoint':
      return 'Endpoint changed';
    default:
      return 'Event';
  }
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
