import { Timer, type TimerOwner } from '../base/clock.ts';
import { type Attempt, addFlag, type ResponseFlag } from '../base/stream-info.ts';
import { xxHash64Text } from '../base/xxhash64.ts';
import { newAttempt } from '../http/router/attempt.ts';
import { congestionLimit } from '../network/transport.ts';
import { connectionPreface } from '../upstream/pool/preface.ts';
import {
  admitsTcpConnection,
  TcpConnection,
  type TcpConnectionOwner,
} from '../upstream/pool/tcp-connection.ts';
import type { Cluster } from '../upstream/types.ts';
import type { NetworkFilterExtension } from './extension.ts';
import { HttpTunnel, type TcpLink } from './http-tunnel.ts';
import { compileTcpProxy, pickTcpCluster, type TcpCluster, type TcpProxyConfig } from './tcp-proxy-config.ts';
import type { NetworkConnection, TerminalFilter } from './types.ts';

const TimerKind = { Idle: 0, MaxDuration: 1, Log: 2 } as const;

/** Bytes of one client connection to one upstream connection and back. */
class TcpProxy implements TerminalFilter, TcpConnectionOwner, TimerOwner {
  private cluster: Cluster | null = null;
  private target: TcpCluster | null = null;
  /** Connecting or open. */
  private upstream: TcpLink | null = null;
  private connected = false;
  private done = false;
  /** Came before the upstream connection stood. */
  private early: Buffer | null = null;
  private earlyEnd = false;
  private attempt: Attempt | null = null;
  private readonly hash: bigint | null;
  private readonly downstreamLimit: number;
  private upstreamLimit = congestionLimit(0);
  private idleTimer: Timer | null = null;
  private durationTimer: Timer | null = null;
  private logTimer: Timer | null = null;
  private lastActive = 0;
  /** Bytes that went through, by the side that sent them. */
  private received = 0;
  private sent = 0;
  /** Reading is paused until the other side has taken what it was sent. */
  private downstreamPaused = true;
  private upstreamPaused = false;

  constructor(
    private readonly connection: NetworkConnection,
    private readonly config: TcpProxyConfig,
  ) {
    this.downstreamLimit = congestionLimit(connection.bufferLimit);
    this.hash = config.hashesSourceIp ? xxHash64Text(connection.account.remote.ip) : null;
  }

  onNewConnection(): void {
    const { config, connection } = this;
    const { account, path, snapshot } = connection;
    config.stats.cxTotal.inc();
    connection.transport.pauseReading();
    if (config.periodicLogs.length > 0) {
      this.logTimer = new Timer(this, TimerKind.Log);
      path.services.clock.arm(this.logTimer, config.logInterval);
    }
    if (config.maxConnectionDuration > 0) {
      this.durationTimer = new Timer(this, TimerKind.MaxDuration);
      path.services.clock.arm(this.durationTimer, config.maxConnectionDuration);
    }
    account.random = path.services.random.next();
    const target =
      connection.clusterName === ''
        ? pickTcpCluster(config, account.random)
        : { name: connection.clusterName, weight: 1, criteria: null };
    this.target = target;
    account.clusterName = target?.name ?? '';
    this.cluster = target === null ? null : (snapshot.clusters.get(target.name) ?? null);
    if (this.cluster === null) {
      config.stats.cxNoRoute.inc();
      this.fail('NC');
      return;
    }
    account.clusterStatName = this.cluster.config.statName;
    this.connect();
  }

