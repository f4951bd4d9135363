import type { Clock } from '../base/clock.ts';
import type { HeaderList } from '../base/headers.ts';
import type { RequestHead, ResponseFlag, ResponseHead, StreamInfo } from '../base/stream-info.ts';
import type { Route } from '../route/types.ts';
import type { ChainedFilter, FilterCallbacks, HttpFilter } from './filter.ts';
import { FilterPipe, type PipeEnd, type PipeStage } from './filter-pipe.ts';
import { disabledByRoute, type RouteLevels, routeConfigs } from './filters/per-route.ts';

/** What a chain needs of its stream. */
export interface FilterChainOwner {
  readonly info: StreamInfo;
  readonly route: Route | null;
  readonly clock: Clock;
  readonly runtime: ReadonlyMap<string, unknown>;
  readonly healthCheckFailed: boolean;
  /** `typed_per_filter_config` of each level, the most specific first. */
  readonly levels: RouteLevels;
  random(): number;
  answerLocally(
    status: number,
    body: string,
    flag: ResponseFlag | null,
    details: string,
    headers: HeaderList | null,
    grpcStatus: number | null,
  ): void;
  giveUpRequest(): void;
  /** Keeps the output of a continued filter together. */
  inEvent(work: () => void): void;
}

/** The filters before the router, for one stream: decode in list order, encode in reverse. */
export class FilterChain {
  readonly decode: FilterPipe<RequestHead>;
  readonly encode: FilterPipe<ResponseHead>;
  private readonly filters: HttpFilter[];

  constructor(
    chained: readonly ChainedFilter[],
    private readonly owner: FilterChainOwner,
    router: PipeEnd<RequestHead>,
    downstream: PipeEnd<ResponseHead>,
  ) {
    const active = chained.filter(
      ({ factory, disabled }) => !(disabledByRoute(owner.levels, factory.name) ?? disabled),
    );
    this.filters = active.map(({ factory }, i) =>
      factory.create(this.callbacks(factory.name, i, active.length - 1 - i)),
    );
    this.decode = new FilterPipe(this.filters.map(decodeStage), router);
    this.encode = new FilterPipe(this.filters.map(encodeStage).reverse(), downstream);
  }

  destroy(): void {
    this.decode.close();
    this.encode.close();
    for (const filter of this.filters) filter.onDestroy?.();
  }

  private callbacks(name: string, decodeIndex: number, encodeIndex: number): FilterCallbacks {
    const { owner } = this;
    return {
      info: owner.info,
      clock: owner.clock,
      get route() {
        return owner.route;
      },
      random: () => owner.random(),
      runtime: owner.runtime,
      healthCheckFailed: owner.healthCheckFailed,
      perRouteConfig: () => routeConfigs(owner.levels, name)[0],
      routeConfigs: (key = name) => routeConfigs(owner.levels, key),
      bufferedRequest: () => this.decode.bufferedBytes,
      bufferedResponse: () => this.encode.bufferedBytes,
      replaceRequest: (bytes) => this.decode.replace(bytes),
      replaceResponse: (bytes) => this.encode.replace(bytes),
      injectRequest: (bytes, endStream) =>
        owner.inEvent(() => this.decode.inject(decodeIndex, bytes, endStream)),
      injectResponse: (bytes, endStream) =>
        owner.inEvent(() => this.encode.inject(encodeIndex, bytes, endStream)),
      injectResponseTrailers: (trailers) =>
        owner.inEvent(() => this.encode.injectTrailers(encodeIndex, trailers)),
      giveUpRequest: () => owner.giveUpRequest(),
      continueDecoding: () => owner.inEvent(() => this.decode.resume()),
      continueEncoding: () => owner.inEvent(() => this.encode.resume()),
      sendLocalReply: (status, body, flag, details, headers = null, grpcStatus = null) => {
        this.decode.close();
        owner.inEvent(() => owner.answerLocally(status, body, flag, details, headers, grpcStatus));
      },
    };
  }
}

function decodeStage(filter: HttpFilter): PipeStage<RequestHead> {
  return {
    head: (head, endStream) => filter.decodeHead?.(head, endStream) ?? 'continue',
    body: (bytes, start, end, endStream) => filter.decodeBody?.(bytes, start, end, endStream) ?? 'continue',
    trailers: (trailers) => filter.decodeTrailers?.(trailers) ?? 'continue',
  };
}

function encodeStage(filter: HttpFilter): PipeStage<ResponseHead> {
  return {
    head: (head, endStream) => filter.encodeHead?.(head, endStream) ?? 'continue',
    body: (bytes, start, end, endStream) => filter.encodeBody?.(bytes, start, end, endStream) ?? 'continue',
    trailers: (trailers) => filter.encodeTrailers?.(trailers) ?? 'continue',
  };
}
