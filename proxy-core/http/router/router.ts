import { type Clock, Timer, type TimerOwner } from '../../base/clock.ts';
import { type HeaderList, headerValue, removeHeader, setHeader } from '../../base/headers.ts';
import { latin1Text } from '../../base/latin1.ts';
import {
  type Attempt,
  addFlag,
  type RequestHead,
  type ResponseFlag,
  type ResponseHead,
} from '../../base/stream-info.ts';
import { selectCluster } from '../../route/cluster-choice.ts';
import { hashRequest } from '../../route/hash-policy.ts';
import { finalizeResponse, redirectResponse } from '../../route/response.ts';
import { finalizeRequest, rewriteHost } from '../../route/rewrite.ts';
import type { ClusterAction, ClusterChoice, Route, RouteInput } from '../../route/types.ts';
import type { PoolConnection } from '../../upstream/pool/connection.ts';
import { hostPools } from '../../upstream/pool/host-pool.ts';
import type { Cluster } from '../../upstream/types.ts';
import type { ResetReason } from '../codec/codec.ts';
import type { ActiveStream } from '../stream.ts';
import { criteriaFor, HostChoice } from './host-choice.ts';
import { RequestBuffer } from './request-buffer.ts';
import { resetReply } from './reset-reply.ts';
import { createRetryState, type RetryState, type RetryVerdict } from './retry-state.ts';
import { finalTimeouts, type RequestTimeouts, setExpectedTimeout } from './timeouts.ts';
import { UpstreamRequest, type UpstreamRequestOwner } from './upstream-request.ts';

const TimerKind = { Route: 0, PerTry: 1, PerTryIdle: 2, BackOff: 3, UpstreamDuration: 4 } as const;

/** The router filter for one request, the end of the filter chain: Envoy's Router::Filter. */
export class RouterStream implements UpstreamRequestOwner, TimerOwner {
  private readonly clock: Clock;
  private route: Route | null = null;
  private choice: ClusterChoice | null = null;
  private action: ClusterAction | null = null;
  private cluster: Cluster | null = null;
  private head: RequestHead | null = null;
  private timeouts: RequestTimeouts | null = null;
  private retry: RetryState | null = null;
  private hosts: HostChoice | null = null;
  private upstream: UpstreamRequest | null = null;
  /** Body that came before there was a connection, or the whole of it while a retry may need it. */
  private body: RequestBuffer | null = null;
  private trailers: HeaderList | null = null;
  private requestEnded = false;
  private requestPaused = false;
  private finished = false;
  private requestCompleteAt = -1;
  private lastProgress = 0;
  private routeTimer: Timer | null = null;
  private perTryTimer: Timer | null = null;
  private perTryIdleTimer: Timer | null = null;
  private backOffTimer: Timer | null = null;
  private durationTimer: Timer | null = null;

  constructor(private readonly stream: ActiveStream) {
    this.clock = stream.path.services.clock;
  }

  now(): number {
    return this.clock.now();
  }

  onRequestHead(head: RequestHead, endStream: boolean): void {
    const { stream } = this;
    const { config, info, snapshot, route } = stream;
    this.head = head;
    config.stats.routerRqTotal.inc();
    if (route === null) {
      config.stats.noRoute.inc();
      this.finished = true;
      stream.sendLocalReply(404, '', 'NR', 'route_not_found');
      return;
    }
    this.route = route;
    const action = route.action;
    if (action.kind !== 'cluster') {
      this.finished = true;
      this.answer(route, head);
      return;
    }
    this.action = action;
    const choice = selectCluster(route, stream.routeInput as RouteInput, null);
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
    info.clusterStatName = cluster.config.statName;
    if (this.inMaintenance(cluster)) return;
    this.requestEnded = endStream;
    const timeouts = finalTimeouts(action, head);
    this.timeouts = timeouts;
    let hash: bigint | null = null;
    if (action.hashPolicies.length > 0) {
      const hashed = hashRequest(route, head, info);
      hash = hashed.hash;
      stream.setCookie = hashed.setCookie;
    }
    const { random } = stream.path.services;
    this.hosts = new HostChoice(info, head, criteriaFor(action, choice, info), hash, random);
    finalizeRequest(route, choice, head, info, null, !config.suppressEnvoyHeaders);
    if (!config.suppressEnvoyHeaders) setExpectedTimeout(head, timeouts, 0);
    if (route.virtualHost.includeAttemptCountInRequest) setHeader(head.headers, 'x-envoy-attempt-count', '1');
    if (action.retryPolicy !== null || stream.internal) {
      const limits = cluster.limits(action.priority);
      this.retry = createRetryState(action.retryPolicy, head, cluster, limits, random);
    }
    if (endStream) this.requestComplete();
    this.startTry();
  }

