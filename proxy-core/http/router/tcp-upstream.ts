import type { HeaderList } from '../../base/headers.ts';
import type { ConnectionInfo, HttpProtocol, RequestHead, TlsInfo } from '../../base/stream-info.ts';
import { proxyHeader1, proxyHeader2 } from '../../network/proxy-protocol.ts';
import { congestionLimit } from '../../network/transport.ts';
import type { ConnectConfig } from '../../route/connect-config.ts';
import type { ClusterAction } from '../../route/types.ts';
import type { PoolServices } from '../../upstream/pool/host-pool.ts';
import { connectionPreface } from '../../upstream/pool/preface.ts';
import {
  admitsTcpConnection,
  TcpConnection,
  type TcpConnectionOwner,
} from '../../upstream/pool/tcp-connection.ts';
import type { Cluster, Host } from '../../upstream/types.ts';
import type { ClientStream, ResponseReceiver, WireCounts } from '../codec/codec.ts';
import type { LentConnection, RequestPools, UpstreamRequest } from './upstream-request.ts';

/** The route's `connect_config`, when this request goes on as TCP: CONNECT does, and POST where that is allowed. */
export function tunnelConfig(action: ClusterAction, head: RequestHead): ConnectConfig | null {
  const { connect } = action;
  if (connect === null) return null;
  return head.method === 'CONNECT' || (connect.allowPost && head.method === 'POST') ? connect : null;
}

const EMPTY = new Uint8Array(0);

/**
 * A TCP connection in place of an HTTP pool: the body of the request goes to the host as it is, and what the host
 * sends is the body of a `200` that the proxy makes up (Envoy: Router::TcpUpstream).
 */
export class TcpUpstream implements RequestPools, LentConnection, ClientStream, TcpConnectionOwner {
  readonly wire: WireCounts = { headerBytesReceived: 0, bytesReceived: 0, headerBytesSent: 0, bytesSent: 0 };
  readonly protocol: HttpProtocol | null = null;
  readonly requests = 0;
  readonly multiplexes = false;
  readonly countsRequests = true;
  private connection: TcpConnection | null = null;
  private waiter: UpstreamRequest | null = null;
  private receiver: ResponseReceiver | null = null;
  private readonly limit: number;
  private paused = false;

  constructor(
    private readonly host: Host,
    private readonly cluster: Cluster,
    private readonly services: PoolServices,
    private readonly downstream: ConnectionInfo,
    private readonly config: ConnectConfig,
  ) {
    this.limit = congestionLimit(cluster.config.perConnectionBufferLimit);
  }

  // RequestPools

  request(_priority: unknown, waiter: UpstreamRequest): void {
    const { cluster, host } = this;
    if (!admitsTcpConnection(cluster)) {
      waiter.onPoolFailure('overflow', '', false);
      return;
    }
    this.waiter = waiter;
    const preface = connectionPreface(cluster.config, this.downstream);
    this.connection = new TcpConnection(host, cluster, this.services, this, preface);
  }

  cancel(): void {
    this.waiter = null;
    this.close();
  }

  // LentConnection

  get id(): number {
    return this.connection?.id ?? 0;
  }

  get local() {
    return this.connection?.local ?? null;
  }

  get tls(): TlsInfo | null {
    return this.connection?.tls ?? null;
  }

  get connectStarted(): number {
    return this.connection?.connectStarted ?? -1;
  }

  get connectedAt(): number {
    return this.connection?.connectedAt ?? -1;
  }

  lend(receiver: ResponseReceiver): ClientStream {
    this.receiver = receiver;
    return this;
  }

  // ClientStream

  get congested(): boolean {
    return (this.connection?.transport.buffered ?? 0) > this.limit;
  }

  sendHead(_head: RequestHead, endStream: boolean): void {
    const header = this.proxyHeader();
    if (header !== null) this.sendBody(header, 0, header.length, false);
    if (endStream) this.connection?.end();
    this.receiver?.onResponseHead({ status: 200, headers: [] }, false);
  }

  private proxyHeader(): Uint8Array | null {
    const { proxyProtocol } = this.config;
    if (proxyProtocol === null) return null;
    const { remote, directRemote, local, proxyTlvs = [] } = this.downstream;
    const source = remote ?? directRemote;
    if (proxyProtocol.version === 1) return proxyHeader1(source, local);
    return proxyHeader2(
      source,
      local,
      proxyTlvs.filter(({ type }) => proxyProtocol.passesTlv(type)),
    );
  }

  sendBody(bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    const { connection } = this;
    if (connection === null) return;
    this.wire.bytesSent += end - start;
    if (end > start) connection.transport.writeBytes(bytes, start, end);
    if (endStream) connection.end();
  }

  sendTrailers(_trailers: HeaderList): void {
    this.connection?.end();
  }

  reset(): void {
    this.receiver = null;
    this.close();
  }

  pauseResponse(): void {
    if (this.paused) return;
    this.paused = true;
    this.connection?.transport.pauseReading();
  }

  resumeResponse(): void {
    if (!this.paused) return;
    this.paused = false;
    this.connection?.transport.resumeReading();
  }

  private close(): void {
    const { connection } = this;
    this.connection = null;
    connection?.close();
  }

  // TcpConnectionOwner

  onTcpConnected(): void {
    const { waiter } = this;
    this.waiter = null;
    waiter?.onPoolReady(this);
  }

  onTcpFailed(_connection: TcpConnection, reason: string): void {
    const { waiter } = this;
    this.waiter = null;
    this.connection = null;
    waiter?.onPoolFailure(reason === '' ? 'connection-timeout' : 'connection-failure', reason, true);
  }

  onTcpBytes(bytes: Buffer, start: number, end: number): void {
    this.wire.bytesReceived += end - start;
    this.receiver?.onResponseBody(bytes, start, end, false);
  }

  /** The answer is complete; nobody waits for what the client may still send. */
  onTcpEnd(): void {
    const { receiver, connection } = this;
    this.receiver = null;
    this.connection = null;
    receiver?.onResponseBody(EMPTY, 0, 0, true);
    connection?.closeAfterFlush();
  }

  onTcpDrain(): void {
    this.receiver?.onRequestDrained();
  }

  onTcpClosed(): void {
    const { receiver } = this;
    this.receiver = null;
    this.connection = null;
    receiver?.onResponseReset('connection-termination', '');
  }
}
