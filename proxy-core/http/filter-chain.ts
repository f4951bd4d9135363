import type { Clock } from '../base/clock.ts';
import type { HeaderList } from '../base/headers.ts';
import type { RequestHead, ResponseFlag, ResponseHead, StreamInfo } from '../base/stream-info.ts';
import type { Route } from '../route/types.ts';
import type { Cluster } from '../upstream/types.ts';
import type { AsyncClient } from './async-client/client.ts';
import type { ChainedFilter, FilterCallbacks, HttpFilter } from './filter.ts';
import { FilterPipe, type PipeCalls, type PipeEnd } from './filter-pipe.ts';
import { disabledByRoute, type RouteLevels, routeConfigs } from './filters/per-route.ts';

/** What a chain needs of its stream. */
export interface FilterChainOwner {
  readonly info: StreamInfo;
  readonly client: AsyncClient;
  readonly route: Route | null;
  readonly clock: Clock;
  readonly cluster: Cluster | null;
  readonly runtime: ReadonlyMap<string, unknown>;
  readonly healthCheckFailed: boolean;
  /** `typed_per_filter_config` of each level, the most specific first. */
  readonly levels: RouteLevels;
  /** Bytes of a request or response that filters may keep. */
  readonly bufferLimit: number;
  /** A response is on its way through the filters. */
  readonly responseStarted: boolean;
  random(): number;
  answerLocally(
    status: number,
    body: string,
    flag: ResponseFlag | null,
    details: string,
    headers: HeaderList | null,
    grpcStatus: number | null,
  ): void;
  clearRouteCache(): void;
  giveUpRequest(): void;
  pauseRequest(on: boolean): void;
  pauseResponse(on: boolean): void;
  /** Keeps the output of a continued filter together. */
  inEvent(work: () => void): void;
}

const DECODE: PipeCalls<HttpFilter, RequestHead> = {
  head: (filter, head, endStream) => filter.decodeHead?.(head, endStream) ?? 'continue',
  body: (filter, bytes, start, end, endStream) =>
    filter.decodeBody?.(bytes, start, end, endStream) ?? 'continue',
  trailers: (filter, trailers) => filter.decodeTrailers?.(trailers) ?? 'continue',
};

const ENCODE: PipeCalls<HttpFilter, ResponseHead> = {
  head: (filter, head, endStream) => filter.encodeHead?.(head, endStream) ?? 'continue',
  body: (filter, bytes, start, end, endStream) =>
    filter.encodeBody?.(bytes, start, end, endStream) ?? 'continue',
  trailers: (filter, trailers) => filter.encodeTrailers?.(trailers) ?? 'continue',
};

/** The filters before the router, for one stream: decode in list order, encode in reverse. */
export class FilterChain {
  readonly decode: FilterPipe<HttpFilter, RequestHead>;
  readonly encode: FilterPipe<HttpFilter, ResponseHead>;
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
    const limit = owner.bufferLimit;
    this.decode = new FilterPipe(this.filters, DECODE, router, {
      limit,
      overflow: () => this.refuseRequest(),
      pause: () => owner.pauseRequest(true),
      resume: () => owner.pauseRequest(false),
    });
    this.encode = new FilterPipe([...this.filters].reverse(), ENCODE, downstream, {
      limit,
      overflow: () => this.refuseResponse(),
      pause: () => owner.pauseResponse(true),
      resume: () => owner.pauseResponse(false),
    });
  }

  destroy(): void {
    this.decode.close();
    this.encode.close();
    for (const filter of this.filters) filter.onDestroy?.();
  }

  /** More of a request than may be kept (Envoy: ActiveStreamDecoderFilter::requestDataTooLarge). */
  private refuseRequest(): void {
    this.owner.giveUpRequest();
    this.reply(413, 'Payload Too Large', null, 'request_payload_too_large', null, null);
  }

  private refuseResponse(): void {
    this.reply(500, 'Internal Server Error', null, 'response_payload_too_large', null, null);
  }

  private reply(
    status: number,
    body: string,
    flag: ResponseFlag | null,
    details: string,
    headers: HeaderList | null,
    grpcStatus: number | null,
  ): void {
    const { owner } = this;
    this.decode.close();
    if (owner.responseStarted) this.encode.close();
    owner.inEvent(() => owner.answerLocally(status, body, flag, details, headers, grpcStatus));
  }

  private callbacks(name: string, decodeIndex: number, encodeIndex: number): FilterCallbacks {
    const { owner } = this;
    return {
      info: owner.info,
      clock: owner.clock,
      client: owner.client,
      get route() {
        return owner.route;
      },
      get cluster() {
        return owner.cluster;
      },
      random: () => owner.random(),
      runtime: owner.runtime,
      healthCheckFailed: owner.healthCheckFailed,
      bufferLimit: owner.bufferLimit,
      perRouteConfig: () => routeConfigs(owner.levels, name)[0],
      routeConfigs: (key = name) => routeConfigs(owner.levels, key),
      bufferedRequest: () => this.decode.bufferedBytes(decodeIndex),
      bufferedResponse: () => this.encode.bufferedBytes(encodeIndex),
      replaceRequest: (bytes) => this.decode.replace(decodeIndex, bytes),
      replaceResponse: (bytes) => this.encode.replace(encodeIndex, bytes),
      injectRequest: (bytes, endStream) =>
        owner.inEvent(() => this.decode.inject(decodeIndex, bytes, endStream)),
      injectResponse: (bytes, endStream) =>
        owner.inEvent(() => this.encode.inject(encodeIndex, bytes, endStream)),
      injectRequestTrailers: (trailers) =>
        owner.inEvent(() => this.decode.injectTrailers(decodeIndex, trailers)),
      injectResponseTrailers: (trailers) =>
        owner.inEvent(() => this.encode.injectTrailers(encodeIndex, trailers)),
      addRequestBody: (bytes) => this.decode.add(decodeIndex, bytes),
      addResponseBody: (bytes) => this.encode.add(encodeIndex, bytes),
      addResponseTrailers: (trailers) => this.encode.addTrailers(encodeIndex, trailers),
      setRequestBufferLimit: (bytes) => this.decode.setLimit(bytes),
      setResponseBufferLimit: (bytes) => this.encode.setLimit(bytes),
      pauseRequest: (on) => owner.pauseRequest(on),
      pauseResponse: (on) => owner.pauseResponse(on),
      giveUpRequest: () => owner.giveUpRequest(),
      continueDecoding: () => owner.inEvent(() => this.decode.resume(decodeIndex)),
      clearRouteCache: () => owner.clearRouteCache(),
      continueEncoding: () => owner.inEvent(() => this.encode.resume(encodeIndex)),
      sendLocalReply: (status, body, flag, details, headers = null, grpcStatus = null) =>
        this.reply(status, body, flag, details, headers, grpcStatus),
    };
  }
}
