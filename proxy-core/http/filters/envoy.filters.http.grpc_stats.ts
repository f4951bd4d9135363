import { isGrpcContentType } from '../../base/grpc.ts';
import { type HeaderList, headerValue } from '../../base/headers.ts';
import type { Stats } from '../../base/stats.ts';
import type { RequestHead, ResponseHead } from '../../base/stream-info.ts';
import type { MessageReader } from '../../config/reader.ts';
import type { BodyStatus, FilterCallbacks, HeadStatus, HttpFilter, TrailersStatus } from '../filter.ts';
import type { HttpFilterExtension } from './extension.ts';
import { GrpcFrameCounter } from './grpc-frames.ts';

interface GrpcStatsSettings {
  readonly stats: Stats;
  readonly allMethods: boolean;
  /** `service/method` that get statistics of their own. */
  readonly allowlist: ReadonlySet<string>;
  readonly replaceDots: boolean;
  readonly upstreamStats: boolean;
}

/** Service and method of a path, null when it has not just these two parts. */
function methodOf(path: string): readonly [service: string, method: string] | null {
  const query = path.indexOf('?');
  const parts = (query < 0 ? path : path.slice(0, query)).split('/').filter((part) => part !== '');
  const [service, method] = parts;
  return parts.length === 2 && service !== undefined && method !== undefined ? [service, method] : null;
}

/** What stands between `grpc.` and the name of the statistic; null: this request is not counted. */
function methodPrefix(settings: GrpcStatsSettings, path: string): string | null {
  const names = methodOf(path);
  if (names === null) return null;
  const [service, method] = names;
  if (settings.allMethods) {
    return `${settings.replaceDots ? service.replaceAll('.', '_') : service}.${method}.`;
  }
  return settings.allowlist.has(`${service}/${method}`) ? `${service}.${method}.` : '';
}

class GrpcStatsFilter implements HttpFilter {
  /** `cluster.<name>.grpc.[<service>.<method>.]`; empty: nothing is counted. */
  private prefix = '';
  private grpcResponse = false;
  private readonly requests = new GrpcFrameCounter();
  private readonly responses = new GrpcFrameCounter();

  constructor(
    private readonly callbacks: FilterCallbacks,
    private readonly settings: GrpcStatsSettings,
  ) {}

  decodeHead(head: RequestHead): HeadStatus {
    if (!isGrpcContentType(headerValue(head.headers, 'content-type'))) return 'continue';
    const cluster = this.callbacks.cluster;
    const method = methodPrefix(this.settings, head.path);
    if (cluster !== null && method !== null)
      this.prefix = `cluster.${cluster.config.statName}.grpc.${method}`;
    return 'continue';
  }

  decodeBody(bytes: Uint8Array, start: number, end: number): BodyStatus {
    if (this.prefix !== '') this.count('request_message_count', this.requests.inspect(bytes, start, end));
    return 'continue';
  }

  encodeHead(head: ResponseHead, endStream: boolean): HeadStatus {
    if (this.prefix === '') return 'continue';
    const { headers, status } = head;
    this.grpcResponse = status === 200 && isGrpcContentType(headerValue(headers, 'content-type'));
    this.charge(headers);
    if (endStream) this.chargeTime();
    return 'continue';
  }

  encodeBody(bytes: Uint8Array, start: number, end: number): BodyStatus {
    if (this.grpcResponse) this.count('response_message_count', this.responses.inspect(bytes, start, end));
    return 'continue';
  }

  encodeTrailers(trailers: HeaderList): TrailersStatus {
    if (this.prefix === '') return 'continue';
    this.charge(trailers);
    this.chargeTime();
    return 'continue';
  }

  private charge(headers: HeaderList): void {
    const status = headerValue(headers, 'grpc-status');
    if (status === undefined) return;
    this.count(status, 1);
    this.count(status === '0' ? 'success' : 'failure', 1);
    this.count('total', 1);
  }

  private count(name: string, amount: number): void {
    if (amount > 0) this.settings.stats.counter(this.prefix + name).add(amount);
  }

  /** From the last byte that went upstream to the last that came back. */
  private chargeTime(): void {
    if (!this.settings.upstreamStats) return;
    const attempt = this.callbacks.info.attempts.at(-1);
    if (attempt === undefined || attempt.sentLast < 0) return;
    const end = attempt.lastByte < 0 ? this.callbacks.clock.now() : attempt.lastByte;
    this.settings.stats
      .histogram(`${this.prefix}upstream_rq_time`)
      .record(Math.floor(Math.max(0, end - attempt.sentLast)));
  }
}

function allowlist(reader: MessageReader | undefined): Set<string> {
  const allowed = new Set<string>();
  for (const service of reader?.messages('services') ?? []) {
    const name = service.string('name') ?? '';
    for (const method of service.strings('method_names')) allowed.add(`${name}/${method}`);
  }
  return allowed;
}

/** `envoy.filters.http.grpc_stats`: counts of calls and messages by cluster, and by method when asked to. */
export const GRPC_STATS: HttpFilterExtension = {
  type: 'envoy.extensions.filters.http.grpc_stats.v3.FilterConfig',
  routeTypes: [],
  compile(name, config, _ctx, environment) {
    const settings: GrpcStatsSettings = {
      stats: environment.stats,
      allMethods: config.bool('stats_for_all_methods') ?? false,
      allowlist: allowlist(config.message('individual_method_stats_allowlist')),
      replaceDots: config.bool('replace_dots_in_grpc_service_name') ?? false,
      upstreamStats: config.bool('enable_upstream_stats') ?? false,
    };
    return {
      name,
      source: config.range,
      create: (callbacks) => new GrpcStatsFilter(callbacks, settings),
      explain(question, narrator) {
        const { head } = question;
        if (!isGrpcContentType(headerValue(head.headers, 'content-type'))) return null;
        const method = methodPrefix(settings, head.path);
        if (method === null) return null;
        narrator.note(
          'neutral',
          `gRPC statistics: counted under \`cluster.<cluster>.grpc.${method}\``,
          config.range,
        );
        return null;
      },
    };
  },
};
