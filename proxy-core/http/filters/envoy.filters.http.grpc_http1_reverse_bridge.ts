import { grpcStatusOfHttp, isGrpcContentType } from '../../base/grpc.ts';
import { type HeaderList, headerValue, setHeader } from '../../base/headers.ts';
import type { RequestHead, ResponseHead } from '../../base/stream-info.ts';
import type { BodyStatus, FilterCallbacks, HeadStatus, HttpFilter, TrailersStatus } from '../filter.ts';
import type { HttpFilterExtension } from './extension.ts';
import { FRAME_HEAD, grpcFrame } from './grpc-frames.ts';

const EMPTY = new Uint8Array(0);
const UNKNOWN = 2;
const INTERNAL = 13;

interface ReverseBridgeSettings {
  /** Content type that the upstream speaks. */
  readonly contentType: string;
  readonly withholdFrames: boolean;
  /** In lower case; empty: the response is buffered to know its length. */
  readonly sizeHeader: string;
}

/** gRPC clients in front of an upstream that speaks HTTP/1.1 without frames and trailers. */
class GrpcReverseBridgeFilter implements HttpFilter {
  private active = false;
  private contentType = '';
  private prefixTaken = false;
  private framed = false;
  private grpcStatus = 0;
  private size = 0;
  private received = 0;

  constructor(
    private readonly callbacks: FilterCallbacks,
    private readonly settings: ReverseBridgeSettings,
  ) {}

  decodeHead(head: RequestHead, endStream: boolean): HeadStatus {
    const { settings, callbacks } = this;
    const { headers } = head;
    const type = headerValue(headers, 'content-type');
    if (endStream || callbacks.perRouteConfig() === true || !isGrpcContentType(type)) return 'continue';
    this.active = true;
    this.contentType = type ?? '';
    setHeader(headers, 'content-type', settings.contentType);
    setHeader(headers, 'accept', settings.contentType);
    if (settings.withholdFrames) adjustLength(headers, -FRAME_HEAD);
    callbacks.clearRouteCache();
    return 'continue';
  }

  decodeBody(bytes: Uint8Array, start: number, end: number, endStream: boolean): BodyStatus {
    if (!this.active || !this.settings.withholdFrames || this.prefixTaken) return 'continue';
    if (end - start < FRAME_HEAD) {
      this.callbacks.sendLocalReply(
        200,
        'invalid request body',
        null,
        'grpc_bridge_data_too_small',
        null,
        UNKNOWN,
      );
      return 'drop';
    }
    this.prefixTaken = true;
    this.callbacks.injectRequest(Uint8Array.from(bytes.subarray(start + FRAME_HEAD, end)), endStream);
    return 'drop';
  }

  encodeHead(head: ResponseHead, endStream: boolean): HeadStatus {
    if (!this.active) return 'continue';
    const { settings, callbacks } = this;
    const { headers } = head;
    const type = headerValue(headers, 'content-type');
    if (type !== settings.contentType) {
      const what = type === undefined ? 'no content-type header' : `unsupported content-type ${type}`;
      const text = `envoy reverse bridge: upstream responded with ${what}, status code ${head.status}`;
      return this.refuse(text, 'grpc_bridge_content_type_wrong', UNKNOWN);
    }
    setHeader(headers, 'content-type', this.contentType);
    if (settings.withholdFrames && settings.sizeHeader !== '') {
      const size = /^\d+/.exec(headerValue(headers, settings.sizeHeader) ?? '')?.[0];
      if (size === undefined) {
        const text = 'envoy reverse bridge: upstream did not set content length';
        return this.refuse(text, 'grpc_bridge_content_length_missing', INTERNAL);
      }
      this.size = Number(size);
      setHeader(headers, 'content-length', String(this.size + FRAME_HEAD));
    } else if (settings.withholdFrames) adjustLength(headers, FRAME_HEAD);
    // Any 200 is a success here, whatever gRPC says of it.
    this.grpcStatus = head.status === 200 ? 0 : grpcStatusOfHttp(head.status);
    head.status = 200;
    if (endStream && settings.withholdFrames) {
      setHeader(headers, 'content-length', String(FRAME_HEAD));
      callbacks.addResponseBody(grpcFrame(EMPTY));
      callbacks.addResponseTrailers(['grpc-status', String(this.grpcStatus)]);
    }
    return 'continue';
  }

