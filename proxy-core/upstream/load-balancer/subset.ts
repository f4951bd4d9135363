import type { Counter, Gauge, Stats } from '../../base/stats.ts';
import { criteriaOf, criteriaText, mergeCriteria, type SubsetCriteria } from '../../base/subset-criteria.ts';
import type { Narrator } from '../../facade/decision.ts';
import type { LoadBalancingConfig, SubsetConfig, SubsetSelector } from '../cluster-config.ts';
import type { UpstreamHost } from '../host.ts';
import { assembleHostSet, type HostSet, type HostView, localityName } from '../host-set.ts';
import type { LoadBalancerContext } from '../types.ts';
import type { Balancer } from './balancer.ts';
import { fallbackList, groupByMetadata, hostMatches, mismatch } from './subset-metadata.ts';

export interface SubsetStats {
  readonly active: Pick<Gauge, 'set'>;
  readonly created: Pick<Counter, 'inc'>;
  readonly removed: Pick<Counter, 'inc'>;
  readonly selected: Pick<Counter, 'inc'>;
  readonly fallback: Pick<Counter, 'inc'>;
  readonly fallbackPanic: Pick<Counter, 'inc'>;
}

export function subsetStats(stats: Stats, prefix: string): SubsetStats {
  return {
    active: stats.gauge(`${prefix}lb_subsets_active`),
    created: stats.counter(`${prefix}lb_subsets_created`),
    removed: stats.counter(`${prefix}lb_subsets_removed`),
    selected: stats.counter(`${prefix}lb_subsets_selected`),
    fallback: stats.counter(`${prefix}lb_subsets_fallback`),
    fallbackPanic: stats.counter(`${prefix}lb_subsets_fallback_panic`),
  };
}

/** Some hosts of the cluster with a balancer of their own, made at its first pick. */
class Subset {
  private balancer: Balancer | null = null;
  private set: HostSet | null = null;

  constructor(
    public views: readonly HostView[],
    private readonly singleHost: boolean,
    private readonly owner: SubsetLoadBalancer,
  ) {}

  update(views: readonly HostView[]): void {
    const same = views.length === this.views.length && views.every((view, i) => view === this.views[i]);
    if (same) return;
    this.views = views;
    this.set = null;
  }

  get position(): number {
    return this.balancer?.lastPosition ?? 0;
  }

  choose(context: LoadBalancerContext): UpstreamHost | null {
    if (this.singleHost) return this.views[0]?.host ?? null;
    if (this.set === null || this.balancer === null) {
      this.set = this.owner.assemble(this.views);
      if (this.balancer === null) this.balancer = this.owner.balancerFor(this.set);
      else this.balancer.use(this.set);
    }
    return this.balancer.choose(context);
  }

  explain(context: LoadBalancerContext, position: number, narrator: Narrator): UpstreamHost | null {
    if (this.singleHost) {
      narrator.note('neutral', 'The subset is one host (`single_host_per_subset`).', null);
      return this.views[0]?.host ?? null;
    }
    const set = this.set ?? this.owner.assemble(this.views);
    const balancer = this.balancer ?? this.owner.balancerFor(set);
    return balancer.explain(set, context, position, narrator);
  }
}

/** The subsets of one host set. */
interface Subsets {
  readonly byText: ReadonlyMap<string, Subset>;
  readonly any: Subset;
  readonly byDefault: Subset;
}

/** Whether a pick is made or told. */
interface Run {
  readonly narrator: Narrator | null;
  readonly position: number;
}

const SILENT: Run = { narrator: null, position: -1 };

/** `lb_subset_config`: picks among the hosts whose metadata is what the route asks for (envoy SubsetLoadBalancer). */
export class SubsetLoadBalancer implements Balancer {
  private subsets: Subsets;
  private last: Subset | null = null;
  private readonly config: SubsetConfig;
  private readonly inner: LoadBalancingConfig;

