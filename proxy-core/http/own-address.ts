import { networkInterfaces } from 'node:os';

let known: string | null | undefined;

/** This machine's first IPv4 address that is not loopback: what Envoy calls its own; null when it has none. */
export function ownAddress(): string | null {
  if (known === undefined) known = firstOwnAddress();
  return known;
}

function firstOwnAddress(): string | null {
  for (const addresses of Object.values(networkInterfaces())) {
    for (const address of addresses ?? []) {
      if (!address.internal && address.family === 'IPv4') return address.address;
    }
  }
  return null;
}