  private refuse(text: string, details: string, grpcStatus: number): HeadStatus {
    this.active = false;
    this.callbacks.sendLocalReply(200, text, null, details, null, grpcStatus);
    return 'stop';
  }

  encodeBody(bytes: Uint8Array, start: number, end: number, endStream: boolean): BodyStatus {
    if (!this.active) return 'continue';
    const { settings, callbacks } = this;
    this.received += end - start;
    const trailers = ['grpc-status', String(this.grpcStatus)];
    if (!settings.withholdFrames) {
      if (endStream) callbacks.addResponseTrailers(trailers);
      return 'continue';
    }
    if (settings.sizeHeader === '') {
      if (!endStream) return 'buffer';
      // The frame's head goes before what is buffered; these last bytes follow.
      const message = Buffer.concat([callbacks.bufferedResponse(), bytes.subarray(start, end)]);
      callbacks.replaceResponse(EMPTY);
      callbacks.injectResponse(grpcFrame(message), false);
      callbacks.injectResponseTrailers(trailers);
      return 'drop';
    }
    if (endStream && this.received !== this.size) {
      const text = 'envoy reverse bridge: upstream set incorrect content length';
      callbacks.sendLocalReply(200, text, null, 'grpc_bridge_content_length_wrong', null, INTERNAL);
      return 'drop';
    }
    if (!this.framed) {
      this.framed = true;
      const head = grpcFrame(EMPTY);
      new DataView(head.buffer).setUint32(1, this.size);
      callbacks.injectResponse(head, false);
    }
    if (endStream) callbacks.addResponseTrailers(trailers);
    return 'continue';
  }

  encodeTrailers(trailers: HeaderList): TrailersStatus {
    if (!this.active) return 'continue';
    setHeader(trailers, 'grpc-status', String(this.grpcStatus));
    const { callbacks, settings } = this;
    if (!settings.withholdFrames || settings.sizeHeader !== '') return 'continue';
    const message = Buffer.from(callbacks.bufferedResponse());
    callbacks.replaceResponse(EMPTY);
    callbacks.injectResponse(grpcFrame(message), false);
    callbacks.injectResponseTrailers(trailers);
    return 'drop';
  }
}

function adjustLength(headers: HeaderList, by: number): void {
  const length = headerValue(headers, 'content-length');
  if (length === undefined || !/^\d+$/.test(length) || Number(length) === 0) return;
  setHeader(headers, 'content-length', String(Number(length) + by));
}

const PACKAGE = 'envoy.extensions.filters.http.grpc_http1_reverse_bridge.v3';

/** `envoy.filters.http.grpc_http1_reverse_bridge`. */
export const GRPC_HTTP1_REVERSE_BRIDGE: HttpFilterExtension = {
  type: `${PACKAGE}.FilterConfig`,
  routeTypes: [`${PACKAGE}.FilterConfigPerRoute`],
  /** True: off for this route. */
  compileRoute: (config) => config.bool('disabled') ?? false,
  compile(name, config) {
    const settings: ReverseBridgeSettings = {
      contentType: config.string('content_type') ?? '',
      withholdFrames: config.bool('withhold_grpc_frames') ?? false,
      sizeHeader: (config.string('response_size_header') ?? '').toLowerCase(),
    };
    return {
      name,
      source: config.range,
      create: (callbacks) => new GrpcReverseBridgeFilter(callbacks, settings),
      explain(question, narrator) {
        const type = headerValue(question.head.headers, 'content-type');
        if (question.routeConfigs()[0] === true || !isGrpcContentType(type)) return null;
        const text = `goes upstream as \`${settings.contentType}\`, the answer comes back as gRPC`;
        narrator.note('neutral', `gRPC reverse bridge: the call ${text}`, config.range);
        question.reroute((head) => setHeader(head.headers, 'content-type', settings.contentType));
        return null;
      },
    };
  },
};
