import type { Clock } from '../base/clock.ts';
import type { HeaderList } from '../base/headers.ts';
import type { RequestHead, ResponseFlag, ResponseHead, StreamInfo } from '../base/stream-info.ts';
import type { SourceRange } from '../config/diagnostic.ts';
import type { Narrator } from '../facade/decision.ts';
import type { Route } from '../route/types.ts';
import type { Cluster } from '../upstream/types.ts';
import type { AsyncClient } from './async-client/client.ts';

/**
 * What a filter says after it saw a head. `stop`: hold the head; body bytes still come to this filter. `stop-all`:
 * hold everything until `continue…` is called. (Envoy: FilterHeadersStatus.)
 */
export type HeadStatus = 'continue' | 'stop' | 'stop-all';

/**
 * What a filter says after it saw body bytes. `buffer`: keep them, and hold the head when it is still held; more than
 * the limit is refused (413, or 500 for a response). `watermark`: keep them, more than the limit stops the sender.
 * `drop`: the filter has taken them; it sends what becomes of them by `inject…`. (Envoy: FilterDataStatus.)
 */
export type BodyStatus = 'continue' | 'buffer' | 'watermark' | 'drop';

/**
 * What a filter says after it saw trailers. `stop`: hold them until `continue…`. `drop`: it has taken them and ends
 * the message by `inject…`.
 */
export type TrailersStatus = 'continue' | 'stop' | 'drop';

/** One HTTP filter of one stream. A member that is left out lets everything pass. Byte ranges are only valid during the call. */
export interface HttpFilter {
  decodeHead?(head: RequestHead, endStream: boolean): HeadStatus;
  decodeBody?(bytes: Uint8Array, start: number, end: number, endStream: boolean): BodyStatus;
  decodeTrailers?(trailers: HeaderList): TrailersStatus;
  encodeHead?(head: ResponseHead, endStream: boolean): HeadStatus;
  encodeBody?(bytes: Uint8Array, start: number, end: number, endStream: boolean): BodyStatus;
  encodeTrailers?(trailers: HeaderList): TrailersStatus;
  /** The stream is over; timers and calls of this filter must end. */
  onDestroy?(): void;
}

/** What a filter may do with its stream. */
export interface FilterCallbacks {
  readonly info: StreamInfo;
  /** For requests of the filter's own, to clusters of the stream's snapshot. */
  readonly client: AsyncClient;
  readonly route: Route | null;
  readonly clock: Clock;
  /** The cluster that the route sends the request to as it stands now; null when there is none. */
  readonly cluster: Cluster | null;
  /** Values of the runtime layers by key. */
  readonly runtime: ReadonlyMap<string, unknown>;
  /** True after `/healthcheck/fail`. */
  readonly healthCheckFailed: boolean;
  /** The draw for fractions: uniform in [0, 2^53). */
  random(): number;
  /** Compiled `typed_per_filter_config` of the most specific level that has one for this filter, else undefined. */
  perRouteConfig(): unknown;
  /** The same of every level that has one, the most specific first; `key`: under another name than the filter's own. */
  routeConfigs(key?: string): readonly unknown[];
  /** Body kept so far by `buffer` in this filter's direction. */
  bufferedRequest(): Uint8Array;
  bufferedResponse(): Uint8Array;
  /** Puts other bytes in place of the buffered ones. */
  replaceRequest(bytes: Uint8Array): void;
  replaceResponse(bytes: Uint8Array): void;
  /** Sends body bytes on behind this filter. The bytes must stay as they are. */
  injectRequest(bytes: Uint8Array, endStream: boolean): void;
  injectResponse(bytes: Uint8Array, endStream: boolean): void;
  /** Sends trailers on that this filter has dropped before. */
  injectRequestTrailers(trailers: HeaderList): void;
  injectResponseTrailers(trailers: HeaderList): void;
  /** While the filter is asked about a head or trailers: body bytes behind the head, or before the trailers. */
  addRequestBody(bytes: Uint8Array): void;
  addResponseBody(bytes: Uint8Array): void;
  /** While the filter is asked about a head or body bytes that end the response: trailers behind them. */
  addResponseTrailers(trailers: HeaderList): void;
  /** Bytes that `buffer` and `watermark` may keep; 0 = no limit. */
  readonly bufferLimit: number;
  setRequestBufferLimit(bytes: number): void;
  setResponseBufferLimit(bytes: number): void;
  /** Stops and resumes the client's sending, or the upstream's, for a filter that keeps bytes itself. */
  pauseRequest(on: boolean): void;
  pauseResponse(on: boolean): void;
  /** The request will not be read to its end: an HTTP/1 connection closes after the answer. */
  giveUpRequest(): void;
  continueDecoding(): void;
  continueEncoding(): void;
  /** Finds the route anew, by the head as it is now. The filters of the stream stay. */
  clearRouteCache(): void;
  /**
   * Answers the request; the filters behind this one see nothing more of it. From the response side: the answer takes
   * the place of the response, past the filters; a response that has begun is cut. `body` is latin1.
   */
  sendLocalReply(
    status: number,
    body: string,
    flag: ResponseFlag | null,
    details: string,
    headers?: HeaderList | null,
    grpcStatus?: number | null,
  ): void;
}

/** What a filter needs to say what it would do with a request. */
export interface FilterQuestion {
  readonly head: RequestHead;
  readonly info: StreamInfo;
  readonly route: Route | null;
  readonly runtime: ReadonlyMap<string, unknown>;
  routeConfigs(key?: string): readonly unknown[];
  /** The filter changes the head and has the route found anew (`clearRouteCache`). */
  reroute(change: (head: RequestHead) => void): void;
  /** Fractions are told as if this were drawn. */
  readonly random: number;
}

/** The answer that a filter would give by itself. */
export interface FilterAnswer {
  readonly status: number;
  readonly flags: string;
  readonly details: string;
}

/** Makes the instances of one configured filter. */
export interface HttpFilterFactory {
  /** The configured name: key of `typed_per_filter_config`. */
  readonly name: string;
  readonly source: SourceRange;
  create(callbacks: FilterCallbacks): HttpFilter;
  /** Tells what the filter does with a request; the answer when it lets the request go no further. */
  explain?(question: FilterQuestion, narrator: Narrator): FilterAnswer | null;
  /** Its configuration runs from now on, or does no longer: for what goes on between requests. */
  start?(client: AsyncClient): void;
  stop?(): void;
}

/** A filter in its place in the chain. */
export interface ChainedFilter {
  readonly factory: HttpFilterFactory;
  /** `disabled: true`: off unless a route says otherwise. */
  readonly disabled: boolean;
}
