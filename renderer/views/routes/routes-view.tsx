import { Fragment, useState } from 'react';
import type { CoreState, RouteState } from '../../../proxy-core/index.ts';
import { Button, LinkButton } from '../../components/button.tsx';
import { Field, Segmented } from '../../components/controls.tsx';
import { cx } from '../../components/cx.ts';
import { Icon } from '../../components/icon.tsx';
import { EmptyState, Separator, Toolbar } from '../../components/layers.tsx';
import { Meter, Tag, YamlLink } from '../../components/marks.tsx';
import { formatCount, formatRate, formatShare, formatTime } from '../../state/format.ts';
import {
  clusterHref,
  filterValue,
  navigate,
  screenHref,
  setQuery,
  testerHref,
  trafficHref,
  useRoute,
} from '../../state/router.ts';
import { rate } from '../../state/series.ts';
import { useCore, useMetrics } from '../../state/stores.ts';
import { routeGroups, routeTotals } from './route-rows.ts';
import styles from './routes.module.css';
import { RouteTester } from './tester.tsx';

/** Every route with how often it was chosen: what is never hit is what was never tested. */
export function RoutesView() {
  const core = useCore((s) => s.core);
  const [text, setText] = useState('');
  const [onlyNever, setOnlyNever] = useState(false);
  const { rest } = useRoute();
  if (core === null) return <Toolbar title="Routes" />;
  if (rest[0] === 'tester') {
    return (
      <>
        <Toolbar title="Routes">
          <ViewSwitch view="tester" />
          <span className="grow" />
          <span className="sub trunc">Nothing is sent. What runs answers.</span>
        </Toolbar>
        <RouteTester />
      </>
    );
  }
  const totals = routeTotals(core);
  const groups = routeGroups(core, text, onlyNever);
  return (
    <>
      <Toolbar title="Routes">
        <ViewSwitch view="table" />
        <span className="grow" />
        <span className="row">
          <span className="sub">Hit since {formatTime(core.appliedAt)}</span>
          <b className="strong num nowrap">
            {totals.hit} of {totals.routes}
          </b>
          <Meter value={totals.hit} limit={Math.max(1, totals.routes) * 1.06} label="Routes hit" />
        </span>
        <Separator />
        <label className={styles.check}>
          <input
            type="checkbox"
            checked={onlyNever}
            onChange={(event) => setOnlyNever(event.target.checked)}
          />
          Only never hit
        </label>
        <Field
          className={styles.find}
          label="Find a route"
          placeholder="Find a route"
          icon="search"
          value={text}
          onChange={setText}
        />
      </Toolbar>
      {totals.routes === 0 ? (
        <EmptyState
          icon="routes"
          title="This configuration has no routes"
          actions={<LinkButton href={screenHref('config')}>Open the configuration</LinkButton>}
        >
          Routes belong to the HTTP connection manager of a filter chain; TCP listeners have none.
        </EmptyState>
      ) : groups.length === 0 ? (
        <EmptyState
          icon="filter"
          title={onlyNever && text === '' ? 'Every route was hit' : 'No route matches'}
          actions={
            <Button
              onClick={() => {
                setText('');
                setOnlyNever(false);
              }}
            >
              Show all {totals.routes}
            </Button>
          }
        />
      ) : (
        <RouteTable core={core} groups={groups} hits={totals.hits} />
      )}
    </>
  );
}

function ViewSwitch({ view }: { readonly view: 'table' | 'tester' }) {
  return (
    <Segmented
      small
      label="View"
      choices={[
        { value: 'table', label: 'Table' },
        { value: 'tester', label: 'Tester' },
      ]}
      value={view}
      onChange={(next) => navigate(next === 'table' ? screenHref('routes') : testerHref({}))}
    />
  );
}

