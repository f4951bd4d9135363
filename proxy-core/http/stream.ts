import { type Clock, Timer, type TimerOwner } from '../base/clock.ts';
import { type HeaderList, headerValue } from '../base/headers.ts';
import {
  addFlag,
  type RequestHead,
  type ResponseFlag,
  type ResponseHead,
  type StreamInfo,
} from '../base/stream-info.ts';
import type { AccessLog } from '../observe/types.ts';
import { decideRoute } from '../route/decide.ts';
import type { RedirectTrail } from '../route/internal-redirect.ts';
import type { Route, RouteInput } from '../route/types.ts';
import type { CodecError, RequestReceiver, ResetReason, ServerStream } from './codec/codec.ts';
import type { HttpConnectionManagerConfig } from './connection-manager-config.ts';
import { mutateEarly } from './early-header-mutation.ts';
import type { FilterChain } from './filter-chain.ts';
import { detectAddress } from './ip-detection.ts';
import { localReply } from './local-reply.ts';
import { type ReplyDraft, rewriteLocalReply } from './local-reply-config.ts';
import { normalizeAuthority, normalizePath, normalizesPath } from './path.ts';
import { nextHopInfo, startNextHop } from './recreate-stream.ts';
import { mutateRequestHeaders } from './request-headers.ts';
import { mutateResponseHeaders } from './response-headers.ts';
import { RouterStream } from './router/router.ts';
import { streamDuration } from './router/timeouts.ts';
import { admitUpgrade, opensTunnel } from './router/upgrade.ts';
import type { DataPath, SnapshotRuntime } from './runtime.ts';
import { createFilterChain } from './stream-filters.ts';

/** What a stream asks of its connection. */
export interface StreamOwner {
  readonly tls: boolean;
  /** Bytes of a request that may wait for an upstream (`per_connection_buffer_limit_bytes` of the listener). */
  readonly bufferLimit: number;
  /** True when the connection ends with this exchange: the answer says so. */
  readonly closing: boolean;
  /** Close after the answer under way. */
  closeAfterResponse(): void;
  /** The response was sent whole (or given up); `abort`: the response is cut, close without more. */
  onStreamEnd(stream: ActiveStream, abort: boolean): void;
  /** Consulted for each response head: listener drain and connection limits may set `closing`. */
  beforeResponseHead(): void;
}

const TimerKind = { Idle: 0, Request: 1, MaxDuration: 2, Log: 3 } as const;

/** One downstream request and its response: Envoy's ConnectionManagerImpl::ActiveStream. */
export class ActiveStream implements RequestReceiver, TimerOwner {
  readonly info: StreamInfo;
  /** The request has been received whole. */
  requestComplete = false;
  /** The request was received to its end: whatever the client sends next is not of it. */
  inStep = false;
  responseStarted = false;
  /** The head of the response has left. */
  private headSent = false;
  /** A filter has more of the response than it may keep. */
  filtersCongested = false;
  ended = false;
  internal = false;
  /** Milliseconds without progress until the stream is given up; 0 = never. The route may change it. */
  idleTimeout: number;
  private router: RouterStream | null = null;
  /** Null when the router is the only filter. */
  private chain: FilterChain | null = null;
  private lastActivity: number;
  private idleTimer: Timer | null = null;
  private requestTimer: Timer | null = null;
  private durationTimer: Timer | null = null;
  private logTimer: Timer | null = null;
  /** The request asks for a tunnel that is enabled. */
  upgrade = false;
  /** It is one of `downstream_cx_upgrades_active`. */
  upgradeCounted = false;
  route: Route | null = null;
  routeInput: RouteInput | null = null;
  /** A cookie that a hash policy makes; sent with the response. */
  setCookie: string | null = null;
  /** What an internal redirect brought here; null for a request of the client's own. */
  redirects: RedirectTrail | null = null;
  /** The stream that goes on for the client after an internal redirect. */
  private successor: ActiveStream | null = null;
  private readonly clock: Clock;