  private connect(): void {
    const { account, info, path } = this.connection;
    const chosen = this.cluster as Cluster;
    if (!admitsTcpConnection(chosen)) {
      this.fail('UO');
      return;
    }
    const index = account.attempts.length;
    if (index >= this.config.maxConnectAttempts) {
      chosen.stats.upstreamCxConnectAttemptsExceeded.inc();
      this.fail('URX');
      return;
    }
    const random = index === 0 ? account.random : path.services.random.next();
    const criteria = this.target?.criteria ?? null;
    const host = chosen.choose({ random, hash: this.hash, attempt: index, criteria, info: account });
    if (host === null) {
      chosen.stats.upstreamCxNoneHealthy.inc();
      this.fail('UH');
      return;
    }
    const now = path.services.clock.now();
    const attempt = newAttempt(host, chosen, random, now);
    attempt.connectStarted = now;
    this.attempt = attempt;
    account.attempts.push(attempt);
    account.upstreamHost = host.address;
    account.upstreamHostName = host.hostname;
    const owner = host.cluster ?? chosen;
    const { tunneling } = this.config;
    if (tunneling !== null) {
      const tunnel = new HttpTunnel(host, owner, path.pools, this, tunneling, account);
      this.upstream = tunnel;
      tunnel.start();
      return;
    }
    const preface = connectionPreface(owner.config, info);
    this.upstream = new TcpConnection(host, owner, path.pools, this, preface);
  }

  /** Nothing came of it: the client's connection closes. */
  private fail(flag: ResponseFlag): void {
    addFlag(this.connection.account, flag);
    this.connection.close('abort');
  }

  // TcpConnectionOwner

  onTcpConnected(upstream: TcpLink): void {
    const { account, path, transport } = this.connection;
    const now = path.services.clock.now();
    this.connected = true;
    this.upstreamLimit = congestionLimit(upstream.cluster.config.perConnectionBufferLimit);
    account.upstreamConnectionId = upstream.id;
    account.upstreamLocal = upstream.local;
    account.upstreamTls = upstream.tls;
    const { attempt } = this;
    if (attempt !== null) {
      attempt.upstreamConnectionId = upstream.id;
      attempt.connected = now;
      attempt.poolReady = now;
      attempt.sentFirst = now;
    }
    if (this.config.idleTimeout > 0) {
      this.lastActive = now;
      this.idleTimer = new Timer(this, TimerKind.Idle);
      path.services.clock.arm(this.idleTimer, this.config.idleTimeout);
    }
    for (const log of this.config.connectedLogs) log.log(account);
    this.downstreamPaused = false;
    transport.resumeReading();
    const { early } = this;
    if (early !== null) {
      this.early = null;
      this.forward(early, 0, early.length);
    }
    if (this.earlyEnd) upstream.end();
  }

  onTcpFailed(_upstream: TcpLink, reason: string): void {
    this.upstream = null;
    const { account } = this.connection;
    addFlag(account, 'UF');
    account.upstreamTransportFailureReason = reason;
    if (this.attempt !== null) {
      this.attempt.resetReason = 'connection failure';
      this.attempt.transportFailureReason = reason;
    }
    if (!this.done) this.connect();
  }

  onTcpBytes(bytes: Uint8Array, start: number, end: number): void {
    const { account, path, transport } = this.connection;
    const length = end - start;
    if (this.idleTimer !== null) this.lastActive = path.services.clock.now();
    this.sent += length;
    this.config.stats.cxTxBytes.add(length);
    if (account.record >= 0) path.recorder?.responseBody(account, bytes, start, end);
    transport.writeBytes(bytes, start, end);
    if (!this.upstreamPaused && transport.buffered > this.downstreamLimit) {
      this.upstreamPaused = true;
      const { upstream } = this;
      if (upstream !== null) {
        upstream.cluster.stats.upstreamFlowControlPausedReading.inc();
        upstream.transport.pauseReading();
      }
    }
  }

  onTcpEnd(): void {
    this.connection.transport.end();
  }

  onTcpDrain(): void {
    if (!this.downstreamPaused) return;
    this.downstreamPaused = false;
    this.config.stats.resumedReading.inc();
    this.connection.transport.resumeReading();
  }

  onTcpClosed(_error: string): void {
    this.upstream = null;
    this.connection.close('flush');
  }

  // TransportOwner

