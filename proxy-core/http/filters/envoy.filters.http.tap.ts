import { createWriteStream, type WriteStream } from 'node:fs';
import type { HeaderList } from '../../base/headers.ts';
import type { Counter } from '../../base/stats.ts';
import type { RequestHead, ResponseHead } from '../../base/stream-info.ts';
import type { CompileContext } from '../../config/compile-context.ts';
import type { MessageReader } from '../../config/reader.ts';
import type { BodyStatus, FilterCallbacks, HeadStatus, HttpFilter, TrailersStatus } from '../filter.ts';
import type { HttpFilterExtension } from './extension.ts';
import {
  compileTapPredicate,
  type Exchange,
  MOST_BODY,
  readsBodies,
  type TapPredicate,
  tapMatches,
} from './tap-match.ts';
import {
  addressJson,
  headersJson,
  requestHeadersJson,
  responseHeadersJson,
  TappedBody,
  traceText,
} from './tap-trace.ts';

/** `TapConfig` with one file for each exchange, compiled. */
interface TapSettings {
  readonly predicate: TapPredicate;
  readonly readsBodies: boolean;
  readonly pathPrefix: string;
  readonly bodiesAsText: boolean;
  readonly streaming: boolean;
  /** Bytes of a request and of a response body that are kept. */
  readonly maxRequest: number;
  readonly maxResponse: number;
  readonly recordTimes: boolean;
  readonly recordConnection: boolean;
  readonly tapped: Counter;
}

function compileSettings(config: MessageReader, ctx: CompileContext, tapped: Counter): TapSettings | null {
  const recordTimes = config.bool('record_headers_received_time') ?? false;
  const recordConnection = config.bool('record_downstream_connection') ?? false;
  const tap = config.message('common_config')?.message('static_config');
  if (tap === undefined) {
    return notWritten(ctx, config, 'common_config', 'Taps over the admin interface are not emulated');
  }
  const match = tap.message('match') ?? tap.message('match_config');
  if (match === undefined) {
    ctx.report('error', 'filter.tap', tap, '', 'Neither match nor match_config is set in TapConfig');
    return null;
  }
  const predicate = compileTapPredicate(match, ctx);
  const output = tap.message('output_config');
  const [sink] = output?.messages('sinks') ?? [];
  const file = sink?.message('file_per_tap');
  if (sink?.has('streaming_admin') === true || sink?.has('buffered_admin') === true) {
    const message = 'Error: Specifying admin streaming output without configuring admin.';
    ctx.report('error', 'filter.tap', sink, '', message);
    return null;
  }
  if (output === undefined || sink === undefined || file === undefined) {
    return notWritten(ctx, tap, 'output_config', 'Only file_per_tap is emulated');
  }
  const format = sink.enumeration('format') ?? 'JSON_BODY_AS_BYTES';
  if (!format.startsWith('JSON_')) {
    return notWritten(ctx, sink, 'format', `Taps are written as JSON, the format ${format} is not emulated`);
  }
  return {
    predicate,
    readsBodies: readsBodies(predicate),
    pathPrefix: file.string('path_prefix') ?? '',
    bodiesAsText: format === 'JSON_BODY_AS_STRING',
    streaming: output.bool('streaming') ?? false,
    maxRequest: output.number('max_buffered_rx_bytes') ?? 1024,
    maxResponse: output.number('max_buffered_tx_bytes') ?? 1024,
    recordTimes,
    recordConnection,
    tapped,
  };
}

function notWritten(ctx: CompileContext, reader: MessageReader, field: string, why: string): null {
  ctx.report('notice', 'filter.tap-not-emulated', reader, field, `${why}: nothing is written.`);
  return null;
}

class TapFilter implements HttpFilter {
  private readonly exchange: Exchange = {
    requestHead: null,
    requestTrailers: null,
    responseHead: null,
    responseTrailers: null,
    requestBody: '',
    responseBody: '',
  };
  private readonly request: TappedBody;
  private readonly response: TappedBody;
  private requestTime = '';
  private responseTime = '';
  private readonly id: string;
  private file: WriteStream | null = null;

  constructor(
    private readonly callbacks: FilterCallbacks,
    private readonly settings: TapSettings,
  ) {
    this.id = String(callbacks.random());
    this.request = new TappedBody(settings.maxRequest);
    this.response = new TappedBody(settings.maxResponse);
  }

  decodeHead(head: RequestHead): HeadStatus {
    this.exchange.requestHead = head;
    this.requestTime = this.time();
    this.stream(() => {});
    return 'continue';
  }

  decodeBody(bytes: Uint8Array, start: number, end: number): BodyStatus {
    if (end > start) {
      this.exchange.requestBody = this.seen(this.exchange.requestBody, bytes, start, end);
      const { maxRequest } = this.settings;
      if (this.file === null) this.request.add(bytes, start, end);
      this.stream(() => this.writeChunk('request_body_chunk', maxRequest, bytes, start, end));
    }
    return 'continue';
  }

  decodeTrailers(trailers: HeaderList): TrailersStatus {
    this.exchange.requestTrailers = trailers;
    this.stream(() => this.writeSegment({ request_trailers: { headers: headersJson(trailers) } }));
    return 'continue';
  }

  encodeHead(head: ResponseHead): HeadStatus {
    this.exchange.responseHead = head;
    this.responseTime = this.time();
    this.stream(() => this.writeSegment({ response_headers: { headers: responseHeadersJson(head) } }));
    return 'continue';
  }