  constructor(
    readonly owner: StreamOwner,
    readonly stream: ServerStream,
    readonly config: HttpConnectionManagerConfig,
    readonly path: DataPath,
    readonly snapshot: SnapshotRuntime,
    info: StreamInfo,
  ) {
    this.info = info;
    this.clock = path.services.clock;
    this.idleTimeout = config.streamIdleTimeout;
    this.lastActivity = info.start;
    const { stats } = config;
    stats.rqTotal.inc();
    stats.rqActive.inc();
    if (info.downstreamProtocol === 'HTTP/2') stats.rqHttp2Total.inc();
    else stats.rqHttp1Total.inc();
  }

  // RequestReceiver

  onRequestHead(head: RequestHead, endStream: boolean): void {
    const { info, config } = this;
    info.receivedHead = head;
    this.requestComplete = endStream;
    if (endStream) {
      this.inStep = true;
      info.requestComplete = this.clock.now();
    }
    if (this.stream.peerCloses) this.owner.closeAfterResponse();
    if (this.owner.tls) head.scheme = 'https';
    this.upgrade = this.stream.upgradeRequested;
    if (config.requestTimeout > 0 && !endStream) {
      this.requestTimer = new Timer(this, TimerKind.Request);
      this.clock.arm(this.requestTimer, config.requestTimeout);
    }
    if (this.idleTimeout > 0) {
      this.idleTimer = new Timer(this, TimerKind.Idle);
      this.clock.arm(this.idleTimer, this.idleTimeout);
    }
    if (config.maxStreamDuration > 0) this.limitDuration(config.maxStreamDuration);
    if (!this.admit(head)) return;
    const path = this.normalizedPath(head);
    if (path === null) return;
    const { random } = this.path.services;
    if (this.redirects !== null) info.requestHead = { ...head, headers: head.headers.slice() };
    else {
      const { ipDetection, earlyMutations } = config;
      const early = earlyMutations === null ? head : mutateEarly(earlyMutations, head, info);
      const detected = ipDetection.length === 0 ? null : detectAddress(ipDetection, early);
      if (detected !== null && detected.rejectStatus > 0) {
        config.stats.rqRejectedViaIpDetection.inc();
        this.refuse(detected.rejectStatus, 'rejecting_because_detection_failed');
        return;
      }
      this.internal = mutateRequestHeaders(
        early,
        info,
        config,
        this.snapshot,
        this.owner.tls,
        this.upgrade,
        this.path.uuid,
        detected,
      );
    }
    const request = info.requestHead as RequestHead;
    request.path = path;
    if (config.stripPort !== 'none' || config.stripTrailingHostDot) {
      request.authority = normalizeAuthority(request.authority, config, info.connection.local.port);
    }
    info.random = random.next();
    this.path.recorder?.begin(info);
    if (!endStream) this.continueExpected(request);
    if (!config.hasRouter) return;
    this.decide(request);
    if (this.upgrade && !admitUpgrade(this, request)) return;
    if (config.startLogs.length > 0) writeLogs(config.startLogs, info);
    if (config.periodicLogInterval > 0) {
      this.logTimer = new Timer(this, TimerKind.Log);
      this.clock.arm(this.logTimer, config.periodicLogInterval);
    }
    const router = new RouterStream(this);
    this.router = router;
    if (config.filters.length === 0) {
      router.onRequestHead(request, endStream);
      return;
    }
    this.chain = createFilterChain(this, router);
    this.chain.decode.head(request, endStream);
  }

  /** Finds the route and takes over what it says about the stream as a whole. */
  private decide(head: RequestHead): void {
    const { config, info } = this;
    const input: RouteInput = {
      head,
      random: info.random,
      tls: this.owner.tls,
      metadata: info.dynamicMetadata,
      clientCertificate: info.connection.tls?.peer ? 'validated' : 'none',
      internal: this.internal,
      runtime: this.snapshot.runtime,
    };
    this.routeInput = input;
    info.routeConfigName = config.routes.name;
    const route = decideRoute(config.routes, input, null);
    if (route === null) return;
    this.route = route;
    route.hits.count++;
    info.virtualHostName = route.virtualHost.name;
    info.routeName = route.name;
    info.routeIndex = route.index;
    if (route.metadata.size > 0) info.routeMetadata = route.metadata;
    const action = route.action;
    if (action.kind !== 'cluster') return;
    if (action.idleTimeout !== null) this.setIdleTimeout(action.idleTimeout);
    if (action.maxStreamDuration !== null) {
      const limit = streamDuration(action.maxStreamDuration, head);
      if (limit !== null && limit > 0) this.limitDuration(limit);
    }
  }

