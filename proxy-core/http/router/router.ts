import { type Clock, Timer, type TimerOwner } from '../../base/clock.ts';
import { type HeaderList, setHeader } from '../../base/headers.ts';
import { addFlag, type RequestHead, type ResponseFlag, type ResponseHead } from '../../base/stream-info.ts';
import { selectCluster } from '../../route/cluster-choice.ts';
import type { Mirror } from '../../route/mirror.ts';
import type { Route, RouteInput } from '../../route/types.ts';
import type { ResetReason } from '../codec/codec.ts';
import type { ActiveStream } from '../stream.ts';
import { answerDirectly } from './direct-answer.ts';
import { noteImmediateFail } from './immediate-health-fail.ts';
import { LiveTries } from './live-tries.ts';
import { planRequest, type RequestPlan } from './plan.ts';
import { redirectInternally } from './redirect-internally.ts';
import { clusterRefusal, headRefusal, overloadedHeader } from './refusal.ts';
import { resetReply } from './reset-reply.ts';
import { prepareResponseHead } from './response-head.ts';
import type { RetryState, RetryVerdict } from './retry-state.ts';
import { sendMirrors } from './send-mirrors.ts';
import { setExpectedTimeout } from './timeouts.ts';
import type { TryLimit, TryTimersOwner } from './try-timers.ts';
import { opensTunnel, refuseHandshake, refusesHandshake } from './upgrade.ts';
import type { LentConnection, UpstreamRequest, UpstreamRequestOwner } from './upstream-request.ts';

const TimerKind = { Route: 0, BackOff: 1 } as const;
const NO_MIRRORS: readonly Mirror[] = [];

/** The router filter for one request, the end of the filter chain: Envoy's Router::Filter. */
export class RouterStream implements UpstreamRequestOwner, TryTimersOwner, TimerOwner {
  private readonly clock: Clock;
  /** Null until a cluster is found. */
  private plan: RequestPlan | null = null;
  private readonly tries: LiveTries;
  /** The retry that waits for its turn follows a timeout. */
  private retriesTimeout = false;
  private finished = false;
  private routeTimer: Timer | null = null;
  private backOffTimer: Timer | null = null;

  constructor(private readonly stream: ActiveStream) {
    this.clock = stream.path.services.clock;
    this.tries = new LiveTries(stream, this);
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
    const action = route.action;
    if (action.kind !== 'cluster') {
      this.finished = true;
      answerDirectly(stream, route, head);
      return;
    }
    const malformed = headRefusal(stream, head);
    if (malformed !== null) {
      this.finished = true;
      stream.sendLocalReply(malformed.status, malformed.body, malformed.flag, malformed.details);
      return;
    }
    const choice = selectCluster(route, stream.routeInput as RouteInput, null);
    const cluster = choice === null ? undefined : snapshot.clusters.get(choice.cluster);
    if (choice === null || cluster === undefined) {
      config.stats.noCluster.inc();
      this.finished = true;
      if (choice !== null) info.clusterName = choice.cluster;
      stream.sendLocalReply(action.clusterNotFoundStatus, '', 'NC', 'cluster_not_found');
      return;
    }
    info.clusterName = choice.cluster;
    info.clusterStatName = cluster.config.statName;
    if (cluster.config.metadata.size > 0) info.clusterMetadata = cluster.config.metadata;
    const refused = clusterRefusal(stream, cluster);
    if (refused !== null) {
      this.finished = true;
      cluster.stats.chargeResponse(refused.status, stream.internal);
      this.answer(route, refused.status, refused.body, refused.flag, refused.details, refused.headers);
      return;
    }
    const plan = planRequest(stream, route, action, choice, cluster, head, endStream);
    this.plan = plan;
    if (endStream) this.requestComplete(plan);
    this.startTry(plan);
  }

  // Tries

