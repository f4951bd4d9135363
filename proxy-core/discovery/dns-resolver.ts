import { promises as dns } from 'node:dns';
import { isIP } from 'node:net';

/** Asks for the addresses of one family. An empty list means that there are none; it rejects when asking failed. */
export interface DnsResolver {
  resolve(name: string, family: 4 | 6): Promise<readonly string[]>;
  /** Seconds that the records of a name may be kept; null when nobody says (hosts file, no name server). */
  timeToLive?(name: string, family: 4 | 6): Promise<number | null>;
}

/** Codes of getaddrinfo that mean "no such name", not "could not ask". */
const ABSENT: ReadonlySet<string> = new Set(['ENOTFOUND', 'ENODATA']);

/** What container runtimes call the machine that they run on: this one, when nobody else knows the name. */
const OWN_MACHINE: ReadonlySet<string> = new Set(['host.docker.internal', 'host.containers.internal']);

export function namesOwnMachine(name: string): boolean {
  return OWN_MACHINE.has(name.toLowerCase().replace(/\.$/, ''));
}

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
      const absent = ABSENT.has((error as NodeJS.ErrnoException).code ?? '');
      if (namesOwnMachine(name)) return family === 4 ? ['127.0.0.1'] : [];
      if (absent) return [];
      throw error;
    }
  }

  /** The system's resolver keeps the time to itself: the name server is asked once more, for its records. */
  async timeToLive(name: string, family: 4 | 6): Promise<number | null> {
    try {
      const ask = family === 6 ? dns.resolve6 : dns.resolve4;
      const records = await ask(name, { ttl: true });
      return records.length === 0 ? null : Math.min(...records.map((record) => record.ttl));
    } catch {
      return null;
    }
  }
}