  /** A filter changed the head: the route is found anew. */
  refreshRoute(): void {
    const { route, info } = this;
    if (route !== null) route.hits.count--;
    this.route = null;
    info.virtualHostName = '';
    info.routeName = '';
    info.routeIndex = -1;
    if (info.requestHead !== null) this.decide(info.requestHead);
  }

  /** Checks of the connection manager before routing; false when it has answered. */
  private admit(head: RequestHead): boolean {
    const { config, info } = this;
    if (this.stream.hostMissing === true && head.authority === '') {
      if (this.info.downstreamProtocol === 'HTTP/1.0' && config.defaultHostForHttp10 !== '') {
        head.authority = config.defaultHostForHttp10;
      } else {
        head.withoutAuthority = true;
        return this.refuse(400, 'missing_host_header');
      }
    }
    if (head.path.charCodeAt(0) !== 47 && head.method !== 'CONNECT') {
      config.stats.rqNonRelativePath.inc();
      info.requestHead = head;
      this.path.recorder?.begin(info);
      this.sendLocalReply(404, '', null, 'absolute_path_rejected');
      return false;
    }
    return true;
  }

  private refuse(status: number, details: string, path: string | null = null): false {
    const { info } = this;
    const received = info.receivedHead;
    info.requestHead = received === null || path === null ? received : { ...received, path };
    this.path.recorder?.begin(info);
    this.sendLocalReply(status, '', null, details);
    return false;
  }

  /** The path to route by; null when the answer is a refusal or a redirect. */
  private normalizedPath(head: RequestHead): string | null {
    const { config, info } = this;
    if (head.path.includes('#')) {
      config.stats.rqFailedPathNormalization.inc();
      this.refuse(400, 'path_normalization_failed');
      return null;
    }
    if (!normalizesPath(config) || head.method === 'CONNECT') return head.path;
    const { path, action } = normalizePath(head.path, config);
    if (action === 'continue') return path;
    if (action === 'reject') {
      config.stats.rqFailedPathNormalization.inc();
      // The log shows how far normalisation came.
      this.refuse(400, 'path_normalization_failed', path);
      return null;
    }
    config.stats.rqRedirectedWithNormalizedPath.inc();
    info.requestHead = { ...head, path };
    this.path.recorder?.begin(info);
    this.sendLocalReply(307, '', null, 'path_normalization_failed', ['location', path]);
    return null;
  }

  private continueExpected(head: RequestHead): void {
    const expect = headerValue(head.headers, 'expect');
    if (expect === undefined || expect.toLowerCase() !== '100-continue' || this.config.proxy100Continue)
      return;
    for (let i = 0; i < head.headers.length; i += 2) {
      if (head.headers[i] === 'expect') head.headers.splice(i, 2);
    }
    this.stream.sendInformational(100, []);
  }

  onRequestBody(bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    if (this.ended) return;
    const { info } = this;
    info.bytesReceived += end - start;
    this.lastActivity = this.clock.now();
    if (endStream) this.requestDone();
    if (info.record >= 0 && end > start) this.path.recorder?.requestBody(info, bytes, start, end);
    if (this.chain !== null) this.chain.decode.body(bytes, start, end, endStream);
    else this.router?.onRequestBody(bytes, start, end, endStream);
  }

  onRequestTrailers(trailers: HeaderList): void {
    if (this.ended) return;
    this.info.requestTrailers = trailers;
    this.requestDone();
    if (this.chain !== null) this.chain.decode.trailers(trailers);
    else this.router?.onRequestTrailers(trailers);
  }

