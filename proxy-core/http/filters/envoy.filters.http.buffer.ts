import { headerValue } from '../../base/headers.ts';
import type { RequestHead } from '../../base/stream-info.ts';
import type { BodyStatus, FilterCallbacks, HeadStatus, HttpFilter, TrailersStatus } from '../filter.ts';
import type { HttpFilterExtension } from './extension.ts';

/** Waits for the whole request; one that is too large is refused. */
class BufferFilter implements HttpFilter {
  private head: RequestHead | null = null;
  private length = 0;

  constructor(
    private readonly callbacks: FilterCallbacks,
    private readonly limit: number,
  ) {}

  decodeHead(head: RequestHead, endStream: boolean): HeadStatus {
    if (endStream || this.limit < 0) return 'continue';
    this.head = head;
    this.callbacks.setRequestBufferLimit(this.limit);
    return 'stop';
  }

  decodeBody(_bytes: Uint8Array, start: number, end: number, endStream: boolean): BodyStatus {
    if (this.head === null) return 'continue';
    this.length += end - start;
    if (this.length > this.limit) {
      const { callbacks } = this;
      callbacks.giveUpRequest();
      callbacks.sendLocalReply(413, 'Payload Too Large', null, 'request_payload_too_large');
      return 'drop';
    }
    if (!endStream) return 'buffer';
    this.sayLength();
    return 'continue';
  }

  decodeTrailers(): TrailersStatus {
    this.sayLength();
    return 'continue';
  }

  /** The length is known now: the request goes on with it instead of in chunks. */
  private sayLength(): void {
    const { head } = this;
    if (head === null || headerValue(head.headers, 'content-length') !== undefined) return;
    for (let i = head.headers.length - 2; i >= 0; i -= 2) {
      if (head.headers[i] === 'transfer-encoding') head.headers.splice(i, 2);
    }
    head.headers.push('content-length', String(this.length));
  }
}

/** `envoy.filters.http.buffer`. */
export const BUFFER: HttpFilterExtension = {
  type: 'envoy.extensions.filters.http.buffer.v3.Buffer',
  routeTypes: ['envoy.extensions.filters.http.buffer.v3.BufferPerRoute'],
  /** The route's limit; -1 = off. */
  compileRoute(config) {
    if (config.bool('disabled') === true) return -1;
    return config.message('buffer')?.number('max_request_bytes') ?? 0;
  },
  compile(name, config) {
    const limit = config.number('max_request_bytes') ?? 0;
    const limitOf = (perRoute: unknown): number => (perRoute as number | undefined) ?? limit;
    return {
      name,
      source: config.range,
      create: (callbacks) => new BufferFilter(callbacks, limitOf(callbacks.perRouteConfig())),
      explain(question, narrator) {
        const used = limitOf(question.routeConfigs()[0]);
        const text = used < 0 ? 'off for this route' : `waits for the whole request, up to ${used} bytes`;
        narrator.note('neutral', `Buffer: ${text}`, config.range);
        return null;
      },
    };
  },
};
