import type { HeaderList } from '../../base/headers.ts';
import type {
  Attempt,
  HttpProtocol,
  RequestHead,
  ResponseHead,
  SocketAddress,
  TlsInfo,
} from '../../base/stream-info.ts';
import type { ServerName } from '../../network/tls/client.ts';
import type { PoolWaiter, Priority } from '../../upstream/pool/host-pool.ts';
import type { Cluster, Host } from '../../upstream/types.ts';
import type { ClientStream, ResetReason, ResponseReceiver } from '../codec/codec.ts';
import { resetWords } from './reset-reply.ts';
import type { TryTimers } from './try-timers.ts';

/** The connection that a try got: of a pool, or one of TCP for itself. */
export interface LentConnection {
  readonly id: number;
  readonly local: SocketAddress | null;
  readonly tls: TlsInfo | null;
  /** Null: bytes as they are. */
  readonly protocol: HttpProtocol | null;
  /** Requests that it carried before. */
  readonly requests: number;
  readonly multiplexes: boolean;
  readonly connectStarted: number;
  /** Ready for requests. */
  readonly connectedAt: number;
  /** Below TLS; left out where none is spoken. */
  readonly plainConnectedAt?: number;
  /** It counts for its cluster as the request that it carries. */
  readonly countsRequests?: boolean;
  lend(receiver: ResponseReceiver): ClientStream;
}

/** Where a try asks for its connection. */
export interface RequestPools {
  request(
    priority: Priority,
    waiter: UpstreamRequest,
    downstream: HttpProtocol,
    serverName: ServerName | null,
  ): void;
  cancel(waiter: UpstreamRequest): void;
}

/** What one try tells the router. */
export interface UpstreamRequestOwner {
  now(): number;
  onUpstreamReady(request: UpstreamRequest, connection: LentConnection): void;
  onUpstreamInformational(status: number, headers: HeaderList): void;
  onUpstreamHead(request: UpstreamRequest, head: ResponseHead, endStream: boolean): void;
  onUpstreamBody(
    request: UpstreamRequest,
    bytes: Uint8Array,
    start: number,
    end: number,
    endStream: boolean,
  ): void;
  onUpstreamTrailers(request: UpstreamRequest, trailers: HeaderList): void;
  onUpstreamReset(request: UpstreamRequest, reason: ResetReason, detail: string): void;
  onUpstreamDrained(request: UpstreamRequest): void;
}

/** One try: waits for a connection, sends the request, brings the response. Envoy: Router::UpstreamRequest. */
export class UpstreamRequest implements PoolWaiter, ResponseReceiver {
  stream: ClientStream | null = null;
  connection: LentConnection | null = null;
  responseStarted = false;
  /** The body waits until the host agrees to the tunnel (Envoy: paused_for_connect_). */
  holdsBody = false;
  /** Nothing more comes from or goes to this try. */
  done = false;
  /** Hedging: `per_try_timeout` ran out and the host was told; another try was started beside this one. */
  timedOut = false;
  hedged = false;
  /** Null when nothing limits the time of this try. */
  timers: TryTimers | null = null;
  /** False when the pool's queue was full, so that this host never came into it. */
  hostTried = true;

  constructor(
    private readonly owner: UpstreamRequestOwner,
    readonly cluster: Cluster,
    readonly host: Host,
    private readonly pools: RequestPools,
    private readonly priority: Priority,
    readonly attempt: Attempt,
    private readonly downstream: HttpProtocol,
    /** What TLS goes by, when the request says it. */
    private readonly serverName: ServerName | null = null,
  ) {}

  start(): void {
    this.pools.request(this.priority, this, this.downstream, this.serverName);
  }

