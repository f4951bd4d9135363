import { isIP } from 'node:net';
import { type IpRange, ipRange } from '../base/ip-range.ts';
import type { CompileContext } from '../config/compile-context.ts';
import type { MessageReader } from '../config/reader.ts';

/** Which addresses count as internal. */
export interface InternalAddresses {
  contains(ip: string): boolean;
}

/** RFC 1918, 127.0.0.1, ::1 and fd00::/8, as Envoy 1.32 takes them when nothing is configured. */
export const DEFAULT_INTERNAL_ADDRESSES: InternalAddresses = {
  contains(ip: string): boolean {
    if (ip === '127.0.0.1' || ip === '::1' || ip.startsWith('10.') || ip.startsWith('192.168.')) return true;
    if (ip.startsWith('172.')) {
      const second = Number.parseInt(ip.slice(4), 10);
      return second >= 16 && second <= 31;
    }
    return ip.length > 4 && ip.includes(':') && ip.toLowerCase().startsWith('fd');
  },
};

/** `internal_address_config`; without it 1.32's defaults hold. */
export function compileInternalAddresses(
  reader: MessageReader | undefined,
  ctx: CompileContext,
): InternalAddresses {
  if (reader === undefined) return DEFAULT_INTERNAL_ADDRESSES;
  const ranges: IpRange[] = [];
  reader.acknowledge('unix_sockets');
  for (const range of reader.messages('cidr_ranges')) {
    const prefix = range.string('address_prefix') ?? '';
    if (isIP(prefix) === 0) {
      ctx.report(
        'error',
        'config.malformed-address',
        range,
        'address_prefix',
        `malformed IP address: ${prefix}`,
      );
      continue;
    }
    ranges.push(ipRange(prefix, range.number('prefix_len') ?? 0));
  }
  return { contains: (ip) => ranges.some((range) => range.holds(ip)) };
}
