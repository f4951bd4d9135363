import { latin1Text } from '../../base/latin1.ts';
import type { HttpProtocol } from '../../base/stream-info.ts';
import type { ServerName } from '../../network/tls/client.ts';
import type { Cluster, Host, HostPool } from '../types.ts';
import type { ConnectionProtocol } from './connection.ts';
import { ConnectionEnds } from './connection-end.ts';
import { type PoolServices, type PoolWaiter, type Priority, ProtocolPool } from './protocol-pool.ts';

export type { PoolServices, PoolWaiter, Priority } from './protocol-pool.ts';

/** All pools of one host: one per priority and protocol. */
export class HostPools implements HostPool {
  readonly ends = new ConnectionEnds();
  private readonly pools: (ProtocolPool | null)[] = [null, null, null, null];
  /**
   * Connections that carry a name of their own (`auto_sni`) are shared only by requests for that name, those that begin
   * with a PROXY header only by requests of that client.
   */
  private named: Map<string, ProtocolPool> | null = null;

  constructor(
    private readonly host: Host,
    private readonly cluster: Cluster,
    private readonly services: PoolServices,
  ) {}

  /**
   * @param downstream Decides for clusters that speak upstream what the client speaks.
   * @param name What TLS is to go by instead of what the cluster says.
   */
  request(
    priority: Priority,
    waiter: PoolWaiter,
    downstream: HttpProtocol,
    name: ServerName | null = null,
  ): void {
    const configured = this.cluster.config.upstreamProtocol;
    const protocol = configured !== 'DOWNSTREAM' ? configured : downstream === 'HTTP/2' ? 'HTTP2' : 'HTTP1';
    const index = (priority === 'default' ? 0 : 1) + (protocol === 'HTTP1' ? 0 : 2);
    if (name !== null) {
      this.namedPool(
        `${index} ${name.sni} ${name.san} ${prefaceText(name)}`,
        priority,
        protocol,
        name,
      ).request(waiter);
      return;
    }
    let pool = this.pools[index];
    if (pool == null) {
      pool = new ProtocolPool(this.host, this.cluster, priority, protocol, this.services, null, this.ends);
      this.pools[index] = pool;
    }
    pool.request(waiter);
  }

  private namedPool(
    key: string,
    priority: Priority,
    protocol: ConnectionProtocol,
    name: ServerName,
  ): ProtocolPool {
    this.named ??= new Map();
    let pool = this.named.get(key);
    if (pool === undefined) {
      // Clients choose the names: what is not used any more is not kept.
      for (const [other, { empty }] of this.named) if (empty) this.named.delete(other);
      pool = new ProtocolPool(this.host, this.cluster, priority, protocol, this.services, name, this.ends);
      this.named.set(key, pool);
    }
    return pool;
  }

  cancel(waiter: PoolWaiter): void {
    for (const pool of this.pools) pool?.cancel(waiter);
    if (this.named !== null) for (const pool of this.named.values()) pool.cancel(waiter);
  }

  drain(): void {
    for (const pool of this.pools) pool?.drain();
    if (this.named !== null) for (const pool of this.named.values()) pool.drain();
  }

  close(): void {
    for (const pool of this.pools) pool?.close();
    if (this.named !== null) for (const pool of this.named.values()) pool.close();
  }
}

/** Equal for equal prefaces. */
function prefaceText({ preface }: ServerName): string {
  return preface == null ? '' : latin1Text(preface, 0, preface.length);
}

/** The pools of a host, made at its first request. */
export function hostPools(host: Host, cluster: Cluster, services: PoolServices): HostPools {
  const existing = host.pool;
  if (existing instanceof HostPools) return existing;
  const pools = new HostPools(host, cluster, services);
  host.pool = pools;
  return pools;
}
