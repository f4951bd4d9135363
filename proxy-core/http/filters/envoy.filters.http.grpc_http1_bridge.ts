import { isGrpcContentType } from '../../base/grpc.ts';
import { type HeaderList, headerValue, removeHeader, setHeader } from '../../base/headers.ts';
import type { RequestHead, ResponseHead } from '../../base/stream-info.ts';
import type { BodyStatus, FilterCallbacks, HeadStatus, HttpFilter, TrailersStatus } from '../filter.ts';
import type { HttpFilterExtension } from './extension.ts';
import { FRAME_HEAD, grpcFrame } from './grpc-frames.ts';

const EMPTY = new Uint8Array(0);

interface BridgeSettings {
  readonly upgradeProtobuf: boolean;
  readonly ignoreQuery: boolean;
}

/** gRPC for HTTP/1.1 clients: the status of the trailers becomes headers of a response with a length. */
class GrpcHttp1BridgeFilter implements HttpFilter {
  private bridging = false;
  /** The client speaks bare protobuf: frames are put on and taken off. */
  private framing = false;
  private head: ResponseHead | null = null;

  constructor(
    private readonly callbacks: FilterCallbacks,
    private readonly settings: BridgeSettings,
  ) {}

  decodeHead(head: RequestHead): HeadStatus {
    const { callbacks, settings } = this;
    const { headers } = head;
    if (settings.upgradeProtobuf && headerValue(headers, 'content-type') === 'application/x-protobuf') {
      this.framing = true;
      setHeader(headers, 'content-type', 'application/grpc');
      removeHeader(headers, 'content-length');
      callbacks.clearRouteCache();
    }
    this.bridging =
      callbacks.info.downstreamProtocol !== 'HTTP/2' &&
      isGrpcContentType(headerValue(headers, 'content-type'));
    const query = head.path.indexOf('?');
    if (this.bridging && settings.ignoreQuery && query >= 0) head.path = head.path.slice(0, query);
    return 'continue';
  }

  decodeBody(bytes: Uint8Array, start: number, end: number, endStream: boolean): BodyStatus {
    if (!this.bridging || !this.framing) return 'continue';
    if (!endStream) return 'buffer';
    const { callbacks } = this;
    const message = Buffer.concat([callbacks.bufferedRequest(), bytes.subarray(start, end)]);
    callbacks.replaceRequest(EMPTY);
    callbacks.injectRequest(grpcFrame(message), true);
    return 'drop';
  }

  encodeHead(head: ResponseHead, endStream: boolean): HeadStatus {
    if (!this.bridging || endStream) return 'continue';
    this.head = head;
    return 'stop';
  }

  encodeBody(bytes: Uint8Array, start: number, end: number, endStream: boolean): BodyStatus {
    if (!this.bridging || endStream) return 'continue';
    if (!this.framing) return 'buffer';
    this.framing = false;
    this.callbacks.replaceResponse(Uint8Array.from(bytes.subarray(Math.min(end, start + FRAME_HEAD), end)));
    return 'drop';
  }

  encodeTrailers(trailers: HeaderList): TrailersStatus {
    const { head } = this;
    if (!this.bridging || head === null) return 'continue';
    const status = headerValue(trailers, 'grpc-status');
    if (status !== undefined) {
      if (!/^0+$/.test(status)) head.status = 503;
      setHeader(head.headers, 'grpc-status', status);
    }
    const message = headerValue(trailers, 'grpc-message');
    if (message !== undefined) setHeader(head.headers, 'grpc-message', message);
    setHeader(head.headers, 'content-length', String(this.callbacks.bufferedResponse().length));
    return 'continue';
  }
}

/** `envoy.filters.http.grpc_http1_bridge`. */
export const GRPC_HTTP1_BRIDGE: HttpFilterExtension = {
  type: 'envoy.extensions.filters.http.grpc_http1_bridge.v3.Config',
  routeTypes: [],
  compile(name, config) {
    const settings: BridgeSettings = {
      upgradeProtobuf: config.bool('upgrade_protobuf_to_grpc') ?? false,
      ignoreQuery: config.bool('ignore_query_parameters') ?? false,
    };
    return {
      name,
      source: config.range,
      create: (callbacks) => new GrpcHttp1BridgeFilter(callbacks, settings),
      explain(question, narrator) {
        const type = headerValue(question.head.headers, 'content-type');
        const upgraded = settings.upgradeProtobuf && type === 'application/x-protobuf';
        if (question.info.downstreamProtocol === 'HTTP/2' || !(upgraded || isGrpcContentType(type)))
          return null;
        const text = upgraded ? 'the protobuf body goes upstream as gRPC; ' : '';
        narrator.note('neutral', `gRPC bridge: ${text}the gRPC status comes back in headers`, config.range);
        if (upgraded) question.reroute((head) => setHeader(head.headers, 'content-type', 'application/grpc'));
        return null;
      },
    };
  },
};