  private requestDone(): void {
    this.requestComplete = true;
    this.inStep = true;
    this.info.requestComplete = this.clock.now();
    if (this.requestTimer !== null) this.clock.disarm(this.requestTimer);
  }

  onRequestReset(reason: ResetReason, details: string): void {
    if (this.ended) {
      this.successor?.onRequestReset(reason, details);
      return;
    }
    if (this.info.receivedHead === null) this.path.recorder?.begin(this.info);
    addFlag(this.info, reason === 'remote-reset' ? 'DR' : reason === 'protocol-error' ? 'DPE' : 'DC');
    this.info.responseCodeDetails = details;
    this.config.stats.rqRxReset.inc();
    this.router?.onDownstreamEnd();
    this.finish(true);
  }

  onResponseDrained(): void {
    if (this.successor !== null) {
      this.successor.onResponseDrained();
      return;
    }
    if (!this.filtersCongested) this.router?.onDownstreamDrained();
  }

  /** A codec error: answered while nothing was sent, otherwise the connection is cut. */
  onCodecError(error: CodecError): void {
    if (this.ended) {
      this.successor?.onCodecError(error);
      return;
    }
    addFlag(this.info, 'DPE');
    this.router?.onDownstreamEnd();
    this.router = null;
    this.owner.closeAfterResponse();
    this.requestComplete = true;
    if (this.responseStarted) {
      this.info.responseCodeDetails = error.details;
      this.abort();
    } else {
      if (this.info.receivedHead === null) this.path.recorder?.begin(this.info);
      this.sendLocalReply(error.status, error.body, null, error.details);
    }
  }

  onHeadTimeout(): void {
    this.config.stats.rqHeaderTimeout.inc();
    this.path.recorder?.begin(this.info);
    this.owner.closeAfterResponse();
    this.requestComplete = true;
    this.sendLocalReply(408, 'request header timeout', null, 'request_header_timeout');
  }

  // Timers

  limitDuration(limit: number): void {
    this.durationTimer ??= new Timer(this, TimerKind.MaxDuration);
    this.clock.arm(this.durationTimer, limit);
  }

  setIdleTimeout(timeout: number): void {
    this.idleTimeout = timeout;
    if (timeout > 0) {
      this.idleTimer ??= new Timer(this, TimerKind.Idle);
      this.clock.arm(this.idleTimer, timeout);
    } else if (this.idleTimer !== null) this.clock.disarm(this.idleTimer);
  }

  onTimer(timer: Timer): void {
    this.path.queue.enter();
    try {
      this.timeOut(timer);
    } finally {
      this.path.queue.leave();
    }
  }

  private timeOut(timer: Timer): void {
    if (this.ended) return;
    const { stats } = this.config;
    switch (timer.kind) {
      case TimerKind.Idle: {
        // Progress only notes its time; the timer looks at it when it is due.
        const left = this.lastActivity + this.idleTimeout - this.clock.now();
        if (left > 0) {
          this.clock.arm(timer, left);
          return;
        }
        stats.rqIdleTimeout.inc();
        if (this.responseStarted) {
          addFlag(this.info, 'SI');
          this.info.responseCodeDetails = 'stream_idle_timeout';
          this.giveUp();
        } else {
          this.failRequest(this.requestComplete ? 504 : 408, 'stream timeout', 'SI', 'stream_idle_timeout');
        }
        break;
      }
      case TimerKind.Log:
        writeLogs(this.config.periodicLogs, this.info);
        this.clock.arm(timer, this.config.periodicLogInterval);
        break;
      case TimerKind.Request:
        stats.rqTimeout.inc();
        this.owner.closeAfterResponse();
        if (this.responseStarted) this.giveUp();
        else this.failRequest(408, 'request timeout', null, 'request_overall_timeout');
        break;
      default:
        stats.rqMaxDurationReached.inc();
        if (this.responseStarted) {
          this.info.responseCodeDetails = 'max_duration_timeout';
          this.giveUp();
        } else this.failRequest(504, 'downstream duration timeout', null, 'max_duration_timeout', null, 4);
        break;
    }
  }