  onPoolReady(connection: LentConnection): void {
    const attempt = this.attempt;
    attempt.poolReady = this.owner.now();
    if (connection.requests === 0) {
      attempt.connectStarted = connection.connectStarted;
      const { plainConnectedAt = -1 } = connection;
      attempt.connected = plainConnectedAt < 0 ? connection.connectedAt : plainConnectedAt;
      if (plainConnectedAt >= 0) attempt.secured = connection.connectedAt;
    }
    attempt.upstreamConnectionId = connection.id;
    this.connection = connection;
    if (connection.countsRequests !== true) {
      const { stats } = this.cluster;
      const hostStats = this.host.stats;
      const limits = this.cluster.limits(this.priority);
      limits.requests++;
      limits.refresh();
      stats.upstreamRqTotal.inc();
      stats.upstreamRqActive.inc();
      hostStats.rqTotal++;
      hostStats.rqActive++;
    }
    this.stream = connection.lend(this);
    this.owner.onUpstreamReady(this, connection);
  }

  onPoolFailure(reason: ResetReason, detail: string, hostTried: boolean): void {
    this.done = true;
    this.hostTried = hostTried;
    this.attempt.resetReason = resetWords(reason);
    this.attempt.transportFailureReason = detail;
    this.owner.onUpstreamReset(this, reason, detail);
  }

  sendHead(head: RequestHead, endStream: boolean): void {
    this.attempt.sentFirst = this.owner.now();
    this.stream?.sendHead(head, endStream);
    if (endStream) this.attempt.sentLast = this.attempt.sentFirst;
  }

  sendBody(bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    if (this.done) return;
    this.stream?.sendBody(bytes, start, end, endStream);
    if (endStream) this.attempt.sentLast = this.owner.now();
  }

  sendTrailers(trailers: HeaderList): void {
    if (this.done) return;
    this.stream?.sendTrailers(trailers);
    this.attempt.sentLast = this.owner.now();
  }

  /** Gives up on this try; nothing is called back. */
  cancel(): void {
    this.timers?.stop();
    if (this.done) return;
    if (this.stream === null) {
      this.done = true;
      this.pools.cancel(this);
    } else {
      // An HTTP/1 request is given up with its connection, not reset.
      if (this.connection?.multiplexes === true) this.cluster.stats.upstreamRqTxReset.inc();
      const stream = this.stream;
      this.settle();
      stream.reset();
    }
  }

  /** Gives back what the request held. */
  private settle(): void {
    if (this.done) return;
    this.done = true;
    if (this.connection === null || this.connection.countsRequests === true) return;
    const limits = this.cluster.limits(this.priority);
    limits.requests--;
    limits.refresh();
    this.cluster.stats.upstreamRqActive.dec();
    this.host.stats.rqActive--;
  }

  // ResponseReceiver

  onInformational(status: number, headers: HeaderList): void {
    this.owner.onUpstreamInformational(status, headers);
  }

  onResponseHead(head: ResponseHead, endStream: boolean): void {
    const attempt = this.attempt;
    this.responseStarted = true;
    attempt.firstByte = this.owner.now();
    attempt.status = head.status;
    if (endStream) {
      attempt.lastByte = attempt.firstByte;
      this.settle();
    }
    this.owner.onUpstreamHead(this, head, endStream);
  }

  onResponseBody(bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    if (endStream) {
      this.attempt.lastByte = this.owner.now();
      this.settle();
    }
    this.owner.onUpstreamBody(this, bytes, start, end, endStream);
  }

  onResponseTrailers(trailers: HeaderList): void {
    this.attempt.lastByte = this.owner.now();
    this.settle();
    this.owner.onUpstreamTrailers(this, trailers);
  }

  onResponseReset(reason: ResetReason, detail: string): void {
    this.attempt.resetReason = resetWords(reason);
    this.attempt.transportFailureReason = detail;
    if (reason === 'remote-reset' || reason === 'remote-refused-stream') {
      this.cluster.stats.upstreamRqRxReset.inc();
    }
    this.settle();
    this.owner.onUpstreamReset(this, reason, detail);
  }

  onRequestDrained(): void {
    this.owner.onUpstreamDrained(this);
  }
}
