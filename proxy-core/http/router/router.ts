import { Timer, type TimerOwner } from '../../base/clock.ts';
import { type HeaderList, setHeader } from '../../base/headers.ts';
import type { Attempt, RequestHead, ResponseFlag, ResponseHead } from '../../base/stream-info.ts';
import { addFlag } from '../../base/stream-info.ts';
import { selectCluster } from '../../route/cluster-choice.ts';
import { decideRoute } from '../../route/decide.ts';
import { finalizeResponse, redirectResponse } from '../../route/response.ts';
import { finalizeRequest, rewriteHost } from '../../route/rewrite.ts';
import type { ClusterAction, ClusterChoice, Route, RouteInput } from '../../route/types.ts';
import type { PoolConnection } from '../../upstream/pool/connection.ts';
import { hostPools } from '../../upstream/pool/host-pool.ts';
import type { Cluster } from '../../upstream/types.ts';
import type { ResetReason } from '../codec/codec.ts';
import type { ActiveStream } from '../stream.ts';
import { resetReply } from './reset-reply.ts';
import { UpstreamRequest, type UpstreamRequestOwner } from './upstream-request.ts';

const TimerKind = { Route: 0, PerTry: 1, Backoff: 2 } as const;

/** The router filter for one request: Envoy's Router::Filter. */
export class RouterStream implements UpstreamRequestOwner, TimerOwner {
  private readonly stream: ActiveStream;
  private route: Route | null = null;
  private choice: ClusterChoice | null = null;
  private action: ClusterAction | null = null;
  private cluster: Cluster | null = null;
  private head: RequestHead | null = null;
  private upstream: UpstreamRequest | null = null;
  private routeTimer: Timer | null = null;
  private timeout = 0;
  /** Body that came before there was a connection. */
  private waiting: Uint8Array[] = [];
  private waitingBytes = 0;
  private trailers: HeaderList | null = null;
  private requestEnded = false;
  private requestPaused = false;
  private finished = false;
  private requestCompleteAt = -1;

  constructor(stream: ActiveStream) {
    this.stream = stream;
  }

  now(): number {
    return this.stream.path.services.clock.now();
  }

  onRequestHead(head: RequestHead, endStream: boolean): void {
    const { stream } = this;
    const { config, info, snapshot } = stream;
    this.head = head;
    config.stats.routerRqTotal.inc();
    const input: RouteInput = {
      head,
      random: info.random,
      tls: stream.owner.tls,
      internal: stream.internal,
      runtime: snapshot.runtime,
    };
    info.routeConfigName = config.routes.name;
    const route = decideRoute(config.routes, input, null);
    if (route === null) {
      config.stats.noRoute.inc();
      this.finished = true;
      stream.sendLocalReply(404, '', 'NR', 'route_not_found');
      return;
    }
    this.route = route;
    route.hits.count++;
    info.virtualHostName = route.virtualHost.name;
    info.routeName = route.name;
    info.routeIndex = route.index;
    const action = route.action;
    if (action.kind !== 'cluster') {
      this.finished = true;
      this.answer(route, head);
      return;
    }
    this.action = action;
    const choice = selectCluster(route, input, null);
    const cluster = choice === null ? undefined : snapshot.clusters.get(choice.cluster);
    if (choice === null || cluster === undefined) {
      config.stats.noCluster.inc();
      this.finished = true;
      if (choice !== null) info.clusterName = choice.cluster;
      stream.sendLocalReply(action.clusterNotFoundStatus, '', 'NC', 'cluster_not_found');
      return;
    }
    this.choice = choice;
    this.cluster = cluster;
    info.clusterName = choice.cluster;
    if (action.idleTimeout !== null) stream.setIdleTimeout(action.idleTimeout);
    this.timeout = action.timeout;
    if (this.timeout > 0) setHeader(head.headers, 'x-envoy-expected-rq-timeout-ms', String(this.timeout));
    finalizeRequest(route, choice, head, info);
    this.requestEnded = endStream;
    if (!this.startTry()) return;
    if (endStream) this.requestComplete();
  }

  private answer(route: Route, head: RequestHead): void {
    const { stream } = this;
    const { info, config } = stream;
    const answer = redirectResponse(route, head);
    if (answer === null) return;
    if (route.action.kind === 'redirect') config.stats.rqRedirect.inc();
    else config.stats.rqDirectResponse.inc();
    info.responseCodeDetails = 'direct_response';
    info.localReply = true;
    const headers: HeaderList = [];
    const body = answer.body;
    if (body.length > 0) headers.push('content-length', String(body.length), 'content-type', 'text/plain');
    if (answer.location !== null) headers.push('location', answer.location);
    const response: ResponseHead = { status: answer.status, headers };
    finalizeResponse(route, null, response, info);
    const silent = body.length === 0 || head.method === 'HEAD';
    stream.sendHead(response, silent);
    if (!silent) stream.sendBody(body, 0, body.length, true);
  }

