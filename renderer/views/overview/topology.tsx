import { type KeyboardEvent, useMemo } from 'react';
import type { CoreState } from '../../../proxy-core/index.ts';
import { cx } from '../../components/cx.ts';
import { StatusGlyph } from '../../components/glyphs.tsx';
import { useSize } from '../../components/use-now.ts';
import { formatShare } from '../../state/format.ts';
import { hostHistory, useCore, useMetrics } from '../../state/stores.ts';
import styles from './topology.module.css';
import { type HostErrors, RED_SHARE, type TopologyFigures, topologyFigures } from './topology-figures.ts';
import { type Edge, edgeNodes, layOutTopology, type TopologyLayout, topologyKey } from './topology-layout.ts';
import { Nodes } from './topology-nodes.tsx';

export interface TopologyProps {
  readonly selected: string | null;
  /** False: the configuration alone, without rates. */
  readonly live: boolean;
}

/** Listener → filter chain → virtual host with routes → cluster → host; in the document in this order too. */
export function Topology({ selected, live }: TopologyProps) {
  const core = useCore((s) => s.core);
  const ticks = useMetrics((s) => s.ticks);
  const [ref, size] = useSize();
  const key = core === null ? '' : topologyKey(core);
  // biome-ignore lint/correctness/useExhaustiveDependencies: laid out anew only when the structure (key) changes
  const layout = useMemo(
    () => (core === null || size.width < 200 ? null : layOutTopology(core, size.width, size.height)),
    [key, size],
  );
  const figures = useMemo(
    () => (core === null ? null : topologyFigures(core, live ? ticks : [], hostErrorsOf(core))),
    [core, ticks, live],
  );
  return (
    <section ref={ref} className={styles.topology} aria-label="Topology" data-pane>
      {core !== null && layout !== null && figures !== null && (
        // biome-ignore lint/a11y/noStaticElementInteractions: arrow keys move between the links inside
        <div
          className={styles.canvas}
          style={{ width: layout.width, height: layout.height }}
          onKeyDown={(event) => followEdges(event, layout)}
        >
          <Edges layout={layout} figures={figures} selected={selected} live={live} />
          {layout.columns.map((column) => (
            <h2 key={column.title} className={styles.column} style={{ left: column.x }}>
              {column.title}
            </h2>
          ))}
          <Nodes
            core={core}
            layout={layout}
            figures={figures}
            ticks={ticks}
            selected={selected}
            live={live}
          />
          {live && <WorstEdge layout={layout} figures={figures} core={core} />}
        </div>
      )}
    </section>
  );
}

function hostErrorsOf(core: CoreState): HostErrors {
  const clusters = new Map(core.clusters.map((cluster) => [cluster.name, cluster]));
  return (cluster, address) => {
    const host = clusters.get(cluster)?.hosts.find((h) => h.address === address);
    return host === undefined ? null : hostHistory.errorShare(cluster, host);
  };
}

/** ← → go along an edge, ↑ ↓ to the neighbour in the column. */
function followEdges(event: KeyboardEvent<HTMLDivElement>, layout: TopologyLayout): void {
  const from = event.target instanceof HTMLElement ? event.target.closest<HTMLElement>('[data-node]') : null;
  const id = from?.dataset['node'];
  if (from === null || id === undefined) return;
  const find = (node: string) =>
    event.currentTarget.querySelector<HTMLElement>(`[data-node="${CSS.escape(node)}"]`);
  let target: HTMLElement | null = null;
  if (event.key === 'ArrowRight' || event.key === 'ArrowLeft') {
    const [here, there] = event.key === 'ArrowRight' ? ([0, 1] as const) : ([1, 0] as const);
    const node = layout.edges.map((edge) => edgeNodes(edge.ends)).find((nodes) => nodes[here] === id)?.[
      there
    ];
    // A virtual host has no focus of its own: its first route stands for it.
    if (node !== undefined) target = find(node) ?? find(`first|${node}`);
  } else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
    const column = from.dataset['column'];
    const all = [...event.currentTarget.querySelectorAll<HTMLElement>(`[data-column="${column}"]`)];
    target = all[all.indexOf(from) + (event.key === 'ArrowDown' ? 1 : -1)] ?? null;
  }
  if (target === null) return;
  event.preventDefault();
  target.focus();
}

function curve({ x1, y1, x2, y2 }: Edge): string {
  const bend = Math.max(20, (x2 - x1) * 0.5);
  return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
}

function Edges(props: {
  readonly layout: TopologyLayout;
  readonly figures: TopologyFigures;
  readonly selected: string | null;
  readonly live: boolean;
}) {
  const { layout, figures, selected, live } = props;
  const drawn = layout.edges.map((edge) => {
    const { rate, severity, state } = figures.edge(edge.ends);
    const on = 'cluster' in edge.ends && edge.ends.cluster === selected;
    const look = !live
      ? null
      : state === 'gone'
        ? styles.goneEdge
        : state === 'never'
          ? styles.neverEdge
          : severity === 'fine'
            ? null
            : severity === 'warn'
              ? styles.warnEdge
              : styles.errEdge;
    const order = severity === 'err' ? 2 : severity === 'warn' ? 1 : 0;
    return {
      edge,
      width: live ? figures.width(rate) : 1.5,
      className: cx(styles.edge, look, on && styles.on),
      order,
    };
  });
  drawn.sort((a, b) => a.order - b.order);
  return (
    <svg className={styles.edges} width={layout.width} height={layout.height} aria-hidden="true">
      {drawn.map(({ edge, width, className }) => (
        <path
          key={edgeNodes(edge.ends).join('>')}
          className={className}
          d={curve(edge)}
          strokeWidth={width.toFixed(1)}
        />
      ))}
    </svg>
  );
}

/** The edge that carries most of the worst cluster's failures is labelled with their share. */
function WorstEdge(props: {
  readonly layout: TopologyLayout;
  readonly figures: TopologyFigures;
  readonly core: CoreState;
}) {
  const { layout, figures, core } = props;
  const worst = core.clusters
    .map((cluster) => ({ name: cluster.name, figures: figures.clusters.get(cluster.name) }))
    .filter((c) => (c.figures?.errorShare ?? 0) >= RED_SHARE && (c.figures?.rate ?? 0) > 0)
    .sort((a, b) => (b.figures?.rate ?? 0) - (a.figures?.rate ?? 0))[0];
  if (worst === undefined) return null;
  const edge = layout.edges
    .filter(({ ends }) => ends.kind === 'route-cluster' && ends.cluster === worst.name)
    .sort((a, b) => figures.edge(b.ends).rate - figures.edge(a.ends).rate)[0];
  if (edge === undefined) return null;
  return (
    <span
      className={styles.edgeLabel}
      style={{ left: (edge.x1 + edge.x2) / 2, top: (edge.y1 + edge.y2) / 2 }}
    >
      <StatusGlyph status={500} size={9} /> {formatShare(worst.figures?.errorShare)}
    </span>
  );
}