  constructor(
    config: LoadBalancingConfig & { readonly subset: SubsetConfig },
    private current: HostSet,
    private readonly create: (set: HostSet, config: LoadBalancingConfig) => Balancer,
    private readonly stats: SubsetStats,
  ) {
    this.config = config.subset;
    this.inner = {
      ...config,
      subset: null,
      localityWeighted: config.localityWeighted && config.subset.localityWeightAware,
    };
    this.subsets = this.build(current, null);
  }

  get lastPosition(): number {
    return this.last?.position ?? 0;
  }

  use(set: HostSet): void {
    this.current = set;
    this.subsets = this.build(set, this.subsets);
  }

  assemble(views: readonly HostView[]): HostSet {
    const { id, madeAt } = this.current;
    return assembleHostSet(
      id,
      madeAt,
      views,
      this.inner,
      this.config.scaleLocalityWeight ? this.share : null,
    );
  }

  balancerFor(set: HostSet): Balancer {
    return this.create(set, this.inner);
  }

  choose(context: LoadBalancerContext): UpstreamHost | null {
    return this.decide(this.subsets, context, SILENT);
  }

  explain(
    set: HostSet,
    context: LoadBalancerContext,
    position: number,
    narrator: Narrator,
  ): UpstreamHost | null {
    const subsets = set === this.current ? this.subsets : this.build(set, null);
    return this.decide(subsets, context, { narrator, position });
  }

  leftOut(set: HostSet, context: LoadBalancerContext, view: HostView): string {
    const subsets = set === this.current ? this.subsets : this.build(set, null);
    const criteria = context.criteria ?? null;
    if (criteria === null || subsets.byText.get(criteria.text) === undefined) {
      return this.config.fallback === 'DEFAULT_SUBSET' && !subsets.byDefault.views.includes(view)
        ? 'not in the default subset'
        : '';
    }
    return mismatch(view.host, criteria, this.config.listAsAny);
  }

  private decide(subsets: Subsets, context: LoadBalancerContext, run: Run): UpstreamHost | null {
    const criteria = context.criteria ?? null;
    if (!this.config.fallbackList || criteria === null) return this.iterate(subsets, criteria, context, run);
    const { list, rest } = fallbackList(criteria);
    if (list === null || list.length === 0) return this.iterate(subsets, rest, context, run);
    for (const more of list) {
      const host = this.iterate(subsets, mergeCriteria(rest, more), context, run);
      if (host !== null) return host;
    }
    return null;
  }

  private iterate(
    subsets: Subsets,
    criteria: SubsetCriteria | null,
    context: LoadBalancerContext,
    run: Run,
  ): UpstreamHost | null {
    const { narrator } = run;
    if (criteria !== null) {
      const subset = subsets.byText.get(criteria.text);
      if (subset !== undefined) {
        if (narrator === null) this.stats.selected.inc();
        narrator?.note(
          'neutral',
          `Subset ${criteriaText(criteria.entries)}: ${subset.views.length} of ${subsets.any.views.length} hosts.`,
          null,
        );
        return this.pick(subset, context, run);
      }
      const selector = this.selectorOf(criteria);
      narrator?.note('neutral', this.noSubset(criteria, selector), null);
      if (selector !== null && selector.fallback !== 'NOT_DEFINED') {
        return this.bySelector(subsets, selector, criteria, context, run);
      }
    } else {
      narrator?.note('neutral', 'The route asks for no subset.', null);
    }
    return this.fallBack(subsets, context, run);
  }

  private bySelector(
    subsets: Subsets,
    selector: SubsetSelector,
    criteria: SubsetCriteria,
    context: LoadBalancerContext,
    run: Run,
  ): UpstreamHost | null {
    run.narrator?.note('neutral', `The selector's fallback policy is ${selector.fallback}.`, null);
    switch (selector.fallback) {
      case 'ANY_ENDPOINT':
        return this.pick(subsets.any, context, run);
      case 'DEFAULT_SUBSET':
        return this.pick(subsets.byDefault, context, run);
      case 'KEYS_SUBSET': {
        const kept = criteria.entries.filter(({ key }) => selector.fallbackKeys.includes(key));
        return this.iterate(subsets, criteriaOf(kept), context, run);
      }
      default:
        return null;
    }
  }

