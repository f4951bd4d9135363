import type { Clock } from '../base/clock.ts';
import { assertNever } from '../base/errors.ts';
import { type HeaderList, headerValue } from '../base/headers.ts';
import {
  addFlag,
  type RequestHead,
  type ResponseFlag,
  type ResponseHead,
  type StreamInfo,
} from '../base/stream-info.ts';
import { decideRoute } from '../route/decide.ts';
import type { RedirectTrail } from '../route/internal-redirect.ts';
import type { Route, RouteInput } from '../route/types.ts';
import { admit, admittedPath, continueExpected, refuse } from './admission.ts';
import type { CodecError, RequestReceiver, ResetReason, ServerStream } from './codec/codec.ts';
import type { HttpConnectionManagerConfig } from './connection-manager-config.ts';
import { mutateEarly } from './early-header-mutation.ts';
import type { FilterChain } from './filter-chain.ts';
import { detectAddress } from './ip-detection.ts';
import { localReply } from './local-reply.ts';
import { type ReplyDraft, rewriteLocalReply } from './local-reply-config.ts';
import { normalizeAuthority } from './path.ts';
import { nextHopInfo, startNextHop } from './recreate-stream.ts';
import { mutateRequestHeaders } from './request-headers.ts';
import { mutateResponseHeaders } from './response-headers.ts';
import { RouterStream } from './router/router.ts';
import { streamDuration } from './router/timeouts.ts';
import { admitUpgrade, opensTunnel } from './router/upgrade.ts';
import type { DataPath, SnapshotRuntime } from './runtime.ts';
import { countStreamBegin, countStreamEnd, noteWire, writeLogs } from './stream-account.ts';
import { createFilterChain } from './stream-filters.ts';
import { type StreamLimit, StreamTimers, type StreamTimersOwner } from './stream-timers.ts';

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

/** One downstream request and its response: Envoy's ConnectionManagerImpl::ActiveStream. */
export class ActiveStream implements RequestReceiver, StreamTimersOwner {
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
  private router: RouterStream | null = null;
  /** Null when the router is the only filter. */
  private chain: FilterChain | null = null;
  private readonly timers: StreamTimers;
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
    this.timers = new StreamTimers(this, config, this.clock, path.queue);
    countStreamBegin(config.stats, info);
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
    this.timers.begin(endStream);
    if (!admit(this, head)) return;
    const path = admittedPath(this, head);
    if (path === null) return;
    const { random } = this.path.services;
    if (this.redirects !== null) info.requestHead = { ...head, headers: head.headers.slice() };
    else {
      const { ipDetection, earlyMutations } = config;
      const early = earlyMutations === null ? head : mutateEarly(earlyMutations, head, info);
      const detected = ipDetection.length === 0 ? null : detectAddress(ipDetection, early);
      if (detected !== null && detected.rejectStatus > 0) {
        config.stats.rqRejectedViaIpDetection.inc();
        refuse(this, detected.rejectStatus, 'rejecting_because_detection_failed');
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
    if (!endStream) continueExpected(this, request);
    if (!config.hasRouter) return;
    this.decide(request);
    if (this.upgrade && !admitUpgrade(this, request)) return;
    if (config.startLogs.length > 0) writeLogs(config.startLogs, info);
    if (config.periodicLogInterval > 0) this.timers.beginLogs(config.periodicLogInterval);
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
    if (action.idleTimeout !== null) this.timers.setIdleTimeout(action.idleTimeout);
    if (action.maxStreamDuration !== null) {
      const limit = streamDuration(action.maxStreamDuration, head);
      if (limit !== null && limit > 0) this.timers.limitDuration(limit);
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

  onRequestBody(bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    if (this.ended) return;
    const { info } = this;
    info.bytesReceived += end - start;
    this.timers.lastActivity = this.clock.now();
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
    this.timers.requestDone();
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

  onStreamTimeout(limit: StreamLimit): void {
    const { stats } = this.config;
    switch (limit) {
      case 'idle':
        stats.rqIdleTimeout.inc();
        if (this.responseStarted) {
          addFlag(this.info, 'SI');
          this.info.responseCodeDetails = 'stream_idle_timeout';
          this.giveUp();
        } else {
          this.failRequest(this.requestComplete ? 504 : 408, 'stream timeout', 'SI', 'stream_idle_timeout');
        }
        break;
      case 'request':
        stats.rqTimeout.inc();
        this.owner.closeAfterResponse();
        if (this.responseStarted) this.giveUp();
        else this.failRequest(408, 'request timeout', null, 'request_overall_timeout');
        break;
      case 'duration':
        stats.rqMaxDurationReached.inc();
        if (this.responseStarted) {
          this.info.responseCodeDetails = 'max_duration_timeout';
          this.giveUp();
        } else this.failRequest(504, 'downstream duration timeout', null, 'max_duration_timeout', null, 4);
        break;
      default:
        assertNever(limit);
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
    this.timers.lastActivity = info.responseFirst = this.clock.now();
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
    this.timers.lastActivity = this.clock.now();
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
    info.end = clock.now();
    noteWire(info, this.stream.wire);
    this.timers.stop();
    const { stats } = config;
    countStreamEnd(stats, info, answered);
    if (this.upgradeCounted) stats.cxUpgradesActive.dec();
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

function lacksLength(head: ResponseHead): boolean {
  return headerValue(head.headers, 'content-length') === undefined;
}
