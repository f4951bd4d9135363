import { CallbackTimer } from '../../base/clock.ts';
import type { HeaderList } from '../../base/headers.ts';
import type { RequestHead, ResponseHead } from '../../base/stream-info.ts';
import { type GrpcEnd, type GrpcStream, grpcStream } from '../async-client/grpc.ts';
import type { BodyStatus, FilterCallbacks, HeadStatus, HttpFilter, TrailersStatus } from '../filter.ts';
import { type DirectionOwner, ProcessorDirection } from './ext-proc-direction.ts';
import {
  decodeResponse,
  encodeRequest,
  type ImmediateResponse,
  mutate,
  type ProcessingResponse,
  requestPseudo,
  requestTarget,
  responseTarget,
  trailersTarget,
} from './ext-proc-messages.ts';
import {
  compileExtProc,
  compileExtProcRoute,
  type ExtProcRouteSettings,
  type ExtProcSettings,
  modeOf,
  type ProcessingMode,
} from './ext-proc-settings.ts';
import type { HttpFilterExtension } from './extension.ts';
import { grpcTarget } from './service-target.ts';
import { failureText, noteService } from './service-watch.ts';

const SERVICE = 'envoy.service.ext_proc.v3.ExternalProcessor';

/** Lets a service look at requests and responses and change them, over one stream each (Envoy: ExternalProcessing). */
class ExtProcFilter implements HttpFilter {
  private readonly request: ProcessorDirection;
  private readonly response: ProcessorDirection;
  private mode: ProcessingMode;
  private readonly off: boolean;
  private stream: GrpcStream | null = null;
  private opened = false;
  private closed = false;
  private readonly timer: CallbackTimer;
  private sent = 0;

  constructor(
    private readonly callbacks: FilterCallbacks,
    private readonly settings: ExtProcSettings,
  ) {
    const ofRoute = callbacks.perRouteConfig() as ExtProcRouteSettings | undefined;
    this.off = ofRoute?.disabled === true;
    this.mode = ofRoute?.mode ?? settings.mode;
    this.timer = new CallbackTimer(callbacks.clock, () => this.onTimeout());
    this.request = new ProcessorDirection('request', this.mode.request, this.owner('request'));
    this.response = new ProcessorDirection('response', this.mode.response, this.owner('response'));
  }

  private owner(side: 'request' | 'response'): DirectionOwner {
    const { callbacks, settings } = this;
    const ofRequest = side === 'request';
    return {
      settings,
      send: (kind, value) => this.send(kind, value),
      settled: () => this.timer.disarm(),
      buffered: () => (ofRequest ? callbacks.bufferedRequest() : callbacks.bufferedResponse()),
      replace: (bytes) => (ofRequest ? callbacks.replaceRequest(bytes) : callbacks.replaceResponse(bytes)),
      inject: (bytes, end) =>
        ofRequest ? callbacks.injectRequest(bytes, end) : callbacks.injectResponse(bytes, end),
      resume: () => (ofRequest ? callbacks.continueDecoding() : callbacks.continueEncoding()),
      fail: (details) => this.answer(500, details),
    };
  }

  decodeHead(head: RequestHead, endStream: boolean): HeadStatus {
    if (this.off) return 'continue';
    return this.request.head(requestTarget(head), requestPseudo(head), endStream);
  }

  decodeBody(bytes: Uint8Array, start: number, end: number, endStream: boolean): BodyStatus {
    return this.off ? 'continue' : this.request.body(bytes, start, end, endStream);
  }

  decodeTrailers(trailers: HeaderList): TrailersStatus {
    return this.off ? 'continue' : this.request.trailersCame(trailers);
  }

  encodeHead(head: ResponseHead, endStream: boolean): HeadStatus {
    if (this.off) return 'continue';
    return this.response.head(responseTarget(head), [':status', String(head.status)], endStream);
  }

  encodeBody(bytes: Uint8Array, start: number, end: number, endStream: boolean): BodyStatus {
    return this.off ? 'continue' : this.response.body(bytes, start, end, endStream);
  }

  encodeTrailers(trailers: HeaderList): TrailersStatus {
    return this.off ? 'continue' : this.response.trailersCame(trailers);
  }

  onDestroy(): void {
    this.close();
  }

  // The stream to the processor

  private send(kind: string, value: object): void {
    const { settings, callbacks } = this;
    if (!this.opened) this.open();
    if (this.closed || this.stream === null) return;
    const metadata: Record<string, unknown> = {};
    for (const name of settings.forwardedMetadata) {
      const known = callbacks.info.dynamicMetadata?.get(name);
      if (known !== undefined) metadata[name] = known;
    }
    settings.stats.stream_msgs_sent.inc();
    this.sent++;
    this.timer.arm(settings.messageTimeout);
    const withMetadata = Object.keys(metadata).length > 0 ? metadata : null;
    this.stream.send(encodeRequest(kind, value, withMetadata), false);
  }

