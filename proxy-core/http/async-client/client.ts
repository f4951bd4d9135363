import { Timer, type TimerOwner } from '../../base/clock.ts';
import { type HeaderList, setHeader } from '../../base/headers.ts';
import type { HttpProtocol, RequestHead, ResponseHead } from '../../base/stream-info.ts';
import type { PoolConnection } from '../../upstream/pool/connection.ts';
import { hostPools } from '../../upstream/pool/host-pool.ts';
import type { Cluster } from '../../upstream/types.ts';
import type { ResetReason } from '../codec/codec.ts';
import { localReply } from '../local-reply.ts';
import { newAttempt } from '../router/attempt.ts';
import { noteImmediateFail } from '../router/immediate-health-fail.ts';
import { resetReply } from '../router/reset-reply.ts';
import { UpstreamRequest, type UpstreamRequestOwner } from '../router/upstream-request.ts';
import type { DataPath, SnapshotRuntime } from '../runtime.ts';
import { appendForwardedFor } from './local-address.ts';

/**
 * Requests that the proxy makes by itself (Envoy: Http::AsyncClient): to a cluster by name, through its load balancer,
 * pools and breakers, with the statistics of the cluster. One try, no retries.
 */
export interface AsyncRequestOptions {
  /** Milliseconds from the end of the request to the end of the answer; 0 = no limit. */
  readonly timeout: number;
  /** Adds `x-envoy-internal: true`, as Envoy does unless it was told not to (mirrored requests). Default true. */
  readonly sendInternal?: boolean;
  /** Adds the machine's address as `x-forwarded-for`. Default false. */
  readonly sendForwardedFor?: boolean;
  /** Adds `x-envoy-expected-rq-timeout-ms`, and to the answer `x-envoy-upstream-service-time`. Default true. */
  readonly sendExpectedTimeout?: boolean;
  /** For the load balancers that hash. */
  readonly hash?: bigint | null;
  /** What a cluster with `use_downstream_protocol_config` speaks. Default HTTP/1.1. */
  readonly downstreamProtocol?: HttpProtocol;
}

/**
 * The answer as it comes. When there is none the client makes one as the router would (503, 504, …) and names its
 * response code details in `failure`; it may come before `stream` or `sendHead` has returned.
 */
export interface AsyncStreamReceiver {
  onHead(head: ResponseHead, endStream: boolean, failure: string): void;
  /** The bytes are valid during the call only. */
  onBody(bytes: Uint8Array, start: number, end: number, endStream: boolean): void;
  onTrailers(trailers: HeaderList): void;
  /** The answer broke off after its head. Nothing more comes. */
  onReset(details: string): void;
  /** The upstream takes bytes again after `congested` was true. */
  onRequestDrained?(): void;
}

/** A request under way. Nothing is called back after `cancel`. */
export interface AsyncStream {
  sendBody(bytes: Uint8Array, endStream: boolean): void;
  sendTrailers(trailers: HeaderList): void;
  cancel(): void;
  readonly congested: boolean;
  /** `ip:port` of the host that was picked, empty when none was. */
  readonly host: string;
}

/** A whole answer. */
export interface AsyncResponse {
  readonly status: number;
  readonly headers: HeaderList;
  readonly body: Buffer;
  readonly trailers: HeaderList | null;
  /** Response code details when the answer did not come (whole) from upstream; else empty. */
  readonly failure: string;
}

export interface AsyncCall {
  /** Gives up; the callback is not called any more. */
  cancel(): void;
}

/** A body larger than this breaks the call off. */
const MAX_RESPONSE = 16 * 1024 * 1024;

export class AsyncClient {
  constructor(
    readonly path: DataPath,
    readonly snapshot: SnapshotRuntime,
  ) {}

  cluster(name: string): Cluster | undefined {
    return this.snapshot.clusters.get(name);
  }

  /** Starts a request. The head is the caller's no longer. */
  stream(
    clusterName: string,
    head: RequestHead,
    endStream: boolean,
    options: AsyncRequestOptions,
    receiver: AsyncStreamReceiver,
  ): AsyncStream {
    this.path.stats.counter('http.async-client.rq_total').inc();
    const stream = new RunningStream(this.path, head, endStream, options, receiver);
    stream.start(this.cluster(clusterName));
    return stream;
  }

  /**
   * One whole exchange. `done` is called exactly once unless the call is cancelled, perhaps before this returns: with
   * the answer, with the one that the client made itself, or with `failure` when the answer broke off.
   */
  request(
    clusterName: string,
    head: RequestHead,
    body: Uint8Array | null,
    options: AsyncRequestOptions,
    done: (response: AsyncResponse) => void,
  ): AsyncCall {
    const collector = new ResponseCollector(done);
    const ends = body === null || body.length === 0;
    const stream = this.stream(clusterName, head, ends, options, collector);
    collector.stream = stream;
    if (!ends && !collector.finished) stream.sendBody(body, true);
    return collector;
  }
}

