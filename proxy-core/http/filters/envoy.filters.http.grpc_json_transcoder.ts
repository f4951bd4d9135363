import { isGrpcContentType } from '../../base/grpc.ts';
import { type HeaderList, headerValue, removeHeader, setHeader } from '../../base/headers.ts';
import type { RequestHead, ResponseHead } from '../../base/stream-info.ts';
import type { BodyStatus, FilterCallbacks, HeadStatus, HttpFilter, TrailersStatus } from '../filter.ts';
import type { HttpFilterExtension } from './extension.ts';
import { GrpcFrameReader } from './grpc-frames.ts';
import { decodeHttpBody } from './transcoder/http-body.ts';
import type { MethodBinding } from './transcoder/method-table.ts';
import { type MatchedRequest, matchRequest, RequestTranscoder } from './transcoder/request.ts';
import { messageJson, statusJson, streamEnd, streamPiece } from './transcoder/response-json.ts';
import { compileTranscoder, type TranscoderSettings } from './transcoder/settings.ts';
import { grpcStatusIn, httpStatusOfGrpc, rpcStatus } from './transcoder/status.ts';

const FAILED = 'grpc_json_transcode_failure';
const FAILED_EARLY = 'early_grpc_json_transcode_failure';
const TOO_LONG = "because the transcoder's internal buffer size exceeds the configured limit.";

function streamsToClient(binding: MethodBinding): boolean {
  const { methodKind } = binding.method;
  return methodKind === 'server_streaming' || methodKind === 'bidi_streaming';
}

/** The head of the gRPC call in place of that of the HTTP request. */
function toGrpc(head: RequestHead, binding: MethodBinding): void {
  const { headers } = head;
  removeHeader(headers, 'content-length');
  setHeader(headers, 'content-type', 'application/grpc');
  setHeader(headers, 'x-envoy-original-path', head.path);
  headers.push('x-envoy-original-method', head.method);
  setHeader(headers, 'te', 'trailers');
  head.path = `/${binding.method.parent.typeName}/${binding.method.name}`;
  head.method = 'POST';
}

/** JSON of HTTP to gRPC and back, by the annotations of the user's services. */
class TranscoderFilter implements HttpFilter {
  private settings: TranscoderSettings;
  private binding: MethodBinding | null = null;
  private request: RequestTranscoder | null = null;
  /** Answered or not gRPC: everything passes as it is. */
  private given = false;
  private head: ResponseHead | null = null;
  private readonly frames = new GrpcFrameReader();
  private json = '';
  private raw: Uint8Array[] = [];
  private messages = 0;
  private hasBody = false;

  constructor(
    private readonly callbacks: FilterCallbacks,
    configured: TranscoderSettings,
  ) {
    this.settings = (callbacks.perRouteConfig() as TranscoderSettings | undefined) ?? configured;
  }

  decodeHead(head: RequestHead, endStream: boolean): HeadStatus {
    const { settings, callbacks } = this;
    if (settings.table === null || isGrpcContentType(headerValue(head.headers, 'content-type')))
      return 'continue';
    const match = matchRequest(settings, head.method, head.path);
    if ('code' in match) {
      const rejects =
        match.code === 'NOT_FOUND' ? settings.rejectUnknownMethod : settings.rejectUnknownParameters;
      if (!rejects) return 'continue';
      this.given = true;
      const status = match.code === 'NOT_FOUND' ? 404 : 400;
      callbacks.sendLocalReply(status, match.message, null, `${FAILED_EARLY}{${match.code}}`);
      return 'stop';
    }
    this.start(match, head);
    return endStream ? this.withoutBody() : 'continue';
  }

  private start(match: MatchedRequest, head: RequestHead): void {
    const { settings, callbacks } = this;
    const { headers } = head;
    const { binding } = match;
    this.binding = binding;
    this.request = new RequestTranscoder(settings, match, headerValue(headers, 'content-type') ?? '');
    if (settings.maxRequest > callbacks.bufferLimit) callbacks.setRequestBufferLimit(settings.maxRequest);
    if (settings.maxResponse > callbacks.bufferLimit) callbacks.setResponseBufferLimit(settings.maxResponse);
    toGrpc(head, binding);
    if (!settings.keepRoute) callbacks.clearRouteCache();
  }

  private withoutBody(): HeadStatus {
    const bytes = this.attempt(FAILED_EARLY, (request) => request.end());
    if (bytes === null) return 'stop';
    if (bytes.length > 0) this.callbacks.addRequestBody(bytes);
    return 'continue';
  }

