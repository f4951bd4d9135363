import type { Narrator } from '../facade/decision.ts';
import type { VirtualHost } from './types.ts';

/** Domains by how they match: exact, then the longest `*.x`, then the longest `x.*`, then `*`. Keys in lower case. */
export interface DomainIndex {
  readonly exact: ReadonlyMap<string, VirtualHost>;
  /** Longest first; `text` is without the star. */
  readonly suffixes: readonly WildcardGroup[];
  readonly prefixes: readonly WildcardGroup[];
  readonly any: VirtualHost | null;
}

interface WildcardGroup {
  readonly length: number;
  readonly hosts: ReadonlyMap<string, VirtualHost>;
}

export type DomainKind = 'exact' | 'suffix' | 'prefix' | 'any';

export function domainKind(domain: string): DomainKind {
  if (domain === '*') return 'any';
  if (domain.startsWith('*')) return 'suffix';
  return domain.endsWith('*') ? 'prefix' : 'exact';
}

/** Builds the index; `onDuplicate` is told of a domain (in lower case) that is there already. */
export function buildDomainIndex(
  virtualHosts: readonly VirtualHost[],
  onDuplicate: (virtualHost: VirtualHost, index: number, domain: string) => void,
): DomainIndex {
  const exact = new Map<string, VirtualHost>();
  const suffixes = new Map<number, Map<string, VirtualHost>>();
  const prefixes = new Map<number, Map<string, VirtualHost>>();
  let any: VirtualHost | null = null;
  for (const virtualHost of virtualHosts) {
    virtualHost.domains.forEach((written, i) => {
      const domain = written.toLowerCase();
      const kind = domainKind(domain);
      if (kind === 'any') {
        if (any === null) any = virtualHost;
        else onDuplicate(virtualHost, i, domain);
        return;
      }
      const text = kind === 'suffix' ? domain.slice(1) : kind === 'prefix' ? domain.slice(0, -1) : domain;
      const map = kind === 'exact' ? exact : group(kind === 'suffix' ? suffixes : prefixes, text.length);
      if (map.has(text)) onDuplicate(virtualHost, i, domain);
      else map.set(text, virtualHost);
    });
  }
  return { exact, suffixes: longestFirst(suffixes), prefixes: longestFirst(prefixes), any };
}

function group(groups: Map<number, Map<string, VirtualHost>>, length: number): Map<string, VirtualHost> {
  const found = groups.get(length) ?? new Map<string, VirtualHost>();
  groups.set(length, found);
  return found;
}

function longestFirst(groups: ReadonlyMap<number, Map<string, VirtualHost>>): WildcardGroup[] {
  return [...groups].map(([length, hosts]) => ({ length, hosts })).sort((a, b) => b.length - a.length);
}

/** The host name that is compared: in lower case, without its port when that is to be ignored. */
export function comparedHost(authority: string, ignorePort: boolean): string {
  const host = authority.toLowerCase();
  if (!ignorePort) return host;
  const colon = host.lastIndexOf(':');
  if (colon < 0 || host.lastIndexOf(']') > colon || !/^\d+$/.test(host.slice(colon + 1))) return host;
  // More than one colon outside of brackets is an IPv6 address without a port.
  if (!host.startsWith('[') && host.indexOf(':') !== colon) return host;
  return host.slice(0, colon);
}

export function findVirtualHost(index: DomainIndex, host: string): VirtualHost | null {
  const exact = index.exact.get(host);
  if (exact !== undefined) return exact;
  for (const { length, hosts } of index.suffixes) {
    if (length >= host.length) continue;
    const found = hosts.get(host.slice(host.length - length));
    if (found !== undefined) return found;
  }
  for (const { length, hosts } of index.prefixes) {
    if (length >= host.length) continue;
    const found = hosts.get(host.slice(0, length));
    if (found !== undefined) return found;
  }
  return index.any;
}

function domainMatches(domain: string, host: string): boolean {
  switch (domainKind(domain)) {
    case 'any':
      return true;
    case 'exact':
      return host === domain;
    case 'suffix':
      return host.length >= domain.length && host.endsWith(domain.slice(1));
    case 'prefix':
      return host.length >= domain.length && host.startsWith(domain.slice(0, -1));
  }
}

const RANK: Readonly<Record<DomainKind, number>> = { exact: 3, suffix: 2, prefix: 1, any: 0 };
const KIND_TEXT: Readonly<Record<DomainKind, string>> = {
  exact: 'equal to the host',
  suffix: 'the longest suffix wildcard that fits',
  prefix: 'the longest prefix wildcard that fits',
  any: 'takes any host',
};

/** Tells of every virtual host which of its domains matched, and why the chosen one won. */
export function narrateVirtualHosts(
  virtualHosts: readonly VirtualHost[],
  chosen: VirtualHost | null,
  host: string,
  narrator: Narrator,
): void {
  virtualHosts.forEach((virtualHost, i) => {
    const matching = virtualHost.domains
      .filter((domain) => domainMatches(domain.toLowerCase(), host))
      .sort((a, b) => RANK[domainKind(b)] - RANK[domainKind(a)] || b.length - a.length);
    const best = matching[0];
    const won = virtualHost === chosen;
    let reason: string;
    if (best === undefined) reason = `host is \`${host}\`, none of its domains fits`;
    else if (won)
      reason = `\`${best}\` is ${KIND_TEXT[domainKind(best)].replace(/^takes/, 'the domain that takes')}`;
    else
      reason = `\`${best}\` fits too, but ${domainKind(best) === 'any' ? '`*` comes last' : 'a more specific domain wins'}`;
    narrator.candidate({
      result: won ? 'won' : 'lost',
      index: i + 1,
      name: virtualHost.name,
      condition: virtualHost.domains.join(', '),
      reason,
      source: virtualHost.source,
    });
  });
}