  /** Picks a host and asks its pool for a connection; false when it has answered instead. */
  private startTry(): boolean {
    const { stream } = this;
    const cluster = this.cluster as Cluster;
    const action = this.action as ClusterAction;
    const { info, path } = stream;
    const random = info.random;
    const attempt: Attempt = {
      hostAddress: '',
      hostName: '',
      status: 0,
      resetReason: '',
      transportFailureReason: '',
      upstreamConnectionId: 0,
      random,
      hostSetId: cluster.hostSetId,
      started: this.now(),
      connectStarted: -1,
      connected: -1,
      poolReady: -1,
      sentFirst: -1,
      sentLast: -1,
      firstByte: -1,
      lastByte: -1,
    };
    const host = cluster.choose({ random, hash: null, attempt: info.attempts.length });
    if (host === null) {
      cluster.stats.upstreamCxNoneHealthy.inc();
      this.failWith(503, 'no healthy upstream', 'UH', 'no_healthy_upstream', null);
      return false;
    }
    attempt.hostAddress = host.address;
    attempt.hostName = host.hostname;
    info.attempts.push(attempt);
    info.upstreamHost = host.address;
    info.upstreamHostName = host.hostname;
    if (action.autoHostRewrite && host.hostname !== '') {
      rewriteHost(this.head as RequestHead, host.hostname, action.appendXForwardedHost);
    }
    const pools = hostPools(host, cluster, { clock: path.services.clock, queue: path.queue });
    const upstream = new UpstreamRequest(this, cluster, host, pools, action.priority, attempt);
    this.upstream = upstream;
    upstream.start();
    return true;
  }

  private requestComplete(): void {
    if (this.finished) return;
    this.requestCompleteAt = this.now();
    if (this.timeout > 0) {
      this.routeTimer = new Timer(this, TimerKind.Route);
      this.stream.path.services.clock.arm(this.routeTimer, this.timeout);
    }
  }

  onRequestBody(bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    if (this.finished) return;
    if (endStream) this.requestEnded = true;
    const upstream = this.upstream;
    if (upstream?.stream != null) {
      upstream.sendBody(bytes, start, end, endStream);
      if (!this.requestPaused && upstream.stream.congested) {
        this.requestPaused = true;
        this.stream.stream.pauseRequest();
      }
    } else if (end > start) {
      this.waiting.push(Uint8Array.prototype.slice.call(bytes, start, end));
      this.waitingBytes += end - start;
      if (
        !this.requestPaused &&
        this.waitingBytes > (this.cluster as Cluster).config.perConnectionBufferLimit
      ) {
        this.requestPaused = true;
        this.stream.stream.pauseRequest();
      }
    }
    if (endStream) this.requestComplete();
  }

  onRequestTrailers(trailers: HeaderList): void {
    if (this.finished) return;
    this.trailers = trailers;
    this.requestEnded = true;
    this.upstream?.sendTrailers(trailers);
    this.requestComplete();
  }

  // Upstream side