  private open(): void {
    const { callbacks, settings } = this;
    const { info, client } = callbacks;
    const ofRoute = callbacks.perRouteConfig() as ExtProcRouteSettings | undefined;
    this.opened = true;
    settings.stats.streams_started.inc();
    const target = grpcTarget(ofRoute?.service ?? settings.service, SERVICE, 'Process', info);
    // A pool that refuses at once ends the stream before it is here.
    const early: GrpcEnd[] = [];
    this.stream = grpcStream(client, target, {
      onMessage: (bytes) => this.onMessage(bytes),
      onEnd: (end) => {
        if (this.stream === null) early.push(end);
        else this.onEnd(end);
      },
    });
    for (const end of early) this.onEnd(end);
  }

  private onMessage(bytes: Uint8Array): void {
    if (this.closed) return;
    const { settings, callbacks } = this;
    settings.stats.stream_msgs_received.inc();
    settings.watch.answered(callbacks.client.path);
    const message = decodeResponse(bytes);
    if (message === null) {
      this.spurious();
      return;
    }
    if (message.overrideMessageTimeout !== undefined && this.overrideTimeout(message)) return;
    this.keepMetadata(message);
    if (!this.dispatch(message)) this.spurious();
  }

  private dispatch(message: ProcessingResponse): boolean {
    const { response } = message;
    const { request, response: answer } = this;
    switch (response.case) {
      case undefined:
        return false;
      case 'requestHeaders': {
        if (request.waiting !== 'headers') return false;
        this.overrideMode(message);
        const common = response.value.response;
        const handled = request.headersAnswered(common);
        if (common !== undefined)
          this.clearRoute(common.clearRouteCache, common.headerMutation !== undefined);
        return handled;
      }
      case 'requestBody':
        return request.bodyAnswered(response.value.response);
      case 'requestTrailers':
        return request.trailersAnswered(response.value.headerMutation);
      case 'responseHeaders':
        return answer.headersAnswered(response.value.response);
      case 'responseBody':
        return answer.bodyAnswered(response.value.response);
      case 'responseTrailers':
        return answer.trailersAnswered(response.value.headerMutation);
      case 'immediateResponse':
        if (!this.settings.allowImmediate) return false;
        this.answerImmediately(response.value);
        return true;
    }
  }

  private clearRoute(wanted: boolean, changed: boolean): void {
    const { clearRouteCache, stats } = this.settings;
    if (!wanted && clearRouteCache !== 'CLEAR') return;
    if (clearRouteCache === 'RETAIN') stats.clear_route_cache_disabled.inc();
    else if (!changed) stats.clear_route_cache_ignored.inc();
    else this.callbacks.clearRouteCache();
  }

  private overrideMode({ modeOverride }: ProcessingResponse): void {
    if (modeOverride === undefined || !this.settings.allowModeOverride) return;
    this.mode = modeOf(modeOverride, this.mode);
    this.request.mode = this.mode.request;
    this.response.mode = this.mode.response;
  }

  /** True: the message only asks for more time. */
  private overrideTimeout({ overrideMessageTimeout }: ProcessingResponse): boolean {
    const { maxMessageTimeout, stats } = this.settings;
    const { seconds = 0n, nanos = 0 } = overrideMessageTimeout ?? {};
    const wanted = Number(seconds) * 1000 + nanos / 1e6;
    if (wanted < 1 || wanted > maxMessageTimeout) {
      stats.override_message_timeout_ignored.inc();
      return true;
    }
    stats.override_message_timeout_received.inc();
    this.timer.arm(wanted);
    return true;
  }

  private keepMetadata({ dynamicMetadata }: ProcessingResponse): void {
    const { info } = this.callbacks;
    for (const [name, values] of Object.entries(dynamicMetadata ?? {})) {
      if (!this.settings.receivedMetadata.has(name) || typeof values !== 'object' || values === null)
        continue;
      info.dynamicMetadata ??= new Map();
      info.dynamicMetadata.set(name, { ...info.dynamicMetadata.get(name), ...values });
    }
  }

  /** An answer to nothing: the processor is not listened to any more, and everything goes on. */
  private spurious(): void {
    this.settings.stats.spurious_msgs_received.inc();
    this.finish();
  }