  failRequest(
    status: number,
    body: string,
    flag: ResponseFlag | null,
    details: string,
    headers: HeaderList | null = null,
    grpcStatus: number | null = null,
  ): void {
    this.router?.onDownstreamEnd();
    this.router = null;
    this.sendLocalReply(status, body, flag, details, headers, grpcStatus);
  }

  /** An answer in place of a response that a filter holds; one whose head has left is cut. */
  answerInstead(
    status: number,
    body: string,
    flag: ResponseFlag | null,
    details: string,
    headers: HeaderList | null,
    grpcStatus: number | null,
  ): void {
    this.chain?.destroy();
    this.chain = null;
    if (!this.headSent) {
      this.failRequest(status, body, flag, details, headers, grpcStatus);
      return;
    }
    this.info.responseCodeDetails = details;
    this.giveUp();
  }

  private giveUp(): void {
    this.router?.onDownstreamEnd();
    this.router = null;
    this.abort();
  }

  // Response side: called by the router and the filters

  sendLocalReply(
    status: number,
    body: string,
    flag: ResponseFlag | null,
    details: string,
    extra: HeaderList | null = null,
    grpcStatus: number | null = null,
  ): void {
    const { info } = this;
    if (flag !== null) addFlag(info, flag);
    info.responseCodeDetails = details;
    info.localReply = true;
    info.localReplyBody = body;
    // What was malformed once is not trusted to be in step (Envoy: ActiveStream::sendLocalReply); HTTP/2 has streams.
    if (status === 400 && !this.config.streamErrors) this.owner.closeAfterResponse();
    const { localReply: rules } = this.config;
    const rewrite = rules === null ? null : (draft: ReplyDraft) => rewriteLocalReply(rules, draft, info);
    const request = info.receivedHead ?? info.requestHead;
    const reply = localReply(request, status, body, extra, grpcStatus, rewrite);
    this.respond(reply.head, reply.body);
  }

  /** Sends a head and a latin1 body made by the proxy. */
  respond(head: ResponseHead, body: string): void {
    this.sendHead(head, body === '');
    if (body !== '') {
      const bytes = Buffer.from(body, 'latin1');
      this.sendBody(bytes, 0, bytes.length, true);
    }
  }

  sendInformational(status: number, headers: HeaderList): void {
    this.stream.sendInformational(status, headers);
  }

  sendHead(head: ResponseHead, endStream: boolean): void {
    if (this.ended) return;
    this.responseStarted = true;
    if (this.chain !== null) this.chain.encode.head(head, endStream);
    else this.writeHead(head, endStream);
  }

  sendBody(bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    if (this.ended) return;
    if (this.chain !== null) this.chain.encode.body(bytes, start, end, endStream);
    else this.writeBody(bytes, start, end, endStream);
  }

  sendTrailers(trailers: HeaderList): void {
    if (this.ended) return;
    if (this.chain !== null) this.chain.encode.trailers(trailers);
    else this.writeTrailers(trailers);
  }

  writeHead(head: ResponseHead, endStream: boolean): void {
    if (this.ended) return;
    const { info, owner } = this;
    this.lastActivity = info.responseFirst = this.clock.now();
    const tunnel = this.upgrade && opensTunnel(info.requestHead, head.status);
    if (this.upgrade && !tunnel) {
      this.stream.refuseUpgrade();
      this.requestComplete = true;
      owner.closeAfterResponse();
    }
    mutateResponseHeaders(
      head,
      info,
      this.config,
      this.path.services.clock.wall(),
      tunnel && head.status === 101,
    );
    if (!this.requestComplete && !tunnel) {
      this.config.stats.rqResponseBeforeRqComplete.inc();
      owner.closeAfterResponse();
    }
    owner.beforeResponseHead();
    // A body without length is framed by the end of the connection in HTTP/1.0.
    if (!endStream && info.downstreamProtocol === 'HTTP/1.0' && lacksLength(head)) owner.closeAfterResponse();
    if (owner.closing && !tunnel) head.headers.push('connection', 'close');
    else if (info.downstreamProtocol === 'HTTP/1.0') head.headers.push('connection', 'keep-alive');
    if (tunnel) owner.closeAfterResponse();
    info.responseHead = head;
    info.responseCode = head.status;
    this.headSent = true;
    this.stream.sendHead(head, endStream);
    if (endStream) this.finish(false);
  }

