import { isIP, SocketAddress } from 'node:net';

/** An address in its one way of being written (RFC 5952 for IPv6), and its family; null when the text is none. */
export function canonicalIp(text: string): { readonly ip: string; readonly family: 4 | 6 } | null {
  const family = isIP(text);
  if (family === 4) return { ip: text, family };
  if (family !== 6 || text.includes('%')) return null;
  return { ip: new SocketAddress({ address: text, family: 'ipv6' }).address, family };
}
