/** A CIDR range of one family. */
export interface IpRange {
  readonly text: string;
  readonly prefixLength: number;
  holds(address: string): boolean;
}

/** @param prefix an IPv4 or IPv6 address; a range of anything else holds nothing */
export function ipRange(prefix: string, prefixLength: number): IpRange {
  const wanted = addressBits(prefix);
  return {
    text: `${prefix}/${prefixLength}`,
    prefixLength,
    holds: (address) => {
      const bits = addressBits(address);
      if (bits === null || wanted === null || bits.width !== wanted.width) return false;
      const shift = BigInt(Math.max(0, wanted.width - prefixLength));
      return bits.value >> shift === wanted.value >> shift;
    },
  };
}

interface AddressBits {
  readonly value: bigint;
  readonly width: 32 | 128;
}

/** An IPv4 or IPv6 address as a number; null when it is neither. An IPv4 address in IPv6 clothes stays IPv6. */
export function addressBits(text: string): AddressBits | null {
  if (!text.includes(':')) {
    const value = ipv4(text);
    return value === null ? null : { value, width: 32 };
  }
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const head = groups(halves[0] ?? '');
  const tail = halves.length === 2 ? groups(halves[1] ?? '') : [];
  if (head === null || tail === null) return null;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return null;
  const all = [...head, ...Array.from({ length: halves.length === 2 ? missing : 0 }, () => 0n), ...tail];
  return { value: all.reduce((sum, group) => (sum << 16n) | group, 0n), width: 128 };
}

function ipv4(text: string): bigint | null {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256)) return null;
  return parts.reduce((sum, part) => (sum << 8n) | BigInt(part), 0n);
}

/** 16-bit groups; the last one may be an IPv4 address, which is two. */
function groups(text: string): bigint[] | null {
  if (text === '') return [];
  const result: bigint[] = [];
  const parts = text.split(':');
  for (const [index, part] of parts.entries()) {
    if (part.includes('.') && index === parts.length - 1) {
      const value = ipv4(part);
      if (value === null) return null;
      result.push(value >> 16n, value & 0xffffn);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) result.push(BigInt(`0x${part}`));
    else return null;
  }
  return result;
}