  private onEnd(end: GrpcEnd): void {
    if (this.closed) return;
    const { settings, callbacks } = this;
    if (end.status === 0) {
      settings.stats.streams_closed.inc();
      this.closed = true;
      this.finish();
      return;
    }
    settings.stats.streams_failed.inc();
    const reason =
      end.failure === '' ? `gRPC status ${end.status} ${end.message}`.trim() : failureText(end.failure);
    settings.watch.failed(callbacks.client.path, reason);
    this.closed = true;
    this.onFailure(500, `ext_proc_error_gRPC_error_${end.status}`, reason);
  }

  private onTimeout(): void {
    if (this.closed) return;
    const { settings, callbacks } = this;
    settings.stats.message_timeouts.inc();
    const reason = `no answer in ${settings.messageTimeout} ms`;
    settings.watch.failed(callbacks.client.path, reason);
    this.onFailure(504, 'ext_proc_error_per-message_timeout_exceeded', reason);
  }

  private onFailure(status: number, details: string, reason: string): void {
    const { settings, callbacks } = this;
    noteService(callbacks.info, `\`${settings.name}\` asked cluster ${settings.service.cluster}: ${reason}`);
    if (settings.failureModeAllow) {
      if (this.closed) settings.stats.streams_closed.inc();
      settings.stats.failure_mode_allowed.inc();
      this.finish();
    } else this.answer(status, details);
  }

  private answer(status: number, details: string): void {
    this.stop();
    this.callbacks.sendLocalReply(status, '', null, details);
  }

  private answerImmediately(immediate: ImmediateResponse): void {
    const { settings, callbacks } = this;
    const headers: HeaderList = [];
    mutate(trailersTarget(headers), immediate.headers, settings);
    const body = Buffer.from(immediate.body).toString('latin1');
    const status = immediate.status?.code || 200;
    const details = immediate.details.replaceAll(/\s/g, '_');
    noteService(callbacks.info, `\`${settings.name}\` answered with ${status} in place of the upstream`);
    this.stop();
    callbacks.sendLocalReply(status, body, null, details, headers, immediate.grpcStatus?.status ?? null);
  }

  /** Before an answer of the filter's own, which the processor does not see. */
  private stop(): void {
    this.close();
    this.request.stop();
    this.response.stop();
  }

  /** Whatever waits goes on as it is. */
  private finish(): void {
    this.close();
    this.request.finish();
    this.response.finish();
  }

  private close(): void {
    this.timer.disarm();
    if (this.closed || this.stream === null) return;
    this.closed = true;
    this.settings.stats.streams_closed.inc();
    noteService(
      this.callbacks.info,
      `\`${this.settings.name}\` sent cluster ${this.settings.service.cluster} ${this.sent} ${this.sent === 1 ? 'message' : 'messages'}`,
    );
    this.stream.end();
    this.stream.cancel();
  }
}

/** `envoy.filters.http.ext_proc`. */
export const EXT_PROC: HttpFilterExtension = {
  type: 'envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor',
  routeTypes: ['envoy.extensions.filters.http.ext_proc.v3.ExtProcPerRoute'],
  compileRoute: compileExtProcRoute,
  compile(name, config, ctx, environment) {
    const settings = compileExtProc(name, config, ctx, environment);
    // The observer is not told anything here. It has no say in what becomes of a request, so requests just pass.
    const observes = config.bool('observability_mode') ?? false;
    if (observes) {
      const message = `${name} observes only: here its server is sent nothing, and requests pass as they do in Envoy.`;
      ctx.report('notice', 'filter.observability-mode', config, 'observability_mode', message);
    }
    return {
      name,
      source: config.range,
      create: (callbacks) => (observes ? {} : new ExtProcFilter(callbacks, settings)),
      explain(question, narrator) {
        if (observes) {
          narrator.note('neutral', `\`${name}\` observes only and changes nothing`, config.range);
          return null;
        }
        const ofRoute = question.routeConfigs()[0] as ExtProcRouteSettings | undefined;
        if (ofRoute?.disabled === true) {
          narrator.note('neutral', `\`${name}\` is switched off here`, config.range);
          return null;
        }
        const { request, response } = ofRoute?.mode ?? settings.mode;
        const parts = [
          ...(request.headers ? ['request headers'] : []),
          ...(request.body === 'NONE' ? [] : ['the request body']),
          ...(response.headers ? ['response headers'] : []),
          ...(response.body === 'NONE' ? [] : ['the response body']),
        ];
        const cluster = (ofRoute?.service ?? settings.service).cluster;
        const text =
          parts.length === 0 ? 'is sent nothing' : `is sent ${parts.join(', ')} and may change them`;
        narrator.note('neutral', `\`${name}\`: cluster ${cluster} ${text}`, config.range);
        return null;
      },
    };
  },
};