  private fallBack(subsets: Subsets, context: LoadBalancerContext, run: Run): UpstreamHost | null {
    const { fallback, panicModeAny } = this.config;
    run.narrator?.note('neutral', `The fallback policy is ${fallback}.`, null);
    if (fallback === 'NO_FALLBACK') return null;
    const host = this.pick(fallback === 'ANY_ENDPOINT' ? subsets.any : subsets.byDefault, context, run);
    if (host !== null) {
      if (run.narrator === null) this.stats.fallback.inc();
      return host;
    }
    if (!panicModeAny) return null;
    run.narrator?.note('bad', 'It has no host: `panic_mode_any` takes any host of the cluster.', null);
    const any = this.pick(subsets.any, context, run);
    if (any !== null && run.narrator === null) this.stats.fallbackPanic.inc();
    return any;
  }

  private pick(subset: Subset, context: LoadBalancerContext, run: Run): UpstreamHost | null {
    if (run.narrator !== null) return subset.explain(context, run.position, run.narrator);
    this.last = subset;
    return subset.choose(context);
  }

  private selectorOf(criteria: SubsetCriteria): SubsetSelector | null {
    const keys = criteria.entries.map(({ key }) => key);
    const same = (selector: SubsetSelector): boolean =>
      selector.keys.length === keys.length && selector.keys.every((key, i) => key === keys[i]);
    return this.config.selectors.find(same) ?? null;
  }

  private noSubset(criteria: SubsetCriteria, selector: SubsetSelector | null): string {
    const wanted = criteriaText(criteria.entries);
    if (selector !== null) return `No host has ${wanted}: the subset is empty.`;
    const known = this.config.selectors.map(({ keys }) => `[${keys.join(', ')}]`).join(', ');
    return `No selector has just the keys of ${wanted}; the selectors are ${known === '' ? 'none' : known}.`;
  }

  /** Subsets of a set; those of `before` go on living where they still have hosts. */
  private build(set: HostSet, before: Subsets | null): Subsets {
    const views = set.priorities.flatMap((p) => p.views);
    const live = before !== null || this.subsets === undefined;
    const byText = new Map<string, Subset>();
    for (const selector of this.config.selectors) {
      for (const [text, group] of groupByMetadata(views, selector.keys, this.config.listAsAny)) {
        if (byText.has(text)) continue;
        const kept = before?.byText.get(text);
        if (kept === undefined && live) this.stats.created.inc();
        kept?.update(group);
        byText.set(text, kept ?? new Subset(group, selector.singleHost, this));
      }
    }
    if (live) {
      for (const text of before?.byText.keys() ?? []) if (!byText.has(text)) this.stats.removed.inc();
      this.stats.active.set(byText.size);
    }
    const wanted = this.config.defaultSubset;
    const matching =
      wanted === null ? views : views.filter(({ host }) => hostMatches(host, wanted, this.config.listAsAny));
    const renew = (old: Subset | undefined, group: readonly HostView[]): Subset => {
      old?.update(group);
      return old ?? new Subset(group, false, this);
    };
    return { byText, any: renew(before?.any, views), byDefault: renew(before?.byDefault, matching) };
  }

  /** `scale_locality_weight`: the share of a locality's hosts that is in the subset. */
  private readonly share = (locality: string, hosts: number): number => {
    let all = 0;
    for (const priority of this.current.priorities) {
      for (const { host } of priority.views) if (localityName(host.locality) === locality) all++;
    }
    return all === 0 ? 0 : hosts / all;
  };
}