  private answer(route: Route, head: RequestHead): void {
    const { stream } = this;
    const { info, config } = stream;
    const answer = redirectResponse(route, head);
    if (answer === null) return;
    config.stats.rqDirectResponse.inc();
    const response: ResponseHead = { status: answer.status, headers: [] };
    if (answer.location !== null) response.headers.push('location', answer.location);
    finalizeResponse(route, null, response, info);
    const body = answer.status === 204 ? '' : latin1Text(answer.body, 0, answer.body.length);
    stream.sendLocalReply(answer.status, body, null, 'direct_response', response.headers);
  }

  /** `upstream.maintenance_mode.<cluster>`: the percentage of requests to refuse. True when this one is. */
  private inMaintenance(cluster: Cluster): boolean {
    const { runtime } = this.stream.snapshot;
    if (runtime.size === 0) return false;
    const share = runtime.get(`upstream.maintenance_mode.${cluster.config.name}`);
    if (typeof share !== 'number' || this.stream.path.services.random.next() % 100 >= share) return false;
    cluster.stats.upstreamRqMaintenanceMode.inc();
    const extra = this.stream.config.suppressEnvoyHeaders ? null : ['x-envoy-overloaded', 'true'];
    this.failWith(503, 'maintenance mode', 'UO', 'maintenance_mode', extra);
    return true;
  }

  /** Picks a host and asks its pool for a connection, or answers when there is none. */
  private startTry(): void {
    const { stream } = this;
    const cluster = this.cluster as Cluster;
    const action = this.action as ClusterAction;
    const { info, path } = stream;
    const index = info.attempts.length;
    const hosts = this.hosts as HostChoice;
    const again = index > 0 && this.retry?.avoidsPreviousHosts === true ? this.retry.hostSelectionAttempts : 0;
    const host = hosts.pick(cluster, again);
    if (host === null) {
      cluster.stats.upstreamCxNoneHealthy.inc();
      this.failWith(503, 'no healthy upstream', 'UH', 'no_healthy_upstream', null);
      return;
    }
    const attempt: Attempt = {
      hostAddress: host.address,
      hostName: host.hostname,
      status: 0,
      resetReason: '',
      transportFailureReason: '',
      upstreamConnectionId: 0,
      random: hosts.random,
      hostSetId: cluster.hostSetId,
      position: cluster.lastPosition,
      started: this.clock.now(),
      connectStarted: -1,
      connected: -1,
      poolReady: -1,
      sentFirst: -1,
      sentLast: -1,
      firstByte: -1,
      lastByte: -1,
    };
    info.attempts.push(attempt);
    info.upstreamHost = host.address;
    info.upstreamHostName = host.hostname;
    if (action.autoHostRewrite && host.hostname !== '') {
      rewriteHost(this.head as RequestHead, host.hostname, action.appendXForwardedHost && index === 0);
    }
    const owner = host.cluster ?? cluster;
    const pools = hostPools(host, owner, path.pools);
    const upstream = new UpstreamRequest(
      this,
      owner,
      host,
      pools,
      action.priority,
      attempt,
      info.downstreamProtocol,
    );
    this.upstream = upstream;
    if (this.requestEnded) this.armPerTry();
    upstream.start();
  }

