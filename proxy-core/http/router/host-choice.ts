import type { Random } from '../../base/random.ts';
import type { OverrideHost, PickCircumstances, RequestHead, StreamInfo } from '../../base/stream-info.ts';
import { mergeCriteria, type SubsetCriteria, subsetCriteria } from '../../base/subset-criteria.ts';
import { selectCluster } from '../../route/cluster-choice.ts';
import type { RetryPriority } from '../../route/retry-policy.ts';
import type { ClusterAction, ClusterChoice, Route, RouteInput } from '../../route/types.ts';
import type { Cluster, ClusterManager, Host, LoadBalancerContext } from '../../upstream/types.ts';
import { PreviousPriorities } from './previous-priorities.ts';
import type { RetryState } from './retry-state.ts';

/** The namespace of metadata that speaks of load balancing. */
const NAMESPACE = 'envoy.lb';

/** How hosts are picked for one request: what load balancers may look at, over all of its tries. */
export class HostChoice implements LoadBalancerContext {
  random: number;
  attempt = 0;
  overrideHost: OverrideHost | null = null;
  priorities: PreviousPriorities | null = null;
  /** Of the last pick, for its record. */
  circumstances: PickCircumstances | null = null;

  constructor(
    readonly info: StreamInfo,
    readonly head: RequestHead | null,
    readonly criteria: SubsetCriteria | null,
    readonly hash: bigint | null,
    private readonly draws: Random,
  ) {
    this.random = info.random;
  }

  /** @param retry The retries of the request, for a try after the first; null otherwise. */
  pick(cluster: Cluster, retry: RetryState | null): Host | null {
    const { attempts } = this.info;
    this.attempt = attempts.length;
    // A retry goes where the load balancer says (envoy Router::Filter::overrideHostToSelect).
    this.overrideHost = this.attempt === 0 ? (this.info.overrideHost ?? null) : null;
    if (this.attempt > 0) this.random = this.draws.next();
    let host = cluster.choose(this);
    let refused: string[] | null = null;
    if (retry !== null) {
      let more = retry.hostSelections;
      while (host !== null && more-- > 0 && retry.refuses(host, attempts)) {
        refused ??= [];
        refused.push(host.address);
        this.random = this.draws.next();
        host = cluster.choose(this);
      }
    }
    this.noteCircumstances(refused);
    return this.noteTry(host);
  }

  /** Retries avoid the priorities that were tried, from the first try on. */
  avoidPriorities(policy: RetryPriority): void {
    this.priorities = new PreviousPriorities(policy.updateFrequency);
  }

  private noteCircumstances(refused: readonly string[] | null): void {
    const { overrideHost: override, priorities } = this;
    const avoided = priorities !== null && priorities.excluded.size > 0;
    if (override === null && refused === null && !avoided) {
      this.circumstances = null;
      return;
    }
    this.circumstances = {
      override,
      refused: refused ?? [],
      priorities: avoided ? [...priorities.excluded].sort((a, b) => a - b) : [],
    };
  }

  private noteTry(host: Host | null): Host | null {
    if (host !== null) this.priorities?.onTry(host.priority);
    return host;
  }
}

/** `metadata_match` of the route and the weighted cluster, and over it what filters wrote under `envoy.lb`. */
export function criteriaFor(
  action: ClusterAction,
  choice: ClusterChoice,
  info: StreamInfo,
): SubsetCriteria | null {
  const configured = choice.metadataMatch ?? action.metadataMatch;
  const written = info.dynamicMetadata?.get(NAMESPACE);
  return written === undefined ? configured : mergeCriteria(configured, subsetCriteria(written));
}

/** The cluster that a route sends a request to; null when it names none that exists. */
export function routedCluster(
  route: Route | null,
  input: RouteInput | null,
  clusters: ClusterManager,
): Cluster | null {
  if (route === null || input === null) return null;
  const choice = selectCluster(route, input, null);
  return choice === null ? null : (clusters.get(choice.cluster) ?? null);
}
