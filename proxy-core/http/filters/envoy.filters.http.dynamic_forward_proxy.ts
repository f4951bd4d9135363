import { headerValue } from '../../base/headers.ts';
import { addFlag, type RequestHead } from '../../base/stream-info.ts';
import { compileDnsCache } from '../../upstream/index.ts';
import type { DynamicHosts } from '../../upstream/types.ts';
import type { FilterCallbacks, HeadStatus, HttpFilter } from '../filter.ts';
import type { HttpFilterExtension } from './extension.ts';

/** `PerRouteConfig`: where the request goes in place of its own authority. */
interface HostRewrite {
  readonly literal: string;
  /** In lower case; empty = none. */
  readonly header: string;
}

function rewritten(head: RequestHead, rewrite: HostRewrite | undefined): string {
  if (rewrite === undefined) return head.authority;
  if (rewrite.literal !== '') return rewrite.literal;
  return (rewrite.header === '' ? undefined : headerValue(head.headers, rewrite.header)) ?? head.authority;
}

/** Holds a request until the DNS cache of its cluster knows the host that it names (Envoy: ProxyFilter). */
class DynamicForwardProxyFilter implements HttpFilter {
  private waitingFor: { readonly hosts: DynamicHosts; readonly host: string } | null = null;
  private readonly ready = (): void => this.onReady();

  constructor(private readonly callbacks: FilterCallbacks) {}

  decodeHead(head: RequestHead): HeadStatus {
    // Other clusters resolve for themselves.
    const { cluster, info } = this.callbacks;
    const hosts = cluster?.dynamicHosts ?? null;
    if (cluster === null || hosts === null) return 'continue';
    // Also answers of this filter speak of the cluster.
    info.clusterName = cluster.config.name;
    info.clusterStatName = cluster.config.statName;
    head.authority = rewritten(head, this.callbacks.perRouteConfig() as HostRewrite | undefined);
    const host = head.authority;
    switch (hosts.load(host, this.ready)) {
      case 'in-cache':
        return this.failed(hosts, host) ? 'stop-all' : 'continue';
      case 'loading':
        this.waitingFor = { hosts, host };
        return 'stop-all';
      case 'overflow':
        this.refuse('DNS cache overflow', 'dns_cache_overflow');
        return 'stop-all';
      case 'pending-overflow':
        addFlag(info, 'UO');
        cluster.stats.upstreamRqPendingOverflow.inc();
        this.refuse(
          'Dynamic forward proxy pending request overflow',
          'dynamic_forward_proxy_pending_request_overflow',
        );
        return 'stop-all';
    }
  }

  private onReady(): void {
    const waiting = this.waitingFor;
    this.waitingFor = null;
    if (waiting === null || this.failed(waiting.hosts, waiting.host)) return;
    this.callbacks.continueDecoding();
  }

  private failed(hosts: DynamicHosts, host: string): boolean {
    const reason = hosts.failure(host);
    if (reason === '') return false;
    this.callbacks.sendLocalReply(
      503,
      'DNS resolution failure',
      'DF',
      `dns_resolution_failure{${reason.replaceAll(' ', '_')}}`,
    );
    return true;
  }

  private refuse(body: string, details: string): void {
    this.callbacks.sendLocalReply(503, body, null, details);
  }

  onDestroy(): void {
    if (this.waitingFor !== null) this.waitingFor.hosts.cancel(this.waitingFor.host, this.ready);
  }
}

/** `envoy.filters.http.dynamic_forward_proxy`: requests go where their authority says. */
export const DYNAMIC_FORWARD_PROXY: HttpFilterExtension = {
  type: 'envoy.extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig',
  routeTypes: ['envoy.extensions.filters.http.dynamic_forward_proxy.v3.PerRouteConfig'],
  compileRoute: (config): HostRewrite => ({
    literal: config.string('host_rewrite_literal') ?? '',
    header: (config.string('host_rewrite_header') ?? '').toLowerCase(),
  }),
  compile(name, config) {
    const cache = config.message('dns_cache_config');
    if (cache !== undefined) compileDnsCache(cache);
    return {
      name,
      source: config.range,
      create: (callbacks) => new DynamicForwardProxyFilter(callbacks),
      explain(question, narrator) {
        const host = rewritten(question.head, question.routeConfigs()[0] as HostRewrite | undefined);
        narrator.note(
          'neutral',
          `Dynamic forward proxy: \`${host}\` is resolved when the cluster is one of its kind`,
          config.range,
        );
        return null;
      },
    };
  },
};