const clients = new WeakMap<SnapshotRuntime, AsyncClient>();

/** The client of a snapshot. */
export function asyncClient(path: DataPath, snapshot: SnapshotRuntime): AsyncClient {
  let client = clients.get(snapshot);
  if (client === undefined || client.path !== path) {
    client = new AsyncClient(path, snapshot);
    clients.set(snapshot, client);
  }
  return client;
}

/** One request of the client: the part of the router that it needs. */
class RunningStream implements AsyncStream, UpstreamRequestOwner, TimerOwner {
  private cluster: Cluster | null = null;
  private upstream: UpstreamRequest | null = null;
  /** What could not be sent yet. */
  private waiting: Uint8Array[] = [];
  private trailers: HeaderList | null = null;
  private finished = false;
  private responseStarted = false;
  private timer: Timer | null = null;
  private endedAt = -1;

  constructor(
    private readonly path: DataPath,
    private readonly head: RequestHead,
    private requestEnded: boolean,
    private readonly options: AsyncRequestOptions,
    private readonly receiver: AsyncStreamReceiver,
  ) {}

  get host(): string {
    return this.upstream?.host.address ?? '';
  }

  get congested(): boolean {
    return this.upstream?.stream?.congested ?? this.waiting.length > 0;
  }

  now(): number {
    return this.path.services.clock.now();
  }

  start(cluster: Cluster | undefined): void {
    const { head, options, path } = this;
    if (cluster === undefined) {
      this.fail(503, '', 'cluster_not_found');
      return;
    }
    this.cluster = cluster;
    if (options.sendInternal !== false) setHeader(head.headers, 'x-envoy-internal', 'true');
    if (options.sendForwardedFor === true) appendForwardedFor(head.headers);
    if (options.timeout > 0 && options.sendExpectedTimeout !== false) {
      setHeader(head.headers, 'x-envoy-expected-rq-timeout-ms', String(options.timeout));
    }
    const random = path.services.random.next();
    const host = cluster.choose({ random, hash: options.hash ?? null, attempt: 0 });
    if (host === null) {
      cluster.stats.upstreamCxNoneHealthy.inc();
      this.fail(503, 'no healthy upstream', 'no_healthy_upstream');
      return;
    }
    const attempt = newAttempt(host, cluster, random, this.now());
    const pools = hostPools(host, cluster, path.pools);
    const protocol = options.downstreamProtocol ?? 'HTTP/1.1';
    this.upstream = new UpstreamRequest(this, cluster, host, pools, 'default', attempt, protocol);
    if (this.requestEnded) this.requestComplete();
    this.path.queue.enter();
    try {
      this.upstream.start();
    } finally {
      this.path.queue.leave();
    }
  }

  private requestComplete(): void {
    this.endedAt = this.now();
    if (this.options.timeout > 0 && !this.finished) {
      this.timer = new Timer(this, 0);
      this.path.services.clock.arm(this.timer, this.options.timeout);
    }
  }

  sendBody(bytes: Uint8Array, endStream: boolean): void {
    if (this.finished) return;
    if (endStream) this.requestEnded = true;
    const { upstream } = this;
    if (upstream?.stream == null) this.waiting.push(Buffer.from(bytes));
    else this.inEvent(() => upstream.sendBody(bytes, 0, bytes.length, endStream));
    if (endStream) this.requestComplete();
  }

  sendTrailers(trailers: HeaderList): void {
    if (this.finished) return;
    this.requestEnded = true;
    this.trailers = trailers;
    const { upstream } = this;
    if (upstream?.stream != null) this.inEvent(() => upstream.sendTrailers(trailers));
    this.requestComplete();
  }

  cancel(): void {
    if (this.finished) return;
    this.finish();
    this.inEvent(() => this.upstream?.cancel());
  }

  private inEvent(work: () => void): void {
    const { queue } = this.path;
    queue.enter();
    try {
      work();
    } finally {
      queue.leave();
    }
  }

  private finish(): void {
    this.finished = true;
    if (this.timer !== null) this.path.services.clock.disarm(this.timer);
  }

  /** Answers as the router would. */
  private fail(status: number, body: string, details: string): void {
    this.finish();
    this.cluster?.stats.chargeResponse(status, this.options.sendInternal !== false);
    const reply = localReply(this.head, status, body, null, null);
    this.receiver.onHead(reply.head, reply.body === '', details);
    if (reply.body === '') return;
    const bytes = Buffer.from(reply.body, 'latin1');
    this.receiver.onBody(bytes, 0, bytes.length, true);
  }

  private cut(details: string): void {
    this.finish();
    this.receiver.onReset(details);
  }

