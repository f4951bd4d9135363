import { headerValue, removeHeader } from '../../base/headers.ts';
import type { Counter, Histogram, Stats } from '../../base/stats.ts';
import type { RequestHead, StreamInfo } from '../../base/stream-info.ts';
import type { Route } from '../../route/types.ts';
import { virtualClusterOf } from '../../route/virtual-cluster.ts';
import { ResponseCounters } from '../../upstream/response-counters.ts';

/** What is counted of requests beside the cluster: under a virtual cluster, or under the `stat_prefix` of a route. */
export interface RequestStats {
  readonly rqTotal: Counter;
  readonly rqTimeout: Counter;
  readonly rqRetry: Counter;
  readonly rqRetrySuccess: Counter;
  readonly rqRetryLimitExceeded: Counter;
  readonly rqRetryOverflow: Counter;
  readonly responses: ResponseCounters;
  readonly rqTime: () => Histogram;
}

function requestStats(stats: Stats, prefix: string): RequestStats {
  const counter = (name: string): Counter => stats.counter(prefix + name);
  let time: Histogram | null = null;
  return {
    rqTotal: counter('upstream_rq_total'),
    rqTimeout: counter('upstream_rq_timeout'),
    rqRetry: counter('upstream_rq_retry'),
    rqRetrySuccess: counter('upstream_rq_retry_success'),
    rqRetryLimitExceeded: counter('upstream_rq_retry_limit_exceeded'),
    rqRetryOverflow: counter('upstream_rq_retry_overflow'),
    responses: new ResponseCounters(stats, prefix, null),
    rqTime: () => {
      time ??= stats.histogram(`${prefix}upstream_rq_time`);
      return time;
    },
  };
}

/** By prefix; one table per store. */
const tables = new WeakMap<Stats, Map<string, RequestStats>>();

function statsAt(stats: Stats, prefix: string): RequestStats {
  let table = tables.get(stats);
  if (table === undefined) {
    table = new Map();
    tables.set(stats, table);
  }
  let found = table.get(prefix);
  if (found === undefined) {
    found = requestStats(stats, prefix);
    table.set(prefix, found);
  }
  return found;
}

const NONE: readonly RequestStats[] = [];

/** The virtual cluster and the route under whose names a request is counted; mostly none. */
export function requestStatsOf(
  stats: Stats,
  route: Route,
  head: RequestHead,
  info: StreamInfo,
): readonly RequestStats[] {
  const { virtualHost, statPrefix } = route;
  if (virtualHost.virtualClusters.length === 0 && statPrefix === '') return NONE;
  const found: RequestStats[] = [];
  const name = virtualClusterOf(virtualHost, head);
  if (name !== null) {
    if (virtualHost.virtualClusters.some((each) => each.name === name)) info.virtualClusterName = name;
    found.push(statsAt(stats, `vhost.${virtualHost.name}.vcluster.${name}.`));
  }
  if (statPrefix !== '') found.push(statsAt(stats, `vhost.${virtualHost.name}.route.${statPrefix}.`));
  return found;
}

const ALT_NAME = 'x-envoy-upstream-alt-stat-name';

/** `cluster.<cluster>.<name>.*`: answers counted once more, under the name that an internal request asks for. */
export class AltStats {
  private readonly all: ResponseCounters;
  private readonly origin: ResponseCounters;

  constructor(
    private readonly stats: Stats,
    private readonly prefix: string,
    private readonly originPrefix: string,
  ) {
    this.all = new ResponseCounters(stats, prefix, null);
    this.origin = new ResponseCounters(stats, originPrefix, null);
  }

  charge(status: number): void {
    this.all.charge(status);
    this.origin.charge(status);
  }

  chargeTime(milliseconds: number): void {
    this.stats.histogram(`${this.prefix}upstream_rq_time`).record(milliseconds);
    this.stats.histogram(`${this.originPrefix}upstream_rq_time`).record(milliseconds);
  }
}

/** Reads the header and takes it off; null without it. It only survives until here on internal requests. */
export function takeAltStats(stats: Stats, clusterStatName: string, head: RequestHead): AltStats | null {
  const name = headerValue(head.headers, ALT_NAME);
  if (name === undefined) return null;
  removeHeader(head.headers, ALT_NAME);
  if (name === '') return null;
  const prefix = `cluster.${clusterStatName}.${name}.`;
  return new AltStats(stats, prefix, `${prefix}internal.`);
}