  private startTry(plan: RequestPlan): void {
    if (this.tries.start(plan)) return;
    plan.cluster.stats.upstreamCxNoneHealthy.inc();
    this.tries.endAll();
    this.failWith(503, 'no healthy upstream', 'UH', 'no_healthy_upstream', null);
  }

  private requestComplete(plan: RequestPlan): void {
    if (this.finished) return;
    const { request, timeouts, mirrors } = plan;
    request.completeAt = this.clock.now();
    if (timeouts.global > 0) {
      this.routeTimer = new Timer(this, TimerKind.Route);
      this.clock.arm(this.routeTimer, timeouts.global);
    }
    this.tries.current?.timers?.begin();
    if (mirrors.length === 0) return;
    plan.mirrors = NO_MIRRORS;
    sendMirrors(this.stream, mirrors, request.head, request.chunks, request.trailers, timeouts.global);
    request.keeps = plan.retry !== null || plan.action.internalRedirect !== null;
  }

  // The request's body

  onRequestBody(bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    if (this.finished) return;
    const plan = this.plan as RequestPlan;
    const { request } = plan;
    if (endStream) request.ended = true;
    const upstream = this.tries.current;
    const live = upstream !== null && upstream.stream !== null && !upstream.holdsBody;
    if (request.keeps || !live) {
      const kept = request.keep(bytes, start, end);
      if (kept > this.bufferLimit(plan)) this.bufferFull(plan, live);
      if (this.finished) return;
    }
    if (live && upstream !== null) {
      upstream.sendBody(bytes, start, end, endStream);
      if (upstream.stream?.congested === true) request.pause();
    }
    if (endStream) this.requestComplete(plan);
  }

  /** What may be kept for later is limited by the route too; what waits for a connection by the listener alone. */
  private bufferLimit({ request, route }: RequestPlan): number {
    const limit = this.stream.owner.bufferLimit;
    const ofRoute = request.keeps ? route.requestBufferLimit : null;
    return ofRoute === null ? limit : Math.min(limit, ofRoute);
  }

  /** More body than may be kept: no retry, mirror or internal redirect; while a retry waits, no request either. */
  private bufferFull(plan: RequestPlan, live: boolean): void {
    const { request } = plan;
    if (!request.keeps) {
      request.pause();
      return;
    }
    this.clusterCounter('retry_or_shadow_abandoned');
    plan.retry?.release();
    plan.retry = null;
    plan.mirrors = NO_MIRRORS;
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
    const plan = this.plan as RequestPlan;
    const { request } = plan;
    request.trailers = trailers;
    request.ended = true;
    const upstream = this.tries.current;
    if (upstream?.stream != null && !upstream.holdsBody) upstream.sendTrailers(trailers);
    this.requestComplete(plan);
  }

  // Upstream side

  onUpstreamReady(request: UpstreamRequest, connection: LentConnection): void {
    const { request: sent, counted } = this.plan as RequestPlan;
    this.tries.noteConnection(request, connection);
    for (let i = 0; i < counted.length; i++) counted[i]?.rqTotal.inc();
    const limit = request.cluster.config.maxStreamDuration;
    if (limit > 0) request.timers?.limitDuration(limit);
    if (this.stream.config.schemeMatchesUpstream) {
      sent.head.scheme = connection.tls === null ? 'http' : 'https';
    }
    sent.sendTo(request);
  }

  onUpstreamDrained(request: UpstreamRequest): void {
    this.plan?.request.resume(request);
  }

  onUpstreamInformational(status: number, headers: HeaderList): void {
    if (this.stream.config.proxy100Continue && status === 100) this.stream.sendInformational(status, headers);
  }