  onTimer(): void {
    this.inEvent(() => {
      if (this.finished) return;
      const { upstream } = this;
      this.cluster?.stats.upstreamRqTimeout.inc();
      if (upstream !== null) {
        upstream.host.stats.rqTimeout++;
        upstream.host.outlier?.putLocalOrigin('request-timeout');
        upstream.cancel();
      }
      if (this.responseStarted) this.cut('response_timeout');
      else this.fail(504, 'upstream request timeout', 'response_timeout');
    });
  }

  // UpstreamRequestOwner

  onUpstreamReady(request: UpstreamRequest, _connection: PoolConnection): void {
    const { waiting, trailers } = this;
    this.waiting = [];
    request.sendHead(this.head, this.requestEnded && waiting.length === 0 && trailers === null);
    const last = this.requestEnded && trailers === null ? waiting.length - 1 : -1;
    waiting.forEach((bytes, i) => {
      request.sendBody(bytes, 0, bytes.length, i === last);
    });
    if (trailers !== null) request.sendTrailers(trailers);
  }

  onUpstreamInformational(): void {}

  onUpstreamHead(request: UpstreamRequest, head: ResponseHead, endStream: boolean): void {
    if (this.finished) return;
    this.responseStarted = true;
    const { status } = head;
    request.host.outlier?.putHttpStatus(status);
    if (request.host.check !== null) noteImmediateFail(request.host.check, head);
    if (status >= 500) request.host.stats.rqError++;
    else request.host.stats.rqSuccess++;
    request.cluster.stats.chargeResponse(status, this.options.sendInternal !== false);
    if (this.endedAt >= 0 && this.options.sendExpectedTimeout !== false) {
      const elapsed = Math.floor(this.now() - this.endedAt);
      setHeader(head.headers, 'x-envoy-upstream-service-time', String(elapsed));
    }
    if (endStream) this.complete(request);
    this.receiver.onHead(head, endStream, '');
  }

  onUpstreamBody(
    request: UpstreamRequest,
    bytes: Uint8Array,
    start: number,
    end: number,
    endStream: boolean,
  ): void {
    if (this.finished) return;
    if (endStream) this.complete(request);
    this.receiver.onBody(bytes, start, end, endStream);
  }

  onUpstreamTrailers(request: UpstreamRequest, trailers: HeaderList): void {
    if (this.finished) return;
    this.complete(request);
    this.receiver.onTrailers(trailers);
  }

  /** The answer is whole: a request that is still being sent is given up. */
  private complete(request: UpstreamRequest): void {
    this.finish();
    if (this.endedAt >= 0) {
      const elapsed = Math.round(this.now() - this.endedAt);
      request.cluster.stats.chargeTime(elapsed, this.options.sendInternal !== false);
    }
  }

  onUpstreamReset(request: UpstreamRequest, reason: ResetReason, detail: string): void {
    if (this.finished) return;
    if (request.connection !== null) {
      request.host.outlier?.putLocalOrigin('reset');
      request.host.stats.rqError++;
    }
    const reply = resetReply(reason, detail, false);
    if (this.responseStarted) this.cut(`upstream_reset_after_response_started{${reply.detail}}`);
    else this.fail(reply.status, reply.body, `upstream_reset_before_response_started{${reply.detail}}`);
  }

  onUpstreamDrained(): void {
    if (!this.finished) this.receiver.onRequestDrained?.();
  }
}

/** Puts the parts of an answer together. */
class ResponseCollector implements AsyncStreamReceiver, AsyncCall {
  stream: AsyncStream | null = null;
  finished = false;
  private head: ResponseHead = { status: 0, headers: [] };
  private failure = '';
  private readonly chunks: Uint8Array[] = [];
  private size = 0;

  constructor(private readonly done: (response: AsyncResponse) => void) {}

  cancel(): void {
    if (this.finished) return;
    this.finished = true;
    this.stream?.cancel();
  }

  onHead(head: ResponseHead, endStream: boolean, failure: string): void {
    this.head = head;
    this.failure = failure;
    if (endStream) this.finish(null);
  }

  onBody(bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    if (this.finished) return;
    // A copy: the bytes are only there during this call, and `slice` of a Buffer is a view.
    this.chunks.push(Buffer.from(bytes.subarray(start, end)));
    this.size += end - start;
    if (this.size > MAX_RESPONSE) {
      this.stream?.cancel();
      this.onReset('async_response_too_large');
    } else if (endStream) this.finish(null);
  }

  onTrailers(trailers: HeaderList): void {
    this.finish(trailers);
  }

  onReset(details: string): void {
    this.failure = details;
    this.finish(null);
  }

  private finish(trailers: HeaderList | null): void {
    if (this.finished) return;
    this.finished = true;
    const { status, headers } = this.head;
    this.done({ status, headers, body: Buffer.concat(this.chunks), trailers, failure: this.failure });
  }
}
