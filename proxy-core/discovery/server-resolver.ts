import { Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { DnsResolver } from './dns-resolver.ts';

/** Answers that mean "no such name" or "no such records", not "could not ask". */
const ABSENT: ReadonlySet<string> = new Set(['ENOTFOUND', 'ENODATA', 'ENOENT']);

/** Which name servers are asked, and how long. */
export interface DnsServers {
  /** `127.0.0.1:8600`. */
  readonly addresses: readonly string[];
  /** Milliseconds for one try. */
  readonly timeout: number;
  readonly tries: number;
}

/** Asks the name servers that a cluster names (`resolvers` of its DNS settings), past the system's own. */
export class ServerDnsResolver implements DnsResolver {
  private readonly resolver: Resolver;

  constructor(servers: DnsServers) {
    this.resolver = new Resolver({ timeout: servers.timeout, tries: servers.tries });
    this.resolver.setServers([...servers.addresses]);
  }

  async resolve(name: string, family: 4 | 6): Promise<readonly string[]> {
    const version = isIP(name);
    if (version !== 0) return version === family ? [name] : [];
    return (await this.records(name, family)).map(({ address }) => address);
  }

  async timeToLive(name: string, family: 4 | 6): Promise<number | null> {
    const records = await this.records(name, family).catch(() => []);
    return records.length === 0 ? null : Math.min(...records.map(({ ttl }) => ttl));
  }

  private async records(
    name: string,
    family: 4 | 6,
  ): Promise<readonly { readonly address: string; readonly ttl: number }[]> {
    try {
      return family === 4
        ? await this.resolver.resolve4(name, { ttl: true })
        : await this.resolver.resolve6(name, { ttl: true });
    } catch (error) {
      if (ABSENT.has((error as NodeJS.ErrnoException).code ?? '')) return [];
      throw error;
    }
  }
}
