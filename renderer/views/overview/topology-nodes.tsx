import type {
  ClusterState,
  CoreState,
  FilterChainState,
  HostState,
  ListenerState,
  MetricsTick,
  VirtualHostState,
} from '../../../proxy-core/index.ts';
import { cx } from '../../components/cx.ts';
import { Dot, HostGlyph } from '../../components/glyphs.tsx';
import { Icon } from '../../components/icon.tsx';
import { Sparkline } from '../../components/sparkline.tsx';
import { useNow } from '../../components/use-now.ts';
import {
  formatCount,
  formatCountdown,
  formatDuration,
  formatRate,
  NARROW_SPACE,
  plural,
  secondsLeft,
} from '../../state/format.ts';
import { clusterHref, configHref, formatRoute, screenHref } from '../../state/router.ts';
import { type ClusterFigures, lastTicks } from '../../state/series.ts';
import styles from './topology.module.css';
import { chainKey, severityOf, type TopologyFigures } from './topology-figures.ts';
import {
  type Box,
  type ChainBox,
  nodeId,
  type TopologyLayout,
  type VirtualHostBox,
} from './topology-layout.ts';

interface NodesProps {
  readonly core: CoreState;
  readonly layout: TopologyLayout;
  readonly figures: TopologyFigures;
  readonly ticks: readonly MetricsTick[];
  readonly selected: string | null;
  readonly live: boolean;
}

/** The boxes, in reading order: listeners, filter chains, virtual hosts, clusters, hosts. */
export function Nodes({ core, layout, figures, ticks, selected, live }: NodesProps) {
  const listeners = new Map(core.listeners.map((l) => [l.name, l]));
  const virtualHosts = new Map(
    core.routeConfigs.flatMap((c) => c.virtualHosts.map((v) => [`${c.name}\n${v.name}`, v])),
  );
  const clusters = new Map(core.clusters.map((c) => [c.name, c]));
  const roomy = layout.width > 1000;
  return (
    <>
      {layout.listeners.map((box) => {
        const listener = listeners.get(box.name);
        return (
          listener && (
            <ListenerNode
              key={box.name}
              box={box}
              listener={listener}
              rate={live ? (figures.listeners.get(box.name) ?? 0) : null}
            />
          )
        );
      })}
      {layout.chains.map((box) => {
        const chain = listeners.get(box.listener)?.filterChains[box.index];
        return chain && <ChainNode key={chainKey(box.listener, box.index)} box={box} chain={chain} />;
      })}
      {layout.virtualHosts.map((box) => {
        const virtualHost = virtualHosts.get(`${box.routeConfig}\n${box.name}`);
        return (
          virtualHost && (
            <VirtualHostNode
              key={`${box.routeConfig}\n${box.name}`}
              box={box}
              virtualHost={virtualHost}
              rates={figures.routes}
              live={live}
            />
          )
        );
      })}
      {layout.clusters.map((box) => {
        const cluster = clusters.get(box.name);
        const own = figures.clusters.get(box.name);
        return (
          cluster &&
          own && (
            <ClusterNode
              key={box.name}
              box={box}
              cluster={cluster}
              figures={own}
              ticks={ticks}
              selected={selected === box.name}
              live={live}
            />
          )
        );
      })}
      {layout.hosts.map((box) => {
        const host = clusters.get(box.cluster)?.hosts.find((h) => h.address === box.address);
        return (
          host && (
            <HostNode
              key={`${box.cluster}\n${box.address}`}
              box={box}
              cluster={box.cluster}
              host={host}
              rate={live ? (figures.clusters.get(box.cluster)?.hostRates.get(box.address) ?? 0) : null}
              roomy={roomy}
            />
          )
        );
      })}
      {layout.moreHosts.map((box) => (
        <a
          key={box.cluster}
          className={cx(styles.node, styles.host)}
          style={place(box)}
          href={clusterHref(box.cluster)}
          data-node={nodeId('more', box.cluster)}
          data-column="host"
        >
          <span className="sub xs">{plural(box.count, 'more host')}</span>
        </a>
      ))}
    </>
  );
}

function place(box: Box): React.CSSProperties {
  return { left: box.x, top: box.y, width: box.width, height: box.height };
}

function ListenerNode(props: {
  readonly box: Box;
  readonly listener: ListenerState;
  readonly rate: number | null;
}) {
  const { box, listener, rate } = props;
  const kinds = new Set(
    listener.filterChains.map((c) => (c.kind === 'http' ? (c.tls ? 'TLS' : 'HTTP') : 'TCP')),
  );
  const down = listener.status === 'failed';
  return (
    <a
      className={cx(styles.node, styles.listener, down && styles.down)}
      style={place(box)}
      href={configHref(listener.source.line)}
      title={listener.error === '' ? `${listener.name} ${listener.address}` : listener.error}
      data-node={nodeId('listener', listener.name)}
      data-column="listener"
    >
      <b className="trunc">{listener.name}</b>
      <span className="mono xs sub">{listener.address}</span>
      <span className="row spread xs sub num">
        {down ? (
          <span className={cx('row c-err', styles.tight)}>
            <Icon name="error" size={12} />
            {/in use/i.test(listener.error) ? 'port in use' : 'down'}
          </span>
        ) : (
          <span className={cx('row', styles.tight)}>
            <Dot small />
            {[...kinds].join(', ')}, {formatCount(listener.activeConnections)} cx
          </span>
        )}
        {rate !== null && kinds.has('TCP') && kinds.size === 1 ? null : (
          <span>{rate === null ? '' : formatRate(rate)}</span>
        )}
      </span>
    </a>
  );
}

