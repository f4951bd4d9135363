import type { Clock } from '../base/clock.ts';
import type { HeaderList } from '../base/headers.ts';
import type { RequestHead, ResponseFlag, ResponseHead, StreamInfo } from '../base/stream-info.ts';
import type { Route } from '../route/types.ts';

/**
 * What a filter says after it saw a head. `stop`: hold the head; body bytes still come to this filter. `stop-all`:
 * hold everything until `continue…` is called. (Envoy: FilterHeadersStatus.)
 */
export type HeadStatus = 'continue' | 'stop' | 'stop-all';

/** What a filter says after it saw body bytes. `buffer`: keep them, and hold the head when it is still held. */
export type BodyStatus = 'continue' | 'buffer';

/** One HTTP filter of one stream. A member that is left out lets everything pass. Byte ranges are only valid during the call. */
export interface HttpFilter {
  decodeHead?(head: RequestHead, endStream: boolean): HeadStatus;
  decodeBody?(bytes: Uint8Array, start: number, end: number, endStream: boolean): BodyStatus;
  decodeTrailers?(trailers: HeaderList): void;
  encodeHead?(head: ResponseHead, endStream: boolean): HeadStatus;
  encodeBody?(bytes: Uint8Array, start: number, end: number, endStream: boolean): BodyStatus;
  encodeTrailers?(trailers: HeaderList): void;
  /** The stream is over; timers and calls of this filter must end. */
  onDestroy?(): void;
}

/** What a filter may do with its stream. */
export interface FilterCallbacks {
  readonly info: StreamInfo;
  readonly route: Route | null;
  readonly clock: Clock;
  /** The draw for fractions: uniform in [0, 2^53). */
  random(): number;
  /** Compiled `typed_per_filter_config` of the most specific level that has one for this filter, else undefined. */
  perRouteConfig(): unknown;
  /** Body kept so far by `buffer` in this filter's direction. */
  bufferedRequest(): Uint8Array;
  bufferedResponse(): Uint8Array;
  /** Puts other bytes in place of the buffered ones. */
  replaceRequest(bytes: Uint8Array): void;
  replaceResponse(bytes: Uint8Array): void;
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

/** Makes the instances of one configured filter. */
export interface HttpFilterFactory {
  /** The configured name: key of `typed_per_filter_config`. */
  readonly name: string;
  create(callbacks: FilterCallbacks): HttpFilter;
}
