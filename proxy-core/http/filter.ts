import type { Clock } from '../base/clock.ts';
import type { HeaderList } from '../base/headers.ts';
import type { RequestHead, ResponseFlag, ResponseHead, StreamInfo } from '../base/stream-info.ts';
import type { SourceRange } from '../config/diagnostic.ts';
import type { Narrator } from '../facade/decision.ts';
import type { Route } from '../route/types.ts';

/**
 * What a filter says after it saw a head. `stop`: hold the head; body bytes still come to this filter. `stop-all`:
 * hold everything until `continue…` is called. (Envoy: FilterHeadersStatus.)
 */
export type HeadStatus = 'continue' | 'stop' | 'stop-all';

/**
 * What a filter says after it saw body bytes. `buffer`: keep them, and hold the head when it is still held. `drop`: the
 * filter has taken them; it sends what becomes of them by `inject…`. (Envoy: FilterDataStatus.)
 */
export type BodyStatus = 'continue' | 'buffer' | 'drop';

/** What a filter says after it saw trailers. `drop`: it has taken them and ends the message by `inject…`. */
export type TrailersStatus = 'continue' | 'drop';

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
  readonly route: Route | null;
  readonly clock: Clock;
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
  injectResponseTrailers(trailers: HeaderList): void;
  /** The request will not be read to its end: an HTTP/1 connection closes after the answer. */
  giveUpRequest(): void;
  continueDecoding(): void;
  continueEncoding(): void;
  /** Answers the request; the filters behind this one see nothing more of it. `body` is latin1. */
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
}

/** A filter in its place in the chain. */
export interface ChainedFilter {
  readonly factory: HttpFilterFactory;
  /** `disabled: true`: off unless a route says otherwise. */
  readonly disabled: boolean;
}