function ChainNode(props: { readonly box: ChainBox; readonly chain: FilterChainState }) {
  const { box, chain } = props;
  const match = chain.match.replace(/^sni /, '');
  return (
    <a
      className={cx(styles.node, styles.chain)}
      style={place(box)}
      href={configHref(chain.source.line)}
      title={`${chain.name === '' ? 'Filter chain without a name' : chain.name}: ${chain.match}\n${chain.httpFilters.join('\n')}`}
      data-node={nodeId('chain', box.listener, String(box.index))}
      data-column="chain"
    >
      <b className="trunc">{chain.name === '' ? match : chain.name}</b>
      <span className="xs dim trunc">{chain.name === '' ? 'no name' : match}</span>
    </a>
  );
}

function VirtualHostNode(props: {
  readonly box: VirtualHostBox;
  readonly virtualHost: VirtualHostState;
  readonly rates: ReadonlyMap<string, number>;
  readonly live: boolean;
}) {
  const { box, virtualHost, rates, live } = props;
  return (
    <div className={styles.node} style={place(box)}>
      <span className={styles.virtualHostHead}>
        <b className="trunc">{virtualHost.name}</b>
        <span className="xs dim trunc">{virtualHost.domains.join('  ')}</span>
      </span>
      {virtualHost.routes.slice(0, box.rows.length).map((route, i) => {
        const perSecond = rates.get(route.id) ?? 0;
        const never = route.hits === 0 && perSecond === 0;
        return (
          <a
            key={route.id}
            className={cx(styles.route, live && never && styles.never)}
            href={formatRoute({ screen: 'routes', rest: [], query: { sel: route.id } })}
            title={`${route.match}\n${route.action}`}
            data-node={
              i === 0
                ? `first|${nodeId('virtual-host', box.routeConfig, box.name)}`
                : nodeId('route', route.id)
            }
            data-column="route"
          >
            <span className="trunc">{route.name}</span>
            {live && <span className="num xs">{never ? 'never hit' : formatRate(perSecond)}</span>}
          </a>
        );
      })}
      {box.hidden > 0 && (
        <a
          className={styles.route}
          href={screenHref('routes')}
          data-column="route"
          data-node={nodeId('more-routes', box.name)}
        >
          <span className="sub">{plural(box.hidden, 'more route')}</span>
        </a>
      )}
    </div>
  );
}

function ClusterNode(props: {
  readonly box: Box;
  readonly cluster: ClusterState;
  readonly figures: ClusterFigures;
  readonly ticks: readonly MetricsTick[];
  readonly selected: boolean;
  readonly live: boolean;
}) {
  const { box, cluster, figures, ticks, selected, live } = props;
  const up = cluster.hosts.filter((h) => h.health === 'healthy' || h.health === 'degraded').length;
  const ejected = cluster.hosts.some((h) => h.health === 'ejected');
  const severity = live ? severityOf(figures.errorShare) : 'fine';
  const mark = ejected
    ? styles.eject
    : severity === 'err'
      ? styles.err
      : severity === 'warn'
        ? styles.warn
        : null;
  const trend = lastTicks(ticks, 60).map((tick) => tick.clusters[cluster.name]?.p99 ?? null);
  return (
    <a
      className={cx(styles.node, styles.cluster, mark, selected && styles.selected)}
      style={place(box)}
      href={formatRoute({ screen: 'overview', rest: [], query: { sel: cluster.name } })}
      title={cluster.name}
      aria-current={selected ? 'true' : undefined}
      data-node={nodeId('cluster', cluster.name)}
      data-column="cluster"
    >
      <span className="row spread">
        <b className="trunc">{cluster.name}</b>
        <span
          className={cx('xs num nowrap', ejected ? 'c-eject' : up < cluster.hosts.length ? 'c-warn' : 'dim')}
        >
          {up}/{cluster.hosts.length} up
        </span>
      </span>
      {live ? (
        <span className="row spread xs sub num">
          <span>{formatRate(figures.rate)}</span>
          {figures.p99 === null ? (
            <span className="dim">no requests</span>
          ) : (
            <span className={cx('row', styles.tight)}>
              p99 {formatDuration(figures.p99)}
              <Sparkline values={trend} color={severity === 'err' ? 'var(--err-mark)' : 'var(--ch-p90)'} />
            </span>
          )}
        </span>
      ) : (
        <span className="xs sub trunc">
          {cluster.type} · {cluster.lbPolicy}
        </span>
      )}
    </a>
  );
}

function HostNode(props: {
  readonly box: Box;
  readonly cluster: string;
  readonly host: HostState;
  readonly rate: number | null;
  readonly roomy: boolean;
}) {
  const { box, cluster, host, rate, roomy } = props;
  const now = useNow();
  const ejected = host.health === 'ejected';
  const short = roomy ? host.address : host.address.replace(/^.*(:\d+)$/, '$1');
  const left = roomy
    ? formatCountdown(host.ejectedUntil, now)
    : `${secondsLeft(host.ejectedUntil, now)}${NARROW_SPACE}s`;
  const due = ejected && host.ejectedUntil <= now;
  return (
    <a
      className={cx(styles.node, styles.host, ejected && styles.ejected)}
      style={place(box)}
      href={clusterHref(cluster)}
      title={`${host.address} ${host.healthFlags}`}
      data-node={nodeId('host', cluster, host.address)}
      data-column="host"
    >
      <HostGlyph health={host.health} size={10} />
      <span className="mono trunc">{short}</span>
      <span className={cx('num xs nowrap', ejected ? 'c-eject strong' : 'sub')}>
        {ejected
          ? host.ejectedManually
            ? 'by hand'
            : due
              ? 'next sweep'
              : left
          : host.health === 'healthy'
            ? rate === null
              ? ''
              : formatRate(rate)
            : host.health}
      </span>
    </a>
  );
}
