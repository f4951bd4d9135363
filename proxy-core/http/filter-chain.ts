import type { Clock } from '../base/clock.ts';
import type { HeaderList } from '../base/headers.ts';
import type { RequestHead, ResponseFlag, ResponseHead, StreamInfo } from '../base/stream-info.ts';
import type { Route } from '../route/types.ts';
import type { FilterCallbacks, HttpFilter, HttpFilterFactory } from './filter.ts';
import { FilterPipe, type PipeEnd, type PipeStage } from './filter-pipe.ts';

/** What a chain needs of its stream. */
export interface FilterChainOwner {
  readonly info: StreamInfo;
  readonly route: Route | null;
  readonly clock: Clock;
  random(): number;
  answerLocally(
    status: number,
    body: string,
    flag: ResponseFlag | null,
    details: string,
    headers: HeaderList | null,
    grpcStatus: number | null,
  ): void;
  /** Keeps the output of a continued filter together. */
  inEvent(work: () => void): void;
}

/** The filters before the router, for one stream: decode in list order, encode in reverse. */
export class FilterChain {
  readonly decode: FilterPipe<RequestHead>;
  readonly encode: FilterPipe<ResponseHead>;
  private readonly filters: HttpFilter[];

  constructor(
    factories: readonly HttpFilterFactory[],
    private readonly owner: FilterChainOwner,
    router: PipeEnd<RequestHead>,
    downstream: PipeEnd<ResponseHead>,
  ) {
    this.filters = factories.map((factory) => factory.create(this.callbacks(factory.name)));
    this.decode = new FilterPipe(this.filters.map(decodeStage), router);
    this.encode = new FilterPipe(this.filters.map(encodeStage).reverse(), downstream);
  }

  destroy(): void {
    this.decode.close();
    this.encode.close();
    for (const filter of this.filters) filter.onDestroy?.();
  }

  private callbacks(name: string): FilterCallbacks {
    const { owner } = this;
    return {
      info: owner.info,
      clock: owner.clock,
      get route() {
        return owner.route;
      },
      random: () => owner.random(),
      perRouteConfig: () => perRouteConfig(owner.route, name),
      bufferedRequest: () => this.decode.bufferedBytes,
      bufferedResponse: () => this.encode.bufferedBytes,
      replaceRequest: (bytes) => this.decode.replace(bytes),
      replaceResponse: (bytes) => this.encode.replace(bytes),
      continueDecoding: () => owner.inEvent(() => this.decode.resume()),
      continueEncoding: () => owner.inEvent(() => this.encode.resume()),
      sendLocalReply: (status, body, flag, details, headers = null, grpcStatus = null) => {
        this.decode.close();
        owner.inEvent(() => owner.answerLocally(status, body, flag, details, headers, grpcStatus));
      },
    };
  }
}

/** The most specific level wins: the route's, else its virtual host's. */
function perRouteConfig(route: Route | null, name: string): unknown {
  return route?.perFilterConfig.get(name) ?? route?.virtualHost.perFilterConfig.get(name);
}

function decodeStage(filter: HttpFilter): PipeStage<RequestHead> {
  return {
    head: (head, endStream) => filter.decodeHead?.(head, endStream) ?? 'continue',
    body: (bytes, start, end, endStream) => filter.decodeBody?.(bytes, start, end, endStream) ?? 'continue',
    trailers: (trailers) => filter.decodeTrailers?.(trailers),
  };
}

function encodeStage(filter: HttpFilter): PipeStage<ResponseHead> {
  return {
    head: (head, endStream) => filter.encodeHead?.(head, endStream) ?? 'continue',
    body: (bytes, start, end, endStream) => filter.encodeBody?.(bytes, start, end, endStream) ?? 'continue',
    trailers: (trailers) => filter.encodeTrailers?.(trailers),
  };
}
