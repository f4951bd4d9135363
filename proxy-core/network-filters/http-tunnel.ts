import type { HeaderList } from '../base/headers.ts';
import type { ResponseHead, SocketAddress, StreamInfo, TlsInfo } from '../base/stream-info.ts';
import type { ClientStream, ResetReason, ResponseReceiver } from '../http/codec/codec.ts';
import { mutateHeaders } from '../route/header-mutation.ts';
import type { PoolConnection } from '../upstream/pool/connection.ts';
import { type HostPools, hostPools, type PoolServices, type PoolWaiter } from '../upstream/pool/host-pool.ts';
import type { Cluster, Host } from '../upstream/types.ts';
import type { TunnelingConfig } from './tunneling-config.ts';

/** The upstream side of a TCP proxy: a connection of its own, or a tunnel in a request. */
export interface TcpLink {
  readonly id: number;
  readonly cluster: Cluster;
  readonly local: SocketAddress | null;
  readonly tls: TlsInfo | null;
  readonly transport: {
    writeBytes(bytes: Uint8Array, start: number, end: number): void;
    readonly buffered: number;
    pauseReading(): void;
    resumeReading(): void;
  };
  /** Nothing more is sent. */
  end(): void;
  closeAfterFlush(flushed?: (() => void) | null): void;
}

/** As TcpConnectionOwner, of whatever link. */
export interface TcpLinkOwner {
  onTcpConnected(link: TcpLink): void;
  onTcpFailed(link: TcpLink, reason: string): void;
  onTcpBytes(bytes: Uint8Array, start: number, end: number): void;
  onTcpDrain(): void;
  onTcpClosed(error: string): void;
}

const EMPTY = new Uint8Array(0);

/** TCP inside a CONNECT or POST to an HTTP proxy (Envoy: TcpProxy::HttpUpstream). It stands when the proxy answers 2xx. */
export class HttpTunnel implements TcpLink, PoolWaiter, ResponseReceiver {
  id = 0;
  local: SocketAddress | null = null;
  tls: TlsInfo | null = null;
  readonly transport: TcpLink['transport'];
  private readonly pools: HostPools;
  private stream: ClientStream | null = null;
  private multiplexes = false;
  private state: 'waiting' | 'asked' | 'open' | 'gone' = 'waiting';
  private ended = false;

  constructor(
    private readonly host: Host,
    readonly cluster: Cluster,
    services: PoolServices,
    private readonly owner: TcpLinkOwner,
    private readonly config: TunnelingConfig,
    private readonly account: StreamInfo,
  ) {
    this.pools = hostPools(host, cluster, services);
    const congested = (): boolean => this.stream?.congested === true;
    this.transport = {
      writeBytes: (bytes, start, end) => this.stream?.sendBody(bytes, start, end, false),
      // Streams say only whether it is too much.
      get buffered() {
        return congested() ? Number.MAX_SAFE_INTEGER : 0;
      },
      pauseReading: () => this.stream?.pauseResponse(),
      resumeReading: () => this.stream?.resumeResponse(),
    };
  }

  start(): void {
    this.pools.request('default', this, 'HTTP/1.1', null);
  }

  end(): void {
    if (this.ended) return;
    this.ended = true;
    this.stream?.sendBody(EMPTY, 0, 0, true);
  }

  closeAfterFlush(flushed: (() => void) | null = null): void {
    const { state } = this;
    if (state === 'waiting') this.pools.cancel(this);
    this.giveUp();
    flushed?.();
  }

  /** Lets go of the request; nobody hears of it any more. */
  private giveUp(): void {
    const { stream } = this;
    this.settle();
    if (stream === null) return;
    if (this.multiplexes) this.cluster.stats.upstreamRqTxReset.inc();
    stream.reset();
  }

  private settle(): void {
    if (this.stream !== null) {
      const { host, cluster } = this;
      const limits = cluster.limits('default');
      limits.requests--;
      limits.refresh();
      cluster.stats.upstreamRqActive.dec();
      host.stats.rqActive--;
    }
    this.stream = null;
    this.state = 'gone';
  }

  // PoolWaiter

  onPoolReady(connection: PoolConnection): void {
    const { host, cluster, config, account } = this;
    const limits = cluster.limits('default');
    limits.requests++;
    limits.refresh();
    cluster.stats.upstreamRqTotal.inc();
    cluster.stats.upstreamRqActive.inc();
    host.stats.rqTotal++;
    host.stats.rqActive++;
    this.state = 'asked';
    this.id = connection.id;
    this.local = connection.local;
    this.tls = connection.tls;
    this.multiplexes = connection.multiplexes;
    const stream = connection.lend(this);
    this.stream = stream;
    const headers: HeaderList = [];
    mutateHeaders(config.headers, headers, account);
    const post = config.postPath !== null;
    stream.sendHead(
      {
        method: post ? 'POST' : 'CONNECT',
        authority: config.hostname.format(account),
        path: config.postPath ?? '',
        scheme: post ? 'http' : '',
        protocol: '',
        headers,
      },
      false,
    );
  }

  onPoolFailure(_reason: ResetReason, detail: string): void {
    this.state = 'gone';
    this.owner.onTcpFailed(this, detail);
  }

  // ResponseReceiver

  onInformational(): void {}

  onResponseHead(head: ResponseHead, endStream: boolean): void {
    if (head.status < 200 || head.status > 299) {
      if (endStream) this.settle();
      else this.giveUp();
      this.owner.onTcpFailed(this, '');
      return;
    }
    this.state = 'open';
    this.owner.onTcpConnected(this);
    if (endStream) this.complete();
  }

  onResponseBody(bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    if (end > start) this.owner.onTcpBytes(bytes, start, end);
    if (endStream) this.complete();
  }

  onResponseTrailers(): void {
    this.complete();
  }

  private complete(): void {
    if (this.state === 'gone') return;
    this.settle();
    this.owner.onTcpClosed('');
  }

  onResponseReset(_reason: ResetReason, detail: string): void {
    const { state } = this;
    if (state === 'gone') return;
    this.settle();
    if (state === 'open') this.owner.onTcpClosed('');
    else this.owner.onTcpFailed(this, detail);
  }

  onRequestDrained(): void {
    this.owner.onTcpDrain();
  }
}