  writeBody(bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    if (this.ended) return;
    const { info } = this;
    info.bytesSent += end - start;
    this.lastActivity = this.clock.now();
    if (info.record >= 0 && end > start) this.path.recorder?.responseBody(info, bytes, start, end);
    this.stream.sendBody(bytes, start, end, endStream);
    if (endStream) this.finish(false);
  }

  writeTrailers(trailers: HeaderList): void {
    if (this.ended) return;
    this.info.responseTrailers = trailers;
    this.stream.sendTrailers(trailers);
    this.finish(false);
  }

  /** Ends a response that cannot be completed. */
  abort(): void {
    if (this.ended) return;
    this.config.stats.rqTxReset.inc();
    this.finish(true);
  }

  get congested(): boolean {
    return this.stream.congested || this.filtersCongested;
  }

  /** Internal redirect: this stream ends with an answer that the client does not see, another one goes on. */
  recreate(
    response: ResponseHead,
    head: RequestHead,
    body: readonly Uint8Array[],
    trail: RedirectTrail,
  ): void {
    const { info, config, path, snapshot } = this;
    const sent = info.requestHead;
    info.responseHead = response;
    info.responseCode = response.status;
    info.responseCodeDetails = 'internal_redirect';
    // The log line shows the head of the next hop, the record the one that was sent.
    info.requestHead = head;
    this.close(false, sent);
    const next = new ActiveStream(this.owner, this.stream, config, path, snapshot, nextHopInfo(this));
    this.successor = next;
    startNextHop(next, this, head, body, trail);
  }

  /** Tells the connection that the exchange is over. */
  private finish(abort: boolean): void {
    if (this.ended) return;
    this.close(true, this.info.requestHead);
    this.owner.onStreamEnd(this, abort);
  }

  /** Exactly once per stream: accounts, logs and records. `answered`: its code is one that a client got. */
  private close(answered: boolean, recordedHead: RequestHead | null): void {
    this.ended = true;
    const { info, config, clock } = this;
    const wire = this.stream.wire;
    info.end = clock.now();
    info.downstreamHeaderBytesReceived = wire.headerBytesReceived;
    info.downstreamWireBytesReceived = wire.bytesReceived;
    info.downstreamHeaderBytesSent = wire.headerBytesSent;
    info.downstreamWireBytesSent = wire.bytesSent;
    if (this.idleTimer !== null) clock.disarm(this.idleTimer);
    if (this.requestTimer !== null) clock.disarm(this.requestTimer);
    if (this.durationTimer !== null) clock.disarm(this.durationTimer);
    if (this.logTimer !== null) clock.disarm(this.logTimer);
    const { stats } = config;
    stats.rqActive.dec();
    if (this.upgradeCounted) stats.cxUpgradesActive.dec();
    const code = info.responseCode;
    if (code > 0 && answered) {
      stats.rqCompleted.inc();
      stats.listenerRqCompleted.inc();
      const index = Math.floor(code / 100);
      stats.rqClass[index]?.inc();
      stats.listenerRqClass[index]?.inc();
    }
    stats.rqTime.record(Math.round(info.end - info.start));
    const router = this.router;
    this.router = null;
    router?.onDownstreamEnd();
    this.chain?.destroy();
    this.chain = null;
    writeLogs(config.accessLogs, info);
    info.requestHead = recordedHead;
    this.path.recorder?.end(info);
  }
}

function writeLogs(logs: readonly AccessLog[], info: StreamInfo): void {
  for (let i = 0; i < logs.length; i++) logs[i]?.log(info);
}

function lacksLength(head: ResponseHead): boolean {
  return headerValue(head.headers, 'content-length') === undefined;
}