  private requestComplete(): void {
    if (this.finished) return;
    this.requestCompleteAt = this.clock.now();
    const timeouts = this.timeouts as RequestTimeouts;
    if (timeouts.global > 0) {
      this.routeTimer = new Timer(this, TimerKind.Route);
      this.clock.arm(this.routeTimer, timeouts.global);
    }
  }

  private armPerTry(): void {
    const timeouts = this.timeouts as RequestTimeouts;
    if (timeouts.perTry > 0) {
      this.perTryTimer ??= new Timer(this, TimerKind.PerTry);
      this.clock.arm(this.perTryTimer, timeouts.perTry);
    }
    if (timeouts.perTryIdle > 0) {
      this.perTryIdleTimer ??= new Timer(this, TimerKind.PerTryIdle);
      this.lastProgress = this.clock.now();
      this.clock.arm(this.perTryIdleTimer, timeouts.perTryIdle);
    }
  }

  onRequestBody(bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    if (this.finished) return;
    if (endStream) this.requestEnded = true;
    const upstream = this.upstream;
    const live = upstream !== null && upstream.stream !== null;
    const limit = this.stream.owner.bufferLimit;
    if (this.retry !== null || !live) {
      this.body ??= new RequestBuffer();
      this.body.add(bytes, start, end);
      if (this.body.length > limit) this.bufferFull(live);
      if (this.finished) return;
    }
    if (live && upstream !== null) {
      upstream.sendBody(bytes, start, end, endStream);
      if (!this.requestPaused && upstream.stream?.congested === true) this.pauseRequest();
    }
    if (endStream) {
      this.requestComplete();
      if (!this.finished && this.upstream !== null) this.armPerTry();
    }
  }

  /** More body than a retry may keep: give up the retry, or, while one is waiting for its turn, the request. */
  private bufferFull(live: boolean): void {
    if (this.retry === null) {
      this.pauseRequest();
      return;
    }
    const cluster = this.cluster as Cluster;
    this.stream.path.stats.counter(`cluster.${cluster.config.statName}.retry_or_shadow_abandoned`).inc();
    this.retry.release();
    this.retry = null;
    if (live) this.body?.clear();
    else if (this.upstream === null) {
      this.failWith(
        507,
        'exceeded request buffer limit while retrying upstream',
        null,
        'request_payload_exceeded_retry_buffer_limit',
        null,
      );
    } else this.pauseRequest();
  }

  private pauseRequest(): void {
    if (this.requestPaused) return;
    this.requestPaused = true;
    this.stream.stream.pauseRequest();
  }

  onRequestTrailers(trailers: HeaderList): void {
    if (this.finished) return;
    this.trailers = trailers;
    this.requestEnded = true;
    if (this.upstream !== null && this.upstream.stream !== null) this.upstream.sendTrailers(trailers);
    this.requestComplete();
    if (this.upstream !== null) this.armPerTry();
  }

  // Upstream side

