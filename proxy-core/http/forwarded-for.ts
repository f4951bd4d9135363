import type { SocketAddress } from '../base/stream-info.ts';

/** The element of an `x-forwarded-for` list counted from the right, with port 0; null when it is no plain IP. */
export function addressFromRight(list: string, index: number): SocketAddress | null {
  const items = list.split(',');
  const item = items[items.length - 1 - index];
  return item === undefined ? null : plainAddress(item.trim());
}

/** An IP without port and brackets; null for anything else. */
export function plainAddress(text: string): SocketAddress | null {
  return isPlainAddress(text) ? { ip: text, port: 0 } : null;
}

function isPlainAddress(text: string): boolean {
  if (text.includes(':')) return /^[0-9a-fA-F:.]+$/.test(text) && text.split(':').length > 2;
  const parts = text.split('.');
  return parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255);
}
