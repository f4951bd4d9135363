/** Which addresses count as internal: `internal_address_config`, or 1.32's defaults (RFC 1918 and loopback). */
export interface InternalAddresses {
  contains(ip: string): boolean;
}

/** RFC 1918, 127.0.0.1, ::1 and fd00::/8, as Envoy 1.32 takes them when nothing is configured. */
export const DEFAULT_INTERNAL_ADDRESSES: InternalAddresses = {
  contains(ip: string): boolean {
    if (ip.startsWith('10.') || ip.startsWith('192.168.') || ip === '127.0.0.1' || ip === '::1') return true;
    if (ip.startsWith('172.')) {
      const second = Number.parseInt(ip.slice(4), 10);
      return second >= 16 && second <= 31;
    }
    return ip.length > 4 && ip.toLowerCase().startsWith('fd') && ip.includes(':');
  },
};