function RouteTable(props: {
  readonly core: CoreState;
  readonly groups: ReturnType<typeof routeGroups>;
  readonly hits: number;
}) {
  const { core, groups, hits } = props;
  const clusters = new Set(core.clusters.map((cluster) => cluster.name));
  const { query } = useRoute();
  return (
    <div className={styles.body} data-pane>
      <table className={styles.table}>
        <caption className="visually-hidden">Routes by route table and virtual host</caption>
        <colgroup>
          <col style={{ width: 34 }} />
          <col style={{ width: '22%' }} />
          <col style={{ width: '30%' }} />
          <col />
          <col style={{ width: 78 }} />
          <col style={{ width: 128 }} />
          <col className="wide" style={{ width: 72 }} />
          <col style={{ width: 84 }} />
        </colgroup>
        <thead>
          <tr>
            <th scope="col" className={styles.right}>
              #
            </th>
            <th scope="col">Route</th>
            <th scope="col">Match</th>
            <th scope="col">Action</th>
            <th scope="col" className={styles.right}>
              Hits
            </th>
            <th scope="col">Share</th>
            <th scope="col" className={cx('wide', styles.right)}>
              Rate
            </th>
            <th scope="col">Line</th>
          </tr>
        </thead>
        <tbody>
          {groups.map(({ config, users, virtualHosts }) => (
            <Fragment key={config.name}>
              <tr className={styles.group}>
                <td colSpan={8}>
                  <span className="row">
                    <Icon name="routes" size={13} />
                    <b className="strong">{config.name}</b>
                    <span className="trunc">{users.join(', ')}</span>
                    <YamlLink source={config.source} />
                  </span>
                </td>
              </tr>
              {virtualHosts.map(({ virtualHost, routes }) => (
                <Fragment key={virtualHost.name}>
                  <tr className={cx(styles.group, styles.host)}>
                    <td colSpan={8} className={styles.indent}>
                      <span className="row">
                        <b className="strong">{virtualHost.name}</b>
                        <span className="mono trunc">{virtualHost.domains.join(' ')}</span>
                        <YamlLink source={virtualHost.source} />
                      </span>
                    </td>
                  </tr>
                  {routes.map((route) => (
                    <RouteRow
                      key={route.id}
                      route={route}
                      hits={hits}
                      clusters={clusters}
                      selected={query['sel'] === route.id}
                    />
                  ))}
                </Fragment>
              ))}
            </Fragment>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function RouteRow(props: {
  readonly route: RouteState;
  readonly hits: number;
  readonly clusters: ReadonlySet<string>;
  readonly selected: boolean;
}) {
  const { route, hits, clusters, selected } = props;
  const ticks = useMetrics((s) => s.ticks);
  const never = route.hits === 0;
  const share = hits === 0 ? 0 : route.hits / hits;
  const named = route.clusters.filter((cluster) => route.action.includes(cluster));
  return (
    <tr
      className={cx(never && styles.never)}
      aria-selected={selected}
      ref={selected ? keepInView : undefined}
      onClick={() => setQuery({ sel: selected ? null : route.id })}
    >
      <td className={cx(styles.right, 'dim')}>{route.index + 1}</td>
      <td>
        <span className="row">
          <span className={cx('trunc', styles.name)} title={route.name}>
            {route.name}
          </span>
          {never && <Tag tone="line">never hit</Tag>}
        </span>
      </td>
      <td className="mono sub">{route.match}</td>
      <td>
        {named.length === 0 ? (
          <span className="sub">{route.action}</span>
        ) : (
          <span title={route.action}>
            <span className={styles.arrow}>→</span>
            {named.map((cluster, i) => (
              <Fragment key={cluster}>
                {i > 0 && ', '}
                {clusters.has(cluster) ? (
                  <a href={clusterHref(cluster)}>{cluster}</a>
                ) : (
                  <span className="c-err" title="There is no cluster of this name">
                    {cluster}
                  </span>
                )}
              </Fragment>
            ))}
          </span>
        )}
      </td>
      <td className={styles.right}>
        {never ? (
          <span className="dim">0</span>
        ) : (
          <a href={trafficHref(`route:${filterValue(route.name)}`)} title="Show its requests">
            {formatCount(route.hits)}
          </a>
        )}
      </td>
      <td className="nowrap">
        {never ? (
          <span className="dim">–</span>
        ) : (
          <>
            <span className={styles.share}>
              <i style={{ width: `${share * 100}%` }} />
            </span>
            <span className="num sm">{formatShare(share)}</span>
          </>
        )}
      </td>
      <td className={cx('wide sub', styles.right)}>
        {formatRate(rate(ticks, (tick) => tick.routes[route.id] ?? 0))}
      </td>
      <td>
        <YamlLink source={route.source} />
      </td>
    </tr>
  );
}

function keepInView(row: HTMLTableRowElement | null): void {
  row?.scrollIntoView({ block: 'nearest' });
}
