import { type Clock, Timer, type TimerOwner } from '../../base/clock.ts';
import { type HeaderList, setHeader } from '../../base/headers.ts';
import { addFlag, type RequestHead, type ResponseFlag, type ResponseHead } from '../../base/stream-info.ts';
import { selectCluster } from '../../route/cluster-choice.ts';
import { hashRequest } from '../../route/hash-policy.ts';
import { type Mirror, selectMirrors } from '../../route/mirror.ts';
import { finalizeRequest, rewriteHost } from '../../route/rewrite.ts';
import type { ClusterAction, ClusterChoice, Route, RouteInput } from '../../route/types.ts';
import type { PoolConnection } from '../../upstream/pool/connection.ts';
import { hostPools } from '../../upstream/pool/host-pool.ts';
import type { Cluster } from '../../upstream/types.ts';
import type { ResetReason } from '../codec/codec.ts';
import type { ActiveStream } from '../stream.ts';
import { newAttempt } from './attempt.ts';
import { answerDirectly } from './direct-answer.ts';
import { dropOverload } from './drop-overload.ts';
import { criteriaFor, HostChoice } from './host-choice.ts';
import { noteImmediateFail } from './immediate-health-fail.ts';
import { LiveTries } from './live-tries.ts';
import { inMaintenance } from './maintenance.ts';
import { redirectInternally } from './redirect-internally.ts';
import { RequestSide } from './request-side.ts';
import { type RequestStats, requestStatsOf } from './request-stats.ts';
import { resetReply } from './reset-reply.ts';
import { prepareResponseHead } from './response-head.ts';
import { createRetryState, type RetryState, type RetryVerdict } from './retry-state.ts';
import { sendMirrors } from './send-mirrors.ts';
import { upstreamServerName } from './server-name.ts';
import { malformedHeader } from './strict-check.ts';
import { finalTimeouts, hedgesOnTimeout, type RequestTimeouts, setExpectedTimeout } from './timeouts.ts';
import { type TryLimit, TryTimers, type TryTimersOwner } from './try-timers.ts';
import { opensTunnel, refuseHandshake } from './upgrade.ts';
import { UpstreamRequest, type UpstreamRequestOwner } from './upstream-request.ts';

const TimerKind = { Route: 0, BackOff: 1 } as const;
const OVERLOADED: readonly string[] = ['x-envoy-overloaded', 'true'];
const NO_MIRRORS: readonly Mirror[] = [];
const NOT_COUNTED: readonly RequestStats[] = [];

/** The router filter for one request, the end of the filter chain: Envoy's Router::Filter. */
export class RouterStream implements UpstreamRequestOwner, TryTimersOwner, TimerOwner {
  private readonly clock: Clock;
  private route: Route | null = null;
  private choice: ClusterChoice | null = null;
  private action: ClusterAction | null = null;
  private cluster: Cluster | null = null;
  private request: RequestSide | null = null;
  private timeouts: RequestTimeouts | null = null;
  private retry: RetryState | null = null;
  private hosts: HostChoice | null = null;
  private readonly tries = new LiveTries();
  private mirrors: readonly Mirror[] = NO_MIRRORS;
  /** A try whose `per_try_timeout` ran out stays alive beside the next one. */
  private hedges = false;
  /** The retry that waits for its turn follows a timeout. */
  private retriesTimeout = false;
  private counted: readonly RequestStats[] = NOT_COUNTED;
  private finished = false;
  private routeTimer: Timer | null = null;
  private backOffTimer: Timer | null = null;

  constructor(private readonly stream: ActiveStream) {
    this.clock = stream.path.services.clock;
  }

  now(): number {
    return this.clock.now();
  }

