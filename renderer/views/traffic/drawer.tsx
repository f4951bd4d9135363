import { useEffect, useState } from 'react';
import type { RecordDetail, RecordRow } from '../../../proxy-core/index.ts';
import { Button, LinkButton } from '../../components/button.tsx';
import { Tabs } from '../../components/controls.tsx';
import { cx } from '../../components/cx.ts';
import { ConnectionGlyph, StatusGlyph, statusClass } from '../../components/glyphs.tsx';
import { Icon } from '../../components/icon.tsx';
import { EmptyState } from '../../components/layers.tsx';
import { Badge } from '../../components/marks.tsx';
import { getClient } from '../../state/client.ts';
import { formatDuration } from '../../state/format.ts';
import { testerHref } from '../../state/router.ts';
import { rowRing, useCore, useRows } from '../../state/stores.ts';
import { showFailure, showToast } from '../../state/toasts.ts';
import { curlCommand } from './curl.ts';
import styles from './drawer.module.css';
import { type DrawerTab, isTcp, shownTab, tabsOf } from './drawer-tabs.ts';
import { Loading } from './loading.tsx';
import { AttemptsTab } from './tab-attempts.tsx';
import { ConnectionTab } from './tab-connection.tsx';
import { DecisionTab } from './tab-decision.tsx';
import { HeadersTab } from './tab-headers.tsx';
import { LogTab } from './tab-log.tsx';
import { MessageTab } from './tab-message.tsx';
import { OverviewTab } from './tab-overview.tsx';
import { testerQuery } from './tester-query.ts';

/** The recorded request, asked for again when it ends. `undefined` while it loads, null when it is gone. */
function useDetail(seq: number, row: RecordRow | undefined): RecordDetail | null | undefined {
  const [detail, setDetail] = useState<RecordDetail | null | undefined>(undefined);
  const done = row?.done === true;
  // biome-ignore lint/correctness/useExhaustiveDependencies: `done` means that there is more to know
  useEffect(() => {
    let current = true;
    getClient()
      .call('records.detail', { seq })
      .then((found) => current && setDetail(found))
      .catch((error: unknown) => current && showFailure('The request was not loaded', error));
    return () => {
      current = false;
    };
  }, [seq, done]);
  return detail;
}

function addressOf(listener: string): string {
  return useCore.getState().core?.listeners.find(({ name }) => name === listener)?.address ?? '';
}

export function RequestDrawer(props: {
  readonly seq: number;
  /** The tab that is wanted; a record that lacks it shows its overview. */
  readonly tab: string | undefined;
  readonly onTab: (tab: DrawerTab) => void;
  readonly onClose: () => void;
  readonly onMove: (direction: 1 | -1) => void;
}) {
  const { seq, onTab, onClose, onMove } = props;
  useRows((s) => s.version);
  const live = rowRing.get(seq);
  const detail = useDetail(seq, live);
  const row = detail?.row ?? live;
  const tcp = isTcp(row);
  const tab = shownTab(props.tab, row);
  const thing = tcp ? 'Connection' : 'Request';
  const kind = statusClass(row?.status ?? 0);
  const copyCurl = async () => {
    if (detail === null || detail === undefined) return;
    try {
      await navigator.clipboard.writeText(curlCommand(detail, addressOf(detail.row.listener)));
      showToast({
        tone: 'ok',
        title: 'Copied as cURL',
        text: 'Paste it into a terminal.',
        actions: [],
        sticky: false,
      });
    } catch (error) {
      showFailure('Nothing was copied', error);
    }
  };
  return (
    <aside className={styles.drawer} aria-label={`${thing} ${seq}`}>
      <header className={styles.head}>
        {row !== undefined && (
          <>
            {tcp ? (
              <ConnectionGlyph row={row} size={12} />
            ) : (
              <>
                <StatusGlyph status={row.status} local={row.local} size={12} />
                <b className={cx('num', styles.code, kind === 5 ? 'c-err' : kind === 4 && 'c-warn')}>
                  {row.status === 0 ? '–' : row.status}
                </b>
              </>
            )}
            <b className="mono">{row.method}</b>
            <span className="mono trunc select" title={`${row.authority}${row.path}`}>
              <span className={tcp ? undefined : 'sub'}>{row.authority}</span>
              {row.path}
            </span>
            <span className="grow" />
            <span className="num sub nowrap">
              {row.done ? formatDuration(row.duration) : tcp ? 'open' : 'running'}
            </span>
          </>
        )}
        <Button small iconOnly variant="ghost" label={`${thing} above (K)`} onClick={() => onMove(-1)}>
          <Icon name="up" size={14} />
        </Button>
        <Button small iconOnly variant="ghost" label={`${thing} below (J)`} onClick={() => onMove(1)}>
          <Icon name="down" size={14} />
        </Button>
        {!tcp && detail !== undefined && detail !== null && (
          <LinkButton
            small
            variant="ghost"
            href={testerHref(testerQuery(detail, addressOf(detail.row.listener)))}
            title="Ask the routes that run now"
          >
            <Icon name="routes" size={14} />
            Test
          </LinkButton>
        )}
        {!tcp && (
          <Button
            small
            variant="ghost"
            disabled={detail === undefined || detail === null}
            onClick={() => void copyCurl()}
          >
            <Icon name="copy" size={14} />
            cURL
          </Button>
        )}
        <Button small iconOnly variant="ghost" label="Close (Esc)" onClick={onClose}>
          <Icon name="close" size={14} />
        </Button>
      </header>
      <Tabs
        label={`Parts of the ${thing.toLowerCase()}`}
        choices={tabsOf(row).map((each) =>
          each.value === 'attempts' && (row?.attempts ?? 0) > 1
            ? {
                ...each,
                label: (
                  <>
                    Attempts{' '}
                    <Badge tone="warn" title={`${row?.attempts} attempts`}>
                      {row?.attempts}
                    </Badge>
                  </>
                ),
              }
            : each,
        )}
        value={tab}
        onChange={onTab}
        controls="request-panel"
      />
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: the panel scrolls */}
      <div id="request-panel" className={styles.body} role="tabpanel" tabIndex={0}>
        {detail === undefined ? (
          <Loading />
        ) : detail === null ? (
          <EmptyState icon="history" title={`This ${thing.toLowerCase()} is no longer kept`}>
            The ring of recorded requests is bounded; newer ones took its place.
          </EmptyState>
        ) : (
          <Panel tab={tab} detail={detail} />
        )}
      </div>
    </aside>
  );
}

function Panel({ tab, detail }: { readonly tab: DrawerTab; readonly detail: RecordDetail }) {
  switch (tab) {
    case 'overview':
      return isTcp(detail.row) ? <ConnectionTab detail={detail} /> : <OverviewTab detail={detail} />;
    case 'decision':
      return <DecisionTab detail={detail} />;
    case 'request':
      return <MessageTab key="request" side="request" detail={detail} />;
    case 'response':
      return <MessageTab key="response" side="response" detail={detail} />;
    case 'headers':
      return <HeadersTab detail={detail} />;
    case 'attempts':
      return <AttemptsTab detail={detail} />;
    case 'log':
      return <LogTab detail={detail} />;
  }
}