  onUpstreamHead(request: UpstreamRequest, head: ResponseHead, endStream: boolean): void {
    const { stream } = this;
    const plan = this.plan as RequestPlan;
    const { retry } = plan;
    const status = head.status;
    if (stream.upgrade && refusesHandshake(plan.request.head, status, request.connection?.protocol ?? null)) {
      this.tries.end(request);
      this.finish();
      prepareResponseHead(stream, plan.route, plan.choice, head, -1);
      refuseHandshake(stream, head);
      return;
    }
    request.host.outlier?.putHttpStatus(status);
    request.host.loadReports?.onHeaders(head.headers);
    if (request.host.check !== null) noteImmediateFail(request.host.check, head);
    if (status >= 500) request.host.stats.rqError++;
    else request.host.stats.rqSuccess++;
    let poor = false;
    if (retry !== null) {
      if (request.hedged) poor = retry.wouldRetry(head);
      else {
        const verdict = retry.onHead(head, this.clock.wall());
        if (verdict === 'retry') {
          plan.cluster.stats.chargeRetried(status);
          this.tries.end(request);
          this.backOff(retry);
          return;
        }
        poor = this.flagVerdict(verdict);
      }
    }
    if (plan.action.internalRedirect !== null && this.redirect(plan, head)) return;
    if (poor && this.othersMayAnswer(request)) {
      this.tries.end(request);
      return;
    }
    this.settleOn(request);
    request.timers?.responseStarted();
    this.chargeResponse(status);
    prepareResponseHead(stream, plan.route, plan.choice, head, this.sinceComplete());
    if (stream.upgrade && opensTunnel(plan.request.head, status)) this.releaseTimeouts(request);
    if (endStream) this.upstreamComplete(request);
    stream.sendHead(head, endStream);
    if (request.holdsBody && !endStream && opensTunnel(plan.request.head, status))
      plan.request.release(request);
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
    this.tries.complete(request);
    this.finish();
    const elapsed = this.sinceComplete();
    if (elapsed < 0) return;
    const { counted, alt } = this.plan as RequestPlan;
    request.cluster.stats.chargeTime(Math.round(elapsed), this.stream.internal);
    if (alt !== null) alt.chargeTime(Math.floor(elapsed));
    for (let i = 0; i < counted.length; i++) counted[i]?.rqTime().record(Math.floor(elapsed));
  }

  /** Milliseconds since the request was complete, -1 before. */
  private sinceComplete(): number {
    const at = this.plan?.request.completeAt ?? -1;
    return at < 0 ? -1 : this.clock.now() - at;
  }