  onBytes(bytes: Buffer, start: number, end: number): void {
    if (this.connected) this.forward(bytes, start, end);
    else {
      const piece = bytes.subarray(start, end);
      this.early = this.early === null ? Buffer.from(piece) : Buffer.concat([this.early, piece]);
    }
  }

  private forward(bytes: Buffer, start: number, end: number): void {
    const { upstream } = this;
    if (upstream === null) return;
    const { account, path, transport } = this.connection;
    const length = end - start;
    if (this.idleTimer !== null) this.lastActive = path.services.clock.now();
    this.received += length;
    this.config.stats.cxRxBytes.add(length);
    if (account.record >= 0) path.recorder?.requestBody(account, bytes, start, end);
    upstream.transport.writeBytes(bytes, start, end);
    if (!this.downstreamPaused && upstream.transport.buffered > this.upstreamLimit) {
      this.downstreamPaused = true;
      this.config.stats.pausedReading.inc();
      transport.pauseReading();
    }
  }

  onEnd(): void {
    if (this.connected) this.upstream?.end();
    else this.earlyEnd = true;
  }

  onDrain(): void {
    if (!this.upstreamPaused) return;
    this.upstreamPaused = false;
    const { upstream } = this;
    if (upstream === null) return;
    upstream.cluster.stats.upstreamFlowControlResumedReading.inc();
    upstream.transport.resumeReading();
  }

  onClose(): void {
    this.done = true;
    const { account, path } = this.connection;
    const { clock } = path.services;
    if (this.idleTimer !== null) clock.disarm(this.idleTimer);
    if (this.durationTimer !== null) clock.disarm(this.durationTimer);
    if (this.logTimer !== null) clock.disarm(this.logTimer);
    this.closeUpstream();
    const { attempt } = this;
    if (attempt !== null && this.connected) {
      attempt.sentLast = account.end;
      this.countWire();
    }
    for (const log of this.config.accessLogs) log.log(account);
  }

  /** What the client sent last still reaches the host (Envoy: UpstreamDrainManager). */
  private closeUpstream(): void {
    const { upstream } = this;
    if (upstream === null) return;
    this.upstream = null;
    if (upstream.transport.buffered === 0) {
      upstream.closeAfterFlush();
      return;
    }
    const { stats } = this.config;
    stats.flushTotal.inc();
    stats.flushActive.inc();
    upstream.closeAfterFlush(() => stats.flushActive.dec());
  }

  private logPeriodically(timer: Timer): void {
    const { account, path, transport } = this.connection;
    account.bytesSent = transport.bytesWritten;
    this.countWire();
    for (const log of this.config.periodicLogs) log.log(account);
    path.services.clock.arm(timer, this.config.logInterval);
  }

  private countWire(): void {
    const { account } = this.connection;
    account.downstreamWireBytesReceived = this.received;
    account.downstreamWireBytesSent = this.sent;
    account.upstreamWireBytesSent = this.received;
    account.upstreamWireBytesReceived = this.sent;
  }

  drain(): void {}

  onTimer(timer: Timer): void {
    const { account, path } = this.connection;
    const { stats, idleTimeout } = this.config;
    if (timer.kind === TimerKind.Log) {
      this.logPeriodically(timer);
      return;
    }
    if (timer.kind === TimerKind.MaxDuration) {
      stats.maxDuration.inc();
      addFlag(account, 'DT');
    } else {
      const left = this.lastActive + idleTimeout - path.services.clock.now();
      if (left > 0) {
        path.services.clock.arm(timer, left);
        return;
      }
      stats.idleTimeout.inc();
    }
    this.connection.close('abort');
  }
}

/** `envoy.filters.network.tcp_proxy`. */
export const TCP_PROXY: NetworkFilterExtension = {
  type: 'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
  compile(name, config, ctx, options) {
    const compiled = compileTcpProxy(config, ctx, options);
    return {
      kind: 'terminal',
      name,
      source: config.range,
      clusters: compiled.clusters.map((cluster) => cluster.name),
      create: (connection) => new TcpProxy(connection, compiled),
    };
  },
};