  encodeBody(bytes: Uint8Array, start: number, end: number): BodyStatus {
    if (end > start) {
      this.exchange.responseBody = this.seen(this.exchange.responseBody, bytes, start, end);
      const { maxResponse } = this.settings;
      if (this.file === null) this.response.add(bytes, start, end);
      this.stream(() => this.writeChunk('response_body_chunk', maxResponse, bytes, start, end));
    }
    return 'continue';
  }

  encodeTrailers(trailers: HeaderList): TrailersStatus {
    this.exchange.responseTrailers = trailers;
    this.stream(() => this.writeSegment({ response_trailers: { headers: headersJson(trailers) } }));
    return 'continue';
  }

  private time(): string {
    return this.settings.recordTimes ? new Date(this.callbacks.clock.wall()).toISOString() : '';
  }

  private seen(before: string, bytes: Uint8Array, start: number, end: number): string {
    if (!this.settings.readsBodies || before.length >= MOST_BODY) return before;
    return before + Buffer.from(bytes.subarray(start, end)).toString('latin1');
  }

  /** A streamed tap writes what just came; the first time, all that came before. */
  private stream(write: () => void): void {
    const { settings, exchange } = this;
    if (!settings.streaming) return;
    if (this.file !== null) {
      write();
      return;
    }
    if (!tapMatches(settings.predicate, exchange)) return;
    const { requestHead, requestTrailers, responseHead, responseTrailers } = exchange;
    const text = settings.bodiesAsText;
    if (requestHead !== null) {
      this.writeSegment({ request_headers: { headers: requestHeadersJson(requestHead) } });
    }
    if (!this.request.empty) this.writeSegment({ request_body_chunk: this.request.json(text) });
    if (requestTrailers !== null) {
      this.writeSegment({ request_trailers: { headers: headersJson(requestTrailers) } });
    }
    if (responseHead !== null) {
      this.writeSegment({ response_headers: { headers: responseHeadersJson(responseHead) } });
    }
    if (!this.response.empty) this.writeSegment({ response_body_chunk: this.response.json(text) });
    if (responseTrailers !== null) {
      this.writeSegment({ response_trailers: { headers: headersJson(responseTrailers) } });
    }
  }

  private writeChunk(name: string, limit: number, bytes: Uint8Array, start: number, end: number): void {
    const body = new TappedBody(limit);
    body.add(bytes, start, end);
    this.writeSegment({ [name]: body.json(this.settings.bodiesAsText) });
  }

  private writeSegment(part: object): void {
    this.write({ http_streamed_trace_segment: { trace_id: this.id, ...part } });
  }

  private write(trace: object): void {
    if (this.file === null) {
      this.file = createWriteStream(`${this.settings.pathPrefix}_${this.id}.json`);
      // A tap that cannot be written must not touch the traffic.
      this.file.on('error', () => {});
    }
    this.file.write(traceText(trace));
  }

  onDestroy(): void {
    const { settings, exchange } = this;
    if (tapMatches(settings.predicate, exchange)) {
      if (!settings.streaming) this.write({ http_buffered_trace: this.bufferedTrace() });
      settings.tapped.inc();
    }
    this.file?.end();
  }

  private bufferedTrace(): object {
    const { settings, exchange, callbacks } = this;
    const text = settings.bodiesAsText;
    const { requestHead, responseHead } = exchange;
    const message = (
      headers: object[],
      body: TappedBody,
      trailers: HeaderList | null,
      time: string,
    ): object => ({
      headers,
      ...(body.empty ? {} : { body: body.json(text) }),
      trailers: headersJson(trailers ?? []),
      ...(time === '' ? {} : { headers_received_time: time }),
    });
    const { connection } = callbacks.info;
    return {
      ...(requestHead === null
        ? {}
        : {
            request: message(
              requestHeadersJson(requestHead),
              this.request,
              exchange.requestTrailers,
              this.requestTime,
            ),
          }),
      ...(responseHead === null
        ? {}
        : {
            response: message(
              responseHeadersJson(responseHead),
              this.response,
              exchange.responseTrailers,
              this.responseTime,
            ),
          }),
      ...(settings.recordConnection
        ? {
            downstream_connection: {
              local_address: addressJson(connection.local),
              remote_address: addressJson(connection.directRemote),
            },
          }
        : {}),
    };
  }
}

/** `envoy.filters.http.tap`: whole exchanges to files. */
export const TAP: HttpFilterExtension = {
  type: 'envoy.extensions.filters.http.tap.v3.Tap',
  routeTypes: [],
  compile(name, config, ctx, environment) {
    const tapped = environment.stats.counter(`${environment.statPrefix}tap.rq_tapped`);
    const settings = compileSettings(config, ctx, tapped);
    return {
      name,
      source: config.range,
      create: (callbacks) => (settings === null ? {} : new TapFilter(callbacks, settings)),
      explain(question, narrator) {
        if (settings === null) return null;
        const exchange: Exchange = {
          requestHead: question.head,
          requestTrailers: null,
          responseHead: null,
          responseTrailers: null,
          requestBody: '',
          responseBody: '',
        };
        const text = tapMatches(settings.predicate, exchange)
          ? `the exchange is written to ${settings.pathPrefix}_….json`
          : 'the request alone does not match';
        narrator.note('neutral', `Tap: ${text}`, config.range);
        return null;
      },
    };
  },
};