  onUpstreamReset(request: UpstreamRequest, reason: ResetReason, detail: string): void {
    if (this.finished || !this.tries.has(request)) return;
    const { info } = this.stream;
    this.tries.end(request);
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
      reason === 'overflow' ? overloadedHeader(this.stream) : null,
    );
  }

  // Retries

  /** True when the request is tried again. */
  private retryReset(reason: ResetReason, started: boolean, timedOut = false): boolean {
    const retry = this.plan?.retry ?? null;
    if (retry === null || this.stream.ended) return false;
    const verdict = retry.onReset(reason, started);
    if (verdict === 'retry') {
      this.backOff(retry, timedOut);
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
      this.plan?.retry?.release();
    }
    this.tries.settleOn(request);
  }

  private hedge(request: UpstreamRequest): void {
    request.host.outlier?.putLocalOrigin('request-timeout');
    request.timedOut = true;
    const retry = this.plan?.retry ?? null;
    if (retry === null) return;
    const verdict = retry.onHedge();
    if (verdict === 'retry') {
      request.hedged = true;
      this.backOff(retry, true);
    } else this.flagVerdict(verdict);
  }

  // Internal redirects

  /** True when the answer is followed inside the proxy: another stream goes on for the client. */
  private redirect({ action, route, request }: RequestPlan, response: ResponseHead): boolean {
    const policy = action.internalRedirect;
    if (policy === null || !policy.statuses.has(response.status)) return false;
    const followed = redirectInternally(this.stream, policy, route, request, response);
    this.clusterCounter(`upstream_internal_redirect_${followed ? 'succeeded' : 'failed'}_total`);
    return followed;
  }

  private backOff(retry: RetryState, timedOut = false): void {
    this.retriesTimeout = timedOut;
    this.backOffTimer ??= new Timer(this, TimerKind.BackOff);
    this.clock.arm(this.backOffTimer, retry.pause());
  }

  private tryAgain(): void {
    const plan = this.plan as RequestPlan;
    const { head } = plan.request;
    const count = this.stream.info.attempts.length + 1;
    const elapsed = Math.max(0, this.sinceComplete());
    const { suppressEnvoyHeaders } = this.stream.config;
    const { virtualHost } = plan.route;
    setExpectedTimeout(head, plan.timeouts, elapsed, plan.hedges, !suppressEnvoyHeaders);
    if (virtualHost.includeAttemptCountInRequest) {
      setHeader(head.headers, 'x-envoy-attempt-count', String(count));
    }
    if (virtualHost.includeIsTimeoutRetry) {
      setHeader(head.headers, 'x-envoy-is-timeout-retry', String(this.retriesTimeout));
    }
    this.startTry(plan);
  }

  // The end

  /** Nothing more happens by itself. */
  private finish(): void {
    this.finished = true;
    if (this.routeTimer !== null) this.clock.disarm(this.routeTimer);
    if (this.backOffTimer !== null) this.clock.disarm(this.backOffTimer);
    this.plan?.retry?.release();
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
    this.finish();
    this.chargeResponse(status);
    this.answer((this.plan as RequestPlan).route, status, body, flag, details, extra);
  }

  private answer(
    route: Route,
    status: number,
    body: string,
    flag: ResponseFlag | null,
    details: string,
    extra: HeaderList | null,
  ): void {
    const { stream } = this;
    let headers = extra;
    if (route.virtualHost.includeAttemptCountInResponse) {
      const count = Math.max(1, stream.info.attempts.length);
      headers = [...(extra ?? []), 'x-envoy-attempt-count', String(count)];
    }
    stream.sendLocalReply(status, body, flag, details, headers);
  }

  /** The client left, or the stream was ended by somebody else: the tries under way are given up. */
  onDownstreamEnd(): void {
    this.finish();
    this.tries.endAll();
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
    const { cluster, counted } = this.plan as RequestPlan;
    for (let each = this.tries.current; each !== null; each = this.tries.current) {
      cluster.stats.upstreamRqTimeout.inc();
      for (let i = 0; i < counted.length; i++) counted[i]?.rqTimeout.inc();
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
    this.tries.end(request);
  }

  onTryTimeout(request: UpstreamRequest, limit: TryLimit): void {
    if (this.finished) return;
    const started = this.stream.responseStarted;
    const { cluster, hedges } = this.plan as RequestPlan;
    const { stats } = cluster;
    if (limit === 'stream-duration') {
      stats.upstreamRqMaxDurationReached.inc();
      this.tries.end(request);
      if (started) this.cutResponse('UMSDR', 'upstream_max_stream_duration_reached');
      else if (!this.retryReset('local-reset', true)) {
        const words = 'upstream max stream duration reached';
        this.failWith(504, words, 'UMSDR', words.replaceAll(' ', '_'), null);
      }
      return;
    }
    if (hedges && !started) {
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
    const { cluster, counted, alt } = this.plan as RequestPlan;
    cluster.stats.chargeResponse(status, this.stream.internal);
    if (alt !== null) alt.charge(status);
    for (let i = 0; i < counted.length; i++) counted[i]?.responses.charge(status);
  }

  private clusterCounter(name: string): void {
    const { config } = (this.plan as RequestPlan).cluster;
    this.stream.path.stats.counter(`cluster.${config.statName}.${name}`).inc();
  }

  private get timeoutStatus(): number {
    return (this.plan as RequestPlan).timeouts.altResponse ? 204 : 504;
  }

  private answerTimeout(details: string): void {
    const status = this.timeoutStatus;
    this.failWith(status, status === 204 ? '' : 'upstream request timeout', 'UT', details, null);
  }
}