  /** Null: the request does not fit and was answered. */
  private attempt(details: string, work: (request: RequestTranscoder) => Uint8Array): Uint8Array | null {
    if (this.request === null) return null;
    try {
      return work(this.request);
    } catch (error) {
      this.given = true;
      const text = error instanceof Error ? error.message : String(error);
      const latin1 = Buffer.from(text).toString('latin1');
      this.callbacks.sendLocalReply(400, latin1, null, `${details}{INVALID_ARGUMENT}`);
      return null;
    }
  }

  decodeBody(bytes: Uint8Array, start: number, end: number, endStream: boolean): BodyStatus {
    const { request, callbacks, settings } = this;
    if (request === null || this.given) return 'continue';
    const made = this.attempt(FAILED, () => request.push(bytes, start, end));
    if (made === null) return 'drop';
    const limit = settings.maxRequest || callbacks.bufferLimit;
    if (limit > 0 && request.waiting > limit) {
      this.given = true;
      const text = `Request rejected ${TOO_LONG}`;
      callbacks.giveUpRequest();
      callbacks.sendLocalReply(413, text, null, `${FAILED}{request_buffer_size_limit_reached}`);
      return 'drop';
    }
    const rest = endStream ? this.attempt(FAILED, () => request.end()) : null;
    if (this.given) return 'drop';
    const all = rest === null ? made : Buffer.concat([made, rest]);
    if (all.length > 0 || endStream) callbacks.injectRequest(all, endStream);
    return 'drop';
  }

  decodeTrailers(): TrailersStatus {
    if (this.request === null || this.given) return 'continue';
    const bytes = this.attempt(FAILED, (request) => request.end());
    if (bytes === null) return 'drop';
    if (bytes.length > 0) this.callbacks.addRequestBody(bytes);
    return 'continue';
  }

  encodeHead(head: ResponseHead, endStream: boolean): HeadStatus {
    const { binding } = this;
    if (this.given || binding === null) return 'continue';
    const { headers } = head;
    const isGrpc = endStream
      ? headerValue(headers, 'grpc-status') !== undefined
      : head.status === 200 && isGrpcContentType(headerValue(headers, 'content-type'));
    if (!isGrpc) {
      this.given = true;
      return 'continue';
    }
    this.head = head;
    const streams = streamsToClient(binding);
    if (streams || !endStream) {
      const events = streams && this.settings.print.stream === 'events';
      setHeader(headers, 'content-type', events ? 'text/event-stream' : 'application/json');
    }
    if (endStream) {
      this.finish(headers);
      return this.given ? 'stop' : 'continue';
    }
    // The head of one message waits for its status, that of an HttpBody for its content type.
    return streams && binding.responseHttpBody === null ? 'continue' : 'stop';
  }

  encodeBody(bytes: Uint8Array, start: number, end: number, endStream: boolean): BodyStatus {
    const { binding, callbacks, settings } = this;
    if (this.given || binding === null) return 'continue';
    this.hasBody = true;
    const limit = settings.maxResponse || callbacks.bufferLimit;
    const messages = this.frames.read(bytes, start, end, limit);
    if (messages === null || (limit > 0 && this.frames.incomplete + this.json.length > limit)) {
      const text = `Response not transcoded ${TOO_LONG}`;
      this.refuse(500, text, 'response_buffer_size_limit_reached');
      return 'drop';
    }
    if (!this.take(binding, messages)) return 'drop';
    if (!streamsToClient(binding) && !endStream) return 'drop';
    if (endStream && binding.responseHttpBody === null) this.endStreaming(binding);
    const ready = this.ready();
    if (ready.length > 0 || endStream) callbacks.injectResponse(ready, endStream);
    return 'drop';
  }

  /** Messages to JSON, or to the bytes of their HttpBody. False: they do not fit, which was answered. */
  private take(binding: MethodBinding, messages: readonly Uint8Array[]): boolean {
    const { print, table } = this.settings;
    if (table === null) return false;
    const streams = streamsToClient(binding);
    try {
      for (const message of messages) {
        if (binding.responseHttpBody !== null) this.takeHttpBody(binding, message, streams);
        else if (streams || this.messages === 0) {
          const json = messageJson(binding.method.output, message, print, table.registry);
          this.json += streams ? streamPiece(json, this.messages === 0, print) : json;
        }
        this.messages++;
      }
      return true;
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      this.refuse(502, Buffer.from(text).toString('latin1'), 'INTERNAL');
      return false;
    }
  }

  private takeHttpBody(binding: MethodBinding, message: Uint8Array, streams: boolean): void {
    const { head } = this;
    if (!streams && this.messages > 0) return;
    const body = decodeHttpBody(binding.responseHttpBody ?? [], message);
    // Taken over: the frame's bytes belong to the reader.
    this.raw.push(Uint8Array.from(body.data));
    if (this.messages > 0 || head === null) return;
    setHeader(head.headers, 'content-type', body.contentType);
    if (!streams) setHeader(head.headers, 'content-length', String(body.data.length));
  }

