import { promises as dns } from 'node:dns';
import { isIP } from 'node:net';

/** Asks for the addresses of one family. An empty list means that there are none; it rejects when asking failed. */
export interface DnsResolver {
  resolve(name: string, family: 4 | 6): Promise<readonly string[]>;
}

/** Codes of getaddrinfo that mean "no such name", not "could not ask". */
const ABSENT: ReadonlySet<string> = new Set(['ENOTFOUND', 'ENODATA']);

/**
 * The system's resolver (getaddrinfo: hosts file, then DNS). `localhost` has both loopback addresses whatever
 * the hosts file lists (RFC 6761 section 6.3), as in Envoy.
 */
export class SystemDnsResolver implements DnsResolver {
  async resolve(name: string, family: 4 | 6): Promise<readonly string[]> {
    const version = isIP(name);
    if (version !== 0) return version === family ? [name] : [];
    const lower = name.toLowerCase().replace(/\.$/, '');
    if (lower === 'localhost' || lower.endsWith('.localhost')) return [family === 6 ? '::1' : '127.0.0.1'];
    try {
      const answers = await dns.lookup(name, { all: true, family });
      return [...new Set(answers.map((answer) => answer.address))];
    } catch (error) {
      if (ABSENT.has((error as NodeJS.ErrnoException).code ?? '')) return [];
      throw error;
    }
  }
}