  onUpstreamReady(request: UpstreamRequest, connection: PoolConnection): void {
    const { info } = this.stream;
    info.upstreamConnectionId = connection.id;
    info.upstreamLocal = connection.local;
    info.upstreamProtocol = 'HTTP/1.1';
    const head = this.head as RequestHead;
    if (this.waiting.length === 0 && this.trailers === null) {
      request.sendHead(head, this.requestEnded);
      return;
    }
    request.sendHead(head, false);
    const waiting = this.waiting;
    const last = this.requestEnded && this.trailers === null ? waiting.length - 1 : -1;
    for (let i = 0; i < waiting.length; i++) {
      const chunk = waiting[i] as Uint8Array;
      request.sendBody(
        Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length),
        0,
        chunk.length,
        i === last,
      );
    }
    if (this.trailers !== null) request.sendTrailers(this.trailers);
    this.waiting = [];
    this.waitingBytes = 0;
    this.resumeRequest(request);
  }

  private resumeRequest(request: UpstreamRequest): void {
    if (!this.requestPaused || request.stream?.congested === true) return;
    this.requestPaused = false;
    this.stream.stream.resumeRequest();
  }

  onUpstreamDrained(request: UpstreamRequest): void {
    this.resumeRequest(request);
  }

  onUpstreamInformational(status: number, headers: HeaderList): void {
    if (this.stream.config.proxy100Continue && status === 100) this.stream.sendInformational(status, headers);
  }

  onUpstreamHead(request: UpstreamRequest, head: ResponseHead, endStream: boolean): void {
    const { stream } = this;
    const { info } = stream;
    const status = head.status;
    request.host.outlier?.putHttpStatus(status);
    if (status >= 500) request.host.stats.rqError++;
    else request.host.stats.rqSuccess++;
    info.upstreamResponseHead = { status, headers: head.headers.slice() };
    const cluster = request.cluster;
    cluster.stats.chargeResponse(status, stream.internal);
    info.responseCodeDetails = 'via_upstream';
    const since = this.requestCompleteAt < 0 ? this.now() : this.requestCompleteAt;
    setHeader(head.headers, 'x-envoy-upstream-service-time', String(Math.round(this.now() - since)));
    finalizeResponse(this.route as Route, this.choice, head, info);
    if (status === 101) this.disarm();
    if (endStream) this.upstreamComplete(request);
    stream.sendHead(head, endStream);
  }

  onUpstreamBody(
    request: UpstreamRequest,
    bytes: Uint8Array,
    start: number,
    end: number,
    endStream: boolean,
  ): void {
    if (endStream) this.upstreamComplete(request);
    const { stream } = this;
    stream.sendBody(bytes, start, end, endStream);
    if (!endStream && !stream.ended && stream.congested) request.stream?.pauseResponse();
  }

  onUpstreamTrailers(request: UpstreamRequest, trailers: HeaderList): void {
    this.upstreamComplete(request);
    this.stream.sendTrailers(trailers);
  }

  private upstreamComplete(request: UpstreamRequest): void {
    const { info } = this.stream;
    this.countWire(request);
    this.upstream = null;
    this.finished = true;
    this.disarm();
    const since = this.requestCompleteAt < 0 ? info.start : this.requestCompleteAt;
    request.cluster.stats.chargeTime(Math.round(this.now() - since), this.stream.internal);
  }

  private countWire(request: UpstreamRequest): void {
    const wire = request.stream?.wire;
    if (wire === undefined) return;
    const { info } = this.stream;
    info.upstreamHeaderBytesSent += wire.headerBytesSent;
    info.upstreamWireBytesSent += wire.bytesSent;
    info.upstreamHeaderBytesReceived += wire.headerBytesReceived;
    info.upstreamWireBytesReceived += wire.bytesReceived;
  }

  onUpstreamReset(request: UpstreamRequest, reason: ResetReason, detail: string): void {
    if (this.finished || this.upstream !== request) {
      if (this.upstream !== null && this.upstream !== request) return;
    }
    const { stream } = this;
    const { info } = stream;
    this.countWire(request);
    this.upstream = null;
    if (reason !== 'overflow' && request.connection !== null) {
      request.host.outlier?.putLocalOrigin('reset');
      request.host.stats.rqError++;
    }
    const reply = resetReply(reason, detail, info.attempts.length > 1);
    if (detail !== '') info.upstreamTransportFailureReason = detail;
    if (request.responseStarted) {
      addFlag(info, reply.flag);
      info.responseCodeDetails = `upstream_reset_after_response_started{${reply.detail}}`;
      this.finished = true;
      this.disarm();
      stream.abort();
      return;
    }
    this.failWith(
      reply.status,
      reply.body,
      reply.flag,
      `upstream_reset_before_response_started{${reply.detail}}`,
      reason === 'overflow' ? ['x-envoy-overloaded', 'true'] : null,
    );
  }

  private failWith(
    status: number,
    body: string,
    flag: ResponseFlag | null,
    details: string,
    extra: HeaderList | null,
  ): void {
    this.finished = true;
    this.disarm();
    this.cluster?.stats.chargeResponse(status, this.stream.internal);
    this.stream.sendLocalReply(status, body, flag, details, extra);
  }

  // Downstream side

  onDownstreamGone(): void {
    this.cleanUp();
  }

  onDownstreamEnd(): void {
    this.cleanUp();
  }

  private cleanUp(): void {
    this.finished = true;
    this.disarm();
    const upstream = this.upstream;
    this.upstream = null;
    if (upstream !== null) {
      this.countWire(upstream);
      upstream.cancel();
    }
  }

  onDownstreamDrained(): void {
    this.upstream?.stream?.resumeResponse();
  }

  private disarm(): void {
    if (this.routeTimer !== null) this.stream.path.services.clock.disarm(this.routeTimer);
  }

  onTimer(_timer: Timer): void {
    const { queue } = this.stream.path;
    queue.enter();
    try {
      this.onRouteTimeout();
    } finally {
      queue.leave();
    }
  }

  private onRouteTimeout(): void {
    if (this.finished) return;
    const upstream = this.upstream;
    const cluster = this.cluster as Cluster;
    cluster.stats.upstreamRqTimeout.inc();
    this.upstream = null;
    if (upstream !== null) {
      this.countWire(upstream);
      upstream.host.stats.rqTimeout++;
      upstream.host.outlier?.putLocalOrigin('request-timeout');
      upstream.cancel();
    }
    if (this.stream.responseStarted) {
      addFlag(this.stream.info, 'UT');
      this.stream.info.responseCodeDetails = 'response_timeout';
      this.finished = true;
      this.stream.abort();
      return;
    }
    this.failWith(504, 'upstream request timeout', 'UT', 'response_timeout', null);
  }
}
