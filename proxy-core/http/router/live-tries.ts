import { rewriteHost } from '../../route/rewrite.ts';
import { hostPools } from '../../upstream/pool/host-pool.ts';
import type { ActiveStream } from '../stream.ts';
import { newAttempt } from './attempt.ts';
import type { RequestPlan } from './plan.ts';
import { upstreamServerName } from './server-name.ts';
import { TcpUpstream, tunnelConfig } from './tcp-upstream.ts';
import { TryTimers, type TryTimersOwner } from './try-timers.ts';
import { type LentConnection, UpstreamRequest, type UpstreamRequestOwner } from './upstream-request.ts';

/** The tries of a request that are under way: one, unless hedging keeps slow ones beside the newest. */
export class LiveTries {
  /** The newest; null while none is under way. */
  current: UpstreamRequest | null = null;
  private older: UpstreamRequest[] | null = null;

  constructor(
    private readonly stream: ActiveStream,
    private readonly owner: UpstreamRequestOwner & TryTimersOwner,
  ) {}

  /** Picks a host and asks its pool for a connection; false when there is no host. */
  start(plan: RequestPlan): boolean {
    const { info, path } = this.stream;
    const { cluster, action, hosts, request, retry, timeouts } = plan;
    const { clock } = path.services;
    const index = info.attempts.length;
    const host = hosts.pick(cluster, index > 0 ? retry : null);
    if (host === null) return false;
    const reason = index > 0 ? retry?.reason : '';
    const attempt = newAttempt(host, cluster, hosts.random, clock.now(), reason, hosts.circumstances);
    info.attempts.push(attempt);
    info.upstreamHost = host.address;
    info.upstreamHostName = host.hostname;
    if (host.metadata !== undefined && host.metadata.size > 0) info.hostMetadata = host.metadata;
    if (action.autoHostRewrite && host.hostname !== '') {
      rewriteHost(request.head, host.hostname, action.appendXForwardedHost && index === 0);
    }
    const of = host.cluster ?? cluster;
    const tunnel = action.connect === null ? null : tunnelConfig(action, request.head);
    const upstream = new UpstreamRequest(
      this.owner,
      of,
      host,
      tunnel === null
        ? hostPools(host, of, path.pools)
        : new TcpUpstream(host, of, path.pools, info.connection, tunnel),
      action.priority,
      attempt,
      info.downstreamProtocol,
      upstreamServerName(of.config, request.head, info.connection),
    );
    upstream.holdsBody = this.stream.upgrade && tunnel === null;
    if (timeouts.perTry > 0 || timeouts.perTryIdle > 0 || of.config.maxStreamDuration > 0) {
      upstream.timers = new TryTimers(this.owner, upstream, timeouts, clock, path.queue);
      if (request.ended) upstream.timers.begin();
    }
    if (this.current !== null) {
      this.older ??= [];
      this.older.push(this.current);
    }
    this.current = upstream;
    upstream.start();
    return true;
  }

  has(request: UpstreamRequest): boolean {
    return this.current === request || this.older?.includes(request) === true;
  }

  /** Any one beside `request`, null when it is alone. */
  besides(request: UpstreamRequest): UpstreamRequest | null {
    if (this.current !== null && this.current !== request) return this.current;
    return this.older?.find((each) => each !== request) ?? null;
  }

  /** It came to its end by itself. */
  complete(request: UpstreamRequest): void {
    this.remove(request);
    this.countWire(request);
    request.timers?.stop();
  }

  /** Lets go of a try; nothing of it is heard any more. */
  end(request: UpstreamRequest): void {
    this.remove(request);
    this.countWire(request);
    request.cancel();
  }

  endAll(): void {
    for (let each = this.current; each !== null; each = this.current) this.end(each);
  }

  /** This one answers: the others are given up. */
  settleOn(request: UpstreamRequest): void {
    let other = this.besides(request);
    if (other === null) return;
    for (; other !== null; other = this.besides(request)) this.end(other);
    if (request.connection !== null) this.noteConnection(request, request.connection);
  }

  noteConnection(request: UpstreamRequest, connection: LentConnection): void {
    const { info } = this.stream;
    info.upstreamHost = request.host.address;
    info.upstreamHostName = request.host.hostname;
    info.upstreamConnectionId = connection.id;
    info.upstreamLocal = connection.local;
    info.upstreamProtocol = connection.protocol;
    info.upstreamTls = connection.tls;
  }

  private remove(request: UpstreamRequest): void {
    const { older } = this;
    if (this.current === request) {
      this.current = older?.pop() ?? null;
      return;
    }
    const at = older?.indexOf(request) ?? -1;
    if (at >= 0) older?.splice(at, 1);
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
}