  onUpstreamReady(request: UpstreamRequest, connection: PoolConnection): void {
    const { info } = this.stream;
    info.upstreamConnectionId = connection.id;
    info.upstreamLocal = connection.local;
    info.upstreamProtocol = connection.protocol;
    info.upstreamTls = connection.tls;
    const limit = request.cluster.config.maxStreamDuration;
    if (limit > 0) {
      this.durationTimer ??= new Timer(this, TimerKind.UpstreamDuration);
      this.clock.arm(this.durationTimer, limit);
    }
    const head = this.head as RequestHead;
    const { body, trailers } = this;
    if ((body === null || body.length === 0) && trailers === null) {
      request.sendHead(head, this.requestEnded);
      return;
    }
    request.sendHead(head, false);
    const chunks = body?.list ?? [];
    const last = this.requestEnded && trailers === null ? chunks.length - 1 : -1;
    for (let i = 0; i < chunks.length; i++) {
      const chunk = chunks[i] as Buffer;
      request.sendBody(chunk, 0, chunk.length, i === last);
    }
    if (trailers !== null) request.sendTrailers(trailers);
    if (this.retry === null) body?.clear();
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
    const { stream, cluster } = this;
    const { info } = stream;
    const stats = (cluster as Cluster).stats;
    const status = head.status;
    request.host.outlier?.putHttpStatus(status);
    if (status >= 500) request.host.stats.rqError++;
    else request.host.stats.rqSuccess++;
    if (this.retry !== null) {
      const verdict = this.retry.onHead(head, this.clock.wall());
      if (verdict === 'retry') {
        stats.chargeRetried(status);
        this.endTry(request);
        this.backOff();
        return;
      }
      this.flagVerdict(verdict);
    }
    this.lastProgress = this.clock.now();
    if (this.perTryTimer !== null) this.clock.disarm(this.perTryTimer);
    info.upstreamResponseHead = { status, headers: head.headers.slice() };
    info.responseCodeDetails = 'via_upstream';
    stats.chargeResponse(status, stream.internal);
    const headers = head.headers;
    if (this.requestCompleteAt >= 0 && !stream.config.suppressEnvoyHeaders) {
      const elapsed = Math.floor(this.clock.now() - this.requestCompleteAt);
      setHeader(headers, 'x-envoy-upstream-service-time', String(elapsed));
    }
    const route = this.route as Route;
    if (route.virtualHost.includeAttemptCountInResponse) {
      setHeader(headers, 'x-envoy-attempt-count', String(info.attempts.length));
    }
    info.responseCode = status;
    finalizeResponse(route, this.choice, head, info);
    if (stream.setCookie !== null) headers.push('set-cookie', stream.setCookie);
    if (stream.upgrade) {
      if (this.isTunnel(status)) this.disarmTimeouts();
      else {
        this.refusedHandshake(request, head);
        return;
      }
    }
    if (endStream) this.upstreamComplete(request);
    stream.sendHead(head, endStream);
  }

  private isTunnel(status: number): boolean {
    return status === 101 || (this.head?.method === 'CONNECT' && status >= 200 && status < 300);
  }

  /** An upgrade answered otherwise (Envoy 1.32): its code without its body, and the connection ends. */
  private refusedHandshake(request: UpstreamRequest, head: ResponseHead): void {
    this.endTry(request);
    this.finished = true;
    this.disarmAll();
    this.stream.info.responseCodeDetails = 'websocket_handshake_unsuccessful';
    removeHeader(head.headers, 'content-length');
    removeHeader(head.headers, 'transfer-encoding');
    this.stream.owner.closeAfterResponse();
    this.stream.sendHead(head, true);
  }

  onUpstreamBody(
    request: UpstreamRequest,
    bytes: Uint8Array,
    start: number,
    end: number,
    endStream: boolean,
  ): void {
    if (endStream) this.upstreamComplete(request);
    else if (this.perTryIdleTimer !== null) this.lastProgress = this.clock.now();
    const { stream } = this;
    stream.sendBody(bytes, start, end, endStream);
    if (!endStream && !stream.ended && stream.congested) request.stream?.pauseResponse();
  }

  onUpstreamTrailers(request: UpstreamRequest, trailers: HeaderList): void {
    this.upstreamComplete(request);
    this.stream.sendTrailers(trailers);
  }