  private refuse(status: number, text: string, details: string): void {
    this.given = true;
    this.callbacks.sendLocalReply(status, text, null, `${FAILED}{${details}}`);
  }

  private endStreaming(binding: MethodBinding): void {
    if (streamsToClient(binding)) this.json += streamEnd(this.messages === 0, this.settings.print);
  }

  private ready(): Uint8Array {
    const bytes = Buffer.concat([...this.raw, Buffer.from(this.json)]);
    this.raw = [];
    this.json = '';
    return bytes;
  }

  encodeTrailers(trailers: HeaderList): TrailersStatus {
    if (this.given || this.binding === null || this.head === null) return 'continue';
    this.finish(trailers);
    return this.given ? 'drop' : 'continue';
  }

  /** The end, in trailers or in a head that is all there is: status and body are known. */
  private finish(last: HeaderList): void {
    const { binding, head, callbacks } = this;
    if (binding === null || head === null) return;
    const status = grpcStatusIn(last);
    if (status !== null && this.statusAsBody(head, last, status)) return;
    if (binding.responseHttpBody === null) this.endStreaming(binding);
    const body = this.ready();
    if (body.length > 0) callbacks.addResponseBody(body);
    const alone = head.headers === last;
    const streams = streamsToClient(binding);
    if (streams && !alone) return;
    head.status = status === null ? 503 : httpStatusOfGrpc(status);
    if (!alone) {
      if (status !== null) setHeader(head.headers, 'grpc-status', String(status));
      const message = headerValue(last, 'grpc-message');
      if (message !== undefined) setHeader(head.headers, 'grpc-message', message);
    }
    if (callbacks.info.downstreamProtocol !== 'HTTP/2') removeHeader(head.headers, 'trailer');
    if (!streams) setHeader(head.headers, 'content-length', String(body.length));
  }

  /** `convert_grpc_status`: an error without a body is told as JSON. */
  private statusAsBody(head: ResponseHead, last: HeaderList, status: number): boolean {
    const { settings, callbacks } = this;
    if (!settings.convertStatus || this.hasBody || status === 0 || settings.table === null) return false;
    const json = Buffer.from(statusJson(rpcStatus(last, status), settings.print, settings.table.registry));
    head.status = httpStatusOfGrpc(status);
    const { headers } = head;
    if (headers === last) {
      for (const name of ['grpc-status', 'grpc-message', 'grpc-status-details-bin'])
        removeHeader(headers, name);
    }
    if (callbacks.info.downstreamProtocol !== 'HTTP/2') removeHeader(headers, 'trailer');
    setHeader(headers, 'content-type', 'application/json');
    setHeader(headers, 'content-length', String(json.length));
    callbacks.addResponseBody(json);
    return true;
  }
}

const CONFIG = 'envoy.extensions.filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder';

/** `envoy.filters.http.grpc_json_transcoder`. */
export const GRPC_JSON_TRANSCODER: HttpFilterExtension = {
  type: CONFIG,
  routeTypes: [CONFIG],
  compileRoute: compileTranscoder,
  compile(name, config, ctx) {
    const settings = compileTranscoder(config, ctx);
    return {
      name,
      source: config.range,
      create: (callbacks) => new TranscoderFilter(callbacks, settings),
      explain(question, narrator) {
        const used = (question.routeConfigs()[0] as TranscoderSettings | undefined) ?? settings;
        const { head } = question;
        if (used.table === null || isGrpcContentType(headerValue(head.headers, 'content-type'))) return null;
        const match = matchRequest(used, head.method, head.path);
        if ('code' in match) {
          const rejects =
            match.code === 'NOT_FOUND' ? used.rejectUnknownMethod : used.rejectUnknownParameters;
          const text = rejects ? 'refused' : 'passed on as it is';
          narrator.note(
            rejects ? 'bad' : 'neutral',
            `gRPC-JSON: ${match.message} The request is ${text}`,
            used.source,
          );
          if (!rejects) return null;
          const status = match.code === 'NOT_FOUND' ? 404 : 400;
          return { status, flags: '', details: `${FAILED_EARLY}{${match.code}}` };
        }
        const { method } = match.binding;
        const values = match.fields.map(
          ({ fields, value }) => `\`${fields.map((field) => field.name).join('.')}\` = \`${value}\``,
        );
        const from = values.length === 0 ? '' : ` with ${values.join(', ')}`;
        narrator.note(
          'good',
          `gRPC-JSON: calls \`/${method.parent.typeName}/${method.name}\`${from}`,
          used.source,
        );
        if (!used.keepRoute) question.reroute((rerouted) => toGrpc(rerouted, match.binding));
        return null;
      },
    };
  },
};