  onRequestHead(head: RequestHead, endStream: boolean): void {
    const { stream } = this;
    const { config, info, snapshot, route } = stream;
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
      answerDirectly(stream, route, head);
      return;
    }
    this.action = action;
    if (config.router.strictCheckHeaders.length > 0 && this.refusesHead(head)) return;
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
    if (cluster.config.metadata.size > 0) info.clusterMetadata = cluster.config.metadata;
    if (inMaintenance(stream, cluster)) {
      this.failWith(503, 'maintenance mode', 'UO', 'maintenance_mode', this.overloaded());
      return;
    }
    const drop =
      cluster.dropOverloads.length === 0 ? null : dropOverload(cluster, stream.path.services.random);
    if (drop !== null) {
      this.failWith(503, drop.body, drop.flag, drop.details, drop.headers);
      return;
    }
    const request = new RequestSide(head, stream.stream);
    request.ended = endStream;
    this.request = request;
    this.prepare(route, action, choice, cluster, request);
    if (endStream) this.requestComplete();
    this.startTry();
  }

  /** `strict_check_headers`: true when the request was answered with 400. */
  private refusesHead(head: RequestHead): boolean {
    const { stream } = this;
    const found = malformedHeader(stream.config.router.strictCheckHeaders, head);
    if (found === null) return false;
    const body = `invalid header '${found.name}' with value '${found.value}'`;
    this.finished = true;
    stream.sendLocalReply(400, body, 'IH', `request_headers_failed_strict_check{${found.name}}`);
    return true;
  }

  /** What all tries share: timeouts, the hash, the head that goes upstream, whether there are retries. */
  private prepare(
    route: Route,
    action: ClusterAction,
    choice: ClusterChoice,
    cluster: Cluster,
    request: RequestSide,
  ): void {
    const { stream } = this;
    const { info, config } = stream;
    const { random } = stream.path.services;
    const { head } = request;
    this.counted = requestStatsOf(stream.path.stats, route, head, info);
    this.hedges = hedgesOnTimeout(action, head);
    const timeouts = finalTimeouts(action, head, config.router.respectExpectedTimeout);
    this.timeouts = timeouts;
    let hash: bigint | null = null;
    if (action.hashPolicies.length > 0) {
      const hashed = hashRequest(route, head, info);
      hash = hashed.hash;
      stream.setCookie = hashed.setCookie;
    }
    this.hosts = new HostChoice(info, head, criteriaFor(action, choice, info), hash, random);
    finalizeRequest(route, choice, head, info, null, !config.suppressEnvoyHeaders);
    setExpectedTimeout(head, timeouts, 0, this.hedges, !config.suppressEnvoyHeaders);
    if (route.virtualHost.includeAttemptCountInRequest) setHeader(head.headers, 'x-envoy-attempt-count', '1');
    if (action.retryPolicy !== null || stream.internal) {
      const limits = cluster.limits(action.priority);
      this.retry = createRetryState(action.retryPolicy, head, cluster, limits, random, this.counted);
    }
    const priorities = this.retry?.priorities ?? null;
    if (priorities !== null) this.hosts.avoidPriorities(priorities);
    this.mirrors = selectMirrors(action, head, stream.routeInput as RouteInput);
    request.keeps = this.retry !== null || this.mirrors.length > 0 || action.internalRedirect !== null;
  }

  private overloaded(): HeaderList | null {
    return this.stream.config.suppressEnvoyHeaders ? null : [...OVERLOADED];
  }

  // Tries

  /** Picks a host and asks its pool for a connection, or answers when there is none. */
  private startTry(): void {
    const { stream, clock } = this;
    const cluster = this.cluster as Cluster;
    const action = this.action as ClusterAction;
    const timeouts = this.timeouts as RequestTimeouts;
    const request = this.request as RequestSide;
    const { info, path } = stream;
    const index = info.attempts.length;
    const hosts = this.hosts as HostChoice;
    const host = hosts.pick(cluster, index > 0 ? this.retry : null);
    if (host === null) {
      cluster.stats.upstreamCxNoneHealthy.inc();
      this.cancelTries();
      this.failWith(503, 'no healthy upstream', 'UH', 'no_healthy_upstream', null);
      return;
    }
    const attempt = newAttempt(host, cluster, hosts.random, clock.now(), index > 0 ? this.retry?.reason : '');
    info.attempts.push(attempt);
    info.upstreamHost = host.address;
    info.upstreamHostName = host.hostname;
    if (host.metadata !== undefined && host.metadata.size > 0) info.hostMetadata = host.metadata;
    if (action.autoHostRewrite && host.hostname !== '') {
      rewriteHost(request.head, host.hostname, action.appendXForwardedHost && index === 0);
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
      upstreamServerName(owner.config, request.head, info.connection),
    );
    if (timeouts.perTry > 0 || timeouts.perTryIdle > 0 || owner.config.maxStreamDuration > 0) {
      upstream.timers = new TryTimers(this, upstream, timeouts, clock, path.queue);
      if (request.ended) upstream.timers.begin();
    }
    this.tries.add(upstream);
    upstream.start();
  }

  private requestComplete(): void {
    if (this.finished) return;
    const request = this.request as RequestSide;
    request.completeAt = this.clock.now();
    const timeouts = this.timeouts as RequestTimeouts;
    if (timeouts.global > 0) {
      this.routeTimer = new Timer(this, TimerKind.Route);
      this.clock.arm(this.routeTimer, timeouts.global);
    }
    this.tries.current?.timers?.begin();
    if (this.mirrors.length > 0) this.mirror(request);
  }

  private mirror(request: RequestSide): void {
    const { mirrors } = this;
    this.mirrors = NO_MIRRORS;
    const { global } = this.timeouts as RequestTimeouts;
    sendMirrors(this.stream, mirrors, request.head, request.chunks, request.trailers, global);
    request.keeps = this.retry !== null || this.action?.internalRedirect !== null;
  }

  /** Lets go of a try; nothing of it is heard any more. */
  private endTry(request: UpstreamRequest): void {
    this.tries.remove(request);
    this.countWire(request);
    request.cancel();
  }

  private cancelTries(): void {
    for (let each = this.tries.current; each !== null; each = this.tries.current) this.endTry(each);
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

  // The request's body

  onRequestBody(bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    if (this.finished) return;
    const request = this.request as RequestSide;
    if (endStream) request.ended = true;
    const upstream = this.tries.current;
    const live = upstream !== null && upstream.stream !== null;
    if (request.keeps || !live) {
      const kept = request.keep(bytes, start, end);
      if (kept > this.bufferLimit(request)) this.bufferFull(request, live);
      if (this.finished) return;
    }
    if (live && upstream !== null) {
      upstream.sendBody(bytes, start, end, endStream);
      if (upstream.stream?.congested === true) request.pause();
    }
    if (endStream) this.requestComplete();
  }

  /** What may be kept for later is limited by the route too; what waits for a connection by the listener alone. */
  private bufferLimit(request: RequestSide): number {
    const limit = this.stream.owner.bufferLimit;
    const ofRoute = request.keeps ? (this.route as Route).requestBufferLimit : null;
    return ofRoute === null ? limit : Math.min(limit, ofRoute);
  }

  /** More body than may be kept: no retry, mirror or internal redirect; while a retry waits, no request either. */
  private bufferFull(request: RequestSide, live: boolean): void {
    if (!request.keeps) {
      request.pause();
      return;
    }
    this.clusterCounter('retry_or_shadow_abandoned');
    this.retry?.release();
    this.retry = null;
    this.mirrors = NO_MIRRORS;
    request.keeps = false;
    request.overflowed = true;
    if (live) request.drop();
    else if (this.tries.current === null) {
      this.failWith(
        507,
        'exceeded request buffer limit while retrying upstream',
        null,
        'request_payload_exceeded_retry_buffer_limit',
        null,
      );
    } else request.pause();
  }

  onRequestTrailers(trailers: HeaderList): void {
    if (this.finished) return;
    const request = this.request as RequestSide;
    request.trailers = trailers;
    request.ended = true;
    const upstream = this.tries.current;
    if (upstream !== null && upstream.stream !== null) upstream.sendTrailers(trailers);
    this.requestComplete();
  }

  // Upstream side

  onUpstreamReady(request: UpstreamRequest, connection: PoolConnection): void {
    this.noteConnection(request, connection);
    const { counted } = this;
    for (let i = 0; i < counted.length; i++) counted[i]?.rqTotal.inc();
    const limit = request.cluster.config.maxStreamDuration;
    if (limit > 0) request.timers?.limitDuration(limit);
    const { request: sent } = this;
    if (sent === null) return;
    if (this.stream.config.schemeMatchesUpstream)
      sent.head.scheme = connection.tls === null ? 'http' : 'https';
    sent.sendTo(request);
  }

  private noteConnection(request: UpstreamRequest, connection: PoolConnection): void {
    const { info } = this.stream;
    info.upstreamHost = request.host.address;
    info.upstreamHostName = request.host.hostname;
    info.upstreamConnectionId = connection.id;
    info.upstreamLocal = connection.local;
    info.upstreamProtocol = connection.protocol;
    info.upstreamTls = connection.tls;
  }

  onUpstreamDrained(request: UpstreamRequest): void {
    this.request?.resume(request);
  }

  onUpstreamInformational(status: number, headers: HeaderList): void {
    if (this.stream.config.proxy100Continue && status === 100) this.stream.sendInformational(status, headers);
  }

  onUpstreamHead(request: UpstreamRequest, head: ResponseHead, endStream: boolean): void {
    const { stream } = this;
    const stats = (this.cluster as Cluster).stats;
    const status = head.status;
    request.host.outlier?.putHttpStatus(status);
    request.host.loadReports?.onHeaders(head.headers);
    if (request.host.check !== null) noteImmediateFail(request.host.check, head);
    if (status >= 500) request.host.stats.rqError++;
    else request.host.stats.rqSuccess++;
    let poor = false;
    if (this.retry !== null) {
      if (request.hedged) poor = this.retry.wouldRetry(head);
      else {
        const verdict = this.retry.onHead(head, this.clock.wall());
        if (verdict === 'retry') {
          stats.chargeRetried(status);
          this.endTry(request);
          this.backOff();
          return;
        }
        poor = this.flagVerdict(verdict);
      }
    }
    if (this.redirect(head)) return;
    if (poor && this.othersMayAnswer(request)) {
      this.endTry(request);
      return;
    }
    this.settleOn(request);
    request.timers?.responseStarted();
    const elapsed = this.sinceComplete();
    this.chargeResponse(status);
    prepareResponseHead(stream, this.route as Route, this.choice, head, elapsed);
    if (stream.upgrade) {
      if (opensTunnel((this.request as RequestSide).head, status)) this.releaseTimeouts(request);
      else {
        this.endTry(request);
        this.finish();
        refuseHandshake(stream, head);
        return;
      }
    }
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
    else request.timers?.progress();
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
    this.tries.remove(request);
    request.timers?.stop();
    this.finish();
    const elapsed = this.sinceComplete();
    if (elapsed < 0) return;
    const { counted } = this;
    request.cluster.stats.chargeTime(Math.round(elapsed), this.stream.internal);
    for (let i = 0; i < counted.length; i++) counted[i]?.rqTime().record(Math.floor(elapsed));
  }

  /** Milliseconds since the request was complete, -1 before. */
  private sinceComplete(): number {
    const at = (this.request as RequestSide).completeAt;
    return at < 0 ? -1 : this.clock.now() - at;
  }

  onUpstreamReset(request: UpstreamRequest, reason: ResetReason, detail: string): void {
    if (this.finished || !this.tries.has(request)) return;
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
    if (!request.hedged && this.retryReset(reason, request.connection !== null)) return;
    const reply = resetReply(reason, detail, info.attempts.length > 1);
    if (this.othersMayAnswer(request)) {
      this.chargeResponse(reply.status);
      return;
    }
    this.failWith(
      reply.status,
      reply.body,
      reply.flag,
      `upstream_reset_before_response_started{${reply.detail}}`,
      reason === 'overflow' ? this.overloaded() : null,
    );
  }

  // Retries

  /** True when the request is tried again. */
  private retryReset(reason: ResetReason, started: boolean, timedOut = false): boolean {
    if (this.retry === null || this.stream.ended) return false;
    const verdict = this.retry.onReset(reason, started);
    if (verdict === 'retry') {
      this.backOff(timedOut);
      return true;
    }
    this.flagVerdict(verdict);
    return false;
  }

  /** True when a retry was wanted and could not be. */
  private flagVerdict(verdict: RetryVerdict): boolean {
    if (verdict === 'exhausted') addFlag(this.stream.info, 'URX');
    else if (verdict === 'overflow') addFlag(this.stream.info, 'UO');
    else return false;
    return true;
  }

  // Hedging: several tries at once

  /** Another try is under way, or is about to be: it may bring a better answer. */
  private othersMayAnswer(request: UpstreamRequest): boolean {
    return this.tries.besides(request) !== null || this.backOffTimer?.armed === true;
  }

  /** This try answers: the others are given up. */
  private settleOn(request: UpstreamRequest): void {
    if (this.backOffTimer?.armed === true) {
      this.clock.disarm(this.backOffTimer);
      this.retry?.release();
    }
    let other = this.tries.besides(request);
    if (other === null) return;
    for (; other !== null; other = this.tries.besides(request)) this.endTry(other);
    if (request.connection !== null) this.noteConnection(request, request.connection);
  }

  private hedge(request: UpstreamRequest): void {
    request.host.outlier?.putLocalOrigin('request-timeout');
    request.timedOut = true;
    if (this.retry === null) return;
    const verdict = this.retry.onHedge();
    if (verdict === 'retry') {
      request.hedged = true;
      this.backOff(true);
    } else this.flagVerdict(verdict);
  }

  // Internal redirects

  /** True when the answer is followed inside the proxy: another stream goes on for the client. */
  private redirect(response: ResponseHead): boolean {
    const policy = this.action?.internalRedirect ?? null;
    if (policy === null || !policy.statuses.has(response.status)) return false;
    const request = this.request as RequestSide;
    if (!redirectInternally(this.stream, policy, this.route as Route, request, response)) {
      this.clusterCounter('upstream_internal_redirect_failed_total');
      return false;
    }
    this.clusterCounter('upstream_internal_redirect_succeeded_total');
    return true;
  }

  private backOff(timedOut = false): void {
    this.retriesTimeout = timedOut;
    this.backOffTimer ??= new Timer(this, TimerKind.BackOff);
    this.clock.arm(this.backOffTimer, (this.retry as RetryState).pause());
  }

  private tryAgain(): void {
    const { head } = this.request as RequestSide;
    const timeouts = this.timeouts as RequestTimeouts;
    const count = this.stream.info.attempts.length + 1;
    const elapsed = Math.max(0, this.sinceComplete());
    const { suppressEnvoyHeaders } = this.stream.config;
    const { virtualHost } = this.route as Route;
    setExpectedTimeout(head, timeouts, elapsed, this.hedges, !suppressEnvoyHeaders);
    if (virtualHost.includeAttemptCountInRequest) {
      setHeader(head.headers, 'x-envoy-attempt-count', String(count));
    }
    if (virtualHost.includeIsTimeoutRetry) {
      setHeader(head.headers, 'x-envoy-is-timeout-retry', String(this.retriesTimeout));
    }
    this.startTry();
  }

  // The end

  /** Nothing more happens by itself. */
  private finish(): void {
    this.finished = true;
    if (this.routeTimer !== null) this.clock.disarm(this.routeTimer);
    if (this.backOffTimer !== null) this.clock.disarm(this.backOffTimer);
    this.retry?.release();
  }

  private cutResponse(flag: ResponseFlag, details: string): void {
    addFlag(this.stream.info, flag);
    this.stream.info.responseCodeDetails = details;
    this.finish();
    this.stream.abort();
  }

  private failWith(
    status: number,
    body: string,
    flag: ResponseFlag | null,
    details: string,
    extra: HeaderList | null,
  ): void {
    const { stream } = this;
    this.finish();
    this.chargeResponse(status);
    let headers = extra;
    if (this.route?.virtualHost.includeAttemptCountInResponse === true) {
      const count = Math.max(1, stream.info.attempts.length);
      headers = [...(extra ?? []), 'x-envoy-attempt-count', String(count)];
    }
    stream.sendLocalReply(status, body, flag, details, headers);
  }

  /** The client left, or the stream was ended by somebody else: the tries under way are given up. */
  onDownstreamEnd(): void {
    this.finish();
    this.cancelTries();
  }

  onDownstreamDrained(): void {
    this.tries.current?.stream?.resumeResponse();
  }

  // Time

  /** A tunnel lives as long as its ends want. */
  private releaseTimeouts(request: UpstreamRequest): void {
    if (this.routeTimer !== null) this.clock.disarm(this.routeTimer);
    request.timers?.releaseRetryLimits();
  }

  onTimer(timer: Timer): void {
    const { queue } = this.stream.path;
    queue.enter();
    try {
      if (this.finished) return;
      if (timer.kind === TimerKind.BackOff) this.tryAgain();
      else this.onRouteTimeout();
    } finally {
      queue.leave();
    }
  }

  private onRouteTimeout(): void {
    const started = this.stream.responseStarted;
    for (let each = this.tries.current; each !== null; each = this.tries.current) {
      (this.cluster as Cluster).stats.upstreamRqTimeout.inc();
      for (const counted of this.counted) counted.rqTimeout.inc();
      // The last one is charged with the answer.
      if (!each.responseStarted && this.tries.besides(each) !== null) this.chargeResponse(this.timeoutStatus);
      this.dropSlowTry(each);
    }
    if (started) this.cutResponse('UT', 'response_timeout');
    else this.answerTimeout('response_timeout');
  }

  /** The try failed by time: gone, and its host is told. */
  private dropSlowTry(request: UpstreamRequest): void {
    request.host.stats.rqTimeout++;
    if (!request.timedOut) request.host.outlier?.putLocalOrigin('request-timeout');
    this.endTry(request);
  }

  onTryTimeout(request: UpstreamRequest, limit: TryLimit): void {
    if (this.finished) return;
    const started = this.stream.responseStarted;
    const { stats } = this.cluster as Cluster;
    if (limit === 'stream-duration') {
      stats.upstreamRqMaxDurationReached.inc();
      this.endTry(request);
      if (started) this.cutResponse('UMSDR', 'upstream_max_stream_duration_reached');
      else if (!this.retryReset('local-reset', true)) {
        const words = 'upstream max stream duration reached';
        this.failWith(504, words, 'UMSDR', words.replaceAll(' ', '_'), null);
      }
      return;
    }
    if (this.hedges && !started) {
      this.hedge(request);
      return;
    }
    const details = limit === 'per-try' ? 'upstream_per_try_timeout' : 'upstream_per_try_idle_timeout';
    if (limit === 'per-try') stats.upstreamRqPerTryTimeout.inc();
    else this.clusterCounter('upstream_rq_per_try_idle_timeout');
    this.dropSlowTry(request);
    if (started) this.cutResponse('UT', details);
    else if (!this.retryReset('local-reset', true, true)) this.answerTimeout(details);
  }

  private chargeResponse(status: number): void {
    const { counted } = this;
    this.cluster?.stats.chargeResponse(status, this.stream.internal);
    for (let i = 0; i < counted.length; i++) counted[i]?.responses.charge(status);
  }

  private clusterCounter(name: string): void {
    this.stream.path.stats.counter(`cluster.${(this.cluster as Cluster).config.statName}.${name}`).inc();
  }

  private get timeoutStatus(): number {
    return (this.timeouts as RequestTimeouts).altResponse ? 204 : 504;
  }

  private answerTimeout(details: string): void {
    const status = this.timeoutStatus;
    this.failWith(status, status === 204 ? '' : 'upstream request timeout', 'UT', details, null);
  }
}