  private upstreamComplete(request: UpstreamRequest): void {
    this.countWire(request);
    this.upstream = null;
    this.finished = true;
    this.disarmAll();
    this.retry?.release();
    const since = this.requestCompleteAt;
    if (since >= 0) {
      const elapsed = Math.round(this.clock.now() - since);
      request.cluster.stats.chargeTime(elapsed, this.stream.internal);
    }
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

  /** Lets go of a try; nothing of it is heard any more. */
  private endTry(request: UpstreamRequest): void {
    this.countWire(request);
    this.upstream = null;
    if (this.perTryTimer !== null) this.clock.disarm(this.perTryTimer);
    if (this.perTryIdleTimer !== null) this.clock.disarm(this.perTryIdleTimer);
    if (this.durationTimer !== null) this.clock.disarm(this.durationTimer);
    request.cancel();
  }

  onUpstreamReset(request: UpstreamRequest, reason: ResetReason, detail: string): void {
    if (this.upstream !== request) {
      // A pool that is full refuses while the try is being started.
      if (this.finished || this.upstream !== null) return;
    }
    const { info } = this.stream;
    this.endTry(request);
    if (request.connection !== null) {
      request.host.outlier?.putLocalOrigin('reset');
      request.host.stats.rqError++;
    }
    if (detail !== '') info.upstreamTransportFailureReason = detail;
    if (!request.hostTried) {
      info.upstreamHost = '';
      info.upstreamHostName = '';
    }
    if (request.responseStarted) {
      const reply = resetReply(reason, detail, false);
      this.cutResponse(reply.flag, `upstream_reset_after_response_started{${reply.detail}}`);
      return;
    }
    if (this.retryReset(reason, request.connection !== null)) return;
    const reply = resetReply(reason, detail, info.attempts.length > 1);
    this.failWith(
      reply.status,
      reply.body,
      reply.flag,
      `upstream_reset_before_response_started{${reply.detail}}`,
      reason === 'overflow' && !this.stream.config.suppressEnvoyHeaders
        ? ['x-envoy-overloaded', 'true']
        : null,
    );
  }

  private cutResponse(flag: ResponseFlag, details: string): void {
    addFlag(this.stream.info, flag);
    this.stream.info.responseCodeDetails = details;
    this.finished = true;
    this.disarmAll();
    this.retry?.release();
    this.stream.abort();
  }

  // Retries

  /** True when the request is tried again. */
  private retryReset(reason: ResetReason, started: boolean): boolean {
    if (this.retry === null || this.stream.ended) return false;
    const verdict = this.retry.onReset(reason, started);
    if (verdict === 'retry') {
      this.backOff();
      return true;
    }
    this.flagVerdict(verdict);
    return false;
  }

  private flagVerdict(verdict: RetryVerdict): void {
    if (verdict === 'exhausted') addFlag(this.stream.info, 'URX');
    else if (verdict === 'overflow') addFlag(this.stream.info, 'UO');
  }

  private backOff(): void {
    this.backOffTimer ??= new Timer(this, TimerKind.BackOff);
    this.clock.arm(this.backOffTimer, (this.retry as RetryState).pause());
  }

  private tryAgain(): void {
    const head = this.head as RequestHead;
    const timeouts = this.timeouts as RequestTimeouts;
    const count = this.stream.info.attempts.length + 1;
    const elapsed = this.requestCompleteAt < 0 ? 0 : this.clock.now() - this.requestCompleteAt;
    if (!this.stream.config.suppressEnvoyHeaders) setExpectedTimeout(head, timeouts, elapsed);
    if ((this.route as Route).virtualHost.includeAttemptCountInRequest) {
      setHeader(head.headers, 'x-envoy-attempt-count', String(count));
    }
    this.startTry();
  }

  private failWith(
    status: number,
    body: string,
    flag: ResponseFlag | null,
    details: string,
    extra: HeaderList | null,
  ): void {
    const { stream } = this;
    this.finished = true;
    this.disarmAll();
    this.retry?.release();
    this.cluster?.stats.chargeResponse(status, stream.internal);
    let headers = extra;
    if (this.route?.virtualHost.includeAttemptCountInResponse === true) {
      const count = Math.max(1, stream.info.attempts.length);
      headers = [...(extra ?? []), 'x-envoy-attempt-count', String(count)];
    }
    stream.sendLocalReply(status, body, flag, details, headers);
  }

  // Downstream side

  /** The client left, or the stream was ended by somebody else: the try under way is given up. */
  onDownstreamEnd(): void {
    this.finished = true;
    this.disarmAll();
    this.retry?.release();
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

  // Timers

  private disarmTimeouts(): void {
    const { clock } = this;
    if (this.routeTimer !== null) clock.disarm(this.routeTimer);
    if (this.perTryTimer !== null) clock.disarm(this.perTryTimer);
    if (this.perTryIdleTimer !== null) clock.disarm(this.perTryIdleTimer);
  }

  private disarmAll(): void {
    this.disarmTimeouts();
    if (this.backOffTimer !== null) this.clock.disarm(this.backOffTimer);
    if (this.durationTimer !== null) this.clock.disarm(this.durationTimer);
  }

  onTimer(timer: Timer): void {
    const { queue } = this.stream.path;
    queue.enter();
    try {
      if (!this.finished) this.timeOut(timer);
    } finally {
      queue.leave();
    }
  }

  private timeOut(timer: Timer): void {
    const { stats } = this.cluster as Cluster;
    switch (timer.kind) {
      case TimerKind.BackOff:
        this.tryAgain();
        break;
      case TimerKind.Route:
        stats.upstreamRqTimeout.inc();
        this.onTimeout('response_timeout');
        break;
      case TimerKind.PerTry:
        stats.upstreamRqPerTryTimeout.inc();
        this.onTryTimeout('upstream_per_try_timeout');
        break;
      case TimerKind.PerTryIdle: {
        const left = this.lastProgress + (this.timeouts as RequestTimeouts).perTryIdle - this.clock.now();
        if (left > 0) {
          this.clock.arm(timer, left);
          break;
        }
        this.stream.path.stats
          .counter(`cluster.${(this.cluster as Cluster).config.statName}.upstream_rq_per_try_idle_timeout`)
          .inc();
        this.onTryTimeout('upstream_per_try_idle_timeout');
        break;
      }
      default:
        stats.upstreamRqMaxDurationReached.inc();
        this.onUpstreamDuration();
        break;
    }
  }

  /** The try under way failed by time: gone, and its host is told. */
  private dropSlowTry(): void {
    const upstream = this.upstream;
    if (upstream === null) return;
    upstream.host.stats.rqTimeout++;
    upstream.host.outlier?.putLocalOrigin('request-timeout');
    this.endTry(upstream);
  }

  private onTimeout(details: string): void {
    const started = this.stream.responseStarted;
    this.dropSlowTry();
    if (started) {
      this.cutResponse('UT', details);
      return;
    }
    this.answerTimeout(details);
  }

  private onTryTimeout(details: string): void {
    const started = this.stream.responseStarted;
    this.dropSlowTry();
    if (started) {
      this.cutResponse('UT', details);
      return;
    }
    if (this.retryReset('local-reset', true)) return;
    this.answerTimeout(details);
  }

  private answerTimeout(details: string): void {
    if ((this.timeouts as RequestTimeouts).altResponse) this.failWith(204, '', 'UT', details, null);
    else this.failWith(504, 'upstream request timeout', 'UT', details, null);
  }

  private onUpstreamDuration(): void {
    const upstream = this.upstream;
    if (upstream === null) return;
    const started = upstream.responseStarted;
    this.endTry(upstream);
    if (started) {
      this.cutResponse('UMSDR', 'upstream_max_stream_duration_reached');
      return;
    }
    if (this.retryReset('local-reset', true)) return;
    this.failWith(
      504,
      'upstream max stream duration reached',
      'UMSDR',
      'upstream_max_stream_duration_reached',
      null,
    );
  }
}

/** The type that an upgrade asks for, in lower case; `connect` for CONNECT. */
export function upgradeType(head: RequestHead): string {
  if (head.method === 'CONNECT' && head.protocol === '') return 'connect';
  return (head.protocol === '' ? (headerValue(head.headers, 'upgrade') ?? '') : head.protocol).toLowerCase();
}
